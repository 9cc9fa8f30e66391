"""``shotgraph cache``: the kept results."""

from __future__ import annotations

import os
from pathlib import Path

import click

from shotgraph.cli.output import counted, json_option, print_json, size_text
from shotgraph.cli.request import cache_place
from shotgraph.cli.site import read_site_config, size_bytes
from shotgraph.pipeline.cache import Cache


@click.group(name="cache")
@click.option(
    "--cache", "place", metavar="DIR", help="The cache; else $SHOTGRAPH_CACHE, the site's, or ROOT/.shotgraph/cache."
)
@click.option("--root", metavar="DIR", default=".", show_default=True, help="Folder of the shots.")
@click.pass_context
def command(ctx: click.Context, place: str | None, root: str) -> None:
    """Show or trim the kept results."""
    asked = place or os.environ.get("SHOTGRAPH_CACHE") or read_site_config().cache
    ctx.obj = Cache(cache_place(Path(asked) if asked else None, Path(root)))


@command.command(name="stat")
@json_option
@click.pass_obj
def stat(cache: Cache, as_json: bool) -> None:
    """Number and size of the kept results."""
    held = cache.stat()
    if as_json:
        print_json({"root": cache.root, "entries": held.entries, "bytes": held.bytes})
    else:
        click.echo(f"{cache.root}: {counted(held.entries, 'result')}, {size_text(held.bytes)}")


@command.command(name="gc")
@click.option("--max", "limit", required=True, metavar="SIZE", help="What may stay, e.g. 200GB.")
@json_option
@click.pass_obj
def collect(cache: Cache, limit: str, as_json: bool) -> None:
    """Remove the least recently used results; those used within the last hour stay."""
    removed = cache.collect(limit_bytes=size_bytes(limit))
    if as_json:
        print_json({"root": cache.root, "removed": removed.entries, "bytes": removed.bytes})
    else:
        click.echo(f"{cache.root}: removed {counted(removed.entries, 'result')}, {size_text(removed.bytes)}")
