"""The compiled graph: nodes bound to classes, parameters, ports, headers and grids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from shotgraph.api.contracts import Clip, Clips, Contract, Sequential
from shotgraph.api.frames import FrameRange
from shotgraph.api.graph import NodeSpec
from shotgraph.api.media import Media
from shotgraph.api.node import Node, Source, Target
from shotgraph.api.params import Params
from shotgraph.api.ports import Ports, PortSpec
from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo
from shotgraph.pipeline.grid import Grid


@dataclass(frozen=True, slots=True)
class Link:
    """Where an input port gets its value.

    Attributes:
        vertex: name of the producer.
        port: its output port.
    """

    vertex: str
    port: str

    def __str__(self) -> str:
        """``node.port``."""
        return f"{self.vertex}.{self.port}"


@dataclass(frozen=True, kw_only=True)
class Vertex:
    """One node of a compiled graph.

    Attributes:
        name: name in the preset; ``plate>rgb`` or ``edit>blend`` where the planner added it.
        cls: the node class.
        params: validated parameters, path fields filled.
        contract: the contract with this run's settings.
        links: every linked input.
        ports: specification of every linked input.
        kinds: output port to stream kind (or artifact name).
        headers: header of each stream output.
        input_headers: header of each linked stream input.
        domain: frames it gives.
        grid: its units; for `Clip` and `Clips` frame by frame.
        spec: what the preset said.
        media: what a source reads.
        distribution: package that offers the class, ``name version``.
        inserted: added by the planner.
        note: for people: what an inserted conversion does.
        models: digest of every model it computes with, by role.
        blends: the `Out` whose windows it turns into frames; None for every other node.
        warnings: what its plan-time queries had to say.
    """

    name: str
    cls: type[Node]
    params: Params
    contract: Contract
    links: dict[str, Link]
    ports: dict[str, PortSpec]
    kinds: dict[str, str]
    headers: dict[str, StreamInfo]
    input_headers: dict[str, StreamInfo]
    domain: FrameRange
    grid: Grid
    spec: NodeSpec
    media: Media | None = None
    distribution: str = ""
    inserted: bool = False
    note: str = ""
    models: dict[str, str] = field(default_factory=dict[str, str])
    blends: type[Ports] | None = None
    warnings: list[str] = field(default_factory=list[str])

    @property
    def out(self) -> type[Any]:
        """The ports it answers with: the node's own, or those of the windows it blends."""
        return self.blends or self.cls.Out

    @property
    def is_source(self) -> bool:
        """Whether it reads media."""
        return issubclass(self.cls, Source)

    @property
    def is_target(self) -> bool:
        """Whether it writes files."""
        return issubclass(self.cls, Target)

    @property
    def writes_value(self) -> bool:
        """Whether it writes one value of the shot, and no frames."""
        return self.is_target and not self.stream_links()

    @property
    def is_clip(self) -> bool:
        """Whether it sees whole shots through readers, in a stage of its own."""
        return isinstance(self.contract, Clip | Clips)

    @property
    def is_sequential(self) -> bool:
        """Whether it carries state from frame to frame."""
        return isinstance(self.contract, Sequential)

    def stream_links(self) -> dict[str, Link]:
        """Inputs whose frames it reads."""
        return {
            port: link
            for port, link in self.links.items()
            if self.ports[port].medium == "stream" and not self.ports[port].header_only
        }

    def value_links(self) -> dict[str, Link]:
        """Inputs that are one value: artifacts and tables."""
        return {port: link for port, link in self.links.items() if self.ports[port].medium != "stream"}


@dataclass(frozen=True)
class Graph:
    """A compiled graph for one shot.

    Attributes:
        preset: its preset's name.
        shot: its shot.
        vertices: in topological order, only those a target needs.
        targets: names of the vertices that write.
    """

    preset: str
    shot: Shot
    vertices: dict[str, Vertex]
    targets: tuple[str, ...]

    def consumers(self, name: str) -> list[tuple[Vertex, str]]:
        """Vertices that read frames of `name`, with the port."""
        return [
            (vertex, port)
            for vertex in self.vertices.values()
            for port, link in vertex.stream_links().items()
            if link.vertex == name
        ]

    def downstream(self, nodes: Iterable[str]) -> list[str]:
        """Vertices whose results depend on one of `nodes`, in order; those of them that are here among them."""
        touched = set(nodes)
        for name, vertex in self.vertices.items():
            if any(link.vertex in touched for port, link in vertex.links.items() if not vertex.ports[port].header_only):
                touched.add(name)
        return [name for name in self.vertices if name in touched]

    def bytes_of(self, name: str) -> int:
        """Estimated bytes of one output index of `name`: a frame, or a window's frames."""
        vertex = self.vertices[name]
        per_frame = sum(
            _frame_bytes(kind, vertex.headers[port]) for port, kind in vertex.kinds.items() if port in vertex.headers
        )
        return per_frame * len(vertex.grid.frames(vertex.grid.outputs.first)) if _is_windowed(vertex) else per_frame


def _is_windowed(vertex: Vertex) -> bool:
    return type(vertex.grid).__name__ == "ChunkGrid"


def _frame_bytes(kind: str, info: StreamInfo) -> int:
    pixels = info.width * info.height
    if kind == "native":
        from shotgraph.api.pixels import PixelFormat

        return PixelFormat.parse(info.pixel_format).frame_bytes(width=info.width, height=info.height)
    channels = {
        "rgb": 3 + (info.alpha != "none"),
        "rgb_linear": 3 + (info.alpha != "none"),
        "mask": 1,
        "flow": 5,
        "depth": 1,
    }
    return pixels * channels.get(kind, 4) * 4
