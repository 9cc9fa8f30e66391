"""``shotgraph doctor``: what a support ticket should contain, and what to do about it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import click

from shotgraph import __version__
from shotgraph.cli.output import json_option, print_json
from shotgraph.cli.session import registry_of
from shotgraph.cli.site import read_site_config, site_config_path
from shotgraph.errors import PluginError
from shotgraph.pipeline.catalogue import default_catalogue
from shotgraph.pipeline.host import default_threads, environment, settle_device

OPTIONAL_TOOLS = ("ffmpeg", "ffprobe", "mediainfo")


@click.command(name="doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Tell what is installed and what is broken; exit 69 when a plugin is."""
    config = read_site_config()
    registry = registry_of(ctx)
    cards = registry.cards()
    broken = registry.broken()
    report: dict[str, Any] = {
        "shotgraph": __version__,
        "environment": environment(device=settle_device("auto"), threads=default_threads()),
        "site_config": _found(site_config_path(os.environ)),
        "catalogue": _found(default_catalogue()),
        "cache": str(config.cache or "beside the shots, in .shotgraph/cache"),
        "tools": {tool: shutil.which(tool) or "absent; only needed by tests" for tool in OPTIONAL_TOOLS},
        "nodes": len(cards),
        "hooks": list(registry.hooks.names()),
        "disabled": list(registry.disabled()),
        "broken": [item._asdict() for item in broken],
    }
    if as_json:
        print_json(report)
    else:
        _print(report)
    if broken:
        names = ", ".join(item.id for item in broken)
        raise PluginError(f"doctor: plugins must be sound, got {len(broken)} broken: {names}; the reasons are listed")


def _found(path: Path) -> str:
    return str(path) if path.exists() else f"{path} (absent)"


def _print(report: dict[str, Any]) -> None:
    for name, value in report.items():
        if name == "broken":
            continue
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for key, item in value.items():
                click.echo(f"  {key}: {item}")
        else:
            click.echo(f"{name}: {', '.join(value) or 'none' if isinstance(value, list) else value}")
    for item in report["broken"]:
        click.echo(f"broken: {item['error']}")
