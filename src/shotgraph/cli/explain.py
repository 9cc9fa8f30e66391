"""``shotgraph explain``: what changed since the last run, or which layer a setting comes from."""

from __future__ import annotations

from typing import Any

import click

from shotgraph.cli.failures import tell_failures
from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.cli.request import PresetRequest, request_options
from shotgraph.errors import Exit
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.explain import changes, ingredients
from shotgraph.pipeline.planner import Prepared
from shotgraph.pipeline.session import ShotResult
from shotgraph.presets import explain as layers_of


@click.command(name="explain")
@request_options
@click.option("--setting", metavar="PATH", help="Show every layer that sets PATH, e.g. edit.strength or vars.seed.")
@json_option
@click.pass_context
def command(ctx: click.Context, setting: str | None, as_json: bool, **asked: Any) -> int:
    """Tell what changed since the last run of PRESET over INPUTS, and what has to be computed again."""
    request = PresetRequest.of(ctx, asked)
    if setting is not None:
        _print_layers(request, setting, as_json=as_json)
        return Exit.VERIFIED
    rows: list[dict[str, Any]] = []
    failed: list[ShotResult] = []
    for session, jobs in request.sessions(lambda _event: None, CancelFlag(), reserve=False):
        for planned in session.plan(jobs):
            if isinstance(planned, ShotResult):
                failed.append(planned)
            else:
                rows.append(_row(planned))
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _print(row)
    return tell_failures(failed, total=len(failed) + len(rows), what="cannot be planned")


def _row(prepared: Prepared) -> dict[str, Any]:
    """What differs, what depends on it, and how much work that is."""
    plan = prepared.plan
    before = prepared.state.last_keys(plan.shot, plan.preset)
    found = [] if before is None else changes(before, ingredients(prepared.draft))
    touched = {name for change in found for name in prepared.graph.downstream([change.node])}
    units = {node.name: node.units for node in plan.nodes}
    kept = {node.name for node in plan.nodes if node.kept}
    return {
        "shot": plan.shot,
        "first_run": before is None,
        "up_to_date": prepared.state.finished(plan) is not None,
        "changes": [{"node": c.node, "what": c.what, "before": c.before, "after": c.after} for c in found],
        "touched": [name for name in prepared.graph.vertices if name in touched],
        "kept_units_to_compute": {name: units[name] for name in units if name in kept},
    }


def _print(row: dict[str, Any]) -> None:
    if row["first_run"]:
        click.echo(f"{row['shot']}: no finished run to compare with; everything is new")
        return
    if not row["changes"]:
        state = "up to date" if row["up_to_date"] else "nothing changed, but the outputs are not there"
        click.echo(f"{row['shot']}: {state}")
        return
    click.echo(f"{row['shot']}: touched: {', '.join(row['touched'])}")
    for change in row["changes"]:
        click.echo(
            f"  {change['node']}: {change['what']}: {change['before'] or 'nothing'} -> {change['after'] or 'nothing'}"
        )
    for name, units in row["kept_units_to_compute"].items():
        click.echo(
            f"  {name}: {units} kept results to compute again" if units else f"  {name}: every kept result still holds"
        )


def _print_layers(request: PresetRequest, setting: str, *, as_json: bool) -> None:
    found = [(shot.name, layers_of(request.preset, setting, shot)) for shot in request.shots]
    if as_json:
        print_json([{"shot": shot, "setting": setting, "layers": opinions} for shot, opinions in found])
        return
    for shot, opinions in found:
        if not opinions:
            click.echo(f"{shot}: no layer sets {setting}; the default holds, see shotgraph nodes show")
            continue
        click.echo(f"{shot}: {setting}, the last line holds")
        print_table(("  LAYER", "WHERE", "VALUE"), [(f"  {o.layer}", str(o.where), repr(o.value)) for o in opinions])
