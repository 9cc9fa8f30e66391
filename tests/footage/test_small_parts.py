from __future__ import annotations

import threading
from fractions import Fraction

import av.logging
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import Colour, PixelFormat, Rate, Timecode
from shotgraph.errors import MediaError
from shotgraph.io import smpte, tags
from shotgraph.io.fills import black_frame
from shotgraph.io.labels import TimecodeCandidate, choose_timecode
from shotgraph.io.libav import captured_errors
from shotgraph.io.timing import timing_of

R25 = Fraction(25)
TICK = Fraction(1, 1000)


def test_errors_of_libav_are_caught_by_component() -> None:
    with captured_errors("mov") as log:
        av.logging.log(av.logging.ERROR, "mov", "no timecode\n")
        av.logging.log(av.logging.WARNING, "mov", "only a warning")
        av.logging.log(av.logging.ERROR, "h264", "another component")

    assert [(line.component, line.text) for line in log] == [("mov", "no timecode")]
    assert log
    assert str(log) == "mov: no timecode"


def test_a_message_that_was_just_logged_is_caught_again() -> None:
    # libav drops a message equal to the last one of the process.
    for _ in range(2):
        with captured_errors() as log:
            av.logging.log(av.logging.ERROR, "mov", "the same")

        assert [line.text for line in log] == ["the same"]


def test_messages_of_other_threads_are_not_ours() -> None:
    with captured_errors() as log:
        thread = threading.Thread(target=av.logging.log, args=(av.logging.ERROR, "mov", "elsewhere"))
        thread.start()
        thread.join()

    assert not log


def test_the_log_level_is_put_back() -> None:
    before = av.logging.get_level()

    with captured_errors(), captured_errors() as inner:
        av.logging.log(av.logging.ERROR, "mov", "nested")

    assert inner
    assert av.logging.get_level() == before


@pytest.mark.parametrize("table", [tags.PRIMARIES, tags.TRANSFERS, tags.MATRICES, tags.RANGES])
def test_tables_are_one_to_one(table: dict[int, str]) -> None:
    assert len(set(table.values())) == len(table)
    assert all(tags.number_of(table, tags.name_of(table, number)) == number for number in table)


def test_unknown_tags_survive_a_round_trip() -> None:
    assert tags.name_of(tags.TRANSFERS, 99) == "unknown:99"
    assert tags.number_of(tags.TRANSFERS, "unknown:99") == 99


def test_colour_goes_onto_a_frame_and_comes_back() -> None:
    colour = Colour("bt2020", "arib-std-b67", "bt2020nc", "full")
    frame = av.VideoFrame(8, 8, "yuv420p")

    tags.apply_colour(colour, frame)

    assert tags.colour_of(frame) == colour
    assert (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range) == (9, 18, 9, 2)


def test_field_orders_go_both_ways() -> None:
    assert [tags.field_order_number(tags.field_order_of(number)) for number in range(6)] == list(range(6))


def test_the_frame_completes_what_the_stream_leaves_open() -> None:
    stream, frame = Colour(primaries="bt2020"), Colour(primaries="bt709", matrix="bt709")

    assert tags.settled_colour(stream, frame, "yuv420p10le") == (Colour(primaries="bt2020", matrix="bt709"), [])


@pytest.mark.parametrize(
    ("coded", "matrix", "settled", "note"),
    [
        ("gbrp10le", "bt709", "rgb", "matrix tag bt709 is ignored: gbrp10le is RGB"),
        ("yuv444p", "rgb", "unspecified", "matrix tag rgb is ignored: yuv444p is YUV"),
    ],
)
def test_a_matrix_that_cannot_be_is_reported(coded: str, matrix: str, settled: str, note: str) -> None:
    colour, notes = tags.settled_colour(Colour(matrix=matrix), Colour(), coded)

    assert (colour.matrix, notes) == (settled, [note])


def test_yuvj_is_full_range() -> None:
    assert tags.settled_colour(Colour(range="limited"), Colour(), "yuvj420p")[0].range == "full"


@given(st.integers(0, 39), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_word_says_what_its_label_says(frames: int, hours: int, minutes: int, seconds: int) -> None:
    rate = Rate(Fraction(50))
    timecode = Timecode.parse(f"{hours:02d}:{minutes:02d}:{seconds:02d}:{frames:02d}", rate)

    word = smpte.word_of(timecode)

    assert smpte.label_of(word) == str(timecode)
    assert smpte.agrees(word, str(timecode), rate)
    assert not smpte.agrees(word, str(timecode.plus(1)), rate)


def test_a_drop_frame_word_has_its_flag() -> None:
    word = smpte.word_of(Timecode.parse("01:00:00;02", Rate(Fraction(30000, 1001))))

    assert word == 0x01000042
    assert smpte.label_of(word) == "01:00:00;02"


@pytest.mark.parametrize("frame", [40, 47, 59])
def test_a_word_cannot_hold_frames_from_forty_on(frame: int) -> None:
    word = smpte.word_of(Timecode.parse(f"01:00:00:{frame}", Rate(Fraction(60))))

    assert smpte.label_of(word) == f"01:00:00:{frame - 40:02d}"
    assert frame > smpte.LAST_WORD_FRAME


@given(
    fps=st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(60000, 1001), Fraction(120000, 1001)]),
    count=st.integers(2, 400),
    first=st.integers(0, 5000),
)
def test_millisecond_stamps_of_a_constant_rate_are_constant(fps: Fraction, count: int, first: int) -> None:
    pts = [round((first + n) / fps * 1000) for n in range(count)]

    timing, _ = timing_of(reversed(pts), time_base=TICK, stated=[fps], counted=False, who="x")

    assert (timing.rate.fps, timing.variable, timing.count) == (fps, False, count)


def test_one_frame_out_of_place_makes_the_rate_variable() -> None:
    pts = [n * 40 for n in range(12)]
    pts[7] += 2

    timing, notes = timing_of(pts, time_base=TICK, stated=[R25], counted=False, who="x")

    assert (timing.variable, timing.rate.fps, timing.pts) == (True, R25, tuple(pts))
    assert notes == ("frame rate is variable: time stamps are kept, 25 fps is only the commonest step",)


def test_a_stated_rate_that_is_wrong_is_measured_instead() -> None:
    timing, _ = timing_of([n * 40 for n in range(9)], time_base=TICK, stated=[Fraction(30)], counted=False, who="x")

    assert (timing.rate.fps, timing.variable) == (R25, False)


def test_a_dropped_frame_is_a_gap_not_a_slower_rate() -> None:
    timing, _ = timing_of([0, 1, 2, 4, 5], time_base=Fraction(1, 25), stated=[R25], counted=False, who="x")

    assert (timing.variable, timing.rate.fps) == (True, R25)


@pytest.mark.parametrize(("pts", "word"), [([0, None, 80], "lack"), ([0, 40, 40], "repeat")])
def test_unusable_stamps_are_counted(pts: list[int | None], word: str) -> None:
    timing, notes = timing_of(pts, time_base=TICK, stated=[R25], counted=False, who="x")

    assert (timing.counted, timing.count, timing.pts) == (True, 3, ())
    assert notes[0].startswith(f"frames {word} time stamps")


def test_no_frames_and_no_rate_are_errors() -> None:
    with pytest.raises(MediaError, match=r"clip\.mov: the video stream must have at least one frame, got none"):
        timing_of([], time_base=TICK, stated=[R25], counted=False, who="clip.mov")
    with pytest.raises(MediaError, match=r"clip\.mov: frame rate must be stated by the file, got none"):
        timing_of([0], time_base=TICK, stated=[None, Fraction(0)], counted=False, who="clip.mov")


def test_the_preferred_carrier_wins_and_an_equal_label_is_no_disagreement() -> None:
    candidates = [TimecodeCandidate("tmcd", "01:00:00:07"), TimecodeCandidate("container", "01:00:00:007")]

    timecode, source, warnings = choose_timecode(candidates, Rate(R25))

    assert (str(timecode), source, warnings) == ("01:00:00:07", "tmcd", ())


@pytest.mark.parametrize(
    ("name", "code_range", "levels"),
    [
        ("yuv420p", "limited", [16, 128, 128]),
        ("yuv422p10", "unspecified", [64, 512, 512]),
        ("yuva444p12", "full", [0, 2048, 2048, 4095]),
        ("gbrap16", "unspecified", [0, 0, 0, 65535]),
        ("gbrp10", "limited", [64, 64, 64]),
        ("grayf32", "full", [0]),
        ("gbrapf16", "full", [0, 0, 0, 1]),
    ],
)
def test_black_has_the_codes_of_its_format(name: str, code_range: str, levels: list[int]) -> None:
    frame = black_frame(PixelFormat.parse(name), width=9, height=5, code_range=code_range)

    assert frame.size == (9, 5)
    assert [np.unique(plane).tolist() for plane in frame.planes] == [[level] for level in levels]
