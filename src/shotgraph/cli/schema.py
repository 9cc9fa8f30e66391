"""``shotgraph schema``: the JSON Schema of a preset, for editors."""

from __future__ import annotations

import click

from shotgraph.cli.output import print_json
from shotgraph.cli.session import registry_of
from shotgraph.presets import json_schema


@click.command(name="schema")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Print the JSON Schema of a preset with the nodes installed here."""
    print_json(json_schema(registry_of(ctx)))
