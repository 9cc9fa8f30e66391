"""Names of shots, folders and reels are untrusted text: they are only names, and come back as they were."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Run, probed
from small_shots import decoded, images, visible, write_movie, write_paint

INJECTION = """$(touch x)'";"""
NAMES = [
    "sh 010",
    "-rf",
    "--set",
    "shot\N{CLAPPER BOARD}",
    "\N{HIRAGANA LETTER SI}\N{HIRAGANA LETTER YO}",
    "e\N{COMBINING ACUTE ACCENT}",
    "a" * 200,
    "50%",
    "a%04d",
    "a$F4",
    "{shot}",
    "${vars.codec}",
    "a#1",
    "g*?[x]",
    "~",
    "q'uo\"te",
    "a;b&c|d",
    "http:x",
    "trailing ",
    "[bold]x",
    "<script>",
]
REFUSED = ["a..b", "a\nb", "a\tb", "\x1b[31mred", "new\\slash"]


@pytest.mark.parametrize("name", NAMES)
def test_a_shot_may_be_called_anything_that_a_file_can(lossless: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "show"
    source = write_movie(folder / f"{name}.mov", frames=2)

    ran = lossless(folder)

    assert ran.code == 0, ran.err
    assert ran.shot["shot"] == name
    assert visible(folder) == sorted([f"{name}.mov", f"out/{name}_v001.mkv"])
    assert decoded(folder / f"out/{name}_v001.mkv") == decoded(source)
    assert lossless(folder).shot["state"] == "up to date"


@pytest.mark.parametrize("name", [name for name in NAMES if "#" not in name])
def test_a_sequence_may_be_called_so_too(shotgraph: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "show"
    write_movie(folder / f"{name}.mov", frames=3)

    ran = shotgraph("run", "transcode", folder, "--set", "graph.out.file={root}/out/{shot}.####.png", "--json")

    assert ran.code == 0, ran.err
    assert list(images(folder / "out", ".png")) == [f"{name}.{frame}.png" for frame in (1001, 1002, 1003)]


def test_a_name_with_number_signs_cannot_be_told_from_the_frame_number(shotgraph: Run, tmp_path: Path) -> None:
    folder = tmp_path / "show"
    write_movie(folder / "a##b.mov", frames=2)

    ran = shotgraph("run", "transcode", folder, "--set", "graph.out.file={root}/out/{shot}.####.png")

    assert ran.code == 2
    assert "file must hold one run of # for the frame number, got 'a##b.####.png'" in ran.err
    assert visible(folder) == ["a##b.mov"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_forge_a_line_or_a_path_is_refused(lossless: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "show"
    write_movie(folder / f"{name}.mov", frames=2)

    ran = lossless(folder)

    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert ran.err.startswith(
        f"Error: shots: shot must not hold a separator, '..' or a control character, got {name!r} from "
    )
    assert "\x1b" not in ran.err


def test_a_name_that_looks_like_the_version_is_refused(lossless: Run, tmp_path: Path) -> None:
    folder = tmp_path / "{version}"
    write_movie(folder / "sh010.mov", frames=2)

    ran = lossless(folder)

    assert ran.code == 2
    assert f"field {{root}} must not hold a field itself, got '{folder}'; rename it" in ran.err
    assert [f.name for f in tmp_path.iterdir() if f.name != "xdg-cache"] == ["{version}"]


def test_a_name_too_long_for_the_part_of_its_output_is_an_error(lossless: Run, tmp_path: Path) -> None:
    folder = tmp_path / "show"
    write_movie(folder / f"{'b' * 246}.mov", frames=2)

    ran = lossless(folder)

    assert ran.code == 74
    assert "the header must be written, got " in ran.err
    assert "File name too long" in ran.err


@pytest.mark.parametrize("name", ["new\nline", "ha####sh", "sp ace", "-x", "\N{FILM FRAMES}"])
def test_a_folder_may_be_called_anything(lossless: Run, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    write_movie(folder / "sh010.mov", frames=4)

    whole, part = lossless(folder), lossless(folder, "-F", "1002-1003")

    assert (whole.code, part.code) == (0, 0), whole.err + part.err
    assert len(decoded(folder / "out/sh010_v001.mkv")) == 4
    assert len(decoded(Path(part.shot["outputs"][0]["path"]))) == 2


def test_nothing_of_a_name_reaches_a_shell(tmp_path: Path) -> None:
    root = tmp_path / "show"
    write_movie(root / f"{INJECTION}.mov", frames=4, reel="<script>")
    write_paint(root / f"paint/{INJECTION}.1003.png")

    done = subprocess.run(
        [sys.executable, "-m", "shotgraph", "run", "review", str(root), "-t", "out", "-t", "review", "--json"],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (shot,) = json.loads(done.stdout)["shots"]
    assert shot["shot"] == INJECTION
    assert visible(root / "out") == [f"{INJECTION}_review_v001.mp4", f"{INJECTION}_v001.mov"]
    assert [f for f in tmp_path.rglob("*") if f.name == "x"] == []


@pytest.mark.parametrize("reel", ["<script>", INJECTION, "A 001", "\N{CLAPPER BOARD}", "-x", "%s%n", "R" * 200])
@pytest.mark.parametrize("container", ["mov", "mkv"])
def test_a_reel_comes_back_as_it_was(shotgraph: Run, tmp_path: Path, reel: str, container: str) -> None:
    source = write_movie(tmp_path / "a.mov", frames=2, reel=reel)

    ran = shotgraph("run", "transcode", source, "--set", f"vars.container={container}")

    assert ran.code == 0, ran.err
    assert probed(shotgraph, source)["reel"] == reel
    assert probed(shotgraph, tmp_path / f"out/a_v001.{container}")["reel"] == reel
