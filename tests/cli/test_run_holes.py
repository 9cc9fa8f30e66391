"""A sequence with a hole, through a whole run, under each policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run
from small_shots import Ran, images, write_sequence

from shotgraph.errors import Exit

PRESET = """
shotgraph: 1
graph:
  plate: {node: core.read, file: "{plate}", holes: HOLES}
  out: {node: core.write, video: plate, file: "{root}/out/{shot}.####.png"}
shots: {plate: "{root}/{shot}/plate.####.png"}
targets: [out]
"""


@pytest.fixture
def holey(tmp_path: Path) -> Path:
    """A folder with one shot, whose frame 1003 is not there."""
    write_sequence(tmp_path / "show" / "sh010", (1001, 1002, 1004))
    return tmp_path / "show"


def _run(shotgraph: Run, root: Path, holes: str) -> Ran:
    preset = root.parent / "holes.yaml"
    preset.write_text(PRESET.replace("HOLES", holes), encoding="utf-8")
    return shotgraph("run", preset, root, "--json")


def test_a_skipped_hole_repeats_the_picture_before_it_and_ends_with_exit_3(holey: Path, shotgraph: Run) -> None:
    ran = _run(shotgraph, holey, "skip")

    written = images(holey / "out", ".png")
    assert ran.code == Exit.SKIPPED_FRAMES, ran.err
    assert len(written) == 4
    assert ran.shot["skipped"] == {"out": [1003]}


def test_a_held_hole_is_no_skipped_frame(holey: Path, shotgraph: Run) -> None:
    ran = _run(shotgraph, holey, "hold")

    assert ran.code == Exit.VERIFIED, ran.err
    assert len(images(holey / "out", ".png")) == 4


def test_a_hole_is_an_error_that_names_it_unless_told_otherwise(holey: Path, shotgraph: Run) -> None:
    ran = _run(shotgraph, holey, "error")

    assert ran.code == Exit.MEDIA_MISSING
    assert "got none for 1003; render them" in ran.out + ran.err
    assert not (holey / "out").exists()
