"""Freeze: the plain, serialisable plan of a compiled graph, with its peak and its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import pydantic

import shotgraph
from shotgraph.api.frames import FrameSet
from shotgraph.api.media import ExpectedOutput
from shotgraph.api.plan import Plan, PlanMedia, PlanNode, PlanOutput, PlanStage
from shotgraph.api.stream import StreamInfo
from shotgraph.digests import digest, text_key
from shotgraph.pipeline.identity import MediaIdentity
from shotgraph.pipeline.keys import Keyring
from shotgraph.pipeline.schedule import predicted_peak
from shotgraph.pipeline.stages import Stage, kept_nodes
from shotgraph.pipeline.threads import PREFETCH_FRAMES, WRITE_QUEUE_FRAMES
from shotgraph.pipeline.vertex import Graph, Vertex

if TYPE_CHECKING:
    from shotgraph.pipeline.planner import Draft


class Freezer:
    """Describes one compiled graph and its stages."""

    def __init__(self, graph: Graph, keys: Keyring, stages: list[Stage]) -> None:
        self._graph, self._keys, self._stages = graph, keys, stages
        self._kept = kept_nodes(graph)
        self._header: pydantic.TypeAdapter[StreamInfo] = pydantic.TypeAdapter(StreamInfo)

    def plan(
        self,
        draft: Draft,
        wanted: Mapping[str, FrameSet],
        outputs: Mapping[str, ExpectedOutput],
        number: int,
        plan_digest: str,
    ) -> Plan:
        """The frozen plan."""
        graph, shot = self._graph, self._graph.shot
        return Plan(
            shotgraph=shotgraph.__version__,
            preset=graph.preset,
            shot=shot.name,
            root=str(shot.root),
            media=shot.media,
            fields=shot.fields,
            first_frame=shot.first_frame,
            handles=shot.handles,
            frames=str(FrameSet.union(r for frames in wanted.values() for r in frames.ranges)),
            version=number,
            device=draft.device,
            dtype=draft.dtype,
            threads=draft.threads,
            environment=draft.environment,
            plugins=self._plugins(),
            nodes=tuple(self._node(v) for v in graph.vertices.values()),
            stages=tuple(self._stage(stage) for stage in self._stages),
            sources=tuple(_media(graph.vertices[n], identity) for n, identity in draft.identities.items()),
            outputs=tuple(_output(draft.graph.vertices[name], expected) for name, expected in outputs.items()),
            warnings=tuple(dict.fromkeys(w for v in graph.vertices.values() for w in v.warnings)),
            digest=plan_digest,
        )

    def _plugins(self) -> dict[str, str]:
        """Distribution to version, of every node in the graph."""
        offers = {v.distribution for v in self._graph.vertices.values() if not v.inserted}
        return {name: version for name, _, version in (offer.partition(" ") for offer in sorted(offers))}

    def _node(self, vertex: Vertex) -> PlanNode:
        units = sum(len(lane.run) for stage in self._stages for lane in stage.lanes if lane.name == vertex.name)
        units += sum(len(stage.wanted) for stage in self._stages if stage.clip == vertex.name)
        return PlanNode(
            name=vertex.name,
            node=vertex.cls.id,
            version=vertex.cls.version,
            distribution=vertex.distribution,
            params=vertex.params.model_dump(mode="json"),
            inputs={port: str(link) for port, link in vertex.links.items()},
            contract={"name": type(vertex.contract).__name__, **asdict(vertex.contract)},
            kinds=vertex.kinds,
            headers={port: self._header.dump_python(info, mode="json") for port, info in vertex.headers.items()},
            numerics=vertex.cls.numerics,
            kept=vertex.name in self._kept,
            materialize=vertex.spec.materialize,
            on_error=vertex.spec.on_error,
            key=text_key(self._keys.node(vertex.name)),
            inserted=vertex.inserted,
            units=units,
            note=vertex.note,
            models=vertex.models,
        )

    def _stage(self, stage: Stage) -> PlanStage:
        graph = self._graph
        if stage.clip:
            emitted = len(stage.wanted) if graph.vertices[stage.clip].headers else 0
            disk = graph.bytes_of(stage.clip) * emitted
            return PlanStage(name=stage.name, nodes=stage.nodes, peak_live_frames=0, peak_bytes=0, disk_bytes=disk)
        sizes = {lane.name: graph.bytes_of(lane.name) if lane.name in graph.vertices else 0 for lane in stage.lanes}
        peak = predicted_peak(stage.lanes, sizes)
        disk = sum(sizes[lane.name] * len(lane.run) for lane in stage.lanes if lane.name in self._kept)
        queued = sum(self._queued(name, sizes) for name in stage.nodes)
        return PlanStage(
            name=stage.name,
            nodes=stage.nodes,
            peak_live_frames=peak.frames,
            peak_bytes=peak.bytes + queued,
            disk_bytes=disk,
        )

    def _queued(self, name: str, sizes: Mapping[str, int]) -> int:
        """Bytes that wait between threads at this node: decoded ahead, or not encoded yet."""
        vertex = self._graph.vertices[name]
        if vertex.is_source:
            return PREFETCH_FRAMES * sizes[name]
        if vertex.is_target and not vertex.writes_value:
            return WRITE_QUEUE_FRAMES * sizes[next(iter(vertex.stream_links().values())).vertex]
        return 0


def file_of(vertex: Vertex) -> str:
    """The path template of a target; empty for one that writes no file."""
    return str(getattr(vertex.params, "file", ""))


def _output(target: Vertex, expected: ExpectedOutput) -> PlanOutput:
    """What `target`, its version not filled in yet, will write."""
    return PlanOutput(
        target=target.name,
        path=expected.path,
        template=file_of(target),
        frames=expected.frames,
        bytes=expected.bytes,
        losses=expected.losses,
    )


def _media(vertex: Vertex, identity: MediaIdentity) -> PlanMedia:
    reference = vertex.media.info.media if vertex.media is not None else None
    return PlanMedia(
        node=vertex.name,
        files=len(identity.digests),
        path=reference.path if reference is not None else "",
        identity=identity.mode,
        digest=text_key(digest(*identity.digests)),
    )
