"""``shotgraph stage ship``: trained models into the folder that comes with Shotgraph."""

from __future__ import annotations

from pathlib import Path

import click

from shotgraph.cli.output import json_option, print_json, print_table


@click.command(name="ship")
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    default=Path("training/models"),
    show_default=True,
    help="Folder of the finished models.",
)
@click.option(
    "--into", type=click.Path(path_type=Path), help="Folder of bundled models.  [default: this installation's]"
)
@json_option
def command(models: Path, into: Path | None, as_json: bool) -> None:
    """Put trained models in place of the bundled ones and write down their digests; measure their gates first."""
    from shotgraph.models.registry import Places
    from shotgraph.stage.training.shipping import ship

    shipped = ship(models, into or Places.of_user().bundled)
    if as_json:
        print_json(shipped)
        return
    rows = [
        (
            item.model,
            f"{item.size_bytes / 1e6:.2f} MB",
            f"{item.passed} of {item.gates}" if item.gates else "not measured",
            ", ".join(item.unfinished) or "-",
        )
        for item in shipped
    ]
    print_table(("MODEL", "SIZE", "GATES PASSED", "UNFINISHED"), rows)
