"""The graph as a preset states it, resolved for one shot: names, node ids, links and raw parameter values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OnError = Literal["fail", "skip", "hold", "passthrough", "black"]


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a preset, for messages.

    Attributes:
        file: path, or ``--set`` and the like.
        line: from 1; 0 when unknown.
        column: from 1; 0 when unknown.
    """

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``file:line:col``."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


NOWHERE = Location()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """One node of a preset.

    Attributes:
        name: unique in the graph; never part of a key.
        node: node id, e.g. ``flow.dis``.
        settings: everything else the preset says: links for names of input ports, parameters for the rest.
        materialize: keep its outputs on disk and cut the stage behind it.
        on_error: what happens to a frame whose `process` raises.
        contract: settings that replace fields of the node's contract (``batch``, ``size``, ``overlap`` ...).
        where: location of the node; of each setting in `setting_where`.
        setting_where: location of each setting.
    """

    name: str
    node: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    materialize: bool = False
    on_error: OnError = "fail"
    contract: Mapping[str, Any] = field(default_factory=dict[str, Any])
    where: Location = NOWHERE
    setting_where: Mapping[str, Location] = field(default_factory=dict[str, Location])


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSpec:
    """A preset's graph for one shot, after layers and substitutions.

    Attributes:
        preset: the preset's name, for files and reports.
        nodes: in the order written.
        targets: names of the nodes to bring up to date; they write files.
    """

    preset: str
    nodes: tuple[NodeSpec, ...]
    targets: tuple[str, ...] = field(default=())
