"""Analysis with tiny checkpoints inside the real engine: parts equal the whole, and weights are in the plan."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from small_shots import images, write_movie
from tiny_checkpoints import write_raft, write_sam2
from tiny_depths import write_dpt
from tiny_lines import write_lines
from tiny_poses import write_vitpose

from shotgraph.errors import Exit
from shotgraph.models.registry import resolve

Checkpoint = Callable[..., Path]

PRESET = """
shotgraph: 1
vars: {{depth: {depth}, estimator: vitpose}}
shots: {{plate: ["{{root}}/{{shot}}.{{ext}}"]}}
graph:
  plate: {{node: core.read, file: "{{plate}}"}}
  flow: {{node: flow.raft, video: plate, weights: {raft}, size: small, updates: 1}}
  cuts: {{node: cuts.detect, video: plate}}
  depth: {{node: depth.estimate, video: plate, flow: flow, cuts: cuts, model: "${{vars.depth}}", batch_frames: 2}}
  pose: {{node: pose.estimate, video: plate, cuts: cuts, model: {pose}, estimator: "${{vars.estimator}}", least_joint: 0.001}}
  skeleton: {{node: pose.render, pose: pose.pose, least_joint: 0.001}}
  lines: {{node: edges.teed, video: plate, weights: {teed}, detect_px: 64}}
  matte: {{node: matte.sam2, video: plate, model: {sam2}, frame: 1003, points: [[20, 20, 1]]}}

  flow_pass: {{node: core.write, video: flow, file: "{{root}}/out/flow.####.exr"}}
  depth_pass: {{node: core.write, video: depth, file: "{{root}}/out/depth.####.exr"}}
  pose_pass: {{node: core.write, video: skeleton, file: "{{root}}/out/pose.####.png"}}
  lines_pass: {{node: core.write, video: lines, file: "{{root}}/out/lines.####.exr"}}
  matte_pass: {{node: core.write, video: matte, file: "{{root}}/out/matte.####.exr"}}
  joints: {{node: core.save, value: pose.joints, file: "{{root}}/out/joints.csv"}}
targets: [flow_pass, depth_pass, pose_pass, lines_pass, matte_pass, joints]
"""


@pytest.fixture
def preset(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "analyse.yaml"
    weights = {
        "raft": checkpoint(write_raft, "small", suffix=".pth"),
        "teed": checkpoint(write_lines, "teed", suffix=".pth"),
        "depth": checkpoint(write_dpt),
        "pose": checkpoint(write_vitpose),
        "sam2": checkpoint(write_sam2),
    }
    path.write_text(PRESET.format(**weights), encoding="utf-8")
    return path


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """Five frames: two whole batches, and one that is filled up."""
    return write_movie(tmp_path / "show/sh010.mov", frames=5, tone=False)


@pytest.fixture
def analysed(shotgraph: Run, preset: Path, plate: Path) -> Any:
    """Run the preset over the plate on one thread."""

    def run(*arguments: object) -> Any:
        return shotgraph("run", preset, plate, "--threads", 1, "--json", *arguments)

    return run


def passes(folder: Path) -> dict[str, str]:
    """Digest of every picture, by its name."""
    return images(folder, ".exr") | images(folder, ".png")


def test_a_part_of_the_shot_equals_that_part_of_the_whole(analysed: Any, plate: Path, tmp_path: Path) -> None:
    out = plate.parent / "out"
    whole = analysed()
    pictures, joints = passes(out), (out / "joints.csv").read_text(encoding="utf-8")
    shutil.rmtree(out)
    part = analysed("-F", "1002-1003", "--cache", tmp_path / "other")

    assert (whole.code, part.code) == (0, 0), (whole.err, part.err)
    assert len(pictures) == 25
    for name in ("flow", "depth", "lines"):
        assert len({digest for file, digest in pictures.items() if file.startswith(name)}) == 5
    assert passes(out) == {name: pictures[name] for name in pictures if ".1002." in name or ".1003." in name}
    assert (out / "joints.csv").read_text(encoding="utf-8") == joints
    assert len(joints.splitlines()) == 1 + 5 * 17


def test_digests_of_all_weights_are_in_the_plan(
    shotgraph: Run, preset: Path, plate: Path, checkpoint: Checkpoint
) -> None:
    ran = shotgraph("plan", preset, plate, "--json")

    assert ran.code == 0, ran.err
    for write in (write_dpt, write_vitpose, write_sam2):
        assert resolve(str(checkpoint(write))).digest in ran.out


def test_dwpose_and_an_absent_model_are_69_before_a_frame_is_read(analysed: Any, plate: Path) -> None:
    dwpose = analysed("--set", "vars.estimator=dwpose")
    absent = analysed("--set", "vars.depth=acme/none@" + "0" * 40)

    assert (dwpose.code, absent.code) == (Exit.UNAVAILABLE, Exit.UNAVAILABLE)
    assert "got dwpose, which needs mmcv" in dwpose.err
    assert "with a network run: shotgraph models pull acme/none@" in absent.err
    assert not (plate.parent / "out").exists()
