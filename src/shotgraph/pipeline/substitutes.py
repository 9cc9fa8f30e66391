"""Which results of a run stand for failed ones: right to show, wrong to keep, and so is everything made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shotgraph.pipeline.schedule import LanePlan
from shotgraph.pipeline.vertex import Graph, Vertex


class Skipped:
    """What stands for a frame that failed under ``on_error: skip``; whatever reads it is skipped too."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


def skipped_among(inputs: Mapping[str, Iterable[Any]]) -> Skipped | None:
    """The first skipped value among what a unit reads."""
    for values in inputs.values():
        for value in values:
            if type(value) is Skipped:
                return value
    return None


class Substitutes:
    """Output indices of nodes, over all stages of a run.

    Attributes:
        exist: something failed.
    """

    def __init__(self) -> None:
        self.exist = False
        self._marked: set[tuple[str, int]] = set()
        self._nodes: set[str] = set()

    def mark(self, name: str, indices: Iterable[int]) -> None:
        """Remember that these results are, or are made of, a substitute."""
        self.exist = True
        self._nodes.add(name)
        self._marked.update((name, index) for index in indices)

    def reach(self, vertex: Vertex, lane: LanePlan, unit: int) -> bool:
        """Whether `unit` is made of a substitute: through a frame, an anchor, an artifact, or the state before it."""
        if vertex.is_sequential and (vertex.name, unit - 1) in self._marked:
            return True
        if any(link.vertex in self._nodes for link in vertex.value_links().values()):
            return True
        read = ((lane.inputs[port], index) for port, indices in lane.grid.needs(unit).items() for index in indices)
        anchors = ((lane.inputs[port], index) for port, indices in lane.anchors.items() for index in indices)
        return any(item in self._marked for item in (*read, *anchors))

    def reach_whole(self, graph: Graph, name: str) -> bool:
        """Whether anything that the whole-shot node `name` depends on is a substitute."""
        links = graph.vertices[name].links.values()
        return any(link.vertex in self._nodes or self.reach_whole(graph, link.vertex) for link in links)
