"""Passes through whole runs: read beside a plate, and written so that other programs and we read them back."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from command_line import Run
from numpy.typing import NDArray
from pass_files import write_part
from small_shots import Ran, images
from stage_clips import lively

from shotgraph.errors import Exit
from shotgraph.stage.footage import ShotFolder, write_shot_folder
from shotgraph.stage.scene import Scene
from shotgraph.stage.truth import depth_frame, flow_frame

FRAMES = 4

PRESET = """
shotgraph: 1
vars: {flow: "{root}/{shot}/truth/flow.####.exr", depth: "{root}/{shot}/truth/depth.####.exr", fit: error}
shots: {plate: "{root}/{shot}/plate.*"}
graph:
  plate: {node: core.read, file: "{plate}"}
  flow: {node: flow.read, video: plate, file: "${vars.flow}", fit: "${vars.fit}"}
  depth: {node: depth.read, video: plate, file: "${vars.depth}", fit: "${vars.fit}"}
  matte: {node: matte.read, video: plate, file: "{root}/{shot}/truth/ids.####.exr", ids: [1], fit: "${vars.fit}"}
  flow_out: {node: core.write, video: flow, file: "{root}/passes/flow.####.exr"}
  depth_out: {node: core.write, video: depth, file: "{root}/passes/depth.####.exr"}
  matte_out: {node: core.write, video: matte, file: "{root}/passes/matte.####.exr"}
targets: [flow_out, depth_out, matte_out]
"""


@pytest.fixture
def shot(tmp_path: Path) -> ShotFolder:
    return write_shot_folder(tmp_path / "show" / "sh010", lively(frames=FRAMES))


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    path = tmp_path / "passes.yaml"
    path.write_text(PRESET, encoding="utf-8")
    return path


@pytest.fixture
def run(shotgraph: Run, shot: ShotFolder, preset: Path) -> Run:
    """``run(*options)``: the preset over the stage's shot."""

    def go(*options: str) -> Ran:
        return shotgraph("run", preset, shot.folder.parent, "--json", *options)

    return go


def channels(path: Path) -> dict[str, NDArray[np.float32]]:
    """By OpenImageIO alone."""
    source = oiio.ImageInput.open(str(path))
    names = source.spec().channelnames
    planes = np.moveaxis(source.read_image(oiio.FLOAT).reshape(source.spec().height, source.spec().width, -1), -1, 0)
    source.close()
    return dict(zip(names, planes, strict=True))


def passes(root: Path, name: str, frames: Iterable[int]) -> list[dict[str, NDArray[np.float32]]]:
    return [channels(root / "passes" / f"{name}.{frame}.exr") for frame in frames]


def test_the_stages_passes_are_read_and_written_as_the_truth_they_are(run: Run, shot: ShotFolder) -> None:
    ran = run()

    scene, root = Scene(lively(frames=FRAMES)), shot.folder.parent
    assert ran.code == Exit.VERIFIED, ran.err
    for time, (flow, depth, matte) in enumerate(
        zip(*(passes(root, name, range(1001, 1001 + FRAMES)) for name in ("flow", "depth", "matte")), strict=True)
    ):
        truth = channels(shot.truth / f"flow.{1001 + time}.exr")
        assert sorted(flow) == ["backward.u", "backward.v", "forward.u", "forward.v", "occluded"]
        assert all(np.array_equal(flow[name], truth[name]) for name in truth)
        if time < FRAMES - 1:
            forward = flow_frame(scene, time).forward
            assert np.array_equal(flow["forward.u"], forward[..., 0])
            assert np.array_equal(flow["forward.v"], -forward[..., 1])
        assert np.array_equal(depth["Z"], depth_frame(scene, time).values)
        assert np.array_equal(matte["A"], scene.ids(time) == 1)


def test_a_part_of_the_passes_has_the_bytes_of_the_whole(run: Run, shot: ShotFolder) -> None:
    folder = shot.folder.parent / "passes"
    run("-F", "1002-1003")
    part = images(folder, ".exr")
    # Else what is there already would be left as it is.
    shutil.rmtree(folder)

    run()

    whole = images(folder, ".exr")
    assert sorted(part) == [f"{name}.{frame}.exr" for name in ("depth", "flow", "matte") for frame in (1002, 1003)]
    assert part == {name: whole[name] for name in part}
    assert len(whole) == 3 * FRAMES


def test_a_changed_id_changes_the_matte_of_its_frame_and_nothing_else(run: Run, shot: ShotFolder) -> None:
    folder = shot.folder.parent / "passes"
    run()
    before = {path.name: path.stat().st_ino for path in folder.glob("*.exr")}
    ids = shot.truth / "ids.1002.exr"
    write_part(ids, {"Y": np.ones((64, 96), np.float32)})

    ran = run()

    after = {path.name: path.stat().st_ino for path in folder.glob("*.exr")}
    assert ran.code == Exit.VERIFIED, ran.err
    assert [name for name in after if after[name] != before[name]] == ["matte.1002.exr"]
    assert (channels(folder / "matte.1002.exr")["A"] == 1).all()


def test_a_matte_that_vanishes_is_told_with_its_frames(run: Run, shot: ShotFolder) -> None:
    for frame in (1002, 1003):
        write_part(shot.truth / f"ids.{frame}.exr", {"Y": np.zeros((64, 96), np.float32)})

    ran = run()

    assert ran.code == Exit.VERIFIED, ran.err
    assert "matte: the matte shows nothing on frames 1002-1003" in ran.out + ran.err


def test_a_pass_of_another_size_is_refused_before_anything_is_written(run: Run, shot: ShotFolder) -> None:
    for frame in range(1001, 1001 + FRAMES):
        write_part(shot.truth / f"depth.{frame}.exr", {"Z": np.ones((32, 48), np.float32)})

    ran = run()

    assert ran.code == Exit.MEDIA_CORRUPT
    assert "depth.####.exr must be 96x64 like video, got 48x32; render it at that size" in ran.out + ran.err
    assert not (shot.folder.parent / "passes").exists()


def test_what_a_file_lacks_of_flow_is_named(run: Run) -> None:
    ran = run("--set", "vars.flow={root}/{shot}/truth/depth.####.exr")

    assert ran.code == Exit.MEDIA_CORRUPT
    assert "forward must be two channels of the file, got no forward.u and no forward.v among Z" in ran.out + ran.err
