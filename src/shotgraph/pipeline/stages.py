"""Stages: a graph cut where whole shots must be on disk, and in each stage the lanes that have work to do.

A `Clip` or `Clips` node reads its inputs at random, so what feeds it is either cheap to compute anywhere (media, and light
per-frame nodes on media) or is spooled to the cache by a stage of its own. `materialize: true` cuts in the same way.
`Sequential` nodes do not cut: frames come to them in order anyway (docs/decisions/0003).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shotgraph.api.contracts import Chunk, Frame
from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.errors import FrameRangeError
from shotgraph.pipeline.chunkgrid import ChunkGrid
from shotgraph.pipeline.grid import FrameGrid, NeedsGrid, needed
from shotgraph.pipeline.schedule import LanePlan
from shotgraph.pipeline.vertex import Graph, Vertex

KEEP_PREFIX = "keep "


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One pass over frames, or one whole-shot node.

    Attributes:
        name: ``s1``, ``s2`` ... in order.
        lanes: the streaming part, producers first; empty for a whole-shot node.
        clip: name of the whole-shot node, or empty.
        wanted: frames that the whole-shot node has to emit.
    """

    name: str
    lanes: tuple[LanePlan, ...] = ()
    clip: str = ""
    wanted: FrameSet = field(default_factory=FrameSet)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the graph's nodes in it."""
        return (
            (self.clip,)
            if self.clip
            else tuple(lane.name for lane in self.lanes if not lane.name.startswith(KEEP_PREFIX))
        )


def random_access(graph: Graph, name: str) -> bool:
    """Whether any frame of `name` can be had alone and cheaply: media, and light single-frame nodes on media."""
    vertex = graph.vertices[name]
    if vertex.is_source:
        return True
    light = vertex.contract == Frame() and vertex.cls.cost == "light" and not vertex.spec.materialize
    framewise = isinstance(vertex.grid, FrameGrid) and not vertex.is_target and not vertex.is_sequential
    # On the spot nothing can stand in for a failed frame.
    sure = vertex.spec.on_error == "fail"
    return (
        light
        and framewise
        and sure
        and all(random_access(graph, link.vertex) for link in vertex.stream_links().values())
    )


def spooled(graph: Graph) -> frozenset[str]:
    """Streams that must lie on disk before a whole-shot node can start."""
    return frozenset(
        link.vertex
        for vertex in graph.vertices.values()
        if vertex.is_clip
        for link in vertex.stream_links().values()
        if not random_access(graph, link.vertex) and not graph.vertices[link.vertex].is_clip
    )


def kept_nodes(graph: Graph) -> frozenset[str]:
    """Nodes whose outputs are stored on disk."""
    spools = spooled(graph)
    return frozenset(
        name
        for name, v in graph.vertices.items()
        if not v.is_target
        and (
            v.is_clip
            or isinstance(v.contract, Chunk)
            or name in spools
            or (not v.inserted and (v.spec.materialize or v.cls.cost == "heavy"))
        )
    )


# (node, output indices) -> those that are kept and intact.
Present = Callable[[str, FrameSet], FrameSet]
# whole-shot node -> whether its artifacts and tables are kept; True where it has none.
Valued = Callable[[str], bool]
# (stateful node, first frame wanted) -> the frame to start from: behind the nearest saved state.
Restart = Callable[[str, int], int]


class StagePlanner:
    """Cuts one graph for one request."""

    def __init__(self, graph: Graph, *, present: Present, valued: Valued, restart: Restart) -> None:
        self._graph = graph
        self._present, self._valued, self._restart = present, valued, restart
        self._kept = kept_nodes(graph)
        spools = spooled(graph)
        self._cut = frozenset(
            n for n, v in graph.vertices.items() if v.is_clip or (v.spec.materialize and n in self._kept) or n in spools
        )
        self._planned: dict[str, FrameSet] = {}
        self._hits: dict[str, FrameSet] = {}
        self._made: set[str] = set()
        self.stages: list[Stage] = []

    def plan(self, wanted: Mapping[str, FrameSet]) -> list[Stage]:
        """The stages that bring the targets `wanted` (name to frames) up to date."""
        self._stream({name: frames for name, frames in wanted.items() if frames.ranges}, keep=frozenset())
        return self.stages

    def plan_inputs(self, clip: str) -> list[Stage]:
        """The stages after which the inputs of the whole-shot node `clip` can be read at random."""
        vertex = self._graph.vertices[clip]
        for port, link in vertex.stream_links().items():
            self._ensure_readable(link.vertex, FrameSet((vertex.input_headers[port].range,)))
        return self.stages

    def _missing(self, name: str, indices: FrameSet) -> FrameSet:
        """Output indices of a kept node that no earlier stage makes and no cache holds."""
        rest = indices - self._planned.get(name, FrameSet()) - self._hits.get(name, FrameSet())
        if rest.ranges:
            found = self._present(name, rest)
            self._hits[name] = self._hits.get(name, FrameSet()) | found
            rest = rest - found
        return rest

    def _stream(self, goals: Mapping[str, FrameSet], *, keep: frozenset[str]) -> None:
        """Append the stage that reaches `goals`, behind the stages it depends on."""
        need = dict(goals)
        lanes: list[LanePlan] = []
        external: dict[str, FrameSet] = {}
        pins: dict[str, set[int]] = {}
        for name in reversed(self._graph.vertices):
            if name not in need:
                continue
            vertex, wanted = self._graph.vertices[name], need[name]
            if name in self._cut and name not in keep:
                external[name] = wanted
                lanes.append(LanePlan(name=name, grid=vertex.grid, inputs={}, run=FrameSet(), hits=wanted))
                continue
            lanes.append(self._lane(vertex, wanted, need, pins))
        lanes = [_pinned(lane, pins) for lane in reversed(lanes)]
        lanes.extend(self._keeper(name, goals[name]) for name in sorted(keep))
        values = self._values_read(lanes)
        for name in self._graph.vertices:
            if name in external or name in values:
                self._ensure(name, external.get(name), value=name in values)
        if any(lane.drives and lane.run.ranges for lane in lanes):
            self.stages.append(Stage(name=f"s{len(self.stages) + 1}", lanes=tuple(lanes)))
        for name in keep:
            self._planned[name] = self._planned.get(name, FrameSet()) | goals[name]

    def _values_read(self, lanes: list[LanePlan]) -> set[str]:
        """Whole-shot nodes whose artifacts or tables a working lane reads."""
        working = [
            self._graph.vertices[lane.name] for lane in lanes if lane.run.ranges and lane.name in self._graph.vertices
        ]
        return {link.vertex for vertex in working for link in vertex.value_links().values()}

    def _lane(self, vertex: Vertex, wanted: FrameSet, need: dict[str, FrameSet], pins: dict[str, set[int]]) -> LanePlan:
        """The lane of one node, and what it needs added to `need`."""
        missing = self._missing(vertex.name, wanted) if vertex.name in self._kept else wanted
        units = vertex.grid.units_for(missing)
        if vertex.is_sequential and missing.bounds is not None:
            start = self._restart(vertex.name, missing.bounds.first)
            units = FrameSet((FrameRange(start, missing.bounds.last),))
        links = vertex.stream_links()
        anchors: dict[str, tuple[int, ...]] = {}
        for port, link in links.items() if units.ranges else ():
            asked = units if isinstance(vertex.grid, FrameGrid) else needed(vertex.grid, units, port)
            _check_inside(vertex, port, asked)
            if isinstance(vertex.grid, ChunkGrid) and vertex.grid.chunk.anchors:
                anchors[port] = vertex.grid.anchors()
                asked = asked | FrameSet.of(anchors[port])
                pins.setdefault(link.vertex, set()).update(anchors[port])
            need[link.vertex] = need.get(link.vertex, FrameSet()) | asked
        return LanePlan(
            name=vertex.name,
            grid=vertex.grid,
            inputs={port: link.vertex for port, link in links.items()} if units.ranges else {},
            run=units,
            hits=wanted - missing,
            anchors=anchors,
            drives=vertex.is_target,
        )

    def _keeper(self, name: str, wanted: FrameSet) -> LanePlan:
        """A lane that pulls a node through so that it gets stored, and consumes nothing else."""
        outputs = self._graph.vertices[name].grid.outputs
        grid = FrameGrid(("kept",), outputs)
        return LanePlan(name=f"{KEEP_PREFIX}{name}", grid=grid, inputs={"kept": name}, run=wanted, drives=True)

    def _ensure(self, name: str, wanted: FrameSet | None, *, value: bool = False) -> None:
        """Append the stages that put `wanted` of a cut node, and with `value` its artifacts and tables, on disk."""
        vertex = self._graph.vertices[name]
        if wanted is None:
            # Frames are asked for along with a value when anybody will read any: training twice costs more than frames.
            wanted = FrameSet((vertex.domain,)) if self._graph.consumers(name) else FrameSet()
        missing = self._missing(name, wanted)
        lacking = value and name not in self._made and not self._valued(name)
        if not missing.ranges and not lacking:
            return
        if not vertex.is_clip:
            self._stream({name: missing}, keep=frozenset({name}))
            return
        self.plan_inputs(name)
        self._ensure_values(vertex)
        self._planned[name] = self._planned.get(name, FrameSet()) | missing
        self._made.add(name)
        self.stages.append(Stage(name=f"s{len(self.stages) + 1}", clip=name, wanted=missing))

    def _ensure_values(self, vertex: Vertex) -> None:
        for link in vertex.value_links().values():
            self._ensure(link.vertex, None, value=True)

    def _ensure_readable(self, name: str, wanted: FrameSet) -> None:
        if name in self._cut:
            self._ensure(name, wanted)
            return
        vertex = self._graph.vertices[name]
        self._ensure_values(vertex)
        for link in vertex.stream_links().values():
            self._ensure_readable(link.vertex, wanted)


def _check_inside(vertex: Vertex, port: str, asked: FrameSet) -> None:
    """Refuse frames that the producer does not have; only a node's own `frames_needed` can ask for them."""
    if not isinstance(vertex.grid, NeedsGrid):
        return
    outside = asked - FrameSet((vertex.input_headers[port].range,))
    if outside.ranges:
        raise FrameRangeError(
            f"{vertex.name}.{port}: frames needed must lie in {vertex.input_headers[port].range}, got {outside}; "
            f"this is a fault of {vertex.cls.id}"
        )


def _pinned(lane: LanePlan, pins: Mapping[str, set[int]]) -> LanePlan:
    if lane.name not in pins:
        return lane
    return replace(lane, pinned=frozenset(pins[lane.name]))
