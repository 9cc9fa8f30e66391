"""Prepare: from a preset's graph and a shot to a frozen plan and everything needed to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pydantic

import shotgraph
from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.api.graph import GraphSpec
from shotgraph.api.media import ExpectedOutput
from shotgraph.api.plan import Plan, PlanMedia, PlanNode, PlanOutput, PlanStage
from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo
from shotgraph.errors import FrameRangeError, UsageError
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.compile import NodeClasses, PlanContext, compile_graph, writes
from shotgraph.pipeline.digest import canonical, digest, text_key
from shotgraph.pipeline.host import default_threads, environment, settle_device
from shotgraph.pipeline.identity import Identity, IdentityMemo, MediaIdentity, identify
from shotgraph.pipeline.kept import KeptStore
from shotgraph.pipeline.keys import Keyring
from shotgraph.pipeline.schedule import predicted_peak
from shotgraph.pipeline.stages import Stage, StagePlanner, kept_nodes
from shotgraph.pipeline.state import RunState
from shotgraph.pipeline.threads import PREFETCH_FRAMES, WRITE_QUEUE_FRAMES
from shotgraph.pipeline.versions import Versions, has_version, with_version
from shotgraph.pipeline.vertex import Graph, Vertex

_HEADER: pydantic.TypeAdapter[StreamInfo] = pydantic.TypeAdapter(StreamInfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a person asks of a run, beside the preset.

    Attributes:
        frames: frames to write; None for the whole shot.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        dtype: compute dtype of model nodes.
        threads: CPU threads; 0 for all cores.
        version: ``next``, ``latest`` or a number.
        identity: how media are identified.
        strict: refuse what a format would lose.
        force: targets may replace foreign files.
        refresh: nodes whose kept outputs are computed again.
    """

    frames: FrameSet | None = None
    device: str = "auto"
    dtype: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    threads: int = 0
    version: str = "next"
    identity: Identity = "auto"
    strict: bool = False
    force: bool = False
    refresh: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Prepared:
    """A plan with the live objects behind it.

    Attributes:
        plan: frozen.
        graph: compiled.
        keys: of the graph.
        kept: stored outputs of the graph.
        cache: where they lie.
        wanted: target to the frames to write.
        outputs: target to what it writes.
        stages: as planned.
        state: the root's memory.
        options: as asked.
    """

    plan: Plan
    graph: Graph
    keys: Keyring
    kept: KeptStore
    cache: Cache
    wanted: Mapping[str, FrameSet]
    outputs: Mapping[str, ExpectedOutput]
    stages: list[Stage]
    state: RunState
    options: RunOptions


def prepare(
    spec: GraphSpec,
    shot: Shot,
    *,
    classes: NodeClasses,
    cache: Cache,
    memo: IdentityMemo,
    options: RunOptions,
    reserve: bool = True,
) -> Prepared:
    """Plan one shot.

    Args:
        spec: the preset's graph for this shot.
        shot: the shot.
        classes: the registry.
        cache: kept outputs; what is there already is planned as done.
        memo: remembered media digests.
        options: what was asked.
        reserve: take the output version; False for ``plan`` and ``check``, which must leave no trace.

    Returns:
        The plan and what runs it.
    """
    draft = _Draft(compile_graph(spec, shot, classes, strict=options.strict), options, memo)
    keys = Keyring(draft.graph, draft.identities, draft.environment)
    kept = KeptStore(draft.graph, keys, cache, refresh=frozenset(options.refresh))
    wanted = wanted_frames(draft.graph, options.frames)
    state = RunState(shot.root)
    templates = [str(getattr(draft.graph.vertices[t].params, "file", "")) for t in wanted]
    # What the plan's digest covers decides the version, so the digest comes first and cannot cover the paths.
    plan_digest = text_key(digest(canonical(_identity(draft, keys, wanted))))
    versions = Versions(state.folder, [t for t in templates if has_version(t)])
    number = versions.settle(options.version, plan_digest=plan_digest, reserve=reserve)
    graph = _numbered(draft.graph, number)
    outputs = {name: _expected(graph.vertices[name], frames, shot, options) for name, frames in wanted.items()}
    stages = StagePlanner(graph, present=kept.present, restart=kept.restart).plan(wanted)
    plan = _plan(draft, graph, keys, wanted, outputs, stages, number, plan_digest)
    return Prepared(
        plan=plan,
        graph=graph,
        keys=keys,
        kept=kept,
        cache=cache,
        wanted=wanted,
        outputs=outputs,
        stages=stages,
        state=state,
        options=options,
    )


@dataclass
class _Draft:
    """A compiled graph with what the host and the media add to it."""

    graph: Graph
    options: RunOptions
    memo: IdentityMemo
    identities: dict[str, MediaIdentity] = field(init=False)
    environment: dict[str, str] = field(init=False)
    device: str = field(init=False)
    threads: int = field(init=False)

    def __post_init__(self) -> None:
        self.threads = self.options.threads or default_threads()
        needs_device = any(v.cls.numerics == "device" for v in self.graph.vertices.values())
        asked = self.options.device
        self.device = settle_device(asked) if needs_device or asked != "auto" else "cpu"
        self.environment = environment(device=self.device, threads=self.threads)
        self.identities = {
            name: identify(v.media.files, identity=self.options.identity, memo=self.memo)
            for name, v in self.graph.vertices.items()
            if v.media is not None
        }


def wanted_frames(graph: Graph, asked: FrameSet | None) -> dict[str, FrameSet]:
    """Target to the frames it writes: the shot without its handles, or the part of it that was asked for.

    Args:
        graph: compiled.
        asked: frames from the command line or the shot's sidecar; None for all.

    Returns:
        A set of frames for every target.

    Raises:
        FrameRangeError: handles leave nothing, or a frame outside the shot was asked for.
    """
    wanted: dict[str, FrameSet] = {}
    for name in graph.targets:
        domain, handles = graph.vertices[name].domain, graph.shot.handles
        if 2 * handles >= len(domain):
            raise FrameRangeError(
                f"handles: must leave frames of {domain}, got {handles} at either end of {graph.shot.name}"
            )
        whole = FrameSet((FrameRange(domain.first + handles, domain.last - handles),))
        limit = asked if asked is not None else FrameSet((graph.shot.frames,)) if graph.shot.frames else whole
        outside = limit - whole
        if outside.ranges:
            raise FrameRangeError(
                f"frames: must lie in {whole} of {graph.shot.name}, got {outside}; ask for less with -F"
            )
        wanted[name] = limit
    return wanted


def _expected(vertex: Vertex, frames: FrameSet, shot: Shot, options: RunOptions) -> ExpectedOutput:
    ctx = PlanContext(vertex.name, shot, vertex.input_headers, options.strict)
    bounds = frames.bounds
    if bounds is None:
        raise UsageError(f"{vertex.name}: frames must not be empty, got none to write")
    expected = writes(vertex).expects(bounds, vertex.params, ctx)
    vertex.warnings.extend(w for w in ctx.warnings if w not in vertex.warnings)
    if "#" not in expected.path and len(frames) != len(bounds):
        raise UsageError(
            f"{vertex.name}: frames of a movie must be consecutive, got {frames}; write a sequence or ask for {bounds}"
        )
    return expected


def _numbered(graph: Graph, number: int) -> Graph:
    """`graph` with the version filled into every target's path."""
    vertices: dict[str, Vertex] = {}
    for name, vertex in graph.vertices.items():
        file = getattr(vertex.params, "file", None)
        if vertex.is_target and isinstance(file, str):
            params = vertex.params.model_copy(update={"file": with_version(file, number)})
            vertices[name] = replace(vertex, params=params)
        else:
            vertices[name] = vertex
    return replace(graph, vertices=vertices)


def _identity(draft: _Draft, keys: Keyring, wanted: Mapping[str, FrameSet]) -> dict[str, Any]:
    """What makes two plans the same plan: keys of the targets, their settings, frames, media and host; not their paths."""
    graph = draft.graph
    targets = {
        name: {
            "key": keys.node(name).hex(),
            "inputs": {p: keys.node(link.vertex).hex() for p, link in graph.vertices[name].links.items()},
            "file": str(getattr(graph.vertices[name].params, "file", "")),
            "params": graph.vertices[name].params.model_dump(mode="json"),
            "frames": str(frames),
        }
        for name, frames in wanted.items()
    }
    nodes = {name: keys.node(name).hex() for name in graph.vertices}
    media = {name: [d.hex() for d in identity.digests] for name, identity in draft.identities.items()}
    host = {"environment": draft.environment, "device": draft.device, "dtype": draft.options.dtype}
    return {
        "preset": graph.preset,
        "shot": graph.shot.name,
        "targets": targets,
        "nodes": nodes,
        "media": media,
        "host": host,
    }


def _plan(
    draft: _Draft,
    graph: Graph,
    keys: Keyring,
    wanted: Mapping[str, FrameSet],
    outputs: Mapping[str, ExpectedOutput],
    stages: list[Stage],
    number: int,
    plan_digest: str,
) -> Plan:
    kept = kept_nodes(graph)
    shot = graph.shot
    union = FrameSet.union(r for frames in wanted.values() for r in frames.ranges)
    return Plan(
        shotgraph=shotgraph.__version__,
        preset=graph.preset,
        shot=shot.name,
        root=str(shot.root),
        media=shot.media,
        fields=shot.fields,
        first_frame=shot.first_frame,
        handles=shot.handles,
        frames=str(union),
        version=number,
        device=draft.device,
        dtype=draft.options.dtype,
        threads=draft.threads,
        environment=draft.environment,
        plugins=_plugins(graph),
        nodes=tuple(_plan_node(v, keys, kept, stages) for v in graph.vertices.values()),
        stages=tuple(_plan_stage(graph, stage, kept) for stage in stages),
        sources=tuple(_plan_media(graph.vertices[n], identity) for n, identity in draft.identities.items()),
        outputs=tuple(
            PlanOutput(target=n, path=o.path, frames=o.frames, bytes=o.bytes, losses=o.losses)
            for n, o in outputs.items()
        ),
        warnings=tuple(dict.fromkeys(w for v in graph.vertices.values() for w in v.warnings)),
        digest=plan_digest,
    )


def _plugins(graph: Graph) -> dict[str, str]:
    offers = {v.distribution for v in graph.vertices.values() if not v.inserted}
    return {name: version for name, _, version in (offer.partition(" ") for offer in sorted(offers))}


def _plan_node(vertex: Vertex, keys: Keyring, kept: frozenset[str], stages: list[Stage]) -> PlanNode:
    units = sum(len(lane.run) for stage in stages for lane in stage.lanes if lane.name == vertex.name)
    units += sum(len(stage.wanted) for stage in stages if stage.clip == vertex.name)
    return PlanNode(
        name=vertex.name,
        node=vertex.cls.id,
        version=vertex.cls.version,
        distribution=vertex.distribution,
        params=vertex.params.model_dump(mode="json"),
        inputs={port: str(link) for port, link in vertex.links.items()},
        contract={"name": type(vertex.contract).__name__, **asdict(vertex.contract)},
        kinds=vertex.kinds,
        headers={port: _HEADER.dump_python(info, mode="json") for port, info in vertex.headers.items()},
        numerics=vertex.cls.numerics,
        kept=vertex.name in kept,
        on_error=vertex.spec.on_error,
        key=text_key(keys.node(vertex.name)),
        inserted=vertex.inserted,
        units=units,
        note=vertex.note,
    )


def _plan_stage(graph: Graph, stage: Stage, kept: frozenset[str]) -> PlanStage:
    if stage.clip:
        vertex = graph.vertices[stage.clip]
        size = graph.bytes_of(stage.clip)
        return PlanStage(
            name=stage.name,
            nodes=stage.nodes,
            peak_live_frames=0,
            peak_bytes=0,
            disk_bytes=size * len(stage.wanted) if vertex.headers else 0,
        )
    sizes = {lane.name: graph.bytes_of(lane.name) if lane.name in graph.vertices else 0 for lane in stage.lanes}
    peak = predicted_peak(stage.lanes, sizes)
    queued = sum(PREFETCH_FRAMES * sizes[n] for n in stage.nodes if graph.vertices[n].is_source)
    for name in stage.nodes:
        if graph.vertices[name].is_target:
            link = next(iter(graph.vertices[name].stream_links().values()))
            queued += WRITE_QUEUE_FRAMES * sizes[link.vertex]
    disk = sum(sizes[lane.name] * len(lane.run) for lane in stage.lanes if lane.name in kept)
    return PlanStage(
        name=stage.name,
        nodes=stage.nodes,
        peak_live_frames=peak.frames,
        peak_bytes=peak.bytes + queued,
        disk_bytes=disk,
    )


def _plan_media(vertex: Vertex, identity: MediaIdentity) -> PlanMedia:
    media = vertex.media
    reference = media.info.media if media is not None else None
    return PlanMedia(
        node=vertex.name,
        files=len(identity.digests),
        path=reference.path if reference is not None else "",
        identity=identity.mode,
        digest=text_key(digest(*identity.digests)),
    )
