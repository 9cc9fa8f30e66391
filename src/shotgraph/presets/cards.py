"""What checking a preset asks of the node registry: cards, read from a catalogue without importing any node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from shotgraph.api.ports import PortSpec


class Card(Protocol):
    """One node as its declarations describe it."""

    @property
    def id(self) -> str:
        """Node id."""
        ...

    @property
    def summary(self) -> str:
        """First line of its docstring."""
        ...

    @property
    def contract(self) -> str:
        """Name of the contract it declares."""
        ...

    @property
    def contract_settings(self) -> Mapping[str, Any]:
        """The fields of that contract."""
        ...

    @property
    def inputs(self) -> tuple[PortSpec, ...]:
        """Input ports, in order."""
        ...

    @property
    def outputs(self) -> tuple[PortSpec, ...]:
        """Output ports, in order."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of its ``Params``, each property with ``per_shot``, ``path`` and ``semantic``."""
        ...


class NodeCatalogue(Protocol):
    """Every node that is installed."""

    def ids(self) -> Iterable[str]:
        """Ids of all nodes, broken ones included."""
        ...

    def card(self, node_id: str) -> Card:
        """The card of a node; `PluginError` when it is unknown, disabled or broken."""
        ...


def parameters(card: Card) -> Mapping[str, Mapping[str, Any]]:
    """JSON Schema of every parameter of `card`, by name."""
    return card.schema.get("properties", {})


def first_stream(card: Card) -> PortSpec | None:
    """The input whose stream passes through when the node is bypassed."""
    return next((port for port in card.inputs if port.medium == "stream"), None)
