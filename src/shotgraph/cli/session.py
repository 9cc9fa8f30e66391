"""What every command is given: the site, and the registry with its allow and block lists."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from shotgraph.cli.site import SiteConfig, read_site_config
from shotgraph.pipeline.catalogue import default_catalogue
from shotgraph.pipeline.registry import Registry
from shotgraph.presets import Environment, Site


def open_site(config: SiteConfig, environ: Mapping[str, str] = os.environ) -> Site:
    """What presets may see of the site."""
    values = {name: environ[name] for name in config.environment if name in environ}
    return Site(
        defaults=config.defaults,
        search_path=config.presets,
        environment=Environment(frozenset(config.environment), values),
    )


def open_registry(config: SiteConfig, blocked: tuple[str, ...], environ: Mapping[str, str] = os.environ) -> Registry:
    """The installed nodes, less what the site, the environment or ``-p no:NAME`` disable.

    Args:
        config: the site's own lists.
        blocked: names given with ``-p no:``.
        environ: for ``SHOTGRAPH_PLUGINS`` (replaces the site's allow list) and ``SHOTGRAPH_PLUGINS_BLOCK`` (adds).

    Returns:
        A registry with the catalogue of this Python environment.
    """
    allow = _names(environ["SHOTGRAPH_PLUGINS"]) if "SHOTGRAPH_PLUGINS" in environ else config.plugins.allow
    block = (*config.plugins.block, *_names(environ.get("SHOTGRAPH_PLUGINS_BLOCK", "")), *blocked)
    return Registry(allow=allow, block=block, cache=default_catalogue())


def site_of() -> Site:
    """The site of the running command."""
    return open_site(read_site_config())


def registry_of(ctx: click.Context) -> Registry:
    """The registry of the running command."""
    return open_registry(read_site_config(), ctx.find_root().obj)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
