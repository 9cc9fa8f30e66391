"""``shotgraph check``: every fault of a preset at once, without decoding a frame."""

from __future__ import annotations

import click

from shotgraph.cli.discovery import shots_of
from shotgraph.cli.output import counted, json_option, print_json
from shotgraph.cli.session import registry_of, site_of
from shotgraph.errors import PresetError
from shotgraph.presets import check, graph_for, load


@click.command(name="check")
@click.argument("preset")
@click.argument("inputs", nargs=-1)
@click.option("--set", "sets", metavar="PATH=VALUE", multiple=True, help="Change one setting, e.g. vars.seed=3.")
@json_option
@click.pass_context
def command(ctx: click.Context, preset: str, inputs: tuple[str, ...], sets: tuple[str, ...], as_json: bool) -> None:
    """Check PRESET, and with INPUTS its graph for every shot found in them."""
    registry = registry_of(ctx)
    shots: tuple[str, ...] = ()
    try:
        loaded = load(preset, site=site_of(), sets=sets)
        graph = check(loaded, registry)
        if inputs:
            found = shots_of(loaded, inputs, registry.hooks)
            shots = tuple(shot.name for shot in found)
            for shot in found:
                graph_for(loaded, shot, registry)
    except PresetError as error:
        if as_json:
            print_json({"preset": preset, "ok": False, "faults": error.faults})
        raise
    if as_json:
        print_json({"preset": preset, "ok": True, "faults": [], "nodes": len(graph.nodes), "shots": shots})
    else:
        where = f", {counted(len(shots), 'shot')}" if inputs else ""
        click.echo(
            f"{preset}: sound, {counted(len(graph.nodes), 'node')}, targets {', '.join(graph.targets) or 'none'}{where}"
        )
