"""One node of a preset against its card: settings, values, contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shotgraph.api.contracts import Chunk, Frame, Window
from shotgraph.api.paths import FIELD
from shotgraph.errors import GraphError, PluginError
from shotgraph.presets.cards import Card, NodeCatalogue, parameters
from shotgraph.presets.document import Item
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean
from shotgraph.presets.schema import RESERVED_KEYS, is_valid_entry
from shotgraph.presets.substitute import is_unresolved
from shotgraph.presets.values import value_faults

# The contract that each reserved block changes.
_BLOCKS: dict[str, type[Frame | Window | Chunk]] = {"batch": Frame, "window": Window, "chunk": Chunk}


@dataclass(frozen=True, slots=True)
class Draft:
    """A node as written, with its card.

    Attributes:
        name: its name in the graph.
        item: its entry.
        card: what its class declares; None when that is not known, which is noted unless the node is disabled.
        is_enabled: False when the preset bypasses it.
    """

    name: str
    item: Item
    card: Card | None
    is_enabled: bool = True

    @property
    def path(self) -> KeyPath:
        """Where it is in the preset."""
        return "graph", self.name

    @property
    def settings(self) -> dict[str, Item]:
        """Everything but the reserved keys."""
        return {key: item for key, item in self.item.mapping().items() if key not in RESERVED_KEYS}

    @property
    def links(self) -> dict[str, Item]:
        """Settings that name input ports."""
        ports = {port.name for port in self.card.inputs} if self.card else set[str]()
        return {key: item for key, item in self.settings.items() if key in ports}

    @property
    def values(self) -> dict[str, Item]:
        """Settings that are parameters."""
        links = self.links
        return {key: item for key, item in self.settings.items() if key not in links}

    def path_fields(self) -> set[str]:
        """Path fields in the parameters that name files."""
        if self.card is None:
            return set()
        known = parameters(self.card)
        texts = [
            item.value
            for key, item in self.values.items()
            if known.get(key, {}).get("path") and isinstance(item.value, str)
        ]
        return {match["name"] for text in texts for match in FIELD.finditer(text)}


def drafts(graph: Item | None, catalogue: NodeCatalogue, faults: Faults) -> dict[str, Draft]:
    """Every node of `graph`; one that does not say which node it is has no card, and the schema says so."""
    found: dict[str, Draft] = {}
    for name, item in (graph.mapping() if graph else {}).items():
        enabled = item.find(("enabled",))
        is_enabled = enabled is None or enabled.value is not False
        card = _card(item.find(("node",)), name, catalogue, faults if is_enabled else Faults())
        found[name] = Draft(name, item, card, is_enabled)
    return found


def _card(node: Item | None, name: str, catalogue: NodeCatalogue, faults: Faults) -> Card | None:
    if node is None or not isinstance(node.value, str) or is_unresolved(node):
        return None
    try:
        return catalogue.card(node.value)
    except PluginError as error:
        faults.add(node.where, ("graph", name, "node"), _reason(node.value, catalogue, error))
        return None


def _reason(node_id: str, catalogue: NodeCatalogue, error: PluginError) -> str:
    """The registry's reason, which knows blocked and broken plugins, and for an unknown id a name that is near."""
    ids = list(catalogue.ids())
    if node_id in ids or "did you mean" in str(error):
        return str(error)
    return f"{error}; {did_you_mean(node_id, ids)}"


def check_settings(draft: Draft, faults: Faults) -> None:
    """Names, values and contract of one node; links are checked with the whole graph."""
    card = draft.card
    if card is None:
        return
    known = parameters(card)
    ports = {port.name: port for port in card.inputs}
    for key, item in draft.values.items():
        path = (*draft.path, key)
        if key in known:
            for wrong, where, message in value_faults(item, known[key], path, card.schema):
                faults.add(wrong.where, where, message)
        else:
            hint = did_you_mean(key, [*ports, *known, *RESERVED_KEYS])
            faults.add(item.key, path, f"{card.id} has no input or parameter of this name; {hint}")
    for key in card.schema.get("required", ()):
        if key not in draft.settings:
            faults.add(draft.item.key, (*draft.path, key), f"{card.id} must be given this parameter, got nothing")
    if draft.is_enabled:
        for port in ports.values():
            if not port.optional and port.name not in draft.settings:
                kinds = " or ".join(port.kinds)
                message = f"must name a node that gives {kinds}, got nothing"
                faults.add(draft.item.key, (*draft.path, port.name), message)
    _check_contract(draft, card, faults)


def _check_contract(draft: Draft, card: Card, faults: Faults) -> None:
    for key, contract in _BLOCKS.items():
        item = draft.item.find((key,))
        if item is None:
            continue
        path = (*draft.path, key)
        if card.contract != contract.__name__:
            kinds = f"it is for {contract.__name__} nodes and {card.id} is a {card.contract} node"
            faults.add(item.key, path, f"must be left out, since {kinds}")
            continue
        given = {key: item.plain()}
        if not is_valid_entry(given):
            continue
        try:
            contract(**{**card.contract_settings, **contract_settings(given)})
        except GraphError as error:
            faults.add(item.where, path, str(error))


def contract_settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's fields that a node entry replaces."""
    settings: dict[str, Any] = {**(entry.get("window") or {}), **(entry.get("chunk") or {})}
    if entry.get("batch") is not None:
        settings["batch"] = entry["batch"]
    if "anchors" in settings:
        settings["anchors"] = tuple(settings["anchors"])
    return settings


def check_sidecar(sidecar: Item, nodes: Mapping[str, Draft], faults: Faults) -> None:
    """Only parameters marked ``per_shot`` may come from a shot's own file."""
    graph = sidecar.find(("graph",))
    for name, entry in (graph.mapping() if graph else {}).items():
        if name not in nodes:
            hint = did_you_mean(name, nodes)
            faults.add(entry.key, ("graph", name), f"a sidecar may set only nodes of the preset's graph; {hint}")
            continue
        card = nodes[name].card
        if card is None:
            continue
        allowed = [key for key, schema in parameters(card).items() if schema.get("per_shot")]
        for key, item in entry.mapping().items():
            if key not in allowed:
                listed = ", ".join(allowed) or "none"
                rule = f"a sidecar may set only parameters marked per_shot ({card.id}: {listed})"
                faults.add(item.key, ("graph", name, key), f"{rule}, got {key!r}; set it in the preset or an override")
