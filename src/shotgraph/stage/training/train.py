"""Training one recipe: from what is there to checkpoints, a published part and its entry in the model's card."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import torch

from shotgraph.errors import EnvironmentMismatchError, UsageError
from shotgraph.pipeline.state import replace_text
from shotgraph.stage.training.cards import Part, read_card, write_card
from shotgraph.stage.training.checkpoints import Kept, fill, latest, read
from shotgraph.stage.training.loop import Leg, Schedule, fit, seeded
from shotgraph.stage.training.memory import keep_freed_memory
from shotgraph.stage.training.recipe import Recipe, Workshop, started_from

# In the order in which they need each other. Modules are imported when their recipe is asked for.
RECIPES: Mapping[str, str] = MappingProxyType(
    {
        "vae": "shotgraph.stage.training.vae:RECIPE",
        "text": "shotgraph.stage.training.text:RECIPE",
        "t2i-64": "shotgraph.stage.training.t2i:SMALL_RECIPE",
        "t2i": "shotgraph.stage.training.t2i:RECIPE",
        "t2i-fine": "shotgraph.stage.training.t2i:FINE_RECIPE",
        "controlnet": "shotgraph.stage.training.controlnet:RECIPE",
        "motion": "shotgraph.stage.training.motion:RECIPE",
        "t2v": "shotgraph.stage.training.t2v:RECIPE",
        "judge": "shotgraph.stage.training.judge:RECIPE",
        "clip": "shotgraph.stage.training.clip:RECIPE",
        "depth": "shotgraph.stage.training.depth:RECIPE",
        "pose": "shotgraph.stage.training.pose:RECIPE",
    }
)
_SAVE_EVERY = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How to train.

    Attributes:
        leg: how far to go in this call.
        steps: of the whole training; None as the recipe says. Part of the checkpoint's identity: the rate falls to 0 there.
        threads: of torch; part of the identity too.
    """

    leg: Leg = field(default_factory=Leg)
    steps: int | None = None
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a training is after a leg.

    Attributes:
        recipe: its name.
        step: reached.
        steps: of the whole training.
        model: folder that it published into.
    """

    recipe: str
    step: int
    steps: int
    model: Path


def find_recipe(name: str) -> Recipe:
    """The recipe called `name`.

    Args:
        name: a key of `RECIPES`.

    Returns:
        The recipe.

    Raises:
        UsageError: there is none; lists those there are.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "choose one of them"
        raise UsageError(f"stage train: recipe must be one of {', '.join(RECIPES)}, got {name!r}; {hint}")
    module, _, attribute = RECIPES[name].partition(":")
    return getattr(import_module(module), attribute)


def train(recipe: Recipe, workshop: Workshop, order: Order) -> Outcome:
    """Train a leg of `recipe` and publish what it reached, as averaged weights.

    Args:
        recipe: which.
        workshop: where; a training that is there is gone on with.
        order: how.

    Returns:
        Where it is now.
    """
    schedule = _scheduled(recipe, order.steps)
    torch.set_num_threads(order.threads)
    keep_freed_memory()
    folder = workshop.checkpoints(recipe.name)
    origin = started_from(recipe, workshop)
    _pin(recipe, origin, folder)
    with seeded(schedule.seed):
        trainee = recipe.prepare(workshop, schedule)
    fit(trainee, schedule, folder, leg=order.leg, save_every=_SAVE_EVERY, tell=workshop.tell)
    reached = _reached(folder, recipe.name)
    fill(trainee.module(), reached, "average")
    trainee.module().eval()
    recipe.publish(workshop, trainee)
    _enter(
        recipe,
        workshop,
        Part(data=recipe.data, steps=reached.step, planned_steps=schedule.steps, hours=_hours(reached), origin=origin),
    )
    return Outcome(recipe.name, reached.step, schedule.steps, workshop.models / recipe.model)


def _scheduled(recipe: Recipe, steps: int | None) -> Schedule:
    if steps is None:
        return recipe.schedule
    if steps < 1:
        raise UsageError(
            f"stage train: steps must be at least 1, got {steps}; leave the option out for {recipe.schedule.steps}"
        )
    return replace(recipe.schedule, steps=steps)


def _pin(recipe: Recipe, found: Mapping[str, str], folder: Path) -> None:
    """Remember what a training started from; go on from nothing else."""
    path = folder / "inputs.json"
    if latest(folder) is None or not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(found, indent=1))
        return
    for maker, digest in json.loads(path.read_text(encoding="utf-8")).items():
        if found.get(maker) != digest:
            raise EnvironmentMismatchError(
                f"{folder}: {recipe.name} must go on with the {maker} it started with, {digest}, got {found.get(maker)}; "
                "put that one back, or start anew in another folder"
            )


def _reached(folder: Path, name: str) -> Kept:
    path = latest(folder)
    if path is None:
        raise UsageError(f"stage train: {name} must take a step before it is published, got none; let it run longer")
    return read(path)


def _hours(reached: Kept) -> float | None:
    return None if reached.seconds is None else round(reached.seconds / 3600, 3)


def _enter(recipe: Recipe, workshop: Workshop, part: Part) -> None:
    """The recipe's part of the card; gates that were measured with other weights go."""
    folder = workshop.models / recipe.model
    card = read_card(folder)
    order = list(RECIPES)
    parts = sorted((card.parts | {recipe.name: part}).items(), key=lambda item: order.index(item[0]))
    is_changed = card.parts.get(recipe.name) != part
    kept = () if is_changed else card.gates
    write_card(folder, replace(card, parts=dict(parts), gates=kept, side_px=recipe.side_px or card.side_px))
