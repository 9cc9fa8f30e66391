"""Bad input, row by row: what we do about it, and the tests that prove it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

# Input, what becomes of it, tests without their `test_`. Formats we write: H.264, ProRes, FFV1, EXR, PNG in mov, mp4, mkv.
ROWS = [
    ("cut file, index lost", "exit 65", ["a_movie_without_its_index_is_cut_short"]),
    (
        *("cut file, index first", "exit 65"),
        ["a_movie_that_ends_before_its_index_says_is_cut_short", "a_cut_matroska_file_is_cut_short"],
    ),
    (
        *("corrupt packets", "error with frame and timecode, or hold, or black"),
        [
            "damage_is_an_error_that_names_file_frame_and_timecode",
            "decoding_goes_on_after_a_bad_packet",
            "damage_reads_the_same_in_any_order",
            "trap_7_a_bad_packet_costs_only_its_own_frame",
        ],
    ),
    ("ProRes frame zeroed (hole in a network file)", "its slot alone", ["lost_intra_packets_leave_their_own_slots"]),
    ("damaged EXR or PNG", "error, hold or black", ["a_damaged_file_follows_the_policy"]),
    ("empty file, text file", "exit 65", ["what_is_no_movie_is_refused"]),
    ("missing file", "exit 66", ["a_missing_movie_is_missing_media", "nothing_on_disk_is_missing_media"]),
    ("folder", "exit 65", ["a_folder_is_no_movie"]),
    ("sound only", "exit 65", ["sound_alone_is_refused"]),
    (
        *("odd size", "read; written in a format that takes it, or refused before the render"),
        [
            "odd_sizes_are_read_whole",
            "ffv1_keeps_odd_sizes_bit_for_bit",
            "odd_sizes_go_into_a_format_of_h264_that_takes_them",
            "odd_size_in_a_forced_420_is_refused_before_the_render",
        ],
    ),
    ("one frame", "read and written, timecode kept", ["one_frame_is_read", "one_frame_is_a_movie_with_timecode"]),
    ("no frame", "error, no file", ["no_frames_and_no_rate_are_errors", "no_frames_is_an_error_and_no_file"]),
    (
        *("time before 0", "read: what players show; written: rebased"),
        [
            "negative_stamps_leave_fewer_frames_and_none_is_wrong",
            "trap_8_pictures_before_zero_are_moved_instead_of_hidden",
        ],
    ),
    (
        *("repeated or unsorted time", "read: counted, or exit 65; written: refused before the render"),
        [
            "unusable_stamps_are_counted",
            "stamps_that_contradict_the_decoder_are_refused",
            "duplicate_and_unsorted_frame_times_are_refused_before_the_render",
        ],
    ),
    ("no time stamps", "counted at the stated rate, aloud", ["raw_streams_are_counted_and_say_so"]),
    (
        *("frame of another size or format for the encoder", "refused, never scaled"),
        ["frame_of_another_size_is_refused_not_scaled", "planes_of_another_format_never_reach_the_encoder"],
    ),
    (
        *("size changes inside the movie", "exit 65 at that frame"),
        ["a_change_of_size_is_named_with_its_frame", "time_that_runs_backwards_is_refused"],
    ),
    ("images of several sizes", "exit 65 with the odd file", ["mixed_sizes_name_the_odd_file"]),
    (
        *("hole in a sequence", "exit 66, hold, black, or skipped with exit 3"),
        [
            "holes_are_an_error_that_lists_them",
            "held_holes_repeat_the_frame_before",
            "black_holes_have_no_file",
            "a_skipped_hole_repeats_the_picture_before_it_and_ends_with_exit_3",
        ],
    ),
    (
        *("sound longer than the picture", "copied whole"),
        ["audio_may_be_longer_than_video", "sound_longer_than_the_picture_is_kept"],
    ),
    (
        *("interlaced", "refused unless taken as frames; scan order kept"),
        [
            "interlaced_footage_is_refused_unless_taken_as_frames",
            "interlaced_frames_are_read_whole_and_say_so",
            "prores_keeps_every_scan_order",
        ],
    ),
    ("pixels that are not square", "kept", ["pixel_aspect_is_read", "pixel_aspect_and_rotation_survive"]),
    (
        "variable rate",
        "times kept",
        ["variable_rate_keeps_exact_stamps", "variable_frame_times_are_exact_in_mov_and_mp4"],
    ),
    ("no timecode", "none, never invented", ["no_timecode_is_none_and_nothing_is_invented", "no_timecode_is_invented"]),
    ("timecodes that disagree", "the track wins, aloud", ["the_timecode_track_beats_a_tag_that_disagrees"]),
    (
        *("trimmed by an edit list", "hidden frames do not count; the timecode stays as stated"),
        [
            "frames_hidden_by_an_edit_list_do_not_count",
            "an_edit_list_hides_frames_and_the_first_visible_one_comes_first",
        ],
    ),
    (
        *("full disk", "exit 74, nothing left"),
        [
            "full_disk_is_an_output_error_that_names_frame_and_cure",
            "full_disk_at_the_trailer_leaves_nothing",
            "file_that_may_not_grow_ends_with_exit_74_and_no_output",
        ],
    ),
]


@cache
def _tests() -> frozenset[str]:
    sources = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    return frozenset(name for source in sources for name in re.findall(r"^def test_(\w+)\(", source, re.MULTILINE))


@pytest.mark.parametrize(("row", "outcome", "names"), ROWS, ids=[row[0] for row in ROWS])
def test_every_row_has_its_tests(row: str, outcome: str, names: list[str]) -> None:
    assert outcome
    assert [name for name in names if name not in _tests()] == [], row


def test_every_trap_has_its_test() -> None:
    numbers = {int(name.split("_")[1]) for name in _tests() if name.startswith("trap_")}

    assert numbers == set(range(1, 11))
