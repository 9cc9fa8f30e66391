"""What a recipe is, and where it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shotgraph.digests import file_key
from shotgraph.errors import MediaMissingError
from shotgraph.stage.training.banks import Bank, BankPlan, bank_name, open_bank
from shotgraph.stage.training.loop import Schedule, Tell, Trainee

WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Where trainings find and leave things.

    Attributes:
        training: a folder of checkpoints for every recipe.
        banks: rendered frames.
        models: finished model folders.
        processes: that render.
        tell: takes lines of progress.
    """

    training: Path
    banks: Path
    models: Path
    processes: int = 2
    tell: Tell = print

    @property
    def sd(self) -> Path:
        """The text-to-image model."""
        return self.models / "stage-sd"

    @property
    def t2v(self) -> Path:
        """The text-to-video model."""
        return self.models / "stage-t2v"

    def checkpoints(self, recipe: str) -> Path:
        """Checkpoints of a recipe."""
        return self.training / recipe

    def masters(self, recipe: str) -> Path:
        """What a recipe trained, in full precision, for the recipe that goes on from it."""
        return self.training / recipe / "masters"

    def bank(self, plan: BankPlan) -> Bank:
        """Frames of `plan`, rendered when they are not there."""
        return open_bank(plan, self.banks, processes=self.processes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one model is made.

    Attributes:
        name: of the command's argument and of the checkpoints' folder.
        model: folder below the models that its result belongs to.
        schedule: how long and how fast.
        batch: examples a step.
        banks: rendered frames that it learns from.
        side_px: side of the pictures that its model is then to be used at; None leaves that alone.
        minutes: about how long on two cores that do nothing else.
        data: what it learns from, for the card.
        inputs: files that it starts from, by the recipe that makes them and, behind a blank, which of its files.
        prepare: the trainee, for a schedule; called with fixed random numbers for initial weights.
        publish: writes the trained parts, given as averaged weights.
    """

    name: str
    model: str
    schedule: Schedule
    batch: int
    banks: tuple[BankPlan, ...]
    side_px: int | None = None
    minutes: int
    data: str
    inputs: Callable[[Workshop], Mapping[str, Path]]
    prepare: Callable[[Workshop, Schedule], Trainee]
    publish: Callable[[Workshop, Trainee], None]


def no_inputs(_: Workshop) -> Mapping[str, Path]:
    """For a recipe that starts from nothing."""
    return {}


def started_from(recipe: Recipe, workshop: Workshop) -> dict[str, str]:
    """All that decides a training beside its schedule: files it starts from, frames it learns from, and how many a step.

    Args:
        recipe: which.
        workshop: where.

    Returns:
        Digests of files by the keys of `Recipe.inputs`, names of banks, and the batch.

    Raises:
        MediaMissingError: one is not there yet.
    """
    found = {f"bank {number}": bank_name(plan) for number, plan in enumerate(recipe.banks, start=1)}
    found["batch"] = str(recipe.batch)
    for maker, path in recipe.inputs(workshop).items():
        if not path.exists():
            raise MediaMissingError(
                f"{recipe.name}: {path} must be there to start from, got nothing; run `shotgraph stage train {maker.split()[0]}` first"
            )
        found[maker] = file_key(path)
    return found
