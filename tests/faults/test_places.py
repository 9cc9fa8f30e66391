"""Outputs never destroy what a run reads, nor each other, whatever is forced."""

from pathlib import Path

import pytest
from command_line import Run
from small_shots import FIRST, decoded, images, visible, write_sequence

PRESET = """
shotgraph: 1
shots: {{plate: ["{{root}}/{{shot}}.{{ext}}"]}}
graph:
  plate: {{node: core.read, file: "{{plate}}"}}
  one: {{node: core.write, video: plate, file: "{{root}}/{one}"}}
  two: {{node: core.write, video: plate, file: "{{root}}/{two}"}}
targets: [one, two]
"""


@pytest.mark.parametrize("file", ["{root}/{shot}.mov", "{root}/out/../{shot}.mov", "{root}/link/{shot}.mov"])
def test_a_plate_is_never_written_over(shotgraph: Run, root: Path, file: str) -> None:
    before = decoded(root / "sh010.mov")
    (root / "link").symlink_to(root)

    ran = shotgraph("run", "transcode", root / "sh010.mov", "--force", "--set", f"graph.out.file={file}")

    assert ran.code == 2
    assert ran.err.splitlines()[-1] == (
        f"Error: sh010: out: file must be a place of its own, got {root}/sh010.mov, which is a file of plate; "
        "choose another path"
    )
    assert decoded(root / "sh010.mov") == before


def test_a_plate_behind_a_link_is_never_written_over(shotgraph: Run, root: Path) -> None:
    (root / "shots").mkdir()
    (root / "shots/sh020.mov").symlink_to(root / "sh010.mov")

    ran = shotgraph("run", "transcode", root / "shots", "--force", "--set", "graph.out.file={root}/../sh010.mov")

    assert ran.code == 2
    assert f"got {root}/sh010.mov, which is a file of plate" in ran.err


def test_a_frame_of_a_plate_is_never_written_over(shotgraph: Run, tmp_path: Path) -> None:
    path = write_sequence(tmp_path, range(FIRST, FIRST + 4))
    before = images(tmp_path, ".png")

    ran = shotgraph("run", "transcode", path, "--force", "--set", "graph.out.file={root}/plate.####.png")

    assert ran.code == 2
    assert f"got {tmp_path}/plate.1001.png, which is a file of plate" in ran.err
    assert images(tmp_path, ".png") == before


@pytest.mark.parametrize(
    ("one", "two", "clash"),
    [
        ("out/a.mov", "out/a.mov", "out/a.mov"),
        ("out/a.mov", "out/../out/a.mov", "out/a.mov"),
        ("out/a.####.png", "out/a.####.png", "out/a.1001.png"),
    ],
)
def test_two_targets_cannot_share_a_place(
    shotgraph: Run, root: Path, tmp_path: Path, one: str, two: str, clash: str
) -> None:
    preset = tmp_path / "two.yaml"
    preset.write_text(PRESET.format(one=one, two=two), encoding="utf-8")

    ran = shotgraph("run", preset, root)

    assert ran.code == 2
    assert f"two: file must be a place of its own, got {root}/{clash}, which is written by one" in ran.err
    assert visible(root) == ["sh010.mov"]


def test_places_beside_each_other_are_fine(shotgraph: Run, root: Path, tmp_path: Path) -> None:
    preset = tmp_path / "two.yaml"
    preset.write_text(PRESET.format(one="out/a.mov", two="out/a.####.png"), encoding="utf-8")

    assert shotgraph("run", preset, root).code == 0
