"""Checkpoints: safetensors, written whole or not at all, refused where they would not go on to the same bits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from shotgraph.errors import EnvironmentMismatchError, MediaError

if TYPE_CHECKING:
    from shotgraph.stage.training.loop import Schedule

_KEPT = 2


@dataclass
class Checkpoint:
    """A training between two steps.

    Attributes:
        recipe: name of the recipe.
        schedule: how it is trained.
        module: what is trained.
        average: moving average of its weights.
        optimiser: with its moments.
        step: steps done.
    """

    recipe: str
    schedule: Schedule
    module: nn.Module
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    step: int = 0

    @classmethod
    def fresh(cls, recipe: str, schedule: Schedule, module: nn.Module) -> Checkpoint:
        """Before the first step."""
        average = {name: value.detach().clone() for name, value in module.state_dict().items()}
        optimiser = torch.optim.AdamW(
            module.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, foreach=False
        )
        return cls(recipe, schedule, module, average, optimiser)

    def identity(self) -> dict[str, Any]:
        """What has to be equal for a resumed run to end at the same bits."""
        return {
            "recipe": self.recipe,
            "schedule": asdict(self.schedule),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }


def save(folder: Path, state: Checkpoint) -> Path:
    """Write ``step-N.safetensors``; older ones but the last go.

    Args:
        folder: created when absent.
        state: the training.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight/{name}": value for name, value in state.module.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in state.average.items()}
    for name, parameter in state.module.named_parameters():
        moments = state.optimiser.state.get(parameter, {})
        tensors |= {f"{key}/{name}": moments[key] for key in ("exp_avg", "exp_avg_sq") if key in moments}
    path = folder / f"step-{state.step:06d}.safetensors"
    part = path.with_suffix(".part")
    meta = {"step": str(state.step), "identity": json.dumps(state.identity(), sort_keys=True)}
    # Tied and channels-last weights share or stride their memory; a file holds plain ones.
    save_file({name: value.detach().contiguous().clone() for name, value in tensors.items()}, part, metadata=meta)
    part.replace(path)
    for old in sorted(folder.glob("step-*.safetensors"))[:-_KEPT]:
        old.unlink()
    return path


def latest(folder: Path) -> Path | None:
    """The last checkpoint in `folder`."""
    return max(folder.glob("step-*.safetensors"), default=None)


def load(path: Path, state: Checkpoint) -> None:
    """Go on from `path`.

    Args:
        path: a checkpoint.
        state: a fresh training of the same recipe; filled in.

    Raises:
        EnvironmentMismatchError: other libraries, threads, recipe or schedule.
        MediaError: not a checkpoint, or one cut short.
    """
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata()
            _check(path, json.loads(meta["identity"]), state.identity())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a file, not a mapping
    except (SafetensorError, KeyError, TypeError) as error:
        raise MediaError(
            f"{path}: a checkpoint must be whole, got {error}; remove it to go on from the one before"
        ) from error
    state.step = int(meta["step"])
    state.module.load_state_dict(_group(tensors, "weight"))
    state.average = _group(tensors, "average")
    first, second = _group(tensors, "exp_avg"), _group(tensors, "exp_avg_sq")
    for name, parameter in state.module.named_parameters():
        if name in first:
            moments = {"step": torch.tensor(float(state.step)), "exp_avg": first[name], "exp_avg_sq": second[name]}
            # The optimiser's own layout follows the parameter's.
            for key in ("exp_avg", "exp_avg_sq"):
                moments[key] = torch.empty_like(parameter).copy_(moments[key])
            state.optimiser.state[parameter] = moments


def _check(path: Path, written: dict[str, Any], here: dict[str, Any]) -> None:
    for name, value in written.items():
        if here.get(name) != value:
            raise EnvironmentMismatchError(
                f"{path}: {name} must be {value!r} as in the checkpoint, got {here.get(name)!r}; go on with that, or start anew "
                "in another folder"
            )


def _group(tensors: dict[str, Tensor], kind: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{kind}/"): value for name, value in tensors.items() if name.startswith(f"{kind}/")}
