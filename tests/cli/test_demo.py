"""The real `shotgraph demo`: the first minute with the tool."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from command_line import Run, probed
from numpy.typing import NDArray

from shotgraph.stage.demo import PAINTED_FRAME, object_coordinates


@pytest.fixture
def demo(shotgraph: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    ran = shotgraph("demo", folder)
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


def test_the_demo_carries_the_paint_through_the_whole_shot(shotgraph: Run, demo: Path) -> None:
    plate, edited = demo / "shape.mov", demo / "out/shape_v001.mov"

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
    review = probed(shotgraph, demo / "out/shape_review_v001.mp4")["videos"][0]
    assert (review["width"], review["height"]) == (1280, 360)
    # A second demo in the same place finds everything as it should be.
    again = shotgraph("demo", demo)
    assert again.code == 0
    assert "shape  up to date  1001-1024" in again.out
