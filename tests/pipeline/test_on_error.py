"""What `on_error` puts in place of a failed unit, and that nothing made of it outlives the run."""

from typing import Any

import numpy as np
import pytest

from shotgraph.api import (
    Chunk,
    Context,
    Field,
    Frame,
    FrameSet,
    Mask,
    NativeFrame,
    Node,
    PixelFormat,
    Ports,
    Rgb,
    Window,
)
from shotgraph.api import Params as BaseParams
from shotgraph.errors import Cancelled, Exit, MediaError, NodeError
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.noderunner import _black

FIRST, LAST, BAD = 1001, 1020, 1009
SOURCE = {"node": "test.source", "first": FIRST, "count": LAST - FIRST + 1, "height": 2, "width": 3}


def graph_of(policy: str, *, fail_at: int = BAD, node: str = "test.gain", behind: str = "") -> dict[str, Any]:
    """A node that fails at one frame; `behind` is what reads it."""
    return {
        "plate": SOURCE,
        "bad": {"node": node, "video": "plate", "fail_at": fail_at, "gain": 3.0, "on_error": policy},
        **({"tip": {"node": behind, "video": "bad"}} if behind else {}),
        "out": {"node": "test.collect", "video": "tip" if behind else "bad"},
    }


@pytest.fixture
def good(engine: Any) -> dict[int, Any]:
    """What the node gives where nothing fails."""
    return engine.frames(graph_of("fail", fail_at=0))


def assert_only_one_differs(frames: dict[int, Any], good: dict[int, Any]) -> Any:
    """The odd frame out."""
    assert sorted(frames) == sorted(good)
    assert [f for f in good if not np.array_equal(frames[f], good[f])] == [BAD]
    return frames[BAD]


def test_fail_ends_the_run_with_node_frame_reason_and_cure(engine: Any) -> None:
    with pytest.raises(
        NodeError,
        match=r"bad \(test\.gain\) frame 1009: NodeError: test\.gain: frame must not be 1009, .*; set on_error: skip, hold",
    ):
        engine.run(graph_of("fail"))


def test_skip_repeats_the_picture_before_and_lists_the_frame(engine: Any, good: dict[int, Any]) -> None:
    ran = engine.run(graph_of("skip"))

    assert np.array_equal(assert_only_one_differs(ran.frames, good), good[BAD - 1])
    assert ran.outcome.skipped == {"out": [BAD]}
    assert ran.keys[BAD] == "skipped"
    assert len(ran.warnings) == 1
    assert "bad (test.gain) frame 1009: NodeError" in ran.warnings[0]
    assert ran.warnings[0].endswith("; skip used instead")


def test_what_reads_a_skipped_frame_is_skipped_with_it(engine: Any) -> None:
    ran = engine.run(graph_of("skip", behind="test.smooth"))

    # Two past frames and a future one.
    assert ran.outcome.skipped == {"out": [BAD - 1, BAD, BAD + 1, BAD + 2]}


def test_a_shot_cannot_begin_with_a_skipped_frame(engine: Any) -> None:
    with pytest.raises(
        NodeError, match=r"out: the first frame must not be skipped, got bad .* frame 1001: .*on_error: bl"
    ):
        engine.run(graph_of("skip", fail_at=FIRST))


def test_hold_repeats_the_last_good_result(engine: Any, good: dict[int, Any]) -> None:
    ran = engine.run(graph_of("hold"))

    assert np.array_equal(assert_only_one_differs(ran.frames, good), good[BAD - 1])
    assert ran.outcome.skipped == {}
    assert ran.keys[BAD] == "substituted"


def test_hold_in_a_part_that_begins_with_the_failure_has_nothing_to_hold(engine: Any) -> None:
    with pytest.raises(
        NodeError, match=r"1009: .*; on_error hold must have a good result before it, got none in this run"
    ):
        engine.run(graph_of("hold"), frames=f"{BAD}-{LAST}")


def test_hold_in_a_resumed_part_holds_what_is_kept(engine: Any, good: dict[int, Any]) -> None:
    cache = engine.cache()
    nodes = graph_of("hold", node="test.heavy")
    engine.run(nodes, frames=f"{FIRST}-{BAD - 1}", cache=cache)

    ran = engine.run(nodes, frames=f"{BAD}-{LAST}", cache=cache)

    assert np.array_equal(ran.frames[BAD], good[BAD - 1])


def test_passthrough_gives_the_input(engine: Any, good: dict[int, Any]) -> None:
    ran = engine.run(graph_of("passthrough"))

    assert np.array_equal(
        assert_only_one_differs(ran.frames, good),
        engine.frames(graph_of("fail", fail_at=0) | {"out": {"node": "test.collect", "video": "plate"}})[BAD],
    )


def test_black_gives_zeros_of_the_same_size(engine: Any, good: dict[int, Any]) -> None:
    odd = assert_only_one_differs(engine.run(graph_of("black")).frames, good)

    assert (odd.shape, odd.dtype, np.abs(odd).max()) == ((2, 3, 3), np.float32, 0)


class FailingWindow(Node):
    """Raises something that is not ours, at one unit."""

    id = "test.failing"
    version = "1"
    numerics = "exact"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb

    class Params(BaseParams):
        unit: int = Field(-1, description="unit that fails")

    def process(self, frames: Any, params: Any, ctx: Context) -> Any:
        if ctx.index == params.unit:
            return {}["missing"]
        return self.Out(video=frames.video * np.float32(2))


def failing(contract: Any) -> type[Node]:
    return type("Failing", (FailingWindow,), {"__doc__": "Fails.", "contract": contract})


def test_a_failed_batch_passes_each_of_its_frames_through(engine: Any) -> None:
    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.failing", "video": "plate", "unit": 2, "on_error": "passthrough"},
        "out": {"node": "test.collect", "video": "bad"},
    }
    frames = engine.run(nodes, classes=(failing(Frame(batch=3)),)).frames

    factors = {f: float(frames[f][0, 0, 0]) / f for f in frames}
    assert [f for f, factor in factors.items() if factor == 1] == [1007, 1008, 1009]
    assert {factor for f, factor in factors.items() if f not in (1007, 1008, 1009)} == {2}


def test_a_failed_window_passes_its_middle_frame_through(engine: Any) -> None:
    class Failing(FailingWindow):
        """Fails."""

        contract = Window(past=2, future=1)

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            if ctx.index == params.unit:
                raise ValueError("no")
            return self.Out(video=frames.video[2] * np.float32(2))

    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.failing", "video": "plate", "unit": BAD, "on_error": "passthrough"},
        "out": {"node": "test.collect", "video": "bad"},
    }
    frames = engine.run(nodes, classes=(Failing,)).frames

    assert float(frames[BAD][0, 0, 0]) == BAD
    assert float(frames[BAD + 1][0, 0, 0]) == 2 * (BAD + 1)


def test_a_failed_diffusion_window_fades_to_the_plate_and_back(engine: Any) -> None:
    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.failing", "video": "plate", "unit": 1, "on_error": "passthrough"},
        "out": {"node": "test.collect", "video": "bad"},
    }
    frames = engine.run(nodes, classes=(failing(Chunk(size=8, overlap=2)),)).frames

    # Windows 1001-1008, 1007-1014, 1013-1020: the middle one is the plate where it is alone.
    factors = [round(float(frames[f][0, 0, 0]) / f, 3) for f in range(FIRST, LAST + 1)]
    assert factors[:6] == [2.0] * 6
    assert factors[8:12] == [1.0] * 4
    assert factors[14:] == [2.0] * 6
    assert factors[6:8] == [1.667, 1.333]


def test_a_stand_in_of_another_kind_is_refused(engine: Any) -> None:
    class FailingMask(FailingWindow):
        """Gives masks."""

        class Out(Ports):
            mask: Mask

    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.failing", "video": "plate", "unit": BAD, "on_error": "black"},
        "tip": {"node": "test.masked", "video": "plate", "mask": "bad"},
        "out": {"node": "test.collect", "video": "tip"},
    }

    class Masked(Node):
        """Reads a mask."""

        id = "test.masked"
        version = "1"

        class In(Ports):
            video: Rgb
            mask: Mask

        class Out(Ports):
            video: Rgb

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            return self.Out(video=frames.video * frames.mask[..., None])

    class GoodMask(FailingMask):
        """Fails at one frame."""

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            if ctx.index == params.unit:
                raise ValueError("no")
            return self.Out(mask=frames.video[..., 0])

    with pytest.raises(
        NodeError, match=r"bad: on_error black must give rgb, got .* other kinds \(mask is mask\); use skip"
    ):
        engine.run(nodes, classes=(GoodMask, Masked))


def test_a_stateful_node_cannot_read_a_skipped_frame(engine: Any) -> None:
    with pytest.raises(
        NodeError, match=r"tip: a stateful node must see every frame, got a skipped one \(bad .*1009.*hold"
    ):
        engine.run(graph_of("skip", behind="test.sequential"))


def test_a_whole_shot_node_cannot_read_a_skipped_frame(engine: Any) -> None:
    nodes = graph_of("skip", behind="test.clip")
    nodes["out"]["video"] = "tip.video"

    with pytest.raises(NodeError, match=r"bad: a whole-shot node must see every frame, got a skipped one \(bad .*1009"):
        engine.run(nodes)


@pytest.mark.parametrize("policy", ["skip", "hold", "passthrough", "black"])
@pytest.mark.parametrize("behind", ["test.heavy", "test.chunk"])
def test_neither_a_substitute_nor_what_is_made_of_it_is_kept(engine: Any, policy: str, behind: str) -> None:
    cache = engine.cache()
    nodes = graph_of(policy, node="test.heavy", behind=behind)

    ran = engine.run(nodes, cache=cache)

    kept = ran.prepared.kept
    assert kept.present("bad", FrameSet.parse("1001-1020")) == FrameSet.parse("1001-1008,1010-1020")
    expected = {"test.heavy": "1001-1008,1010-1020", "test.chunk": "0,2-3"}[behind]
    assert kept.present("tip", FrameSet((ran.prepared.graph.vertices["tip"].grid.outputs,))) == FrameSet.parse(expected)


def test_a_run_with_skipped_frames_ends_with_3_and_is_not_up_to_date(engine: Any) -> None:
    nodes = graph_of("skip")
    nodes["out"] = {"node": "test.target", "video": "bad", "file": "{root}/out"}

    first, second = (engine.shots(nodes, "sh010")[0] for _ in range(2))

    assert (first.exit, first.outcome.skipped) == (Exit.SKIPPED_FRAMES, {"out": [BAD]})
    assert not second.up_to_date
    # Only the frame that failed is tried again, and the one that it repeats.
    assert (second.exit, second.outcome.skipped) == (Exit.SKIPPED_FRAMES, {"out": [BAD]})
    assert second.outcome.computed["plate"] == 2


def test_a_cancelled_node_is_no_failed_one(engine: Any) -> None:
    cancel = CancelFlag()

    class Asks(Node):
        """Is asked to stop while it works."""

        id = "test.asks"
        version = "1"

        class In(Ports):
            video: Rgb

        class Out(Ports):
            video: Rgb

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            cancel.set("a test")
            ctx.check_cancelled()
            return self.Out(video=frames.video)

    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.asks", "video": "plate", "on_error": "skip"},
        "out": {"node": "test.collect", "video": "bad"},
    }

    with pytest.raises(Cancelled, match="run: stopped between two frames, got 'a test'; run the same command again"):
        engine.run(nodes, classes=(Asks,), cancel=cancel)


def test_errors_about_media_keep_their_kind_through_a_node(engine: Any) -> None:
    class Reads(FailingWindow):
        """Reads a file of its own."""

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            raise MediaError("paint: file must be a picture, got 3 bytes")

    nodes = {
        "plate": SOURCE,
        "bad": {"node": "test.failing", "video": "plate"},
        "out": {"node": "test.collect", "video": "bad"},
    }

    with pytest.raises(MediaError, match="paint: file must be a picture, got 3 bytes"):
        engine.run(nodes, classes=(Reads,))


@pytest.mark.parametrize(("name", "luma", "chroma"), [("yuv420p", 16, 128), ("yuv422p10", 64, 512), ("gray", 0, None)])
def test_black_in_coded_planes_is_black_on_a_screen(name: str, luma: int, chroma: int | None) -> None:
    pixel_format = PixelFormat.parse(name)
    shapes = [pixel_format.plane_shape(i, width=6, height=4) for i in range(pixel_format.planes)]
    frame = NativeFrame(tuple(np.full(shape, 77, pixel_format.dtype) for shape in shapes), pixel_format)

    planes = _black("native", frame).planes

    assert [np.unique(plane).tolist() for plane in planes] == [[luma], *([[chroma]] * (len(planes) - 1))]
    assert [(p.shape, p.dtype) for p in planes] == [(p.shape, p.dtype) for p in frame.planes]
