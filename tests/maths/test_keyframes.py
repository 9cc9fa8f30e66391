"""Frames between keyframes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.maths.keyframes import Gap, blocks, gaps


def test_frames_group_by_the_keyframes_around_them() -> None:
    found = gaps([1005, 1002], [1007, 1001, 1003, 1004, 1005, 1002, 1006])

    assert found == [
        Gap(None, 1002, (1001,)),
        Gap(1002, 1005, (1003, 1004)),
        Gap(1005, None, (1006, 1007)),
    ]


def test_without_keyframes_there_is_one_gap_without_sides() -> None:
    assert gaps([], [3, 4]) == [Gap(None, None, (3, 4))]
    assert gaps([], [3, 4])[0].keys == ()
    assert gaps([], [3, 4])[0].nearness(3) == ()


def test_nearness_is_linear_in_time() -> None:
    gap = Gap(10, 14, (11, 12, 13))

    assert [gap.nearness(frame) for frame in gap.frames] == [(0.75, 0.25), (0.5, 0.5), (0.25, 0.75)]


@pytest.mark.parametrize("gap", [Gap(None, 5, (1,)), Gap(0, None, (1,))])
def test_a_lone_keyframe_counts_in_full(gap: Gap) -> None:
    assert gap.nearness(1) == (1.0,)


@given(st.lists(st.integers(0, 200), unique=True), st.integers(1, 12))
def test_blocks_keep_every_frame_and_their_span(frames: list[int], span: int) -> None:
    frames = sorted(frames)

    found = list(blocks(frames, span_frames=span))

    assert [frame for block in found for frame in block] == frames
    assert all(block[-1] - block[0] < span for block in found)
