"""Timecode: SMPTE's own numbers, every rate, and labels that do not exist."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import STANDARD_RATES, Rate, Timecode
from shotgraph.errors import TimecodeError

MODES = [(Rate(fps), drop) for fps in STANDARD_RATES for drop in (False, True) if not drop or Rate(fps).drops]
NTSC_30 = Rate.parse("29.97")


@st.composite
def timecodes(draw: st.DrawFn) -> Timecode:
    rate, drop = draw(st.sampled_from(MODES))
    day = Timecode(0, rate, drop).frames_per_day
    return Timecode(draw(st.integers(0, day - 1)), rate, drop)


def spelled_out(count: int, rate: Rate) -> str:
    """Drop-frame counting as the standard words it: walk the minutes, skip labels in all but each tenth."""
    nominal, minute = rate.nominal, 0
    while True:
        skipped = rate.drops if minute % 10 else 0
        if count < 60 * nominal - skipped:
            seconds, frames = divmod(count + skipped, nominal)
            return f"{minute // 60:02d}:{minute % 60:02d}:{seconds:02d};{frames:0{3 if nominal > 100 else 2}d}"
        count -= 60 * nominal - skipped
        minute += 1


def test_there_are_thirteen_rates_and_three_of_them_can_drop() -> None:
    assert len(STANDARD_RATES) == 13
    assert len(MODES) == 16


@pytest.mark.parametrize(
    ("label", "rate", "frames"),
    [
        ("01:00:00;00", "29.97", 107892),
        ("01:00:00:00", "29.97", 108000),
        ("01:00:00;00", "59.94", 215784),
        ("01:00:00;000", "119.88", 431568),
        ("01:00:00:00", "23.976", 86400),
        ("01:00:00:00", "25", 90000),
        ("00:01:00;02", "29.97", 1800),
        ("00:10:00;00", "29.97", 17982),
        ("00:00:59;29", "29.97", 1799),
        ("00:01:00;004", "59.94", 3600),
        ("00:01:00;008", "119.88", 7200),
        ("23:59:59;29", "29.97", 2589407),
        ("10:20:30:099", "100", 3723099),
    ],
)
def test_a_label_is_the_frame_count_a_tmcd_track_stores(label: str, rate: str, frames: int) -> None:
    assert Timecode.parse(label, Rate.parse(rate)).frames == frames


def test_dropping_or_not_names_the_same_count_differently() -> None:
    assert str(Timecode(1800, NTSC_30, drop=True)) == "00:01:00;02"
    assert str(Timecode(1800, NTSC_30)) == "00:01:00:00"
    assert str(Timecode(17982, NTSC_30, drop=True)) == "00:10:00;00"
    assert str(Timecode(17982, NTSC_30)) == "00:09:59:12"


@given(timecodes())
def test_every_label_reads_back_to_its_frame(timecode: Timecode) -> None:
    assert Timecode.parse(str(timecode), timecode.rate) == timecode


@given(timecodes().filter(lambda timecode: timecode.drop))
def test_drop_frame_labels_agree_with_counting_minute_by_minute(timecode: Timecode) -> None:
    assert str(timecode) == spelled_out(timecode.frames, timecode.rate)


@given(timecodes(), st.integers(-(10**9), 10**9))
def test_plus_wraps_at_midnight_and_undoes_itself(timecode: Timecode, frames: int) -> None:
    day = timecode.frames_per_day

    moved = timecode.plus(frames)

    assert 0 <= moved.frames < day
    assert moved.plus(-frames) == timecode
    assert moved.plus(day) == moved


@pytest.mark.parametrize(("rate", "drop"), MODES)
def test_the_last_label_of_a_day_is_followed_by_midnight(rate: Rate, drop: bool) -> None:
    separator = ";" if drop else ":"
    last = Timecode.parse(f"23:59:59{separator}{rate.nominal - 1:02d}", rate)

    assert last.frames == last.frames_per_day - 1
    assert str(last.plus(1)).startswith("00:00:00")
    assert last.plus(1).frames == 0


@pytest.mark.parametrize(("rate", "width"), [("60", 2), ("100", 2), ("119.88", 3), ("120", 3)])
def test_frames_have_three_digits_only_above_100_fps(rate: str, width: int) -> None:
    label = str(Timecode(0, Rate.parse(rate)))

    assert label == "00:00:00:" + "0" * width


@pytest.mark.parametrize("rate", ["29.97", "59.94", "119.88"])
def test_exactly_the_dropped_labels_are_refused(rate: str) -> None:
    parsed = Rate.parse(rate)

    for frame in range(parsed.drops):
        with pytest.raises(
            TimecodeError, match=f"'00:01:00;{frame:02d}' does not exist.*starts at frame {parsed.drops:02d}"
        ):
            Timecode.parse(f"00:01:00;{frame:02d}", parsed)
        assert Timecode.parse(f"00:10:00;{frame:02d}", parsed).drop
        assert Timecode.parse(f"00:01:01;{frame:02d}", parsed).drop
    assert str(Timecode.parse(f"00:01:00;{parsed.drops:02d}", parsed))[9:].lstrip("0") == str(parsed.drops)


@pytest.mark.parametrize("minute", range(60))
def test_only_every_tenth_minute_keeps_all_its_labels(minute: int) -> None:
    label = f"07:{minute:02d}:00;00"

    if minute % 10 == 0:
        assert str(Timecode.parse(label, NTSC_30)) == label
    else:
        with pytest.raises(TimecodeError, match=f"'{label}' does not exist in drop-frame; minute {minute:02d} starts"):
            Timecode.parse(label, NTSC_30)


@pytest.mark.parametrize("label", ["24:00:00:00", "00:60:00:00", "00:00:60:00", "00:00:00:25"])
def test_a_label_beyond_its_rate_is_refused_with_the_largest(label: str) -> None:
    with pytest.raises(TimecodeError, match=f"at most 23:59:59:24 at 25 fps, got '{label}'"):
        Timecode.parse(label, Rate(Fraction(25)))


@pytest.mark.parametrize(
    "label", ["", "1:00:00:00", "01:00:00", "01:00:00:1", "01:00:00:0000", "01-00-00-00", "-1:00:00:00"]
)
def test_what_does_not_look_like_a_timecode_is_refused(label: str) -> None:
    with pytest.raises(TimecodeError, match=f"must look like 01:00:00:00 or 01:00:00;00, got '{label}'"):
        Timecode.parse(label, NTSC_30)


@pytest.mark.parametrize("rate", [Rate(fps) for fps in STANDARD_RATES if not Rate(fps).drops])
def test_drop_frame_is_refused_where_it_does_not_exist(rate: Rate) -> None:
    with pytest.raises(TimecodeError, match=f"must be at 29.97, 59.94 or 119.88, got {rate};"):
        Timecode.parse("01:00:00;00", rate)


@pytest.mark.parametrize(("label", "drop", "frames"), [("01:00:00:00", True, 107892), ("01:00:00;00", False, 108000)])
def test_a_stated_mode_wins_over_the_separator(label: str, drop: bool, frames: int) -> None:
    assert Timecode.parse(label, NTSC_30, drop=drop) == Timecode(frames, NTSC_30, drop)


def test_a_dot_before_the_frames_means_drop_frame_too() -> None:
    assert Timecode.parse("01:00:00.02", NTSC_30).drop


@pytest.mark.parametrize("frames", [-1, 2592000])
def test_a_count_outside_the_day_is_refused(frames: int) -> None:
    with pytest.raises(TimecodeError, match=rf"\[0, 2592000\), got {frames}"):
        Timecode(frames, NTSC_30)
