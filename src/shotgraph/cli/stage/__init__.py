"""``shotgraph stage``: the procedural world. Each of its commands lives in a module of its own, as ``command``."""

from __future__ import annotations

import click

from shotgraph.cli.commands import Entry
from shotgraph.cli.lazygroup import LazyGroup

STAGE_COMMANDS = (
    Entry("render", "commands", "Render a shot folder with exact truth beside it."),
    Entry("train", "commands", "Train one of the tiny models, or go on with it."),
    Entry("gates", "commands", "Measure what the tiny models reach on clips they never saw."),
    Entry("guidance", "commands", "Measure which guidance a trained model is best used at."),
    Entry("ship", "commands", "Put trained models in place of the bundled ones."),
)


@click.command(name="stage", cls=LazyGroup, table=STAGE_COMMANDS, package="shotgraph.cli.stage", sections=("commands",))
def command() -> None:
    """Render shots whose truth is known, train tiny models on them, and judge those."""
