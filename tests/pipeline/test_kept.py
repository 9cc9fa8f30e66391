"""Kept outputs: every kind to the cache and back, and what happens when the cache takes nothing or loses something."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

from shotgraph.api import (
    Artifact,
    Clip,
    FrameSet,
    Media,
    NativeFrame,
    Node,
    PixelFormat,
    Port,
    Ports,
    Rate,
    Rgb,
    Source,
    StreamInfo,
    Table,
)
from shotgraph.api.kinds import DepthFrame, FlowFrame, KeypointsFrame, arrays_of
from shotgraph.errors import OutputError
from shotgraph.pipeline.kept import KeptStore, is_saved
from shotgraph.testing.ends import NpyTarget

RNG = np.random.default_rng(7)


def floats(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


FRAMES: dict[str, Any] = {
    "native": NativeFrame(
        (
            np.arange(24, dtype=np.uint16).reshape(4, 6),
            np.arange(6, dtype=np.uint16).reshape(2, 3),
            np.arange(6, 12, dtype=np.uint16).reshape(2, 3),
        ),
        PixelFormat.parse("yuv420p10"),
    ),
    "rgb": floats(4, 6, 4),
    "mask": floats(4, 6),
    "flow": FlowFrame(floats(4, 6, 2), floats(4, 6, 2), floats(4, 6)),
    "depth": DepthFrame(floats(4, 6), np.array(0.25, np.float32), np.array(8.0, np.float32)),
    "trajectory": floats(5, 4, 2, 3),
    "keypoints": KeypointsFrame(floats(2, 17, 2), floats(2, 17), np.array([3, 9])),
}


def source_of(kind: str) -> type[Source]:
    """A source of that kind, and a port that carries it."""

    class Given(Source):
        """Headers only; nothing is read here."""

        id = "test.given"
        version = "1"

        class Out(Ports):
            picture: Annotated[Any, Port("stream", kind)]

        @classmethod
        def media(cls, params: Any, ctx: Any) -> Media:
            info = StreamInfo(
                first_frame=1, count=9, rate=Rate.parse(24), width=6, height=4, kind=kind, pixel_format="yuv420p10"
            )
            return Media(info=info, files=())

    return Given


def heavy_of(kind: str) -> type[Node]:
    class Heavy(Node):
        """Kept."""

        id = "test.kept"
        version = "1"
        cost = "heavy"

        class In(Ports):
            picture: Annotated[Any, Port("stream", kind)]

        class Out(Ports):
            picture: Annotated[Any, Port("stream", kind)]

    return Heavy


def end_of(kind: str, target: type[Any]) -> type[Any]:
    class End(target):
        """Takes that kind."""

        id = "test.end"

        class In(Ports):
            picture: Annotated[Any, Port("stream", kind)]

    return End


def assert_same(kind: str, got: Any, expected: Any) -> None:
    assert type(got) is type(expected)
    before, after = arrays_of(kind, expected), arrays_of(kind, got)
    assert list(after) == list(before)
    for name, array in before.items():
        assert (after[name].dtype, after[name].shape) == (array.dtype, array.shape)
        assert after[name].tobytes() == array.tobytes()
        assert not after[name].flags.writeable


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_comes_back_as_it_was(engine: Any, kind: str) -> None:
    nodes = {
        "plate": {"node": "test.given"},
        "tip": {"node": "test.kept", "picture": "plate"},
        "out": {"node": "test.end", "picture": "tip"},
    }
    prepared = engine.prepare(nodes, classes=(source_of(kind), heavy_of(kind), end_of(kind, NpyTarget)))
    out = prepared.graph.vertices["tip"].cls.Out(picture=FRAMES[kind])

    prepared.kept.store("tip", 4, out, needed=False)

    assert prepared.kept.present("tip", FrameSet.parse("1-9")) == FrameSet.parse("4")
    assert_same(kind, prepared.kept.load("tip", 4).picture, FRAMES[kind])
    assert prepared.kept.find("tip", 5) is None


SOURCE = {"node": "test.source", "count": 20, "height": 3, "width": 5}
OUT = {"node": "test.collect", "video": "tip"}
# What is kept is read by a later stage: a spooled stream, frames that a whole-shot node emits, its artifact.
SPOOLED = {
    "plate": SOURCE,
    "smooth": {"node": "test.smooth", "video": "plate"},
    "whole": {"node": "test.clip", "video": "smooth"},
    "tip": {"node": "test.add", "video": "whole.video", "mean": "whole.mean"},
    "out": OUT,
}


def full_disk(monkeypatch: pytest.MonkeyPatch, *, after_files: int) -> None:
    real, written = Path.write_bytes, []

    def write(path: Path, data: bytes) -> int:
        if len(written) >= after_files:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("after_files", [0, 7, 25])
def test_a_full_disk_is_a_warning_and_the_frames_are_right(
    engine: Any, assert_same_frames: Any, monkeypatch: pytest.MonkeyPatch, after_files: int
) -> None:
    expected = engine.frames(SPOOLED)
    full_disk(monkeypatch, after_files=after_files)
    cache = engine.cache()

    ran = engine.run(SPOOLED, cache=cache)

    assert_same_frames(ran.frames, expected)
    assert [w for w in ran.warnings if "is full, so results are not kept from here on" in w] == ran.warnings
    assert len(ran.warnings) == 1
    assert str(cache.root) in ran.warnings[0]
    assert cache.stat().entries == after_files


def test_a_read_only_cache_gives_the_same_frames_and_stays_empty(engine: Any, assert_same_frames: Any) -> None:
    cache = engine.cache("read-only", read_only=True)

    ran = engine.run(SPOOLED, cache=cache)

    assert_same_frames(ran.frames, engine.frames(SPOOLED))
    assert cache.stat().entries == 0


def test_without_room_on_disk_and_in_memory_the_run_ends_and_says_where(engine: Any) -> None:
    cache = engine.cache("read-only", read_only=True)
    prepared = engine.prepare(SPOOLED, cache=cache)
    # Ten of the 180-byte frames that the spool needs twenty of.
    prepared.kept = KeptStore(prepared.graph, prepared.keys, cache, memory_bytes=1800)

    with pytest.raises(
        OutputError, match=rf"cache: {cache.root} must have room for the outputs of smooth, got a full or"
    ):
        engine.shot_run(prepared, []).run(prepared.wanted)


@pytest.mark.parametrize("node", ["test.heavy", "test.chunk", "test.batch"])
def test_a_kept_node_runs_once_and_is_loaded_from_then_on(engine: Any, assert_same_frames: Any, node: str) -> None:
    nodes = {"plate": SOURCE, "tip": {"node": node, "video": "plate"}, "out": OUT}
    cache = engine.cache()

    first, second = (engine.run(nodes, cache=cache) for _ in range(2))

    assert_same_frames(second.frames, first.frames)
    assert first.outcome.computed["tip"] > 0
    assert "tip" not in second.outcome.computed
    assert second.outcome.loaded["tip"] >= first.outcome.computed["tip"]


def test_refresh_computes_a_nodes_kept_results_again(engine: Any) -> None:
    nodes = {"plate": SOURCE, "tip": {"node": "test.heavy", "video": "plate"}, "out": OUT}
    cache = engine.cache()
    engine.run(nodes, cache=cache)

    again = engine.run(nodes, cache=cache, options={"refresh": ("tip",)})

    assert again.outcome.computed["tip"] == 20


def test_materialize_keeps_a_light_node(engine: Any) -> None:
    cache = engine.cache()
    nodes = {"plate": SOURCE, "tip": {"node": "test.gain", "video": "plate"}, "out": OUT}

    engine.run(nodes, cache=cache)
    without = cache.stat().entries
    nodes["tip"]["materialize"] = True
    engine.run(nodes, cache=cache)

    assert (without, cache.stat().entries) == (0, 20)


def after_planning(run: Any, harm: Callable[[], object]) -> Any:
    """`run`, to which `harm` happens between the planning of its stages and the first of them."""
    plan = run.stages

    def stages(wanted: Any) -> Any:
        planned = plan(wanted)
        harm()
        return planned

    run.stages = stages
    return run


def test_a_kept_result_that_is_torn_after_planning_ends_the_run_with_its_place(engine: Any) -> None:
    nodes = {"plate": SOURCE, "tip": {"node": "test.heavy", "video": "plate"}, "out": OUT}
    cache = engine.cache()
    engine.run(nodes, cache=cache)
    prepared = engine.prepare(nodes, cache=cache)
    path = cache.path(prepared.keys.frame("tip", 1007))
    run = after_planning(engine.shot_run(prepared, []), lambda: path.write_bytes(path.read_bytes()[:-1]))

    with pytest.raises(
        OutputError, match=rf"kept result of tip at 1007 must stay until the run ends, got .*{path.stem}"
    ):
        run.run(prepared.wanted)


def test_an_artifact_that_is_gone_ends_the_run(engine: Any) -> None:
    prepared = engine.prepare(SPOOLED)

    with pytest.raises(OutputError, match=r"the kept whole\.mean must stay until the run ends, got nothing; run again"):
        prepared.kept.load_value("whole", "mean")


class Both(Node):
    """A whole-shot node that gives an artifact and a table."""

    id = "test.both"
    version = "1"
    contract = Clip()
    numerics = "exact"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb | None = None
        atlas: Annotated[Artifact, Port("artifact", "atlas")] | None = None
        cuts: Annotated[Table, Port("table", "cuts")] | None = None

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        for frame in ctx.frames:
            ctx.emit(frame, self.Out(video=frames.video[frame]))
        cuts = Table(("frame", "score", "name"), ((1001, 0.1, "a"), (1009, 1e-17, None)))
        return self.Out(atlas=Artifact({"a": PICTURE, "b/c": PICTURE[0]}, {"size": [2, 3]}), cuts=cuts)


PICTURE = floats(2, 3)


def test_artifacts_and_tables_come_back_as_they_were(engine: Any) -> None:
    nodes = {
        "plate": SOURCE,
        "tip": {"node": "test.both", "video": "plate"},
        "out": {"node": "test.collect", "video": "tip.video"},
    }
    prepared = engine.prepare(nodes, classes=(Both,))
    engine.shot_run(prepared, []).run(prepared.wanted)

    atlas, cuts = (prepared.kept.load_value("tip", port) for port in ("atlas", "cuts"))

    assert atlas.meta == {"size": [2, 3]}
    assert {name: array.tobytes() for name, array in atlas.arrays.items()} == {
        "a": PICTURE.tobytes(),
        "b/c": PICTURE[0].tobytes(),
    }
    assert cuts == Table(("frame", "score", "name"), ((1001, 0.1, "a"), (1009, 1e-17, None)))


def test_states_are_saved_every_so_many_frames_from_the_shots_first(engine: Any) -> None:
    nodes = {
        "plate": {**SOURCE, "first": 1003},
        "tip": {"node": "test.sequential", "video": "plate"},
        "out": OUT,
    }
    prepared = engine.prepare(nodes, frames="1003-1016")
    engine.shot_run(prepared, []).run(prepared.wanted)
    vertex, kept = prepared.graph.vertices["tip"], prepared.kept

    saved = [f for f in range(1003, 1023) if kept.load_state("tip", f) is not None]

    assert saved == [1007, 1012] == [f for f in range(1003, 1017) if is_saved(vertex, f)]
    assert [kept.restart("tip", f) for f in (1003, 1007, 1008, 1012, 1013, 1022)] == [
        1003,
        1003,
        1008,
        1008,
        1013,
        1013,
    ]
    state = kept.load_state("tip", 1007)
    assert state is not None
    assert state.arrays["sum"][0, 0, 0] == sum(range(1003, 1008))


def test_a_state_that_is_gone_after_planning_ends_the_run(engine: Any) -> None:
    nodes = {"plate": SOURCE, "tip": {"node": "test.sequential", "video": "plate"}, "out": OUT}
    cache = engine.cache()
    engine.run(nodes, frames="1001-1010", cache=cache)
    prepared = engine.prepare(nodes, frames="1011-1020", cache=cache)
    run = after_planning(engine.shot_run(prepared, []), lambda: [path.unlink() for path, _ in cache.entries()])

    with pytest.raises(
        OutputError, match=r"state of tip behind frame 1010 must stay until the run ends, got nothing; run"
    ):
        run.run(prepared.wanted)
