"""Checkpoints: safetensors, written whole or not at all, refused where they would not go on to the same bits."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
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
_MOMENTS = ("exp_avg", "exp_avg_sq")
# How pickles begin: plain ones with their protocol, those of `torch.save` as a zip archive.
_PICKLES = (b"\x80", b"PK")


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
        seconds: of training so far; None when an earlier leg did not keep them.
    """

    recipe: str
    schedule: Schedule
    module: nn.Module
    average: dict[str, Tensor]
    optimiser: torch.optim.AdamW
    step: int = 0
    seconds: float | None = 0.0

    @classmethod
    def fresh(cls, recipe: str, schedule: Schedule, module: nn.Module) -> Checkpoint:
        """Before the first step; frozen parameters are neither trained nor written."""
        average = {name: value.detach().clone() for name, value in kept_tensors(module).items()}
        optimiser = torch.optim.AdamW(
            (parameter for parameter in module.parameters() if parameter.requires_grad),
            lr=schedule.learning_rate,
            weight_decay=schedule.weight_decay,
            foreach=False,
        )
        return cls(recipe, schedule, module, average, optimiser)

    def identity(self) -> dict[str, Any]:
        """What has to be equal for a resumed run to end at the same bits."""
        return {
            "recipe": self.recipe,
            "schedule": asdict(self.schedule),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "cpu": torch.backends.cpu.get_cpu_capability(),
        } | {name: version(name) for name in ("diffusers", "numpy", "transformers")}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds.

    Attributes:
        path: the file.
        step: steps done.
        seconds: of training up to there, where they were kept.
        identity: what it may go on with.
        tensors: by kind and name.
    """

    path: Path
    step: int
    seconds: float | None
    identity: dict[str, Any]
    tensors: dict[str, Tensor]

    def group(self, kind: str) -> dict[str, Tensor]:
        """Tensors of one kind, by their names in the module."""
        return {
            name.removeprefix(f"{kind}/"): value for name, value in self.tensors.items() if name.startswith(f"{kind}/")
        }


def kept_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The state of `module` without its frozen parameters: those are somebody else's, and as they were."""
    frozen = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: value for name, value in module.state_dict().items() if name not in frozen}


def save(folder: Path, state: Checkpoint) -> Path:
    """Write ``step-N.safetensors``; older ones but the last go.

    Args:
        folder: created when absent.
        state: the training.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"weight/{name}": value for name, value in kept_tensors(state.module).items()}
    tensors |= {f"average/{name}": value for name, value in state.average.items()}
    for name, parameter in state.module.named_parameters():
        moments = state.optimiser.state.get(parameter, {})
        tensors |= {f"{key}/{name}": moments[key] for key in _MOMENTS if key in moments}
    path = folder / f"step-{state.step:06d}.safetensors"
    part = path.with_suffix(".part")
    meta = {"step": str(state.step), "identity": json.dumps(state.identity(), sort_keys=True)}
    if state.seconds is not None:
        meta["seconds"] = f"{state.seconds:.1f}"
    # Tied and channels-last weights share or stride their memory; a file holds plain ones.
    save_file({name: value.detach().contiguous().clone() for name, value in tensors.items()}, part, metadata=meta)
    part.replace(path)
    for old in sorted(folder.glob("step-*.safetensors"))[:-_KEPT]:
        old.unlink()
    return path


def latest(folder: Path) -> Path | None:
    """The last checkpoint in `folder`."""
    return max(folder.glob("step-*.safetensors"), default=None)


def read(path: Path) -> Kept:
    """What is in a checkpoint.

    Args:
        path: written by `save`.

    Returns:
        Its contents.

    Raises:
        MediaError: a pickle, cut short, or no checkpoint at all.
    """
    with path.open("rb") as file:
        start = file.read(9)
    # A safetensors file starts with the length of its header, which may be any bytes, and the header with a brace.
    if start.startswith(_PICKLES) and start[8:] != b"{":
        raise MediaError(f"{path}: a checkpoint must be safetensors, got a pickle, which can run code; remove it")
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a file, not a mapping
            seconds = float(meta["seconds"]) if "seconds" in meta else None
            return Kept(path, int(meta["step"]), seconds, json.loads(meta["identity"]), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise MediaError(
            f"{path}: a checkpoint must be whole, got {error}; remove it to go on from the one before"
        ) from error


def load(path: Path, state: Checkpoint) -> None:
    """Go on from `path`; `EnvironmentMismatchError` where that would end at other bits.

    Args:
        path: a checkpoint.
        state: a fresh training of the same recipe; filled in.
    """
    kept = read(path)
    _check(path, _flat(kept.identity), _flat(state.identity()))
    fill(state.module, kept, "weight")
    state.step, state.seconds, state.average = kept.step, kept.seconds, kept.group("average")
    first, second = (kept.group(key) for key in _MOMENTS)
    for name, parameter in state.module.named_parameters():
        if name in first:
            # The optimiser's own layout follows the parameter's.
            moments = [torch.empty_like(parameter).copy_(part[name]) for part in (first, second)]
            state.optimiser.state[parameter] = {
                "step": torch.tensor(float(kept.step)),
                "exp_avg": moments[0],
                "exp_avg_sq": moments[1],
            }


def fill(module: nn.Module, kept: Kept, kind: str) -> None:
    """Give `module` the tensors of one kind.

    Args:
        module: of the architecture that was trained.
        kept: a checkpoint's contents.
        kind: ``weight`` or ``average``.

    Raises:
        MediaError: other names or shapes.
    """
    tensors, wanted = kept.group(kind), kept_tensors(module)
    if tensors.keys() != wanted.keys():
        names = sorted(tensors.keys() ^ wanted.keys())
        raise MediaError(
            f"{kept.path}: a checkpoint must hold the weights of its recipe, got {len(names)} that differ, such as "
            f"{names[0]!r}; start anew in another folder"
        )
    for name, value in wanted.items():
        if value.shape != tensors[name].shape:
            raise MediaError(
                f"{kept.path}: {name} must be {tuple(value.shape)}, got {tuple(tensors[name].shape)}; start anew in another folder"
            )
    module.load_state_dict(tensors, strict=False)


def _flat(identity: dict[str, Any]) -> dict[str, Any]:
    schedule = {f"schedule.{name}": value for name, value in identity["schedule"].items()}
    return {name: value for name, value in identity.items() if name != "schedule"} | schedule


def _check(path: Path, written: dict[str, Any], here: dict[str, Any]) -> None:
    """What the file does not say was not kept when it was written, and cannot be compared."""
    for name, value in written.items():
        if here.get(name) != value:
            raise EnvironmentMismatchError(
                f"{path}: {name} must be {value!r} as in the checkpoint, got {here.get(name)!r}; go on with that, or start anew "
                "in another folder"
            )
