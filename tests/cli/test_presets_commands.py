"""`presets` and `check`."""

import json
from pathlib import Path
from typing import Any

import pytest

from shotgraph.errors import Exit
from shotgraph.presets import shipped

SOUND = """
shotgraph: 1
shots: {plate: ["{root}/{shot}/plate.*"]}
graph:
  first: {node: turn.source}
  second: {node: turn.it, video: first, turns: 2}
  last: {node: turn.target, video: second}
targets: [last]
"""
ENDS = """
from shotgraph.api import Ports, Rgb, Source, Target
class First(Source):
    '''A source.'''
    id = "turn.source"
    version = "1"
    class Out(Ports):
        '''One picture.'''
        video: Rgb
class Last(Target):
    '''A target.'''
    id = "turn.target"
    version = "1"
    class In(Ports):
        '''One picture.'''
        video: Rgb
"""


@pytest.fixture
def preset(tmp_path: Path, site: Any) -> Path:
    site.node("studio_nodes", "turn.it")
    site.module("studio_ends", ENDS)
    nodes = {"turn.it": "studio_nodes:Turn", "turn.source": "studio_ends:First", "turn.target": "studio_ends:Last"}
    site.install("studio", "1.2", nodes=nodes)
    file = tmp_path / "sound.yaml"
    file.write_text(SOUND)
    return file


def test_presets_lists_those_that_ship_with_their_files(shotgraph: Any) -> None:
    ran = shotgraph("presets")
    document = json.loads(shotgraph("presets", "--json").out)

    assert [line.split()[0] for line in ran.out.splitlines()[1:]] == list(shipped())
    assert all(Path(item["path"]).stem == item["name"] for item in document)


def test_a_studios_folder_comes_first(shotgraph: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "grade.yaml").write_text("shotgraph: 1\n")
    (tmp_path / "site.yaml").write_text("presets: [house]\n")
    monkeypatch.setenv("SHOTGRAPH_CONFIG", str(tmp_path / "site.yaml"))

    assert shotgraph("presets").out.splitlines()[1].split() == ["grade", str(tmp_path / "house" / "grade.yaml")]
    assert shotgraph("presets", "show", "grade").out == "shotgraph: 1\n"


def test_a_sound_preset_is_called_sound(shotgraph: Any, preset: Path) -> None:
    ran = shotgraph("check", preset)

    assert ran.code == Exit.VERIFIED
    assert ran.out == f"{preset}: sound, 3 nodes, targets last\n"


def test_every_fault_is_told_at_once_with_its_place(shotgraph: Any, preset: Path) -> None:
    preset.write_text(SOUND.replace("turns: 2", "turns: -2").replace("video: first", "vidio: first"))

    ran = shotgraph("check", preset)
    as_json = shotgraph("check", preset, "--json")

    assert ran.code == as_json.code == Exit.USAGE
    assert f"{preset}:6:" in ran.err
    assert "vidio" in ran.err
    assert "-2" in ran.err
    document = json.loads(as_json.out)
    assert document["ok"] is False
    assert len(document["faults"]) >= 2
    assert ran.err.splitlines()[-1].startswith(f"Error: preset: must be free of faults, got {len(document['faults'])}")


def test_set_is_checked_too(shotgraph: Any, preset: Path) -> None:
    ran = shotgraph("check", preset, "--set", "graph.second.turns=-7")

    assert ran.code == Exit.USAGE
    assert "-7" in ran.err


def test_with_inputs_each_shot_is_checked(shotgraph: Any, preset: Path, tmp_path: Path) -> None:
    for name in ("sq1", "sq2"):
        (tmp_path / "show" / name).mkdir(parents=True)
        (tmp_path / "show" / name / "plate.mov").write_bytes(b"not opened by check")
    (tmp_path / "show" / "sq2" / "shotgraph.yaml").write_text("nonsense: 1\n")

    ran = shotgraph("check", preset, tmp_path / "show")

    assert ran.code == Exit.USAGE
    assert "nonsense" in ran.err


def test_an_unknown_preset_is_a_usage_error(shotgraph: Any) -> None:
    assert shotgraph("check", "no-such-preset").code == Exit.USAGE
