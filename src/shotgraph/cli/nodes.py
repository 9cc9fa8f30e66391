"""``shotgraph nodes``: what is installed, from the catalogue."""

from __future__ import annotations

import click

from shotgraph.api.ports import PortSpec
from shotgraph.cli.output import json_option, print_json, print_table
from shotgraph.cli.session import registry_of
from shotgraph.pipeline.catalogue import NodeCard


@click.group(name="nodes", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the installed nodes; those that are broken go to stderr, with the reason."""
    if ctx.invoked_subcommand is not None:
        return
    registry = registry_of(ctx)
    cards = registry.cards()
    broken = registry.broken()
    if as_json:
        print_json({"nodes": [card.to_json() for card in cards], "broken": [item._asdict() for item in broken]})
        return
    rows = [(card.id, card.version, card.contract, card.distribution, card.summary) for card in cards]
    print_table(("NODE", "VERSION", "CONTRACT", "FROM", "SUMMARY"), rows)
    for item in broken:
        click.echo(f"broken: {item.error}", err=True)


@command.command(name="show")
@click.argument("node")
@json_option
@click.option("--json-schema", is_flag=True, help="Print the JSON Schema of its parameters only.")
@click.pass_context
def show(ctx: click.Context, node: str, as_json: bool, json_schema: bool) -> None:
    """Show ports, parameters and contract of NODE."""
    card = registry_of(ctx).card(node)
    if json_schema:
        print_json(card.schema)
    elif as_json:
        print_json(card.to_json())
    else:
        _describe(card)


def _describe(card: NodeCard) -> None:
    settings = ", ".join(f"{name}={value!r}" for name, value in card.contract_settings.items())
    click.echo(f"{card.id}  version {card.version}  ({card.distribution})\n\n{card.doc}\n")
    click.echo(f"contract  {card.contract}({settings})  {card.cost}, numerics {card.numerics}\n")
    for title, ports in (("inputs", card.inputs), ("outputs", card.outputs)):
        for port in ports:
            click.echo(f"{title:8}  {_port(port)}")
    required = card.schema.get("required", [])
    rows = [
        (
            name,
            _type(entry),
            "required" if name in required else repr(entry.get("default")),
            entry.get("description", ""),
        )
        for name, entry in card.schema.get("properties", {}).items()
    ]
    if rows:
        click.echo()
        print_table(("PARAMETER", "TYPE", "DEFAULT", "MEANING"), rows)


def _port(port: PortSpec) -> str:
    notes = [port.medium, *(["optional"] if port.optional else []), *(["header only"] if port.header_only else [])]
    return f"{port.name}: {' or '.join(port.kinds)}  ({', '.join(notes)})"


def _type(entry: dict[str, object]) -> str:
    """A JSON Schema entry in a word or two, with its limits."""
    choices = entry.get("enum")
    if isinstance(choices, list):
        return "|".join(map(str, choices))
    options = entry.get("anyOf")
    if isinstance(options, list):
        return "|".join(_type(option) for option in options)
    low = _limit(entry, "minimum", "exclusiveMinimum", ">")
    high = _limit(entry, "maximum", "exclusiveMaximum", "<")
    return f"{entry.get('type', 'any')}{f' {low}..{high}' if low or high else ''}"


def _limit(entry: dict[str, object], inclusive: str, exclusive: str, sign: str) -> str:
    if inclusive in entry:
        return str(entry[inclusive])
    return f"{sign}{entry[exclusive]}" if exclusive in entry else ""
