"""Frame ranges and lists against Python's own sets."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import FrameRange, FrameSet
from shotgraph.errors import FrameRangeError

numbers = st.frozensets(st.integers(-30, 30), max_size=25)
ranges = st.builds(lambda first, more: FrameRange(first, first + more), st.integers(-50, 50), st.integers(0, 12))


@pytest.mark.parametrize(
    ("text", "expected", "canonical"),
    [
        ("1001", [1001], "1001"),
        ("1001-1004", [1001, 1002, 1003, 1004], "1001-1004"),
        ("1001-1008x3", [1001, 1004, 1007], "1001,1004,1007"),
        ("1001-1008:3", [1001, 1004, 1007], "1001,1004,1007"),
        ("5, 3-4  9", [3, 4, 5, 9], "3-5,9"),
        ("-5--3", [-5, -4, -3], "-5--3"),
        ("-2-1", [-2, -1, 0, 1], "-2-1"),
        ("0-0", [0], "0"),
        ("7-9,1-8", [1, 2, 3, 4, 5, 6, 7, 8, 9], "1-9"),
    ],
)
def test_typed_frames_are_understood_and_printed_in_order(text: str, expected: list[int], canonical: str) -> None:
    frames = FrameSet.parse(text)

    assert list(frames) == expected
    assert str(frames) == canonical


@pytest.mark.parametrize("text", ["", "one", "1-", "1001-1010x", "1001..1010", "1.5", "1-2-3"])
def test_malformed_frames_are_refused(text: str) -> None:
    with pytest.raises(FrameRangeError, match=f"must be like 1001-1010, .* got '{text}'"):
        FrameSet.parse(text)


@pytest.mark.parametrize("text", ["1010-1001", "1001-1010x0"])
def test_descending_and_standing_frames_are_refused(text: str) -> None:
    with pytest.raises(FrameRangeError, match=f"must ascend with a step of at least 1, got '{text}'"):
        FrameSet.parse(f"1,{text}")


def test_a_range_cannot_be_empty() -> None:
    with pytest.raises(FrameRangeError, match="last must be at least first, got 7-5"):
        FrameRange(7, 5)


@given(numbers.filter(bool))
def test_the_text_of_a_set_reads_back(frames: frozenset[int]) -> None:
    assert FrameSet.parse(str(FrameSet.of(frames))) == FrameSet.of(frames)


@given(numbers, numbers)
def test_set_algebra_is_that_of_sets(left: frozenset[int], right: frozenset[int]) -> None:
    a, b = FrameSet.of(left), FrameSet.of(right)

    assert list(a | b) == sorted(left | right)
    assert list(a & b) == sorted(left & right)
    assert list(a - b) == sorted(left - right)
    assert len(a) == len(left)
    assert all((frame in a) == (frame in left) for frame in range(-31, 32))


@given(numbers, numbers)
def test_equal_sets_are_equal_however_they_came_about(left: frozenset[int], right: frozenset[int]) -> None:
    a, b = FrameSet.of(left), FrameSet.of(right)

    assert (a - b) | (a & b) == a
    assert a | b == FrameSet.of(left | right)


@given(numbers)
def test_neighbouring_ranges_never_touch(frames: frozenset[int]) -> None:
    kept = FrameSet.of(frames).ranges

    assert all(after.first > before.last + 1 for before, after in itertools.pairwise(kept))


def test_bounds_span_the_holes_and_an_empty_set_has_none() -> None:
    assert FrameSet.parse("3-5,9").bounds == FrameRange(3, 9)
    assert FrameSet().bounds is None
    assert str(FrameSet()) == ""


@given(ranges, st.integers(-100, 100))
def test_clamp_gives_the_nearest_frame(frames: FrameRange, frame: int) -> None:
    assert frames.clamp(frame) == min(frames, key=lambda inside: abs(inside - frame))


def test_mirror_does_not_repeat_the_ends() -> None:
    shot = FrameRange(10, 13)

    mirrored = [shot.mirror(frame) for frame in range(5, 20)]

    #                   5   6   7   8   9 [10  11  12  13] 14  15  16  17  18  19
    assert mirrored == [11, 12, 13, 12, 11, 10, 11, 12, 13, 12, 11, 10, 11, 12, 13]


@given(ranges, st.integers(-100, 100))
def test_mirror_walks_back_and_forth(frames: FrameRange, frame: int) -> None:
    inside = frames.mirror(frame)

    assert inside in frames
    assert frame not in frames or inside == frame
    assert abs(frames.mirror(frame + 1) - inside) == (0 if len(frames) == 1 else 1)


@given(ranges, st.integers(0, 5))
def test_growing_adds_handles_on_both_sides(frames: FrameRange, handles: int) -> None:
    grown = frames.grown(handles)

    assert len(grown) == len(frames) + 2 * handles
    assert (grown.first, grown.last) == (frames.first - handles, frames.last + handles)


def test_a_range_counts_iterates_contains_and_prints() -> None:
    frames = FrameRange(-1, 1)

    assert (len(frames), list(frames), str(frames), str(FrameRange(4, 4))) == (3, [-1, 0, 1], "-1-1", "4")
    assert 1 in frames
    assert 2 not in frames
    assert "1" not in frames
