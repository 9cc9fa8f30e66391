"""Trained models take the place of bundled ones, whole and with their digests, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shotgraph.digests import file_key
from shotgraph.errors import MediaMissingError, UsageError
from shotgraph.models.registry import Places, resolve
from shotgraph.models.verify import verify
from shotgraph.stage.training import shipping
from shotgraph.stage.training.cards import Card, Part, read_card, write_card
from shotgraph.stage.training.shipping import ship


def model(folder: Path, *, values: int = 10, steps: int = 7) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    save_file({"weight": torch.zeros(values)}, folder / "model.safetensors")
    part = Part(data="frames", steps=steps, planned_steps=7, hours=None)
    write_card(folder, Card(model=folder.name, parts={"depth": part}))
    return folder


def test_models_are_copied_with_their_digests_in_place_of_older_ones(tmp_path: Path) -> None:
    models, into = tmp_path / "models", tmp_path / "assets"
    model(models / "stage-depth", steps=3)
    model(into / "stage-pose")
    (model(into / "stage-depth") / "old.json").write_text("{}", encoding="utf-8")

    shipped = ship(models, into)

    assert [(item.model, item.unfinished) for item in shipped] == [("stage-depth", ("depth",)), ("stage-pose", ())]
    assert not (into / "stage-depth/old.json").exists()
    assert shipped[0].size_bytes == sum(path.stat().st_size for path in (into / "stage-depth").iterdir())
    places = replace(Places.of_user(), bundled=into)
    checks = verify(resolve("stage-depth", places), places)
    assert {item.file for item in checks} == {"config.json", "model.safetensors"}
    assert {item.state for item in checks} == {"same"}


def test_more_than_fits_is_refused_and_nothing_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "MOST_BYTES", 1_000_000)
    models, into = tmp_path / "models", tmp_path / "assets"
    model(models / "stage-depth", values=100_000)
    model(into / "stage-pose", values=200_000)

    with pytest.raises(UsageError, match=r"models must be at most 1 MB together, got 1\.2; leave one out"):
        ship(models, into)

    assert [path.name for path in into.iterdir()] == ["stage-pose"]
    monkeypatch.setattr(shipping, "MOST_BYTES", 2_000_000)
    assert [item.model for item in ship(models, into)] == ["stage-depth", "stage-pose"]


def test_gates_are_counted(tmp_path: Path) -> None:
    folder = model(tmp_path / "models/stage-depth")
    row = {"gate": "depth.ordinal", "value": 0.95, "rule": ">=", "threshold": 0.9, "passed": True, "note": ""}
    write_card(folder, replace(read_card(folder), gates=(row, row | {"gate": "depth.other", "passed": False})))

    (shipped,) = ship(tmp_path / "models", tmp_path / "assets")

    assert (shipped.gates, shipped.passed) == (2, 1)


def test_a_part_that_was_made_for_other_weights_is_refused(tmp_path: Path) -> None:
    models = tmp_path / "models"
    weights = model(models / "stage-sd") / "unet/diffusion_pytorch_model.safetensors"
    weights.parent.mkdir()
    save_file({"weight": torch.ones(3)}, weights)
    made_for = file_key(weights)
    part = Part(data="clips", steps=1, planned_steps=1, hours=None, origin={"t2i-fine": made_for})
    write_card(models / "stage-sd", Card(model="stage-sd", parts={"motion": part}))
    ship(models, tmp_path / "assets")

    save_file({"weight": torch.ones(4)}, weights)

    with pytest.raises(UsageError, match=rf"motion of stage-sd must be made for the unet .* got {made_for} for "):
        ship(models, tmp_path / "assets")


def test_a_folder_without_models_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"must hold models such as stage-sd, got none; train them"):
        ship(tmp_path, tmp_path / "assets")
