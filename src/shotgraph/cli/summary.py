"""The one page at the end of a run, for people and as a document."""

from __future__ import annotations

import traceback
from typing import Any

import click

from shotgraph.cli.output import print_table
from shotgraph.cli.progress import clock
from shotgraph.errors import Exit, worst_exit
from shotgraph.pipeline.session import ShotResult


def state_of(result: ShotResult) -> str:
    """``up to date``, ``verified`` or what went wrong, in two words."""
    return "up to date" if result.up_to_date else result.exit.name.lower().replace("_", " ")


def print_summary(results: list[ShotResult]) -> None:
    """Shots, outputs, warnings, and where the time went."""
    click.echo()
    rows = [(r.shot, state_of(r), r.plan.frames if r.plan else "-", clock(r.seconds), _reuse(r)) for r in results]
    print_table(("SHOT", "STATE", "FRAMES", "TIME", "KEPT"), rows)
    for result in results:
        for output in result.written:
            click.echo(f"{result.shot}: {output.path}  ({output.frames} frames, {output.bytes / 1e6:.1f} MB)")
            for check in output.checks:
                click.echo(f"    {check}")
        for target, frames in result.outcome.skipped.items():
            click.echo(
                f"{result.shot}: {target} repeats the picture before at skipped frames {', '.join(map(str, frames))}"
            )
        for output in result.plan.outputs if result.plan else ():
            for loss in output.losses:
                click.echo(f"{result.shot}: {output.target} loses: {loss}")
        for warning in result.plan.warnings if result.plan else ():
            click.echo(f"{result.shot}: warning: {warning}")
    _print_times(results)


def print_failures(results: list[ShotResult]) -> None:
    """On stderr, whatever stdout is for: why each shot failed; an internal error with its traceback."""
    for result in results:
        if result.error is not None:
            click.echo("".join(traceback.format_tb(result.error.__traceback__)).rstrip(), err=True)
        if result.message:
            click.echo(told(result), err=True)


def told(result: ShotResult) -> str:
    """The message of a shot, led by its name; many begin with it already."""
    is_led = result.message.startswith(f"{result.shot}: ")
    return result.message if is_led else f"{result.shot}: {result.message}"


def _reuse(result: ShotResult) -> str:
    loaded, computed = sum(result.outcome.loaded.values()), sum(result.outcome.computed.values())
    return f"{loaded / (loaded + computed):.0%}" if loaded + computed else "-"


def _print_times(results: list[ShotResult]) -> None:
    seconds: dict[str, float] = {}
    units: dict[str, int] = {}
    for result in results:
        for node, spent in result.outcome.seconds.items():
            seconds[node] = seconds.get(node, 0.0) + spent
            units[node] = units.get(node, 0) + result.outcome.computed[node]
    if seconds:
        click.echo()
        slowest = sorted(seconds, key=lambda node: -seconds[node])
        rows = [(n, units[n], f"{seconds[n]:.2f} s", f"{1000 * seconds[n] / units[n]:.1f} ms") for n in slowest]
        print_table(("NODE", "UNITS", "TIME", "PER UNIT"), rows)


def document(results: list[ShotResult]) -> dict[str, Any]:
    """The same as data."""
    return {
        "exit": int(worst_exit([r.exit for r in results])),
        "shots": [
            {
                "shot": r.shot,
                "state": state_of(r),
                "exit": int(r.exit),
                "message": r.message,
                "plan": r.plan.digest if r.plan else None,
                "frames": r.plan.frames if r.plan else None,
                "seconds": round(r.seconds, 3),
                "outputs": r.written,
                "skipped": r.outcome.skipped,
                "computed": r.outcome.computed,
                "loaded": r.outcome.loaded,
                "node_seconds": {n: round(s, 4) for n, s in r.outcome.seconds.items()},
                "warnings": r.plan.warnings if r.plan else (),
                "internal": r.exit == Exit.INTERNAL,
            }
            for r in results
        ],
    }
