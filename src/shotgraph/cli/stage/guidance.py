"""``shotgraph stage guidance``: which guidance a trained model is best used at."""

from __future__ import annotations

from pathlib import Path

import click

from shotgraph.cli.output import json_option, print_json, print_table


@click.command(name="guidance")
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=Path("training/models"),
    show_default=True,
    help="Folder with stage-sd and stage-judge.",
)
@click.option("--keep", is_flag=True, help="Write the best one into the models' cards.")
@json_option
def command(models: Path, keep: bool, as_json: bool) -> None:
    """Draw the same prompts at several guidances, on clips that no gate uses, and count what the judge sees."""
    from shotgraph.stage.training.guiding import keep_guidance, trials

    found = trials(models)
    if keep:
        keep_guidance(models, found)
    if as_json:
        print_json(found)
        return
    rows = [
        (f"{t.guidance:g}", f"{t.colour:.2f}", f"{t.ground:.2f}", f"{t.shape:.2f}", f"{t.worth:.3f}") for t in found
    ]
    print_table(("GUIDANCE", "COLOUR", "GROUND", "SHAPE", "MEAN"), rows)
