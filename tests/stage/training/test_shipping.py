"""Trained models take the place of bundled ones, whole and with their digests, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shotgraph.errors import MediaMissingError, UsageError
from shotgraph.models.registry import Places, resolve
from shotgraph.models.verify import verify
from shotgraph.stage.training import shipping
from shotgraph.stage.training.cards import Card, Part, write_card
from shotgraph.stage.training.shipping import Shipped, ship


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
    monkeypatch.setattr(shipping, "MOST_BYTES", 2**20)
    models, into = tmp_path / "models", tmp_path / "assets"
    model(models / "stage-depth", values=100_000)
    model(into / "stage-pose", values=200_000)

    with pytest.raises(UsageError, match=r"models must be at most 1 MiB together, got 1\.1; leave one out"):
        ship(models, into)

    assert [path.name for path in into.iterdir()] == ["stage-pose"]
    monkeypatch.setattr(shipping, "MOST_BYTES", 2**21)
    assert ship(models, into)[0] == Shipped("stage-depth", ship(models, into)[0].size_bytes, ())


def test_a_folder_without_models_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"must hold models such as stage-sd, got none; train them"):
        ship(tmp_path, tmp_path / "assets")
