"""Broken and unusual movies through a whole run: an error that names file, frame and cure, or the documented policy."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from broken_footage import cut, interlaced, sound_only, spoil, times
from command_line import Run, probed
from small_shots import decoded, visible, write_movie, write_paint

PRORES = {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}
VARIABLE = [0, 1000, 2500, 3000, 5000, 5500, 7000, 8200, 9000, 10000]


def without_index(path: Path) -> Path:
    return cut(write_movie(path.with_name("whole.mp4"), tone=False), path, 0.5)


def index_first(path: Path) -> Path:
    return cut(write_movie(path.with_name("whole.mov"), movflags="faststart", **PRORES), path, 0.6)


def cut_matroska(path: Path) -> Path:
    return cut(write_movie(path.with_name("whole.mkv"), codec="ffv1", tone=False), path, 0.5)


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    path.write_text("just some text\n" * 50)
    return path


def playlist(path: Path) -> Path:
    write_movie(path.with_name("behind.mp4"))
    path.write_text("ffconcat version 1.0\nfile behind.mp4\n")
    return path


def two_sizes(path: Path) -> Path:
    parts = [
        write_movie(path.with_name(f"{size[0]}.ts"), size=size, frames=5, tone=False, timecode=None)
        for size in ((64, 48), (32, 24))
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


REFUSED: list[tuple[Callable[[Path], Path], str, str]] = [
    (without_index, "cut.mp4", "movie must have its index (moov), got a file cut short or none at all; copy it again"),
    (index_first, "cut.mov", "movie must be complete, got 6 of 10 frames before it breaks off; copy it again"),
    (cut_matroska, "cut.mkv", "movie must be complete, got 0."),
    (empty, "empty.mov", "media must hold data, got an empty file; copy or export it again"),
    (text, "text.mov", "movie must have its index (moov), got a file cut short or none at all"),
    (sound_only, "sound.mov", "media must have a video stream, got only audio; choose another file"),
    (interlaced, "fields.mov", "must be progressive, got field order tt; deinterlace it first, or set interlaced"),
    (playlist, "list.mov", "media must be a movie itself, got a playlist (concat); name the movies in it"),
    (two_sizes, "sizes.ts", "time stamps must ascend, got frame 5 earlier than the one before it; split the movie"),
]


@pytest.mark.parametrize(("make", "name", "reason"), REFUSED, ids=[name for _, name, _ in REFUSED])
def test_broken_media_end_with_65_and_nothing_written(
    lossless: Run, tmp_path: Path, make: Callable[[Path], Path], name: str, reason: str
) -> None:
    folder = tmp_path / "show"
    folder.mkdir()
    path = make(folder / name)
    before = visible(folder)

    ran = lossless(path)

    last = ran.err.splitlines()[-1]
    assert (ran.code, ran.shot["state"], ran.shot["outputs"]) == (65, "media corrupt", [])
    assert last.startswith(f"Error: {path.stem}: ")
    assert str(path) in last
    assert reason in last
    assert visible(folder) == before


@pytest.mark.parametrize("noise", [False, True])
def test_a_frame_that_does_not_decode_is_named_with_its_timecode(lossless: Run, tmp_path: Path, noise: bool) -> None:
    source = write_movie(tmp_path / "whole.mov", tone=False, **PRORES)
    path = spoil(source, tmp_path / "spoilt.mov", {4}, noise=noise)

    ran = lossless(path, "--set", "graph.plate.timecode=01:00:00:00")

    assert ran.code == 65
    assert ran.err.splitlines()[-1] == (
        f"Error: spoilt: {path}: frame 1005 (timecode 01:00:00:04) must decode, got damaged data; "
        "replace the file, or read it with corrupt: hold or black"
    )
    assert visible(tmp_path / "out") == []


@pytest.mark.parametrize("noise", [False, True])
def test_a_held_frame_is_the_one_before_it_and_is_told(lossless: Run, tmp_path: Path, noise: bool) -> None:
    source = write_movie(tmp_path / "whole.mov", tone=False, **PRORES)
    path = spoil(source, tmp_path / "spoilt.mov", {4}, noise=noise)

    intact = lossless(source)
    held = lossless(path, "--set", "graph.plate.corrupt=hold")

    expected = decoded(tmp_path / "out/whole_v001.mkv")
    assert (intact.code, held.code) == (0, 0)
    assert decoded(tmp_path / "out/spoilt_v001.mkv") == [*expected[:4], expected[3], *expected[5:]]
    assert held.shot["warnings"] == [
        "plate: frames 1005 did not decode; another picture stands in, as corrupt says",
    ]
    assert intact.shot["warnings"] == []


def test_one_spoilt_shot_leaves_the_others_alone(lossless: Run, tmp_path: Path) -> None:
    folder = tmp_path / "show"
    source = write_movie(folder / "sh010.mov", tone=False, **PRORES)
    spoil(source, folder / "sh020.mov", {2})
    write_movie(folder / "sh030.mov", frames=3)

    ran = lossless(folder)

    states = [(shot["shot"], shot["exit"]) for shot in ran.document["shots"]]
    assert ran.code == 65
    assert states == [("sh010", 0), ("sh020", 65), ("sh030", 0)]
    assert visible(folder / "out") == ["sh010_v001.mkv", "sh030_v001.mkv"]


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_variable_frame_times_are_kept(shotgraph: Run, tmp_path: Path, container: str) -> None:
    path = tmp_path / "vfr.mp4"
    write_movie(path, pts=VARIABLE, time_base=Fraction(1, 24000), tone=False, timecode=None)

    ran = shotgraph("run", "transcode", path, "--set", f"vars.container={container}", "--json")

    assert ran.code == 0
    # Matroska counts in milliseconds.
    assert times(tmp_path / f"out/vfr_v001.{container}") == pytest.approx(times(path), abs=0.0006)
    assert times(path)[2] == pytest.approx(2500 / 24000, abs=0.0001)
    assert "frame rate is variable" in ran.shot["warnings"][0]


def test_variable_frame_times_that_images_cannot_hold_are_told_before(shotgraph: Run, tmp_path: Path) -> None:
    path = tmp_path / "vfr.mp4"
    write_movie(path, pts=VARIABLE, time_base=Fraction(1, 24000), tone=False, timecode=None)
    images = ("--set", "graph.out.file={root}/out/{shot}.####.png")

    told = shotgraph("plan", "transcode", path, *images)
    refused = shotgraph("run", "transcode", path, *images, "--strict")

    assert "loses pts: variable frame times are dropped by image files; mov and mp4 keep them" in told.out
    assert refused.code == 2
    assert "pts: variable frame times are dropped by image files" in refused.err


@pytest.mark.parametrize(("codec", "pix_fmt"), [("ffv1", "yuv420p"), ("libx264", "yuv444p")])
def test_odd_sizes_come_back_sample_for_sample(lossless: Run, tmp_path: Path, codec: str, pix_fmt: str) -> None:
    path = write_movie(tmp_path / "odd.mkv", size=(65, 47), codec=codec, pix_fmt=pix_fmt)

    ran = lossless(path)

    assert ran.code == 0
    assert decoded(tmp_path / "out/odd_v001.mkv") == decoded(path)


@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_odd_sizes_keep_their_size_in_lossy_codecs(shotgraph: Run, tmp_path: Path, container: str) -> None:
    path = write_movie(tmp_path / "odd.mkv", size=(65, 47), codec="ffv1")

    ran = shotgraph("run", "transcode", path, "--set", f"vars.container={container}")

    video = probed(shotgraph, tmp_path / f"out/odd_v001.{container}")["videos"][0]
    assert ran.code == 0
    assert (video["width"], video["height"], video["timing"]["count"]) == (65, 47, 10)


def test_one_frame_is_a_shot(shotgraph: Run, lossless: Run, tmp_path: Path) -> None:
    path = write_movie(tmp_path / "one.mov", frames=1)
    write_paint(tmp_path / "paint/one.1001.png")

    plain, painted = lossless(path), shotgraph("run", "propagate", path, "--json")

    assert (plain.code, painted.code) == (0, 0)
    assert decoded(tmp_path / "out/one_v001.mkv") == decoded(path)
    assert probed(shotgraph, tmp_path / "out/one_v001.mkv")["timecode"] == "01:00:10:00"
    assert painted.shot["frames"] == "1001"


@pytest.mark.parametrize(("suffix", "count"), [("mkv", 10), ("ts", 10), ("mov", 8), ("mp4", 8)])
def test_pictures_before_zero_are_those_the_container_shows(
    lossless: Run, tmp_path: Path, suffix: str, count: int
) -> None:
    # An edit list hides what lies before 0; transport streams and Matroska have none and show everything.
    path = write_movie(tmp_path / f"early.{suffix}", pts=range(-2, 8), tone=False, timecode=None)

    ran = lossless(path)

    output = tmp_path / "out/early_v001.mkv"
    assert ran.code == 0
    assert len(decoded(output)) == count
    assert decoded(output) == decoded(path)[-count:]


def test_fields_taken_as_frames_stay_fields(shotgraph: Run, tmp_path: Path) -> None:
    path = interlaced(tmp_path / "fields.mov")

    ran = shotgraph("run", "transcode", path, "--set", "graph.plate.interlaced=as_frames", "--json")

    assert ran.code == 0
    assert probed(shotgraph, tmp_path / "out/fields_v001.mov")["videos"][0]["field_order"] == "tt"


def test_what_is_no_file_is_refused(shotgraph: Run, tmp_path: Path) -> None:
    (tmp_path / "dangling.mov").symlink_to("nowhere.mov")
    (tmp_path / "loop.mov").symlink_to("loop.mov")

    for name in ("gone.mov", "dangling.mov", "loop.mov"):
        ran = shotgraph("run", "transcode", tmp_path / name)
        assert ran.code == 66
        assert re.search(rf"Error: input: must be an existing file, sequence or folder, got '.*{name}'", ran.err)


def test_a_movie_that_changes_after_planning_is_not_taken_for_the_old_one(lossless: Run, tmp_path: Path) -> None:
    path = write_movie(tmp_path / "a.mov")
    first = lossless(path)
    write_movie(path, offset=3)

    second = lossless(path)

    assert (first.code, second.code) == (0, 0)
    assert second.shot["state"] == "verified"
    assert decoded(tmp_path / "out/a_v002.mkv") == decoded(path)
    assert decoded(tmp_path / "out/a_v001.mkv") != decoded(path)
