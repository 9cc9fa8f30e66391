"""``shotgraph presets``: the presets known by name."""

from __future__ import annotations

import click

from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.cli.session import site_of
from shotgraph.presets import available, find_preset


@click.group(name="presets", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the presets known by name: the studio's, then those that ship."""
    if ctx.invoked_subcommand is not None:
        return
    search_path = site_of().search_path
    rows = [(name, str(find_preset(name, search_path))) for name in available(search_path)]
    if as_json:
        print_json([{"name": name, "path": path} for name, path in rows])
    else:
        print_table(("PRESET", "FILE"), rows)


@command.command(name="show")
@click.argument("preset")
def show(preset: str) -> None:
    """Print the file of PRESET, a name or a path."""
    click.echo(find_preset(preset, site_of().search_path).read_text(encoding="utf-8"), nl=False)
