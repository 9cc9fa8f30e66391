"""``shotgraph stage train`` and ``shotgraph stage gates``, as they are typed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from command_line import own_folders, shotgraph
from small_shots import Ran
from tiny_training import small_workshop

__all__ = ["own_folders", "shotgraph"]
Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_recipe_is_trained_for_a_leg_and_gone_on_with(
    shotgraph: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_workshop(tmp_path, monkeypatch)
    folder = tmp_path / "here"
    options = ("--folder", folder, "--threads", 1)

    first = shotgraph("stage", "train", "vae", *options, "--until", 1)
    second = shotgraph("stage", "train", "vae", *options, "--until", 2, "--json")

    assert first.code == second.code == 0
    assert f"vae: step 1 of 5000, run again to go on; published in {folder / 'models' / 'stage-sd'}" in first.out
    assert json.loads(second.out)["step"] == 2
    assert "vae: 5000 steps" in second.err
    assert (folder / "models" / "stage-sd" / "vae" / "config.json").is_file()
    assert (folder / "vae" / "step-000002.safetensors").is_file()


def test_a_recipe_that_cannot_start_yet_says_which_comes_first(shotgraph: Run, tmp_path: Path) -> None:
    ran = shotgraph("stage", "train", "text", "--folder", tmp_path)

    assert ran.code == 66
    assert "run `shotgraph stage train vae` first" in ran.err


def test_an_unknown_recipe_is_a_usage_error(shotgraph: Run, tmp_path: Path) -> None:
    ran = shotgraph("stage", "train", "vea", "--folder", tmp_path)

    assert ran.code == 2
    assert "recipe must be one of vae, text" in ran.err
    assert "did you mean 'vae'?" in ran.err
    assert list(tmp_path.glob("vea*")) == []


def test_gates_without_models_are_all_listed_as_missed(shotgraph: Run, tmp_path: Path) -> None:
    ran = shotgraph("stage", "gates", "--models", tmp_path, "--json")

    rows = json.loads(ran.out)
    assert ran.code == 1
    assert {"gate", "value", "rule", "threshold", "passed", "note"} == rows[0].keys()
    assert rows[0] == rows[0] | {"gate": "vae.psnr_db", "value": None, "threshold": 30.0, "passed": False}
    assert {row["gate"].partition(".")[0] for row in rows} == {
        "vae",
        "t2i",
        "inversion",
        "controlnet",
        "motion",
        "t2v",
        "judge",
        "clip",
        "depth",
        "pose",
        "occlusion",
    }


def test_some_gates_alone_are_a_table(shotgraph: Run, tmp_path: Path) -> None:
    ran = shotgraph("stage", "gates", "--models", tmp_path, "--only", "motion")

    lines = ran.out.splitlines()
    assert lines[0].split() == ["gate", "value", "threshold", "passed"]
    assert lines[1].split()[:5] == ["motion.direction", "-", ">=", "0.8", "NO"]
    assert lines[-1] == "0 of 1 gates passed"


def test_gates_of_an_unknown_name_are_a_usage_error(shotgraph: Run) -> None:
    ran = shotgraph("stage", "gates", "--only", "vea")

    assert ran.code == 2
    assert "--only must be one of vae, t2i" in ran.err
    assert "got 'vea'" in ran.err
