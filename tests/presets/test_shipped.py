"""The presets that come with Shotgraph, and where presets are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shotgraph.errors import UsageError
from shotgraph.pipeline.registry import Registry
from shotgraph.presets import available, check, discover, find_preset, load, shipped
from shotgraph.presets.faults import Faults
from shotgraph.presets.library import SHIPPED_FOLDER
from shotgraph.presets.resolve import resolve


def test_the_shipped_presets_are_listed_by_name() -> None:
    assert shipped() == ("analyse", "depth-pass", "edit-prompt", "paint-atlas", "propagate", "review", "transcode")


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_preset_fits_the_schema_and_describes_itself(name: str) -> None:
    faults = Faults()

    model = resolve(load(name), faults).model

    assert faults.lines() == []
    assert model is not None
    assert 20 < len(model.description) < 120
    assert load(name).description == model.description
    assert set(model.targets) <= set(model.graph)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_preset_fits_the_built_in_nodes(name: str) -> None:
    graph = check(load(name), Registry())

    assert graph.targets


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_preset_finds_the_movies_of_a_plain_folder(name: str, tmp_path: Path) -> None:
    for file in ("b.mp4", "a.mkv", "README.md", "notes.txt"):
        (tmp_path / file).touch()
    (tmp_path / "paint").mkdir()
    (tmp_path / "paint" / "a.1010.png").touch()

    shots = discover(load(name), [tmp_path])

    assert [(shot.name, shot.media) for shot in shots] == [
        ("a", {"plate": str(tmp_path / "a.mkv")}),
        ("b", {"plate": str(tmp_path / "b.mp4")}),
    ]


def test_review_builds_on_propagate_and_writes_only_the_comparison() -> None:
    model = resolve(load("review"), Faults()).model

    assert model is not None
    assert set(model.graph) == {"plate", "flow", "edit", "out", "compare", "review"}
    assert model.targets == ["review"]


def test_a_studio_preset_hides_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    own = tmp_path / "transcode.yml"
    own.write_text("shotgraph: 1\n", encoding="utf-8")

    assert find_preset("transcode", [tmp_path]) == own
    assert find_preset("transcode") == SHIPPED_FOLDER / "transcode.yaml"
    assert available([tmp_path]) == ("transcode", *(name for name in shipped() if name != "transcode"))


def test_a_file_in_the_working_folder_is_found_by_its_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("shotgraph: 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    assert find_preset("mine.yaml") == Path("mine.yaml")
    with pytest.raises(UsageError, match=r"preset: must be the name of a preset or a \.yaml file, got 'mine'"):
        find_preset("mine")


def test_presets_import_no_codec_no_torch_and_no_terminal() -> None:
    heavy = "torch av cv2 OpenImageIO click rich shotgraph.io shotgraph.plugins"
    code = f"import sys, shotgraph.presets; print([m for m in '{heavy}'.split() if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
