"""Compile: a preset's graph becomes typed vertices with headers, grids and inserted conversions.

Every fault of the graph is collected and raised at once; each names its place in the preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pydantic

from shotgraph.api.contracts import Chunk
from shotgraph.api.frames import FrameRange
from shotgraph.api.graph import GraphSpec, NodeSpec
from shotgraph.api.node import Node, Source, Target
from shotgraph.api.params import Params, field_flags
from shotgraph.api.paths import fill
from shotgraph.api.ports import PortSpec, port_specs
from shotgraph.api.shot import Shot
from shotgraph.errors import GraphError, PresetError, ShotgraphError
from shotgraph.pipeline.binding import PlanContext, check_reach, contract_with, grid_of, outputs_of, whole_identity
from shotgraph.pipeline.inserted import NativeToRgb, blend_of, conversion_of
from shotgraph.pipeline.offers import did_you_mean
from shotgraph.pipeline.vertex import Graph, Link, Vertex


class NodeClasses(Protocol):
    """What compiling asks of the registry."""

    def node_class(self, node_id: str) -> type[Node]:
        """The class registered under `node_id`, imported now."""
        ...

    def distribution(self, node_id: str) -> str:
        """``name version`` of the package that offers it."""
        ...


def path_fields(shot: Shot, preset: str) -> dict[str, str]:
    """Every value that ``{name}`` may stand for in a path, but the version."""
    return {**shot.fields, **shot.media, "shot": shot.name, "root": str(shot.root), "preset": preset}


def compile_graph(
    spec: GraphSpec, shot: Shot, classes: NodeClasses, *, strict: bool = False, is_filled: bool = False
) -> Graph:
    """The graph of `spec` over `shot`.

    Args:
        spec: nodes and targets, substitutions done.
        shot: its media are probed by the sources.
        classes: the registry; only nodes that a target needs are imported.
        strict: sources and targets refuse losses instead of warning.
        is_filled: path parameters are final, as in a frozen plan: a brace in them is a brace.

    Returns:
        Vertices in topological order; dead branches are gone.

    Raises:
        PresetError: every graph fault, a line each.
    """
    compiler = _Compiler(spec, shot, classes, strict=strict, is_filled=is_filled)
    for target in spec.targets:
        compiler.vertex(target)
    if compiler.faults:
        raise PresetError(compiler.faults)
    return Graph(spec.preset, shot, _reached(compiler.vertices, spec.targets), spec.targets)


def _reached(vertices: dict[str, Vertex], targets: tuple[str, ...]) -> dict[str, Vertex]:
    """The vertices that a target needs, order kept: a node with nothing to do may have left its other inputs behind."""
    needed: set[str] = set(targets)
    for name in reversed(vertices):
        if name in needed:
            needed.update(link.vertex for link in vertices[name].links.values())
    return {name: vertex for name, vertex in vertices.items() if name in needed}


class _Compiler:
    """Depth-first over the links, each node once."""

    def __init__(self, spec: GraphSpec, shot: Shot, classes: NodeClasses, *, strict: bool, is_filled: bool) -> None:
        self._specs = {node.name: node for node in spec.nodes}
        self._fields = path_fields(shot, spec.preset)
        self._shot, self._classes, self._strict, self._is_filled = shot, classes, strict, is_filled
        self._open: list[str] = []
        self._failed: set[str] = set()
        # Nodes that have nothing to do on this shot, and what stands in for their one output.
        self._aliases: dict[str, Link] = {}
        self.vertices: dict[str, Vertex] = {}
        self.faults: list[str] = []

    def vertex(self, name: str) -> Vertex | None:
        """The compiled vertex called `name`, or None when it is at fault (and the fault is noted)."""
        if name in self._aliases:
            return self.vertices[self._aliases[name].vertex]
        blended = self.vertices.get(f"{name}>blend")
        if blended or name in self.vertices:
            return blended or self.vertices[name]
        if name in self._failed:
            return None
        node = self._specs.get(name)
        if node is None:
            hint = did_you_mean(name, self._specs) or "; define it"
            return self._fault(name, f"graph.{name}: must be a node of this graph, got no such node{hint}")
        if name in self._open:
            circle = " > ".join([*self._open[self._open.index(name) :], name])
            return self._fault(name, f"{node.where}: graph.{name}: links must not form a circle, got {circle}")
        self._open.append(name)
        try:
            return self._compile(node)
        except PresetError as error:
            self.faults.extend(error.faults)
            self._failed.add(name)
            return None
        except ShotgraphError as error:
            if not isinstance(error, GraphError):
                raise
            return self._fault(name, f"{node.where}: graph.{name}: {error}")
        finally:
            self._open.pop()

    def _fault(self, name: str, message: str) -> None:
        self._failed.add(name)
        self.faults.append(message)

    def _compile(self, node: NodeSpec) -> Vertex | None:
        cls = self._classes.node_class(node.node)
        ports = {port.name: port for port in port_specs(cls.In)}
        links = self._links(node, ports)
        if links is None:
            return None
        params = self._params(node, cls, ports)
        streams = {p: link for p, link in links.items() if ports[p].medium == "stream"}
        headers = {p: self.vertices[link.vertex].headers[link.port] for p, link in streams.items()}
        ctx = PlanContext(node.name, self._shot, headers, self._strict)
        contract = contract_with(cls.contract_for(params), node)
        media = cls.media(params, ctx) if issubclass(cls, Source) else None
        domain = media.info.range if media is not None else self._domain(cls, params, ctx, links)
        same = whole_identity(cls, params, ctx, domain)
        if same is not None:
            return self._bypassed(node, links[same], ctx)
        kinds, output_headers = outputs_of(cls, params, ctx, media, domain)
        vertex = Vertex(
            name=node.name,
            cls=cls,
            params=params,
            contract=contract,
            links=links,
            ports={p: ports[p] for p in links},
            input_headers=headers,
            domain=domain,
            spec=node,
            media=media,
            distribution=self._classes.distribution(node.node),
            warnings=[*ctx.warnings, *(media.warnings if media else ())],
            grid=grid_of(cls, contract, [p for p in headers if not ports[p].header_only], params, ctx, domain),
            kinds=kinds,
            headers=output_headers,
            models=dict(cls.models(params, ctx)),
        )
        return self._taken_in(vertex)

    def _taken_in(self, vertex: Vertex) -> Vertex:
        """`vertex` as part of the graph; behind the windows of a `Chunk` node stands what blends them."""
        check_reach(vertex)
        self.vertices[vertex.name] = vertex
        if not isinstance(vertex.contract, Chunk):
            return vertex
        blended = self.vertices[f"{vertex.name}>blend"] = blend_of(vertex)
        return blended

    def _bypassed(self, node: NodeSpec, link: Link, ctx: PlanContext) -> Vertex:
        """The producer that stands in for a node with nothing to do; behind a conversion made for it, the native one."""
        producer = self.vertices[link.vertex]
        if producer.cls is NativeToRgb and node.name not in self._aliases:
            link = producer.links["video"]
            producer = self.vertices[link.vertex]
        producer.warnings.extend(w for w in ctx.warnings if w not in producer.warnings)
        self._aliases[node.name] = link
        return producer

    def _links(self, node: NodeSpec, ports: Mapping[str, PortSpec]) -> dict[str, Link] | None:
        """Every linked input, compiled depth first; None when a producer is at fault."""
        links: dict[str, Link] = {}
        intact = True
        for port in ports.values():
            value = node.settings.get(port.name)
            if value is None:
                if not port.optional:
                    where = node.where
                    self._fault(
                        node.name, f"{where}: graph.{node.name}.{port.name}: must be linked to a node, got nothing"
                    )
                    intact = False
                continue
            producer = self.vertex(str(value).partition(".")[0])
            if producer is None:
                intact = False
                continue
            links[port.name] = self._bind(producer, str(value), port)
        return links if intact else None

    def _bind(self, producer: Vertex, value: str, port: PortSpec) -> Link:
        """The output that `value` names, through a conversion where the kinds ask for one."""
        node, _, wanted = value.partition(".")
        if node in self._aliases:
            wanted = self._aliases[node].port
        outputs = list(producer.kinds)
        name = wanted or (port.name if port.name in outputs else outputs[0] if len(outputs) == 1 else "")
        if name not in outputs:
            offered = ", ".join(f"{producer.name}.{o}" for o in outputs) or "no outputs"
            raise GraphError(f"{port.name}: must name one output, got {value!r}; choose from {offered}")
        kind = producer.kinds[name]
        if port.header_only or kind in port.kinds or (port.medium != "stream" and name not in producer.headers):
            return Link(producer.name, name)
        if kind == "native" and "rgb" in port.kinds:
            return Link(self._converted(producer, name).name, "video")
        raise GraphError(f"{port.name}: must be {' or '.join(port.kinds)}, got {kind} from {producer.name}.{name}")

    def _params(self, node: NodeSpec, cls: type[Node], ports: Mapping[str, PortSpec]) -> Params:
        values = {name: value for name, value in node.settings.items() if name not in ports}
        for name, value in values.items():
            use = field_flags(cls.Params, name)["path"] if name in cls.Params.model_fields else ""
            if isinstance(value, str) and use and not self._is_filled:
                who = f"{node.setting_where.get(name, node.where)}: graph.{node.name}.{name}"
                values[name] = fill(value, self._fields, who=who, keep=frozenset({"version"} if use == "write" else ()))
        try:
            return cls.Params(**values)
        except pydantic.ValidationError as error:
            raise PresetError([_param_fault(node, fault) for fault in error.errors()]) from error

    def _domain(self, cls: type[Node], params: Params, ctx: PlanContext, links: Mapping[str, Link]) -> FrameRange:
        if ctx.headers:
            return cls.domain(params, ctx)
        if issubclass(cls, Target) and links:
            # What writes a value belongs to the shot that the value was made of.
            return self.vertices[next(iter(links.values())).vertex].domain
        raise GraphError(f"{cls.id}: a node must read a stream or be a source, got neither")

    def _converted(self, producer: Vertex, port: str) -> Vertex:
        """The conversion of a native output, made once and shared."""
        name = f"{producer.name}>rgb" if len(producer.kinds) == 1 else f"{producer.name}.{port}>rgb"
        if name not in self.vertices:
            self.vertices[name] = conversion_of(producer, port, name=name)
        return self.vertices[name]


def _param_fault(node: NodeSpec, fault: Any) -> str:
    path = ".".join(str(part) for part in fault["loc"])
    top = str(fault["loc"][0]) if fault["loc"] else ""
    where = node.setting_where.get(top, node.where)
    return f"{where}: graph.{node.name}.{path}: {fault['msg']}, got {fault['input']!r}"
