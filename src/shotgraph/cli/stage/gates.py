"""``shotgraph stage gates``: what the tiny models reach, and what they should."""

from __future__ import annotations

from pathlib import Path

import click

from shotgraph.cli.output import json_option, print_json, print_table


@click.command(name="gates")
@click.option(
    "--models",
    type=click.Path(path_type=Path),
    help="Folder of the models.  [default: those that come with Shotgraph]",
)
@click.option("--seed", type=click.IntRange(0, 999), default=0, show_default=True, help="Other clips, other noise.")
@click.option("--only", metavar="NAME", multiple=True, help="Measure these only, e.g. vae; can be given again.")
@click.option("--keep", is_flag=True, help="Write the rows into the models' cards.")
@json_option
def command(models: Path | None, seed: int, only: tuple[str, ...], keep: bool, as_json: bool) -> int:
    """Measure every gate on held-out clips: a row with its value, its threshold and whether it is passed.

    A gate whose model is not there yet has no value and counts as missed. Ends with 1 when a gate is missed.
    """
    from shotgraph.models.registry import Places
    from shotgraph.stage.training.gates import PROBES, keep_in_cards, run_gates

    place = models or Places.of_user().bundled
    known = tuple(probe.name for probe in PROBES)
    for name in only:
        if name not in known:
            raise click.UsageError(f"--only must be one of {', '.join(known)}, got {name!r}")
    probes = tuple(probe for probe in PROBES if not only or probe.name in only)
    rows = run_gates(place, seed, probes)
    if keep:
        keep_in_cards(place, rows, probes)
    missed = sum(not row.passed for row in rows)
    if as_json:
        print_json(rows)
    else:
        cells = [
            (
                row.gate,
                "-" if row.value is None else f"{row.value:.4g}",
                f"{row.rule} {row.threshold:g}",
                _verdict(row.passed),
                row.note,
            )
            for row in rows
        ]
        print_table(("gate", "value", "threshold", "passed", ""), cells)
        click.echo(f"{len(rows) - missed} of {len(rows)} gates passed")
    return 1 if missed else 0


def _verdict(passed: bool) -> str:
    return "yes" if passed else "NO"
