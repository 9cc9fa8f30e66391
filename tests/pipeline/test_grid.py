"""Grids: what a contract cuts a shot into, anchored at the shot's first frame whatever is asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import Chunk, Frame, FrameRange, FrameSet, Sequential, Window
from shotgraph.errors import FrameRangeError, GraphError
from shotgraph.pipeline.chunkgrid import BlendGrid, ChunkGrid, contract_grid
from shotgraph.pipeline.grid import BatchGrid, FrameGrid, NeedsGrid, WindowGrid

PORTS = ("video",)

shots = st.builds(lambda first, count: FrameRange(first, first + count - 1), st.integers(-20, 1100), st.integers(1, 60))
chunks = st.integers(1, 20).flatmap(
    lambda size: st.builds(
        Chunk,
        size=st.just(size),
        overlap=st.integers(0, size - 1),
        blend=st.sampled_from(["linear", "cosine", "none"]),
        tail=st.sampled_from(["shift", "short", "pad"]),
        anchors=st.lists(st.integers(0, 70), max_size=3).map(tuple),
    )
)
windows = st.builds(Window, st.integers(0, 6), st.integers(0, 6), st.sampled_from(["clamp", "mirror", "blank"]))
grids = st.one_of(
    st.builds(lambda shot, batch: BatchGrid(PORTS, shot, batch), shots, st.integers(2, 9)),
    st.builds(lambda shot, window: WindowGrid(PORTS, shot, window), shots, windows),
    st.builds(lambda shot: FrameGrid(PORTS, shot), shots),
    st.builds(lambda shot, chunk: ChunkGrid(PORTS, shot, chunk), shots, chunks),
)


@given(grid=grids)
def test_the_units_of_a_shot_give_every_output_once(grid: Any) -> None:
    whole = FrameSet((grid.outputs,))

    given_indices = [index for unit in grid.units_for(whole) for index in grid.gives(unit)]

    assert given_indices == list(grid.outputs)


@given(grid=grids, data=st.data())
def test_a_part_filters_the_units_of_the_whole(grid: Any, data: st.DataObject) -> None:
    first = data.draw(st.integers(grid.outputs.first, grid.outputs.last))
    last = data.draw(st.integers(first, grid.outputs.last))
    part = FrameSet((FrameRange(first, last),))

    units = grid.units_for(part)

    expected = [u for u in grid.units_for(FrameSet((grid.outputs,))) if any(i in part for i in grid.gives(u))]
    assert list(units) == expected


@given(grid=grids)
def test_nothing_below_the_watermark_is_asked_for_again(grid: Any) -> None:
    units = list(grid.units_for(FrameSet((grid.outputs,))))

    for place, unit in enumerate(units):
        later = [i for u in units[place:] for i in grid.needs(u)["video"] if i is not None]
        assert grid.low(unit, "video") <= min(later)


def test_a_frame_reads_itself_of_every_input() -> None:
    grid = FrameGrid(("video", "matte"), FrameRange(1001, 1010))

    assert grid.needs(1004) == {"video": (1004,), "matte": (1004,)}


def test_the_last_batch_is_padded_with_the_last_frame() -> None:
    grid = BatchGrid(PORTS, FrameRange(1001, 1010), 4)

    assert [grid.frames(unit) for unit in range(3)] == [
        (1001, 1002, 1003, 1004),
        (1005, 1006, 1007, 1008),
        (1009, 1010, 1010, 1010),
    ]
    assert [list(grid.gives(unit)) for unit in range(3)][2] == [1009, 1010]


def test_batches_are_counted_from_the_shot_not_from_the_request() -> None:
    grid = BatchGrid(PORTS, FrameRange(1001, 1010), 4)

    assert list(grid.units_for(FrameSet.parse("1004,1009"))) == [0, 2]


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        ("clamp", [(1, 1, 1, 2), (1, 1, 2, 3), (3, 4, 5, 5)]),
        ("mirror", [(3, 2, 1, 2), (2, 1, 2, 3), (3, 4, 5, 4)]),
        ("blank", [(None, None, 1, 2), (None, 1, 2, 3), (3, 4, 5, None)]),
    ],
)
def test_edges_stand_in_for_neighbours_outside_the_shot(edge: Any, expected: list[Any]) -> None:
    grid = WindowGrid(PORTS, FrameRange(1, 5), Window(past=2, future=1, edge=edge))

    assert [grid.needs(frame)["video"] for frame in (1, 2, 5)] == expected
    assert grid.needs(3)["video"] == (1, 2, 3, 4)
    # A blank keeps the number it would have had.
    assert grid.frames(5) == tuple(f if f is not None else 6 for f in expected[2])


def test_an_edge_that_is_an_error_names_window_frame_and_shot() -> None:
    grid = WindowGrid(PORTS, FrameRange(1, 5), Window(past=2, future=1, edge="error"))

    with pytest.raises(
        FrameRangeError, match=r"a window of -2\+1 around frame 2 must lie inside the shot 1-5, got edge"
    ):
        grid.needs(2)
    assert grid.needs(3)["video"] == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (lambda: Window(edge="wrap"), "edge must be one of clamp, mirror, blank, error, got 'wrap'"),
        (lambda: Chunk(blend="sharp"), "blend must be one of linear, cosine, none, got 'sharp'"),
        (lambda: Chunk(tail="cut"), "tail must be one of shift, short, pad, got 'cut'"),
        (lambda: Chunk(size=4, overlap=4), r"overlap must be in \[0, size\), got overlap 4 and size 4"),
        (lambda: Frame(batch=0), "batch must be at least 1, got 0"),
    ],
)
def test_a_contract_refuses_what_it_does_not_know(contract: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        contract()


@pytest.mark.parametrize(
    ("tail", "last"), [("shift", range(7, 13)), ("short", range(9, 13)), ("pad", (9, 10, 11, 12, 12, 12))]
)
def test_tails(tail: Any, last: Any) -> None:
    grid = ChunkGrid(PORTS, FrameRange(1, 12), Chunk(size=6, overlap=2, tail=tail))

    assert [grid.frames(k) for k in range(grid.count - 1)] == [tuple(range(1, 7)), tuple(range(5, 11))]
    assert grid.frames(grid.count - 1) == tuple(last)


@pytest.mark.parametrize(
    ("tail", "frames"), [("shift", (1, 2, 3)), ("short", (1, 2, 3)), ("pad", (1, 2, 3, 3, 3, 3, 3, 3))]
)
def test_a_clip_shorter_than_a_window_is_one_window(tail: Any, frames: tuple[int, ...]) -> None:
    grid = ChunkGrid(PORTS, FrameRange(1, 3), Chunk(size=8, overlap=3, tail=tail))

    assert (grid.count, grid.frames(0)) == (1, frames)


def test_one_frame_is_enough_for_every_contract() -> None:
    shot = FrameRange(1001, 1001)

    for contract in (Frame(), Frame(4), Window(3, 2, "mirror"), Chunk(8, 3), Sequential()):
        grid = contract_grid(contract, PORTS, shot)
        (unit,) = grid.units_for(FrameSet((grid.outputs,)))
        assert set(grid.needs(unit)["video"]) == {1001}


def test_anchors_are_offsets_from_the_first_frame_and_stay_in_the_shot() -> None:
    grid = ChunkGrid(PORTS, FrameRange(1001, 1010), Chunk(size=4, overlap=1, anchors=(0, 4, 99)))

    assert grid.anchors() == (1001, 1005, 1010)


@given(shot=shots, chunk=chunks)
def test_covering_equals_brute_force(shot: FrameRange, chunk: Chunk) -> None:
    grid = ChunkGrid(PORTS, shot, chunk)

    for frame in shot:
        assert grid.covering(frame) == [k for k in range(grid.count) if frame in grid.frames(k)]
        assert grid.covering(frame)


@given(chunk=chunks)
def test_weights_are_positive_and_depend_on_the_place_in_the_window_only(chunk: Chunk) -> None:
    near = ChunkGrid(PORTS, FrameRange(1, 60), chunk)
    far = ChunkGrid(PORTS, FrameRange(1001, 1033), chunk)

    def by_place(grid: ChunkGrid) -> dict[int, set[float]]:
        found: dict[int, set[float]] = {}
        for k in range(grid.count):
            for frame in set(grid.frames(k)):
                found.setdefault(frame - grid.start(k), set()).add(grid.weight(k, frame))
        return found

    weights = by_place(near)

    assert all(len(values) == 1 and min(values) > 0 for values in weights.values())
    assert all(values == weights[place] for place, values in by_place(far).items())


def test_a_linear_blend_is_a_ramp_over_the_overlap() -> None:
    grid = ChunkGrid(PORTS, FrameRange(1, 9), Chunk(size=6, overlap=3, blend="linear"))

    assert [grid.weight(1, frame) for frame in (4, 5, 6, 7)] == [0.25, 0.5, 0.75, 0.75]
    assert [grid.weight(0, frame) for frame in (4, 5, 6)] == [0.75, 0.5, 0.25]


def test_blend_none_reads_the_earlier_window_only() -> None:
    windows = ChunkGrid(PORTS, FrameRange(1, 9), Chunk(size=6, overlap=3, blend="none"))

    assert BlendGrid(("windows",), windows).needs(5) == {"windows": [0]}


def test_a_node_that_reverses_time_keeps_its_watermark_at_what_it_will_still_read() -> None:
    grid = NeedsGrid(PORTS, FrameRange(1, 4), lambda frame: {"video": (5 - frame,)})

    assert [grid.low(unit, "video") for unit in range(1, 5)] == [1, 1, 1, 1]
    assert grid.needs(1) == {"video": (4,)}


def test_a_port_that_is_not_mentioned_is_not_read() -> None:
    grid = NeedsGrid(("video", "matte"), FrameRange(1, 4), lambda frame: {"video": (frame,)})

    assert grid.needs(2) == {"video": (2,), "matte": ()}
