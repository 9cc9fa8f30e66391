"""Decomposition inside the real engine: atlases out, paint in, and a coded movie that differs only where paint is."""

from pathlib import Path

import av
import numpy as np
import pytest
from command_line import Run
from small_shots import HEIGHT, decoded, write_movie

from shotgraph.io.pictures import read_picture
from tests.plugins.decompose.conftest import save

PRESET = """
shotgraph: 1
vars: {missing: passthrough}
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  flow: {node: flow.dis, video: plate, preset: ultrafast}
  layers: {node: decompose.layers, video: plate, flow: flow, steps: 120, step_pixels: 1024}
  atlas: {node: decompose.export, layers: layers, file: "{root}/atlas/{shot}.#.png"}
  report: {node: core.save, value: layers.report, file: "{root}/atlas/{shot}.csv"}
  edit:
    node: decompose.apply
    video: plate
    layers: layers
    file: "{root}/paint/{shot}.#.png"
    missing_paint: "${vars.missing}"
  out: {node: core.write, video: edit, file: "{root}/out/{shot}.mkv", codec: ffv1}
targets: [atlas, report, out]
"""
# What is painted, in texels of the atlas: the whole picture is one layer, and drifts by (1.5, 0.5) pixels a frame.
SIDE = 10


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "paint.yaml"
    path.write_text(PRESET, encoding="utf-8")
    return path


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    return write_movie(tmp_path / "show/sh010.mov", frames=5, tone=False)


def luma(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="yuv420p")[:HEIGHT] for frame in container.decode(video=0)]


def paint(plate: Path) -> None:
    """A white square in the middle of the exported atlas, saved with 8 bits."""
    picture, _ = read_picture(plate.parent / "atlas/sh010.0.png")
    row, column = picture.shape[0] // 2, picture.shape[1] // 2
    picture[row : row + SIDE, column : column + SIDE, :3] = 1
    save(plate.parent / "paint/sh010.0.png", np.rint(picture * 255).astype(np.uint8))


def test_a_shot_without_paint_keeps_every_sample_and_gets_its_atlas(shotgraph: Run, preset: Path, plate: Path) -> None:
    ran = shotgraph("run", preset, plate, "--json")

    assert (ran.code, ran.shot["state"]) == (0, "verified"), ran.err
    assert decoded(plate.parent / "out/sh010.mkv") == decoded(plate)
    assert (plate.parent / "atlas/sh010.0.png").is_file()
    assert not (plate.parent / "atlas/sh010.1.png").exists()
    report = (plate.parent / "atlas/sh010.csv").read_text(encoding="utf-8")
    assert report.startswith("test,layer,value,rule,bound,passed,cure\nflow,-1,")


def test_paint_on_the_atlas_moves_with_it_and_all_else_keeps_its_samples(
    shotgraph: Run, preset: Path, plate: Path
) -> None:
    shotgraph("run", preset, plate)
    paint(plate)

    ran = shotgraph("run", preset, plate, "--json")

    assert (ran.code, ran.shot["state"]) == (0, "verified"), ran.err
    assert not {"flow", "layers"} & set(ran.shot["computed"]), "the fit is kept"
    pairs = list(zip(luma(plate), luma(plate.parent / "out/sh010.mkv"), strict=True))
    centres = []
    for before, after in pairs:
        changed = before != after
        rows, columns = np.nonzero(changed)
        # Nothing outside one square of the paint's size, and of what a linear read adds.
        assert (np.ptp(rows), np.ptp(columns)) <= (SIDE + 3, SIDE + 3)
        assert changed.sum() > 0.8 * SIDE**2
        centres.append((columns.mean(), rows.mean()))
    drift = np.diff(centres, axis=0)
    np.testing.assert_allclose(drift, np.broadcast_to([1.5, 0.5], drift.shape), atol=0.7)


def test_a_shot_that_must_have_paint_is_refused_without(shotgraph: Run, preset: Path, plate: Path) -> None:
    ran = shotgraph("run", preset, plate, "--set", "vars.missing=error")

    assert ran.code == 66
    assert "edit: file must name painted atlases, got none at" in ran.err + ran.out
    assert not (plate.parent / "out").exists()


def test_a_shot_that_is_too_long_is_refused_before_anything_is_computed(
    shotgraph: Run, preset: Path, plate: Path
) -> None:
    ran = shotgraph("run", preset, plate, "--set", "graph.layers.most_frames=4")

    assert ran.code == 2
    assert (
        "layers: at most 4 frames must be fitted, got 5; name a part of them, like frames: 1001-1048"
        in ran.err + ran.out
    )
