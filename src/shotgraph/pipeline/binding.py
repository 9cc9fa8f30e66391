"""Binding: what a node class makes of its parameters and inputs: contract, grid, outputs, and whether it has work at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from shotgraph.api.contracts import Contract, Frame, Window
from shotgraph.api.frames import FrameRange
from shotgraph.api.graph import NodeSpec
from shotgraph.api.media import Media
from shotgraph.api.node import Node, Target
from shotgraph.api.params import Params
from shotgraph.api.ports import port_specs
from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo
from shotgraph.errors import GraphError
from shotgraph.pipeline.chunkgrid import contract_grid
from shotgraph.pipeline.grid import FrameGrid, Grid, IdentityGrid, NeedsGrid, WindowGrid
from shotgraph.pipeline.vertex import Vertex


@dataclass
class PlanContext:
    """`QueryContext` for one node while the graph is compiled.

    Attributes:
        node: its name.
        shot: the shot.
        headers: headers of its linked stream inputs.
        strict: refuse losses.
        warnings: what the node said.
    """

    node: str
    shot: Shot
    headers: Mapping[str, StreamInfo]
    strict: bool = False
    warnings: list[str] = field(default_factory=list[str])

    def warn(self, message: str) -> None:
        """Keep `message` for the plan."""
        if message not in self.warnings:
            self.warnings.append(message)


def contract_with(contract: Contract, node: NodeSpec) -> Contract:
    """`contract` with the fields that the preset replaces.

    Args:
        contract: as the node declares it.
        node: its ``batch``, ``window`` or ``chunk`` block.

    Returns:
        The contract of this run.

    Raises:
        GraphError: a field this contract does not have, or a value it refuses.
    """
    known = {item.name for item in fields(contract)}
    unknown = sorted(set(node.contract) - known)
    if unknown:
        name = type(contract).__name__
        raise GraphError(f"contract {name}: settings must be among {sorted(known)}, got {', '.join(unknown)}")
    return replace(contract, **node.contract)


def grid_of(
    cls: type[Node], contract: Contract, streams: list[str], params: Params, ctx: PlanContext, domain: FrameRange
) -> Grid:
    """The units of a node: those of its contract, of the frames it asks for itself, or of the frames it leaves alone."""
    overridden = cls.frames_needed.__func__ is not Node.frames_needed.__func__
    if overridden and isinstance(contract, Frame | Window) and cls.frames_needed(domain.first, params, ctx) is not None:
        return NeedsGrid(tuple(streams), domain, lambda frame: cls.frames_needed(frame, params, ctx) or {})
    grid = contract_grid(contract, streams, domain)
    if _overrides_identity(cls) and isinstance(grid, FrameGrid | WindowGrid):
        return IdentityGrid(grid, lambda frame: cls.identity(frame, params, ctx))
    return grid


def _overrides_identity(cls: type[Node]) -> bool:
    return cls.identity.__func__ is not Node.identity.__func__


def whole_identity(cls: type[Node], params: Params, ctx: PlanContext, domain: FrameRange) -> str | None:
    """The input port that is the node's answer at every frame of the shot: the node then has no part in the graph."""
    if not _overrides_identity(cls) or len(port_specs(cls.Out)) != 1:
        return None
    port = cls.identity(domain.first, params, ctx)
    # A node that sees more than a frame at a time is asked once for all.
    if port is None or not isinstance(cls.contract_for(params), Frame | Window):
        return port
    return port if all(cls.identity(f, params, ctx) == port for f in domain) else None


def outputs_of(
    cls: type[Node], params: Params, ctx: PlanContext, media: Media | None, domain: FrameRange
) -> tuple[dict[str, str], dict[str, StreamInfo]]:
    """Kinds and headers of every output port."""
    given = dict(cls.info(params, ctx))
    base = media.info if media else next(iter(ctx.headers.values()), None)
    kinds: dict[str, str] = {}
    headers: dict[str, StreamInfo] = {}
    for port in port_specs(cls.Out):
        if port.medium != "stream":
            kinds[port.name] = port.kinds[0]
            continue
        header = given.get(port.name, base)
        if header is None:
            raise GraphError(f"{cls.id}: a node that gives a stream must read one, got none for {port.name}")
        kinds[port.name] = port.kinds[0] if len(port.kinds) == 1 else header.kind
        if header.range != domain and port.name not in given:
            header = replace(header, first_frame=domain.first, count=len(domain))
        headers[port.name] = replace(header, kind=kinds[port.name])
    return kinds, headers


def check_reach(vertex: Vertex) -> None:
    """Every stream input covers the node's frames, unless the node chooses frames itself."""
    if isinstance(vertex.grid, NeedsGrid) or vertex.is_clip:
        return
    for port in vertex.stream_links():
        given = vertex.input_headers[port].range
        if vertex.domain.first not in given or vertex.domain.last not in given:
            raise GraphError(
                f"{port}: must cover frames {vertex.domain}, got {given}; the inputs are of different lengths"
            )


def target_class(vertex: Vertex) -> type[Target]:
    """The class of a target vertex; `GraphError` for one that writes nothing."""
    if not issubclass(vertex.cls, Target):
        raise GraphError(
            f"targets: {vertex.name} must be a node that writes, got {vertex.cls.id}; name a core.write node"
        )
    return vertex.cls
