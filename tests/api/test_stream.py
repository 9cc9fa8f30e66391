"""The header of a stream, whole and in part."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import FrameRange, Rate, StreamInfo, Timecode
from shotgraph.errors import FrameRangeError

NTSC = Rate.parse("29.97")


def header(**changes: object) -> StreamInfo:
    values: dict[str, object] = {"first_frame": 1001, "count": 6, "rate": NTSC, "width": 7, "height": 5}
    return StreamInfo(**(values | changes))  # type: ignore[arg-type]


def test_a_header_spans_its_frames() -> None:
    assert header().range == FrameRange(1001, 1006)


def test_timecode_counts_from_the_first_frame() -> None:
    info = header(start_timecode=Timecode.parse("00:00:59;28", NTSC))

    assert str(info.timecode_of(1001)) == "00:00:59;28"
    assert str(info.timecode_of(1003)) == "00:01:00;02"
    assert header().timecode_of(1003) is None


def test_a_part_advances_timecode_and_rebases_pts() -> None:
    info = header(
        start_timecode=Timecode.parse("00:00:59;28", NTSC), pts=(0, 10, 25, 27, 40, 52), time_base=Fraction(1, 1000)
    )

    part = info.sliced(FrameRange(1003, 1005))

    assert (part.first_frame, part.count) == (1003, 3)
    assert str(part.start_timecode) == "00:01:00;02"
    assert part.pts == (0, 2, 15)
    assert (part.width, part.rate, part.time_base) == (7, NTSC, Fraction(1, 1000))


def test_the_whole_is_a_part_of_itself() -> None:
    info = header(start_timecode=Timecode(7, NTSC), pts=(0, 1, 2, 3, 4, 9))

    assert info.sliced(info.range) == info


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2), st.integers(0, 2))
def test_a_part_of_a_part_is_a_part(skip: int, drop: int, inner_skip: int, inner_drop: int) -> None:
    info = header(count=16, start_timecode=Timecode(1790, NTSC, drop=True), pts=tuple(n * n for n in range(16)))
    inner = FrameRange(1001 + skip + inner_skip, 1016 - drop - inner_drop)

    assert info.sliced(FrameRange(1001 + skip, 1016 - drop)).sliced(inner) == info.sliced(inner)


@pytest.mark.parametrize("outside", [FrameRange(1000, 1003), FrameRange(1005, 1007)])
def test_a_part_that_reaches_outside_is_refused(outside: FrameRange) -> None:
    with pytest.raises(FrameRangeError, match=f"must lie inside 1001-1006, got {outside}"):
        header().sliced(outside)
