"""What the inputs of a command line mean: paths, references of a studio's asset system, and its own way to find shots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from shotgraph.api.shot import Shot
from shotgraph.errors import MediaMissingError
from shotgraph.pipeline.hooks import Hooks
from shotgraph.presets import Preset, discover


def shots_of(preset: Preset, inputs: Sequence[str], hooks: Hooks) -> tuple[Shot, ...]:
    """The shots that `inputs` mean to `preset`; `MediaMissingError` for a reference that no plugin resolves.

    Args:
        preset: says where plates and other media are.
        inputs: paths, or references such as ``studio://show/shot/plate``.
        hooks: of the studio; its answers come before ours.

    Returns:
        At least one shot.
    """

    def find(root: Path, patterns: Mapping[str, Any]) -> Iterable[Shot] | None:
        return hooks.call("shotgraph_discover_shots", root=root, patterns=patterns)

    return discover(preset, [_place(entry, hooks) for entry in inputs], find)


def _place(entry: str, hooks: Hooks) -> str | Path:
    """A path as it is; a reference as the path that the studio has for it."""
    if "://" not in entry:
        return entry
    place = hooks.call("shotgraph_resolve_reference", uri=entry)
    if place is None:
        raise MediaMissingError(
            f"input: a reference must be one that a plugin resolves, got {entry!r}; install the studio's plugin or give a path"
        )
    return place
