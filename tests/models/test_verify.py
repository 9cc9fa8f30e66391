"""What was recorded about a model is compared with what is there, read afresh."""

import json
import shutil
from pathlib import Path

import pytest
from fake_models import COMMIT

from shotgraph.errors import UnavailableError
from shotgraph.models.registry import Model, Places, resolve
from shotgraph.models.verify import record, record_path, verify

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def model(places: Places, tmp_path: Path) -> Model:
    return resolve(str(shutil.copytree(places.bundled / "stage-sd", tmp_path / "own")), places)


def states(model: Model, places: Places) -> dict[str, str]:
    return {check.file: check.state for check in verify(model, places)}


def test_what_was_recorded_is_the_same_until_it_changes(model: Model, places: Places) -> None:
    assert set(states(model, places).values()) == {"unrecorded"}

    record(model, places)
    assert set(states(model, places).values()) == {"same"}
    (model.place / "unet/config.json").write_text("{ }")
    (model.place / "tokenizer/merges.txt").unlink()
    (model.place / "vae").mkdir()
    (model.place / "vae/config.json").write_text("{}")

    assert states(model, places) == {
        "model_index.json": "same",
        "tokenizer/merges.txt": "missing",
        "unet/config.json": "changed",
        WEIGHTS: "same",
        "vae/config.json": "unrecorded",
    }


def test_a_record_does_not_change_the_models_digest(model: Model, places: Places) -> None:
    path = record(model, places)

    assert path == model.place / "digests.json"
    assert resolve(str(model.place), places).digest == model.digest


def test_weights_cut_short_are_damaged_even_without_a_record(model: Model, places: Places) -> None:
    file = model.place / WEIGHTS
    file.write_bytes(file.read_bytes()[:-4])

    (check,) = [check for check in verify(model, places) if check.file == WEIGHTS]

    assert (check.state, check.is_sound) == ("damaged", False)


def test_the_hubs_cache_is_not_written_to(places: Places) -> None:
    model = resolve(f"acme/tiny-sd@{COMMIT}", places)
    before = sorted(places.hub.rglob("*"))

    path = record(model, places)

    assert path == places.records / f"acme--tiny-sd@{COMMIT}.json" == record_path(model, places)
    assert json.loads(path.read_text())["commit"] == COMMIT
    assert sorted(places.hub.rglob("*")) == before
    assert set(states(model, places).values()) == {"same"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 3}', "{"])
def test_a_record_that_cannot_be_read_is_an_error(model: Model, places: Places, text: str) -> None:
    record_path(model, places).write_text(text)

    with pytest.raises(
        UnavailableError, match=r"the record .*digests.json must be JSON with 'files', got .*; remove it"
    ):
        verify(model, places)
