"""Prepare: from a preset's graph and a shot to a frozen plan and everything needed to run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.api.graph import GraphSpec
from shotgraph.api.media import ExpectedOutput
from shotgraph.api.plan import Dtype, Plan
from shotgraph.api.shot import Shot
from shotgraph.digests import canonical, digest, text_key
from shotgraph.errors import FrameRangeError, UsageError
from shotgraph.pipeline.binding import PlanContext, target_class
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.compile import NodeClasses, compile_graph
from shotgraph.pipeline.freeze import Freezer, file_of
from shotgraph.pipeline.frozen import check_host, check_same, check_version
from shotgraph.pipeline.host import default_threads, environment, settle_device, settle_dtype
from shotgraph.pipeline.identity import Identity, IdentityMemo, MediaIdentity, identify
from shotgraph.pipeline.kept import KeptStore
from shotgraph.pipeline.keys import Keyring
from shotgraph.pipeline.places import check_places
from shotgraph.pipeline.stages import Stage, StagePlanner
from shotgraph.pipeline.state import RunState
from shotgraph.pipeline.versions import Versions, has_version, with_version
from shotgraph.pipeline.vertex import Graph, Vertex


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
    dtype: Dtype = "auto"
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
        draft: what it was made of.
        graph: compiled, versions filled in.
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
    draft: Draft
    graph: Graph
    keys: Keyring
    kept: KeptStore
    cache: Cache
    wanted: Mapping[str, FrameSet]
    outputs: Mapping[str, ExpectedOutput]
    stages: list[Stage]
    state: RunState
    options: RunOptions


@dataclass
class Planner:
    """Plans shots of one run.

    Attributes:
        classes: the registry.
        cache: kept outputs; what is there already is planned as done.
        memo: remembered media digests.
        options: what was asked.
        reserve: take output versions; False for ``plan`` and ``check``, which must leave no trace.
        frozen: shot to the plan that this host must reproduce; shots that are not there are planned afresh.
    """

    classes: NodeClasses
    cache: Cache
    memo: IdentityMemo
    options: RunOptions
    reserve: bool = True
    frozen: Mapping[str, Plan] = field(default_factory=dict[str, Plan])

    def draft(self, spec: GraphSpec, shot: Shot) -> Draft:
        """The first half: compiled, media identified; whatever is wrong with the preset or the media is found here."""
        _check_refresh(self.options.refresh, spec)
        frozen = self.frozen.get(shot.name)
        if frozen is not None:
            check_host(frozen, self.classes)
        graph = compile_graph(spec, shot, self.classes, strict=self.options.strict, is_filled=frozen is not None)
        return Draft(graph, self.options if frozen is None else _as_planned(self.options, frozen), self.memo)

    def finish(self, draft: Draft, group: Sequence[Draft] = ()) -> Prepared:
        """The second half: keys, version, stages and the frozen plan; `group` is every shot of the run."""
        keys, options = draft.keys, draft.options
        keys.group = tuple(member.keys for member in group) or (keys,)
        kept = KeptStore(draft.graph, keys, self.cache, refresh=frozenset(draft.graph.downstream(options.refresh)))
        wanted = wanted_frames(draft.graph, options.frames)
        shot = draft.graph.shot
        state = RunState(shot.root)
        templates = [file_of(draft.graph.vertices[t]) for t in wanted]
        # What the plan's digest covers decides the version, so the digest comes first and cannot cover the number.
        plan_digest = text_key(digest(canonical(_identity(draft, wanted))))
        versions = Versions(state.folder, [t for t in templates if has_version(t)])
        frozen = self.frozen.get(shot.name)
        if frozen is not None and not options.force:
            check_version(frozen, versions.owner(frozen.version))
        number = versions.settle(options.version, plan_digest=plan_digest, reserve=self.reserve)
        graph = _numbered(draft.graph, number)
        outputs = {name: _expected(graph.vertices[name], frames, shot, options) for name, frames in wanted.items()}
        check_places(graph, outputs, wanted)
        stages = StagePlanner(graph, present=kept.present, valued=kept.valued, restart=kept.restart).plan(wanted)
        plan = Freezer(graph, keys, stages).plan(draft, wanted, outputs, number, plan_digest)
        if frozen is not None:
            check_same(frozen, plan)
        return Prepared(
            plan=plan,
            draft=draft,
            graph=graph,
            keys=keys,
            kept=kept,
            cache=self.cache,
            wanted=wanted,
            outputs=outputs,
            stages=stages,
            state=state,
            options=options,
        )


@dataclass
class Draft:
    """A compiled graph with what the host and the media add to it.

    Attributes:
        graph: compiled.
        options: what was asked.
        memo: remembered media digests.
        identities: of every source.
        environment: of this host.
        device: settled.
        dtype: settled where a node computes on the device, else as asked.
        threads: settled.
        keys: of the graph.
    """

    graph: Graph
    options: RunOptions
    memo: IdentityMemo
    identities: dict[str, MediaIdentity] = field(init=False)
    environment: dict[str, str] = field(init=False)
    device: str = field(init=False)
    dtype: Dtype = field(init=False)
    threads: int = field(init=False)
    keys: Keyring = field(init=False)

    def __post_init__(self) -> None:
        self.threads = self.options.threads or default_threads()
        needs_device = any(v.cls.numerics == "device" for v in self.graph.vertices.values())
        asked = self.options.device
        self.device = settle_device(asked) if needs_device or asked != "auto" else "cpu"
        self.dtype = settle_dtype(self.options.dtype, self.device) if needs_device else self.options.dtype
        computes_in = {"dtype": self.dtype} if needs_device else {}
        self.environment = environment(device=self.device, threads=self.threads) | computes_in
        self.identities = {
            name: identify(v.media.files, identity=self.options.identity, memo=self.memo)
            for name, v in self.graph.vertices.items()
            if v.media is not None
        }
        self.keys = Keyring(self.graph, self.identities, self.environment)


def _check_refresh(names: Sequence[str], spec: GraphSpec) -> None:
    known = [node.name for node in spec.nodes]
    for name in names:
        if name not in known:
            raise UsageError(f"refresh: must name a node of the preset, one of {', '.join(known)}, got {name!r}")


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
        if graph.vertices[name].writes_value:
            # It is written once, whatever frames are asked for; the first one stands for it.
            wanted[name] = FrameSet((FrameRange(domain.first, domain.first),))
            continue
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
    expected = target_class(vertex).expects(bounds, vertex.params, ctx)
    vertex.warnings.extend(w for w in ctx.warnings if w not in vertex.warnings)
    has_holes = len(frames) != len(bounds)
    if "#" not in Path(expected.path).name and has_holes:
        raise UsageError(
            f"{vertex.name}: frames of a movie must be consecutive, got {frames}; write a sequence or ask for {bounds}"
        )
    if has_holes:
        return replace(expected, frames=str(frames), bytes=expected.bytes * len(frames) // len(bounds))
    return expected


def _as_planned(options: RunOptions, plan: Plan) -> RunOptions:
    """`options` with everything that `plan` has decided."""
    modes = {media.identity for media in plan.sources}
    return replace(
        options,
        frames=FrameSet.parse(plan.frames),
        device=plan.device,
        dtype=plan.dtype,
        threads=plan.threads,
        version=str(plan.version) if plan.version else "next",
        identity=modes.pop() if len(modes) == 1 else "auto",
    )


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


def _identity(draft: Draft, wanted: Mapping[str, FrameSet]) -> dict[str, Any]:
    """What makes two plans the same plan: keys of the targets, their settings, frames, media and host; not their paths."""
    graph, keys = draft.graph, draft.keys
    targets = {
        name: {
            "key": keys.node(name).hex(),
            "params": graph.vertices[name].params.model_dump(mode="json"),
            "frames": str(frames),
        }
        for name, frames in wanted.items()
    }
    nodes = {name: keys.node(name).hex() for name in graph.vertices}
    media = {name: [d.hex() for d in identity.digests] for name, identity in draft.identities.items()}
    host = {"environment": draft.environment, "device": draft.device, "dtype": draft.dtype}
    return {
        "preset": graph.preset,
        "shot": graph.shot.name,
        "targets": targets,
        "nodes": nodes,
        "media": media,
        "host": host,
    }
