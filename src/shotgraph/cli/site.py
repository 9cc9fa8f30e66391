"""The site config: what only a studio or the command line may say, never a preset.

``$SHOTGRAPH_CONFIG`` names the file, else ``config.yaml`` in the user's config folder; without one everything is default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs
import pydantic
import yaml
from pydantic import ConfigDict

from shotgraph.errors import UsageError

_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kMGT]?)B?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class _Section(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PluginLists(_Section):
    """Which plugins may be used.

    Attributes:
        allow: if given, every other plugin is disabled; the built-in nodes stay.
        block: disabled in any case.
    """

    allow: tuple[str, ...] | None = None
    block: tuple[str, ...] = ()


class SiteConfig(_Section):
    """The file's content.

    Attributes:
        presets: folders whose presets are known by name.
        defaults: a preset-like file with the site's ``vars``, ``shots`` and ``overrides``.
        environment: names of environment variables that presets may read.
        cache: folder of kept results; None leaves it beside the shots.
        cache_limit: size such as ``200GB`` that a run trims the cache to; None never trims.
        plugins: allow and block lists.
        threads: CPU threads of a run; 0 for all cores.
    """

    presets: tuple[Path, ...] = ()
    defaults: Path | None = None
    environment: tuple[str, ...] = ()
    cache: Path | None = None
    cache_limit: str | None = None
    plugins: PluginLists = PluginLists()
    threads: int = pydantic.Field(default=0, ge=0)


def size_bytes(text: str) -> int:
    """Bytes that ``200GB``, ``1.5T`` or ``4096`` mean.

    Args:
        text: a number with an optional decimal unit.

    Returns:
        Bytes.

    Raises:
        UsageError: anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"size: must be a number with k, M, G or T, like 200GB, got {text!r}")
    return int(float(match["number"]) * _UNITS[match["unit"]])


def site_config_path(environ: Mapping[str, str]) -> Path:
    """Where the site config is, or would be."""
    named = environ.get("SHOTGRAPH_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("shotgraph") / "config.yaml"


def read_site_config(environ: Mapping[str, str] = os.environ) -> SiteConfig:
    """The site config of this process; relative paths in it are relative to its folder.

    Args:
        environ: the process environment.

    Returns:
        Defaults where there is no file.

    Raises:
        UsageError: ``$SHOTGRAPH_CONFIG`` names no file, or the file is not what it must be.
    """
    path = site_config_path(environ)
    try:
        document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if environ.get("SHOTGRAPH_CONFIG"):
            raise UsageError(f"site config: SHOTGRAPH_CONFIG must name a file, got {str(path)!r}; unset it") from error
        return SiteConfig()
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError(f"site config: {path} must be readable YAML, got {error}; correct or remove it") from error
    try:
        config = SiteConfig.model_validate({} if document is None else document)
    except pydantic.ValidationError as error:
        raise UsageError("\n".join(_faults(path, error))) from error
    return _anchored(config, path.parent)


def _faults(path: Path, error: pydantic.ValidationError) -> list[str]:
    known = ", ".join(SiteConfig.model_fields)
    faults: list[str] = []
    for fault in error.errors():
        key = ".".join(map(str, fault["loc"])) or "file"
        faults.append(f"site config: {path}: {key}: {fault['msg']}, got {fault['input']!r}; known keys are {known}")
    return faults


def _anchored(config: SiteConfig, folder: Path) -> SiteConfig:
    def here(path: Path | None) -> Path | None:
        return None if path is None else folder / path.expanduser()

    presets = tuple(folder / path.expanduser() for path in config.presets)
    return config.model_copy(
        update={"presets": presets, "defaults": here(config.defaults), "cache": here(config.cache)}
    )
