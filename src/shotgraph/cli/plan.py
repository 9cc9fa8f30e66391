"""``shotgraph plan``: what a run would do, frozen and shown; nothing is written but the file asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shotgraph.api.plan import Plan
from shotgraph.cli.failures import tell_failures
from shotgraph.cli.output import counted, json_option, print_table, size_text
from shotgraph.cli.request import PresetRequest, request_options
from shotgraph.errors import UsageError
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.session import ShotResult


@click.command(name="plan")
@request_options
@click.option("--out", metavar="DIR", help="Write each shot's plan.json there.")
@json_option
@click.pass_context
def command(ctx: click.Context, out: str | None, as_json: bool, **asked: Any) -> int:
    """Plan PRESET over INPUTS and print stages, memory, disk, outputs and what a format would lose."""
    request = PresetRequest.of(ctx, asked)
    plans: list[Plan] = []
    failed: list[ShotResult] = []
    for session, jobs in request.sessions(lambda _event: None, CancelFlag(), reserve=False):
        for planned in session.plan(jobs):
            if isinstance(planned, ShotResult):
                failed.append(planned)
            else:
                plans.append(planned.plan)
    if out is not None:
        write_plans(Path(out), plans)
    if as_json:
        click.echo("[" + ",\n".join(plan.model_dump_json(indent=1) for plan in plans) + "]")
    else:
        for plan in plans:
            show(plan)
    return tell_failures(failed, total=len(failed) + len(plans), what="cannot be planned")


def write_plans(folder: Path, plans: list[Plan]) -> None:
    """One file a shot; a shot whose name cannot be a file name is a usage error."""
    folder.mkdir(parents=True, exist_ok=True)
    for plan in plans:
        if "/" in plan.shot or plan.shot in ("", ".", ".."):
            raise UsageError(f"plan: a shot's name must be usable as a file name, got {plan.shot!r}")
        (folder / f"{plan.shot}.plan.json").write_text(plan.model_dump_json(indent=1), encoding="utf-8")


def show(plan: Plan) -> None:
    """A plan for people."""
    click.echo(
        f"{plan.shot}: frames {plan.frames}, {plan.device}, {counted(plan.threads, 'thread')}, plan {plan.digest}"
    )
    for stage in plan.stages:
        held = f"at most {counted(stage.peak_live_frames, 'frame')} held, {size_text(stage.peak_bytes)}"
        click.echo(f"  {stage.name}: {', '.join(stage.nodes)}  ({held}; keeps {size_text(stage.disk_bytes)})")
    rows = [
        (n.name, n.node, n.contract["name"], n.units, "kept" if n.kept else "", n.key[3:15], n.note) for n in plan.nodes
    ]
    print_table(("  NODE", "KIND", "CONTRACT", "UNITS", "KEPT", "KEY", "NOTE"), [(f"  {r[0]}", *r[1:]) for r in rows])
    for output in plan.outputs:
        click.echo(f"  writes {output.path}  frames {output.frames}, about {size_text(output.bytes)}")
        for loss in output.losses:
            click.echo(f"    loses {loss}")
    for warning in plan.warnings:
        click.echo(f"  warning: {warning}")
