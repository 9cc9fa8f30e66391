"""``shotgraph stage train``: the tiny models, each by its recipe."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import click

from shotgraph.cli.output import json_option, print_json


@click.command(name="train")
@click.argument("recipe")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("training"),
    show_default=True,
    help="Checkpoints, a folder for every recipe. A training that is there is gone on with.",
)
@click.option("--banks", type=click.Path(path_type=Path), help="Rendered frames.  [default: FOLDER/banks]")
@click.option("--models", type=click.Path(path_type=Path), help="Finished models.  [default: FOLDER/models]")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Stop after as long, with a checkpoint.")
@click.option("--until", type=click.IntRange(min=1), help="Stop at this step.")
@click.option("--steps", type=click.IntRange(min=1), help="Of the whole training; the learning rate ends there.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default=True, help="Of this machine."
)
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    recipe: str,
    folder: Path,
    banks: Path | None,
    models: Path | None,
    minutes: float | None,
    until: int | None,
    steps: int | None,
    threads: int,
    as_json: bool,
) -> None:
    """Train RECIPE for a while, from its last checkpoint, and publish the model as it is then.

    The recipes, in the order in which they need each other, are vae, text, t2i-64, t2i, t2i-fine, controlnet,
    motion, t2v, judge, clip, depth and pose. A training ends at the same weights wherever it was stopped in between; at another number of
    threads or with other libraries it is refused, because it would not. Training takes all it gets: start it with `nice`.
    """
    # Read when torch is imported: threads that wait for each other spin for long by default, which beside any other work
    # makes a step several times slower.
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")

    from shotgraph.stage.training.loop import Leg
    from shotgraph.stage.training.recipe import Workshop
    from shotgraph.stage.training.train import Order, find_recipe, train

    asked, tell = find_recipe(recipe), partial(click.echo, err=as_json)
    places = {"training": folder, "banks": banks or folder / "banks", "models": models or folder / "models"}
    workshop = Workshop(**places, processes=threads, tell=tell)
    tell(f"{asked.name}: {steps or asked.schedule.steps} steps, about {asked.minutes} minutes on two free cores")
    outcome = train(asked, workshop, Order(leg=Leg(until=until, minutes=minutes), steps=steps, threads=threads))
    if as_json:
        print_json(outcome)
        return
    state = "complete" if outcome.step == outcome.steps else "run again to go on"
    click.echo(f"{outcome.recipe}: step {outcome.step} of {outcome.steps}, {state}; published in {outcome.model}")
