"""Hooks: behaviour a studio can change without writing a node. Pixels never pass through here.

Implement one by giving a function of the same name in a module that a ``shotgraph.hooks`` entry point names, marked with
`hookimpl`. Hooks only ever gain arguments; an implementation may leave out those it does not use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pluggy

from shotgraph.api.plan import Plan
from shotgraph.api.shot import Shot

PROJECT = "shotgraph"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(firstresult=True)
def shotgraph_discover_shots(root: Path, patterns: Mapping[str, Any]) -> Iterable[Shot] | None:
    """The shots below `root`, or None to leave discovery to the next implementation."""


@hookspec(firstresult=True)
def shotgraph_resolve_reference(uri: str) -> Path | None:
    """The file that an asset reference such as ``studio://show/shot/plate`` names, or None."""


@hookspec(firstresult=True)
def shotgraph_open_media(path: str) -> Any | None:
    """An ``io`` frame source for a format Shotgraph does not read, or None. Specified; asked from the studio kit on."""


@hookspec(firstresult=True)
def shotgraph_executor(name: str) -> Any | None:
    """The executor called `name`: a callable that takes a Plan and run options, or None. Specified; asked from farms on."""


@hookspec
def shotgraph_farm_emitters() -> Mapping[str, Any] | None:
    """Farm name to a pure function from a Plan to the files of a submission. Specified; asked from farms on."""


@hookspec
def shotgraph_validate_plan(plan: Plan) -> Iterable[str] | None:
    """What studio policy has against `plan`, a sentence each; any stops the run with exit 2."""


@hookspec
def shotgraph_event(event: Mapping[str, Any]) -> None:
    """Observe a run. An error in here is logged and never fails a render."""


@hookspec
def shotgraph_publish(record: Mapping[str, Any]) -> None:
    """Take over a finished, verified output: its path, plan digest, keys, timecode."""


@hookspec
def shotgraph_report_section(summary: Mapping[str, Any]) -> str | None:
    """A paragraph for the end of the summary."""
