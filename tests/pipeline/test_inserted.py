"""What the planner puts into a graph by itself: native planes to RGB, and windows to a stream."""

from typing import Any

import numpy as np
import pytest

from shotgraph.api import (
    Chunk,
    Colour,
    FrameRange,
    Media,
    Native,
    NativeFrame,
    Node,
    Picture,
    PixelFormat,
    Ports,
    Rate,
    Source,
    StreamInfo,
)
from shotgraph.errors import GraphError
from shotgraph.maths.yuv import rgb_from_native
from shotgraph.pipeline.chunkgrid import ChunkGrid
from shotgraph.pipeline.inserted import blend, blend_of
from shotgraph.testing.ends import NpyTarget

FIRST, COUNT = 1001, 6
FORMAT = PixelFormat.parse("yuv422p10")
TAGGED = Colour("bt709", "bt709", "bt709", "limited")


def planes(frame: int) -> NativeFrame:
    """A ramp in every plane, another one for each frame."""
    shapes = [FORMAT.plane_shape(index, width=6, height=4) for index in range(FORMAT.planes)]
    ramps = [
        np.arange(np.prod(shape)).reshape(shape) * 7 + 64 + 3 * (frame - FIRST) + 90 * i
        for i, shape in enumerate(shapes)
    ]
    return NativeFrame(tuple(ramp.astype(np.uint16) for ramp in ramps), FORMAT)


class CodedReader:
    """Hands out `planes`."""

    def read(self, frame: int) -> NativeFrame:
        return planes(frame)

    def close(self) -> None:
        pass


def coded(colour: Colour = TAGGED) -> type[Source]:
    class Coded(Source):
        """Planes as coded."""

        id = "test.coded"
        version = "1"
        numerics = "exact"

        class Out(Ports):
            video: Native

        @classmethod
        def media(cls, params: Any, ctx: Any) -> Media:
            info = StreamInfo(
                first_frame=FIRST,
                count=COUNT,
                rate=Rate.parse(24),
                width=6,
                height=4,
                kind="native",
                pixel_format=FORMAT.name,
                colour=colour,
            )
            return Media(info=info, files=())

        def open(self, media: Any, params: Any, ctx: Any) -> CodedReader:
            return CodedReader()

    return Coded


class Untouched(Node):
    """Takes native planes as well as RGB."""

    id = "test.untouched"
    version = "1"

    class In(Ports):
        video: Picture

    class Out(Ports):
        video: Picture

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        return self.Out(video=frames.video)


NODES = {
    "plate": {"node": "test.coded"},
    "a": {"node": "test.null", "video": "plate"},
    "b": {"node": "test.gain", "video": "plate", "gain": 0.5},
    "tip": {"node": "test.mix", "video": "a", "other": "b"},
    "out": {"node": "test.collect", "video": "tip"},
}


def test_a_native_output_is_converted_once_for_all_that_need_rgb(engine: Any) -> None:
    prepared = engine.prepare(NODES, classes=(coded(),))

    (inserted,) = [v for v in prepared.graph.vertices.values() if v.inserted]
    assert inserted.name == "plate>rgb"
    assert inserted.note == "yuv422p10 to rgb, matrix bt709, range limited, transfer bt709"
    assert [str(prepared.graph.vertices[n].links["video"]) for n in "ab"] == ["plate>rgb.video"] * 2
    assert (inserted.headers["video"].kind, inserted.headers["video"].colour) == ("rgb", TAGGED)
    (planned,) = [node for node in prepared.plan.nodes if node.inserted]
    assert (planned.name, planned.node, planned.note) == ("plate>rgb", "engine.native_to_rgb", inserted.note)


def test_the_conversion_is_the_one_of_the_streams_tags(engine: Any) -> None:
    frames = engine.frames(NODES, classes=(coded(),))

    for frame in (FIRST, FIRST + 4):
        rgb = rgb_from_native(planes(frame), matrix="bt709", range="limited")
        # Two thirds of it and a third of its half.
        np.testing.assert_allclose(frames[frame], rgb * 5 / 6, rtol=1e-6)
        other = rgb_from_native(planes(frame), matrix="smpte170m", range="limited")
        assert np.abs(other - rgb).max() > 0.01


def test_what_had_to_be_guessed_is_a_warning_of_the_plan(engine: Any) -> None:
    prepared = engine.prepare(NODES, classes=(coded(Colour()),))

    assert prepared.plan.warnings == (
        "plate: matrix is untagged: smpte170m assumed from 6x4",
        "plate: range is untagged: limited assumed",
    )


def test_where_native_is_welcome_nothing_is_converted(engine: Any) -> None:
    class End(NpyTarget):
        """Takes coded planes as well as RGB."""

        id = "test.end"

        class In(Ports):
            video: Picture

    nodes = {
        "plate": NODES["plate"],
        "tip": {"node": "test.untouched", "video": "plate"},
        "out": {"node": "test.end", "video": "tip"},
    }

    prepared = engine.prepare(nodes, classes=(coded(), Untouched, End))

    assert list(prepared.graph.vertices) == ["plate", "tip", "out"]
    assert prepared.graph.vertices["tip"].kinds == {"video": "native"}


def grid(**contract: Any) -> ChunkGrid:
    return ChunkGrid(("video",), FrameRange(1, 20), Chunk(**contract))


def stack(*values: float) -> Any:
    """(T, 1, 1, 3): one value a frame."""
    return np.repeat(np.array(values, np.float32)[:, None, None, None], 3, axis=-1)


def test_an_overlap_is_a_linear_cross_fade() -> None:
    windows = grid(size=6, overlap=3)
    first, second = stack(*[10.0] * 6), stack(*[20.0] * 6)

    # Windows 1-6 and 4-9 share 4, 5 and 6.
    mixed = [float(blend("rgb", [(0, first), (1, second)], frame=f, grid=windows)[0, 0, 0]) for f in (4, 5, 6)]

    assert mixed == [12.5, 15.0, 17.5]


def test_a_cosine_fade_is_steeper_in_the_middle() -> None:
    windows = grid(size=6, overlap=3, blend="cosine")
    first, second = stack(*[10.0] * 6), stack(*[20.0] * 6)

    mixed = [float(blend("rgb", [(0, first), (1, second)], frame=f, grid=windows)[0, 0, 0]) for f in (4, 5, 6)]

    quarter = 0.5 - 0.5 * np.cos(np.pi / 4)
    np.testing.assert_allclose(mixed, [10 + 10 * quarter, 15, 20 - 10 * quarter], rtol=1e-6)


def test_a_frame_in_one_window_is_that_windows_frame_untouched() -> None:
    window = stack(0.1, 0.2, np.nan, 1e30, -5, 6)

    for place, frame in enumerate(range(1, 4)):
        got = blend("rgb", [(0, window)], frame=frame, grid=grid(size=6, overlap=3))
        assert got.tobytes() == window[place].tobytes()


def test_integer_planes_are_rounded_not_cut() -> None:
    gray = PixelFormat.parse("gray10")
    low, high = (NativeFrame((np.full((6, 2, 4), value, np.uint16),), gray) for value in (100, 103))

    mixed = [
        int(blend("native", [(0, low), (1, high)], frame=f, grid=grid(size=6, overlap=3)).planes[0][0, 0])
        for f in (4, 5, 6)
    ]

    # 100.75, 101.5 and 102.25; a half goes to the even neighbour.
    assert mixed == [101, 102, 102]


def test_three_windows_share_their_weights() -> None:
    windows = grid(size=6, overlap=4)
    stacks = [(k, stack(*[value] * 6)) for k, value in ((0, 1.0), (1, 10.0), (2, 100.0))]

    # Frame 5 is at place 4, 2 and 0 of windows that start at 1, 3 and 5.
    mixed = float(blend("rgb", stacks, frame=5, grid=windows)[0, 0, 0])

    weights = np.array([2 / 5, 3 / 5, 1 / 5])
    assert mixed == pytest.approx(float(weights @ [1, 10, 100] / weights.sum()), rel=1e-6)


def test_only_windows_can_be_blended(engine: Any) -> None:
    prepared = engine.prepare(NODES, classes=(coded(),))

    with pytest.raises(GraphError, match="a: a Chunk node must have a chunk grid, got FrameGrid"):
        blend_of(prepared.graph.vertices["a"])
