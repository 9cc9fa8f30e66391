"""The links of a graph: which output each input binds, around bypassed nodes and media a shot does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shotgraph.api.ports import PortSpec
from shotgraph.presets.cards import Card, first_stream
from shotgraph.presets.document import Item
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean, shown
from shotgraph.presets.nodes import Draft
from shotgraph.presets.substitute import is_unresolved


@dataclass(frozen=True, slots=True)
class Bound:
    """The output that an input binds.

    Attributes:
        node: name of the node.
        port: its output.
        optional: whether the input may stay unlinked.
    """

    node: str
    port: str
    optional: bool = False

    def __str__(self) -> str:
        """``node.port``."""
        return f"{self.node}.{self.port}"


Bindings = dict[str, dict[str, Bound]]


def bindings(nodes: Mapping[str, Draft], faults: Faults) -> Bindings:
    """Every link of every enabled node, by node and input; links at fault are left out and noted."""
    bound: Bindings = {}
    for draft in nodes.values():
        if not draft.is_enabled or draft.card is None:
            continue
        ports = {port.name: port for port in draft.card.inputs}
        binder = _Binder(nodes, draft, faults)
        found = {key: binder.bind(ports[key], item) for key, item in draft.links.items()}
        bound[draft.name] = {key: link for key, link in found.items() if link}
    _check_circles(nodes, bound, faults)
    return bound


def absent_nodes(nodes: Mapping[str, Draft], bound: Bindings, missing: frozenset[str]) -> dict[str, str]:
    """Nodes that cannot be without media a shot does not have, each with the path field it lacks.

    Args:
        nodes: the graph.
        bound: its links.
        missing: path fields of optional media that the shot does not have.

    Returns:
        Node name to path field.
    """
    absent: dict[str, str] = {}
    for draft in nodes.values():
        lacking = sorted(draft.path_fields() & missing)
        if lacking:
            absent[draft.name] = lacking[0]
    while True:
        further = {
            name: absent[link.node]
            for name, links in bound.items()
            for link in links.values()
            if name not in absent and link.node in absent and not link.optional
        }
        if not further:
            return absent
        absent |= further


class _Binder:
    """Binds the inputs of one node."""

    def __init__(self, nodes: Mapping[str, Draft], draft: Draft, faults: Faults) -> None:
        self._nodes, self._draft, self._faults = nodes, draft, faults

    def bind(self, port: PortSpec, item: Item) -> Bound | None:
        """The output behind the link `item` of input `port`, or None when it is at fault."""
        path = (*self._draft.path, port.name)
        if is_unresolved(item):
            return None
        if not isinstance(item.value, str):
            self._faults.add(item.where, path, f"must be a node or node.port, got {shown(item.plain())}")
            return None
        text = self._around_bypassed(item.value, item, path)
        if text is None:
            return None
        name, _, wanted = text.partition(".")
        if name not in self._nodes:
            hint = did_you_mean(name, [other for other in self._nodes if other != self._draft.name])
            self._faults.add(item.where, path, f"must be a node of the graph, got {shown(name)}; {hint}")
            return None
        card = self._nodes[name].card
        output = self._output(name, wanted, card, port, item) if card else None
        return Bound(name, output.name, port.optional) if output else None

    def _around_bypassed(self, text: str, item: Item, path: KeyPath) -> str | None:
        """The link that `text` stands for once disabled nodes are taken out."""
        seen: list[str] = []
        while True:
            name = text.partition(".")[0]
            draft = self._nodes.get(name)
            if draft is None or draft.is_enabled:
                return text
            if name in seen:
                self._faults.add(
                    item.where, path, f"disabled nodes must not form a circle, got {' > '.join([*seen, name])}"
                )
                return None
            seen.append(name)
            port = first_stream(draft.card) if draft.card else None
            link = draft.links.get(port.name) if port else None
            if link is None or not isinstance(link.value, str):
                message = f"must not link to {name!r}, which is disabled and has no stream input to take instead"
                self._faults.add(item.where, path, f"{message}; enable it or link to another node")
                return None
            text = link.value

    def _output(self, name: str, wanted: str, card: Card, port: PortSpec, item: Item) -> PortSpec | None:
        path = (*self._draft.path, port.name)
        outputs = {output.name: output for output in card.outputs}
        offered = ", ".join(f"{name}.{output}" for output in outputs)
        if not outputs:
            self._faults.add(item.where, path, f"must be a node with outputs, got {name!r} ({card.id}), which has none")
            return None
        only = next(iter(outputs)) if len(outputs) == 1 else ""
        chosen = wanted or (port.name if port.name in outputs else only)
        if chosen not in outputs:
            message = f"must name one output, got {shown(item.value)}; choose from {offered}"
            self._faults.add(item.where, path, message)
            return None
        output = outputs[chosen]
        if not _fits(output, port):
            wants, gives = " or ".join(port.kinds), " or ".join(output.kinds)
            choices = [f"{name}.{other.name}" for other in outputs.values() if _fits(other, port)]
            hint = f"; choose from {', '.join(choices)}" if choices else ""
            message = f"must be {_article(port.medium)} of {wants}, got {_article(output.medium)} of {gives}"
            self._faults.add(item.where, path, f"{message} from {name}.{chosen}{hint}")
            return None
        return output


def _article(medium: str) -> str:
    return f"an {medium}" if medium == "artifact" else f"a {medium}"


def _fits(output: PortSpec, port: PortSpec) -> bool:
    """Whether `port` takes what `output` gives, if need be through the conversion that the planner inserts."""
    if port.medium == "value":
        return output.medium in ("artifact", "table")
    if output.medium != port.medium:
        return False
    # An input that reads only the header takes any stream.
    if getattr(port, "header_only", False):
        return True
    is_converted = "native" in output.kinds and "rgb" in port.kinds
    return is_converted or bool(set(output.kinds) & set(port.kinds))


def _check_circles(nodes: Mapping[str, Draft], bound: Bindings, faults: Faults) -> None:
    """Note every circle of links that a walk over the graph closes, each node entered once."""
    done: set[str] = set()
    for start in bound:
        trail, below = [start], [_producers(start, bound)]
        while trail:
            name = next(below[-1], None)
            if name is None:
                done.add(trail.pop())
                below.pop()
            elif name in trail:
                _note_circle(trail[trail.index(name) :], nodes, bound, faults)
            elif name not in done:
                trail.append(name)
                below.append(_producers(name, bound))


def _producers(name: str, bound: Bindings) -> Iterator[str]:
    return iter([link.node for link in bound.get(name, {}).values()])


def _note_circle(circle: list[str], nodes: Mapping[str, Draft], bound: Bindings, faults: Faults) -> None:
    """Told at the link of the circle's first node in the file, so that it is told once."""
    first = min(circle, key=list(nodes).index)
    start = circle.index(first)
    turned = [*circle[start:], *circle[:start], first]
    port = next(key for key, link in bound[first].items() if link.node == turned[1])
    where = nodes[first].links[port].where
    faults.add(where, ("graph", first, port), f"links must not form a circle, got {' > '.join(turned)}")
