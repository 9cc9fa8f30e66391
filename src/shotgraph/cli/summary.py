"""The one page at the end of a run, for people and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from shotgraph.api.media import WrittenOutput
from shotgraph.cli.output import counted, print_table, size_text
from shotgraph.cli.progress import clock
from shotgraph.errors import Exit, worst_exit
from shotgraph.pipeline.session import ShotResult

# What people look for first; `--json` has every check.
_SHOWN = ("timecode", "reel", "rate", "size", "samples")
_MINUTE_SECONDS = 60.0


def state_of(result: ShotResult) -> str:
    """``up to date``, ``verified`` or what went wrong, in two words."""
    return "up to date" if result.up_to_date else result.exit.name.lower().replace("_", " ")


def print_summary(results: list[ShotResult]) -> None:
    """Shots, outputs, warnings, and where the time went; what went wrong is told on stderr."""
    click.echo()
    rows = [(r.shot, state_of(r), r.plan.frames if r.plan else "-", _spent(r.seconds), _reuse(r)) for r in results]
    print_table(("SHOT", "STATE", "FRAMES", "TIME", "REUSED"), rows)
    for result in results:
        for line in _details(result):
            click.echo(line)
    _print_times(results)


def _details(result: ShotResult) -> Iterator[str]:
    """Lines about one shot's outputs."""
    losses = {output.path: output.losses for output in result.plan.outputs} if result.plan else {}
    for output in result.written:
        frames = f"{counted(output.frames, 'frame')}, " if output.frames else ""
        yield f"{result.shot}: {output.path}  ({frames}{size_text(output.bytes)})"
        yield f"    {_verdict(output)}"
        for loss in losses.get(output.path, ()):
            yield f"    loses {loss}"
    for target, frames in result.outcome.skipped.items():
        yield f"{result.shot}: {target} repeats the picture before at skipped frames {', '.join(map(str, frames))}"
    for warning in _warnings(result):
        yield f"{result.shot}: warning: {warning}"


def _warnings(result: ShotResult) -> list[str]:
    """Of the plan and of the run, each once."""
    return list(dict.fromkeys((*(result.plan.warnings if result.plan else ()), *result.warnings)))


def _verdict(output: WrittenOutput) -> str:
    """``19 checks passed: timecode 01:00:00:00, reel A001``; a declared difference is told with the losses."""
    checks = [check.partition(": ") for check in output.checks]
    passed = {name: value for name, _, value in checks if not value.startswith("declared loss")}
    shown = ", ".join(f"{name} {passed[name]}" for name in _SHOWN if name in passed)
    return f"{counted(len(passed), 'check')} passed{': ' if shown else ''}{shown}"


def _spent(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < _MINUTE_SECONDS else clock(seconds)


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
                "warnings": _warnings(r),
                "internal": r.exit == Exit.INTERNAL,
            }
            for r in results
        ],
    }
