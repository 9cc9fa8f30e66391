"""Broken and unusual image sequences through a whole run."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from small_shots import FIRST, decoded, rgb, visible, write_image, write_paint, write_sequence

FRAMES = range(FIRST, FIRST + 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "show"


def pattern(folder: Path) -> Path:
    return write_sequence(folder, FRAMES)


def test_an_image_of_another_size_is_named(lossless: Run, folder: Path) -> None:
    path = pattern(folder)
    write_image(folder / "plate.1003.png", rgb(2, width=32, height=24))

    ran = lossless(path)

    assert ran.code == 65
    assert ran.err.splitlines()[-1] == (
        f"Error: plate: {folder}/plate.1003.png: image must be 64x48 gbrp (R, G, B) like the first of its sequence, got "
        "32x24 gbrp (R, G, B); render it again, or read the parts as two sequences"
    )


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (np.dstack([rgb(2), rgb(2)[..., :1]]), "64x48 gbrap (R, G, B, A)"),
        (rgb(2).astype(np.uint16) * 257, "64x48 gbrp16 (R, G, B)"),
    ],
)
def test_an_image_of_another_kind_is_named(lossless: Run, folder: Path, pixels: np.ndarray, found: str) -> None:
    path = pattern(folder)
    write_image(folder / "plate.1004.png", pixels, alpha=pixels.shape[-1] == 4)

    ran = lossless(path)

    assert ran.code == 65
    assert f"plate.1004.png: image must be 64x48 gbrp (R, G, B) like the first of its sequence, got {found}" in ran.err


@pytest.mark.parametrize("frame", [1001, 1003, 1005])
def test_an_empty_image_is_named(lossless: Run, folder: Path, frame: int) -> None:
    path = pattern(folder)
    (folder / f"plate.{frame}.png").write_bytes(b"")

    ran = lossless(path)

    assert ran.code == 65
    assert f"Error: plate: {folder}/plate.{frame}.png: image must be readable, got " in ran.err
    assert visible(folder / "out") == []


@pytest.mark.parametrize("frame", [1001, 1003, 1005])
def test_an_empty_image_is_filled_when_told_so_and_that_is_told(lossless: Run, folder: Path, frame: int) -> None:
    path = pattern(folder)
    (folder / f"plate.{frame}.png").write_bytes(b"")

    ran = lossless(path, "--set", "graph.plate.corrupt=hold")

    assert ran.code == 0
    frames = decoded(Path(ran.shot["outputs"][0]["path"]))
    held = {1001: 1, 1003: 1, 1005: 3}[frame]
    assert frames[frame - 1001] == frames[held]
    assert len(set(frames)) == 4
    assert any(f"plate.{frame}.png: image must be readable, got " in warning for warning in ran.shot["warnings"])


def test_half_an_image_is_named(lossless: Run, folder: Path) -> None:
    path = pattern(folder)
    half = folder / "plate.1003.png"
    half.write_bytes(half.read_bytes()[:2000])

    ran = lossless(path)

    assert ran.code == 65
    assert f"Error: plate: {half}: image must decode, got " in ran.err
    assert ran.err.rstrip().endswith("; render or copy it again")
    assert visible(folder / "out") == []


def test_half_an_image_is_filled_when_told_so_and_that_is_told(lossless: Run, folder: Path) -> None:
    path = pattern(folder)
    intact = lossless(path)
    half = folder / "plate.1003.png"
    half.write_bytes(half.read_bytes()[:2000])

    held = lossless(path, "--set", "graph.plate.corrupt=hold")
    black = lossless(path, "--set", "graph.plate.corrupt=black")

    one, two, three = (decoded(folder / f"out/plate_v00{n}.mkv") for n in (1, 2, 3))
    assert [ran.code for ran in (intact, held, black)] == [0, 0, 0]
    assert two == [*one[:2], one[1], *one[3:]]
    assert three[:2] + three[3:] == one[:2] + one[3:]
    assert three[2] not in one
    for ran in (held, black):
        assert "plate: frames 1003 did not decode; another picture stands in, as corrupt says" in ran.shot["warnings"]


def test_holes_are_named_with_the_policies_that_cure_them(lossless: Run, folder: Path) -> None:
    path = write_sequence(folder, (1001, 1002, 1005, 1006, 1009))

    ran = lossless(path)

    assert ran.code == 66
    assert ran.err.splitlines()[-1] == (
        f"Error: plate: {path}: sequence must have every frame of 1001-1009, got none for 1003-1004,1007-1008; "
        "render them, or read it with holes: hold, black or skip"
    )


def test_held_holes_repeat_the_frame_before_and_are_told(lossless: Run, folder: Path) -> None:
    path = write_sequence(folder, (1001, 1002, 1005))

    ran = lossless(path, "--set", "graph.plate.holes=hold")

    pictures = decoded(folder / "out/plate_v001.mkv")
    assert ran.code == 0
    assert [pictures.index(picture) for picture in pictures] == [0, 1, 1, 1, 4]
    assert "sequence has holes: 1003-1004" in ran.shot["warnings"]


def test_skipped_holes_end_with_3(lossless: Run, folder: Path) -> None:
    path = write_sequence(folder, (1001, 1002, 1005))

    ran = lossless(path, "--set", "graph.plate.holes=skip")

    assert (ran.code, ran.shot["state"]) == (3, "skipped frames")
    assert ran.shot["skipped"] == {"out": [1003, 1004]}
    assert len(decoded(folder / "out/plate_v001.mkv")) == 5


def test_skipped_frames_are_never_up_to_date(lossless: Run, folder: Path) -> None:
    path = write_sequence(folder, (1001, 1002, 1004))
    skip = ("--set", "graph.plate.holes=skip")
    assert lossless(path, *skip).code == 3

    again = lossless(path, *skip)
    write_sequence(folder, (1003,))
    whole = lossless(path, *skip)

    assert (again.code, again.shot["state"]) == (3, "skipped frames")
    assert (whole.code, whole.shot["state"]) == (0, "verified")
    assert len(set(decoded(Path(whole.shot["outputs"][0]["path"])))) == 4


def test_one_image_is_a_shot_of_one_frame(lossless: Run, folder: Path) -> None:
    path = write_sequence(folder, (1007,))

    ran = lossless(path)

    assert (ran.code, ran.shot["frames"]) == (0, "1007")


def test_paint_of_another_size_is_refused_before_a_frame_is_computed(shotgraph: Run, folder: Path) -> None:
    pattern(folder / "sh010")
    write_paint(folder / "paint/sh010.1003.png", size=(32, 24))

    ran = shotgraph("run", "propagate", folder)

    assert ran.code == 2
    assert (
        "edit: paint on frame 1003 must be 64x48 like the plate, got 32x24; "
        "export the plate from this shot and paint over that"
    ) in ran.err
    assert visible(folder / "out") == []


def test_paint_that_does_not_open_is_corrupt_media(shotgraph: Run, folder: Path) -> None:
    pattern(folder / "sh010")
    paint = write_paint(folder / "paint/sh010.1003.png")
    paint.write_bytes(paint.read_bytes()[:60])

    ran = shotgraph("run", "propagate", folder)

    assert ran.code == 65
    assert f"Error: sh010: {paint}: image must be readable, got " in ran.err


def test_paint_on_a_frame_the_shot_does_not_have_is_refused(shotgraph: Run, folder: Path) -> None:
    pattern(folder / "sh010")
    write_paint(folder / "paint/sh010.2003.png")

    ran = shotgraph("run", "propagate", folder)

    assert ran.code == 2
    assert "painted frames must lie in 1001-1005, got 2003; number paint like the shot" in ran.err
