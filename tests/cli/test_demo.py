"""The real `shotgraph demo`: the first minute with the tool."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import Run, probed
from numpy.typing import NDArray

from shotgraph.stage.paintshot import PAINTED_FRAME, object_coordinates


@pytest.fixture
def painted(shotgraph: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    ran = shotgraph("demo", "--paint", folder)
    assert ran.code == 0, ran.err
    assert ran.err == ""
    assert ran.out.startswith(f"rendering {folder}\n")
    assert f"plate  {folder}/shape.mov\npaint  {folder}/paint/shape.{PAINTED_FRAME}.png\n" in ran.out
    assert ran.out.endswith(f"The edited shot and its review, side by side, are in {folder}/out\n")
    return folder


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    capture = cv2.VideoCapture(str(path))
    found: list[NDArray[np.uint8]] = []
    while (answer := capture.read())[0]:
        found.append(np.asarray(answer[1], np.uint8))
    capture.release()
    return found


def test_the_demo_edits_a_shot_by_prompt_and_judges_it(shotgraph: Run, tmp_path: Path) -> None:
    folder = tmp_path / "demo"

    ran = shotgraph("demo", folder)

    assert ran.code == 0, ran.err
    right = re.search(r"asked {7}colour (\w+) -> (\w+): right in (\d+) of (\d+) frames", ran.out)
    assert right is not None, ran.out
    assert right[1] != right[2]
    assert int(right[4]) == 12
    assert int(right[3]) >= 10
    background = re.search(r"background {2}([\d.]+) dB to the plate", ran.out)
    assert background is not None
    assert float(background[1]) > 24
    # Timecode, reel, sound, rate and size are those of the plate; nothing but the pixels differs.
    plate, edited = folder / "stage/plate.mov", folder / "out/stage_v001.mov"
    told = shotgraph("verify", edited, plate)
    assert told.code == 0
    assert "DIFFERS" not in told.out
    assert probed(shotgraph, edited)["timecode"] == probed(shotgraph, plate)["timecode"] == "01:00:00:00"
    review = probed(shotgraph, folder / "out/stage_review_v001.mp4")["videos"][0]
    assert (review["width"], review["height"]) == (256, 128)


def test_the_paint_demo_carries_the_paint_through_the_whole_shot(shotgraph: Run, painted: Path) -> None:
    plate, edited = painted / "shape.mov", painted / "out/shape_v001.mov"

    before, after = pictures(plate), pictures(edited)

    assert len(before) == len(after) == 24
    for index in (0, 23):
        u, v = object_coordinates(1001 + index)
        difference = np.abs(after[index].astype(int) - before[index]).max(axis=-1)
        # The middle of the flower is on the disc in every frame; far from the disc nobody painted.
        assert np.median(difference[np.hypot(u, v) < 20]) > 40
        assert np.median(difference[np.hypot(u, v) > 120]) <= 2
    # Nothing but the pixels differs.
    told = shotgraph("verify", edited, plate)
    assert told.code == 0
    assert "DIFFERS" not in told.out
    assert probed(shotgraph, edited)["timecode"] == "10:00:00:00"
    review = probed(shotgraph, painted / "out/shape_review_v001.mp4")["videos"][0]
    assert (review["width"], review["height"]) == (1280, 360)
    # A second demo in the same place finds everything as it should be.
    again = shotgraph("demo", "--paint", painted)
    assert again.code == 0
    assert "shape  up to date  1001-1024" in again.out
