"""Propagation inside the real engine: with paint, without, and where paint is a must."""

from pathlib import Path

import av
import numpy as np
import pytest
from command_line import Run
from small_shots import HEIGHT, WIDTH, decoded, write_image, write_movie

PRESET = """
shotgraph: 1
vars: {missing: passthrough}
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  flow: {node: flow.dis, video: plate, preset: ultrafast}
  edit:
    node: edit.propagate
    video: plate
    flow: flow
    file: "{root}/paint/{shot}.####.png"
    missing_paint: "${vars.missing}"
  out: {node: core.write, video: edit, file: "{root}/out/{shot}.mkv", codec: ffv1}
targets: [out]
"""
# Where the paint is, in pixels: away from the border, so that it stays inside while the texture drifts.
TOP, LEFT, SIDE = 20, 16, 12


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "carry.yaml"
    path.write_text(PRESET, encoding="utf-8")
    return path


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    return write_movie(tmp_path / "show/sh010.mov", frames=5, tone=False)


def luma(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="yuv420p")[:HEIGHT] for frame in container.decode(video=0)]


def paint(plate: Path, frame: int) -> None:
    """A blot of another colour with straight alpha, on a frame of its own number."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = (250, 10, 240, 255)
    write_image(plate.parent / f"paint/{plate.stem}.{frame}.png", pixels, alpha=True)


def test_a_shot_without_paint_computes_no_flow_and_keeps_every_sample(
    shotgraph: Run, preset: Path, plate: Path
) -> None:
    ran = shotgraph("run", preset, plate, "--json")
    planned = shotgraph("plan", preset, plate)

    assert (ran.code, ran.shot["state"]) == (0, "verified")
    assert set(ran.shot["computed"]) == {"plate", "out"}
    assert decoded(plate.parent / "out/sh010.mkv") == decoded(plate)
    assert "edit: no painted frame at " in planned.out


def test_paint_is_carried_to_every_frame_and_touches_nothing_else(shotgraph: Run, preset: Path, plate: Path) -> None:
    paint(plate, 1003)

    ran = shotgraph("run", preset, plate, "--json")

    assert (ran.code, ran.shot["state"]) == (0, "verified")
    assert ran.shot["computed"]["flow"] == 5
    pairs = zip(luma(plate), luma(plate.parent / "out/sh010.mkv"), strict=True)
    for offset, (before, after) in enumerate(pairs, start=-2):
        # The texture, and with it the paint, drifts by (1.5, 0.5) pixels a frame; two pixels for what flow may err.
        left, top = round(LEFT + 1.5 * offset), round(TOP + 0.5 * offset)
        outside = np.ones_like(before, bool)
        outside[top - 2 : top + SIDE + 2, left - 2 : left + SIDE + 2] = False
        inside = (slice(top + 2, top + SIDE - 2), slice(left + 2, left + SIDE - 2))
        np.testing.assert_array_equal(after[outside], before[outside])
        # Every pixel of the blot has one colour, whatever the texture was.
        assert np.ptp(after[inside]) <= 12 < np.ptp(before[inside])


def test_a_shot_that_must_have_paint_is_refused_without(shotgraph: Run, preset: Path, plate: Path) -> None:
    ran = shotgraph("run", preset, plate, "--set", "vars.missing=error")

    assert ran.code == 66
    assert "edit: file must name painted frames, got none at" in ran.err + ran.out
    assert not (plate.parent / "out").exists()
