"""`shotgraph run -F` and handles: a part has the frames, the timecode and the sound of the whole."""

from fractions import Fraction
from pathlib import Path

from command_line import Run, probed
from small_shots import (
    decoded,
    images,
    sound,
    write_movie,
    write_paint,
)


def test_a_part_of_a_movie_has_a_name_of_its_own_and_the_frames_of_the_whole(
    shotgraph: Run, lossless: Run, root: Path
) -> None:
    assert lossless(root).code == 0
    whole = root / "out/sh010_v001.mkv"
    stamp, before = whole.stat().st_mtime_ns, whole.read_bytes()

    ran = lossless(root, "-F", "1004-1008", "--version", "1")

    part = root / "out/sh010_v001.1004-1008.mkv"
    assert (ran.code, ran.shot["outputs"][0]["path"]) == (0, str(part))
    assert decoded(part) == decoded(whole)[3:8]
    assert probed(shotgraph, part)["timecode"] == "01:00:10:03"
    assert (whole.stat().st_mtime_ns, whole.read_bytes()) == (stamp, before)


def test_the_sound_of_a_part_is_cut_at_packets(lossless: Run, root: Path) -> None:
    assert lossless(root, "-F", "1004-1008").code == 0

    kept, source = sound(root / "out/sh010_v001.1004-1008.mkv"), sound(root / "sh010.mov")
    joined, whole = b"".join(kept), b"".join(source)
    begin = whole.find(joined)
    bytes_a_frame = 4 * 48000 * 1001 / 24000
    packet = max(len(p) for p in source)
    assert begin >= 0
    assert abs(begin - 3 * bytes_a_frame) <= packet
    assert abs(len(joined) - 5 * bytes_a_frame) <= 2 * packet
    assert 0 < len(joined) < len(whole)


def test_a_part_of_a_sequence_is_bit_equal_to_the_whole(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")
    target = ("--set", "graph.out.file={root}/{shot}_v{version:03d}/f.####.exr", "--set", "vars.codec=exr", "--json")
    assert shotgraph("run", "propagate", root, *target).code == 0

    ran = shotgraph("run", "propagate", root, *target, "-F", "1002-1003,1007")

    whole, part = images(root / "sh010_v001", ".exr"), images(root / "sh010_v002", ".exr")
    assert (ran.code, ran.shot["frames"]) == (0, "1002-1003,1007")
    assert sorted(part) == ["f.1002.exr", "f.1003.exr", "f.1007.exr"]
    assert part == {name: whole[name] for name in part}


def test_a_movie_cannot_have_holes(lossless: Run, root: Path) -> None:
    ran = lossless(root, "-F", "1002-1003,1007")

    assert ran.code == 2
    assert "out: frames of a movie must be consecutive, got 1002-1003,1007" in ran.err


def test_frames_outside_the_shot_are_refused(lossless: Run, root: Path) -> None:
    ran = lossless(root, "-F", "1009-1012")

    assert ran.code == 2
    assert "frames: must lie in 1001-1010 of sh010, got 1011-1012" in ran.err


def test_handles_are_left_out_of_the_output(shotgraph: Run, lossless: Run, root: Path) -> None:
    ran = lossless(root, "--set", "shots.handles=2")

    output = root / "out/sh010_v001.mkv"
    assert (ran.code, ran.shot["frames"]) == (0, "1003-1008")
    assert decoded(output) == decoded(root / "sh010.mov")[2:8]
    assert probed(shotgraph, output)["timecode"] == "01:00:10:02"


def test_handles_that_leave_nothing_are_refused(lossless: Run, root: Path) -> None:
    ran = lossless(root, "--set", "shots.handles=5")

    assert ran.code == 2
    assert "handles: must leave frames of 1001-1010, got 5 at either end of sh010" in ran.err


def test_drop_frame_timecode_survives_the_minute(shotgraph: Run, lossless: Run, tmp_path: Path) -> None:
    write_movie(tmp_path / "df.mov", rate=Fraction(30000, 1001), timecode="00:59:59;26")

    ran = lossless(tmp_path, "-F", "1005-1010")

    assert ran.code == 0
    # 01:00:00;00 exists, since ten-minute marks drop nothing.
    assert probed(shotgraph, tmp_path / "out/df_v001.1005-1010.mkv")["timecode"] == "01:00:00;00"
