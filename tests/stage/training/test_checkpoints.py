"""Checkpoints: whole or not at all, and refused where they would not go on to the same bits."""

import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_training import SHORT, TinyTrainee, tiny_net
from torch import nn

from shotgraph.errors import EnvironmentMismatchError, MediaError
from shotgraph.stage.training.checkpoints import Checkpoint, fill, kept_tensors, latest, load, read, save
from shotgraph.stage.training.loop import Leg, fit


def state_of(net: nn.Module | None = None, *, name: str = "tiny", step: int = 0) -> Checkpoint:
    state = Checkpoint.fresh(name, SHORT, tiny_net() if net is None else net)
    state.step = step
    return state


def test_only_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 30):
        save(tmp_path, state_of(step=step))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000002.safetensors", "step-000030.safetensors"]
    assert latest(tmp_path) == tmp_path / "step-000030.safetensors"


def test_a_folder_without_a_checkpoint_has_no_latest(tmp_path: Path) -> None:
    assert latest(tmp_path / "nowhere") is None


def test_a_torn_file_is_refused_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, state_of(step=4))
    path.write_bytes(path.read_bytes()[:-40])

    with pytest.raises(MediaError, match=r"step-000004\.safetensors: a checkpoint must be whole, got .*; remove it"):
        load(path, state_of())


@pytest.mark.parametrize("kind", ["plain", "torch"])
def test_a_pickle_is_refused_unopened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "step-000004.safetensors"
    if kind == "plain":
        path.write_bytes(pickle.dumps({"weight": [1.0]}))
    else:
        torch.save({"weight": torch.ones(2)}, path)

    with pytest.raises(MediaError, match=r"must be safetensors, got a pickle, which can run code; remove it"):
        load(path, state_of())


def test_weights_without_what_a_training_needs_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "step-000004.safetensors"
    save_file({"weight/0.weight": torch.ones(5, 3)}, path)

    with pytest.raises(MediaError, match=r"a checkpoint must be whole, got"):
        load(path, state_of())


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, state_of(step=4))

    with pytest.raises(
        EnvironmentMismatchError, match=r"recipe must be 'tiny' as in the checkpoint, got 'vae'; go on with"
    ):
        load(path, state_of(name="vae"))


def test_another_schedule_is_refused_by_the_field_that_differs(tmp_path: Path) -> None:
    path = save(tmp_path, state_of(step=4))
    longer = Checkpoint.fresh("tiny", replace(SHORT, steps=60), tiny_net())

    with pytest.raises(EnvironmentMismatchError, match=r"schedule\.steps must be 30 as in the checkpoint, got 60"):
        load(path, longer)


def test_other_threads_are_refused(tmp_path: Path) -> None:
    fit(TinyTrainee(), SHORT, tmp_path, leg=Leg(until=2), tell=lambda _: None)
    torch.set_num_threads(2)

    with pytest.raises(EnvironmentMismatchError, match=r"threads must be 1 as in the checkpoint, got 2"):
        fit(TinyTrainee(), SHORT, tmp_path, tell=lambda _: None)


@pytest.mark.parametrize("library", ["torch", "diffusers", "numpy", "transformers"])
def test_other_versions_are_refused(tmp_path: Path, library: str) -> None:
    path = save(tmp_path, state_of(step=4))
    with safe_open(path, framework="pt") as file:
        meta = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    meta["identity"] = json.dumps(json.loads(meta["identity"]) | {library: "0.1"})
    save_file(tensors, path, metadata=meta)

    with pytest.raises(EnvironmentMismatchError, match=rf"{library} must be '0\.1' as in the checkpoint, got"):
        load(path, state_of())


def test_what_an_older_file_does_not_say_is_not_held_against_it(tmp_path: Path) -> None:
    state = state_of()
    tensors = {
        f"{kind}/{name}": value for kind in ("weight", "average") for name, value in kept_tensors(state.module).items()
    }
    identity = {"recipe": "tiny", "schedule": asdict(SHORT), "torch": torch.__version__, "threads": 1}
    path = tmp_path / "step-000009.safetensors"
    save_file(
        {name: value.clone() for name, value in tensors.items()}, path, {"step": "9", "identity": json.dumps(identity)}
    )

    load(path, state)

    assert state.step == 9
    assert state.seconds is None


def test_a_net_of_other_names_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, state_of(step=4))

    with pytest.raises(MediaError, match=r"must hold the weights of its recipe, got 18 that differ, such as '0\.bias'"):
        fill(nn.ModuleDict({"other": tiny_net()}), read(path), "average")


def test_a_net_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, state_of(nn.Linear(3, 2), step=4))

    with pytest.raises(MediaError, match=r"weight must be \(2, 4\), got \(2, 3\); start anew"):
        fill(nn.Linear(4, 2), read(path), "weight")


def test_frozen_parameters_are_not_in_the_file(tmp_path: Path) -> None:
    net = tiny_net()
    net[0].requires_grad_(False)

    path = save(tmp_path, state_of(net, step=1))

    names = {name.partition("/")[2] for name in read(path).tensors}
    assert "3.weight" in names
    assert not names & {"0.weight", "0.bias"}
