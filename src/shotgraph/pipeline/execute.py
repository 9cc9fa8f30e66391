"""The local executor: runs the stages of one shot, decode, compute and encode overlapped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from shotgraph.api.contracts import Clips
from shotgraph.api.frames import FrameSet
from shotgraph.api.media import ExpectedOutput, WrittenOutput
from shotgraph.api.node import SequentialNode, Source, Target
from shotgraph.digests import text_key
from shotgraph.errors import GraphError
from shotgraph.pipeline.binding import target_class
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.chunkgrid import BlendGrid
from shotgraph.pipeline.clipstage import ClipStage
from shotgraph.pipeline.context import Machine, RunContext
from shotgraph.pipeline.events import CancelFlag, Event, Listener
from shotgraph.pipeline.kept import KeptStore
from shotgraph.pipeline.keys import Keyring
from shotgraph.pipeline.leases import Leases
from shotgraph.pipeline.noderunner import NodeRunner
from shotgraph.pipeline.runners import (
    BlendRunner,
    KeepRunner,
    Runner,
    SequentialRunner,
    SourceRunner,
    TargetRunner,
    ValueTargetRunner,
)
from shotgraph.pipeline.schedule import LanePlan, Schedule
from shotgraph.pipeline.stages import KEEP_PREFIX, Stage, StagePlanner, kept_nodes
from shotgraph.pipeline.substitutes import Substitutes, skipped_among
from shotgraph.pipeline.threads import BackgroundWriter, Prefetcher
from shotgraph.pipeline.vertex import Graph, Vertex


@dataclass(kw_only=True)
class Outcome:
    """What running a shot came to.

    Attributes:
        written: verified outputs.
        skipped: target to the frames that could not be computed.
        peaks: stage to the most frames it held at once.
        computed: node to the number of units computed.
        loaded: node to the number of values found on disk.
        seconds: node to the time spent in it.
    """

    written: list[WrittenOutput] = field(default_factory=list[WrittenOutput])
    skipped: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    peaks: dict[str, int] = field(default_factory=dict[str, int])
    computed: dict[str, int] = field(default_factory=dict[str, int])
    loaded: dict[str, int] = field(default_factory=dict[str, int])
    seconds: dict[str, float] = field(default_factory=dict[str, float])

    def spent(self, name: str, units: int, seconds: float) -> None:
        """Add units that a node computed, and the time they took."""
        self.computed[name] = self.computed.get(name, 0) + units
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds


@dataclass(kw_only=True)
class ShotRun:
    """One shot's graph with everything needed to run it.

    Attributes:
        graph: compiled.
        keys: its keys.
        kept: its kept outputs.
        cache: where they and the work folders lie.
        machine: device and threads.
        listener: hears events.
        cancel: stops the run.
        outputs: target to what it writes.
        force: targets may replace foreign files.
        owned: targets whose files are ours and untouched, so that they may be replaced in any case.
        claim: remembers a verified output as ours at once, whatever becomes of the other targets.
        members: every shot of the run, this one included; what a `Clips` node sees.
        writers: open targets.
        total: units of all stages, for progress.
        done: units so far.
        bare: no keys and no events for units; for the benchmark of the engine itself.
        substitutes: results that stand for failed ones.
        told_full: the user knows that the cache is full.
        leases: models and the like that nodes share, over all shots of a session.
    """

    graph: Graph
    keys: Keyring
    kept: KeptStore
    cache: Cache
    machine: Machine
    listener: Listener
    cancel: CancelFlag
    outputs: Mapping[str, ExpectedOutput] = field(default_factory=dict[str, ExpectedOutput])
    force: bool = False
    owned: frozenset[str] = frozenset()
    claim: Callable[[WrittenOutput], None] | None = None
    strict: bool = False
    members: list[ShotRun] = field(default_factory=list["ShotRun"])
    writers: dict[str, BackgroundWriter] = field(default_factory=dict[str, BackgroundWriter])
    total: int = 0
    done: int = 0
    bare: bool = False
    substitutes: Substitutes = field(default_factory=Substitutes)
    told_full: bool = False
    leases: Leases = field(default_factory=Leases)

    def run(self, wanted: Mapping[str, FrameSet], prepare: Callable[[str], None] | None = None) -> Outcome:
        """Bring the targets up to date; on any failure nothing stays under a final name.

        Args:
            wanted: target to the frames to write; those already on disk under the same key are not computed again.
            prepare: called with the name of a `Clips` node before it runs, to bring the other shots' inputs up to date.

        Returns:
            What was written, skipped and spent.
        """
        outcome = Outcome()
        finished = False
        try:
            missing = {name: self._open_target(name, frames) for name, frames in wanted.items()}
            self.run_stages(self.stages(missing), outcome, prepare)
            for name, writer in self.writers.items():
                outcome.written.append(writer.finish())
                if self.claim is not None:
                    self.claim(outcome.written[-1])
                self.listener(Event("output", self.graph.shot.name, name, text=outcome.written[-1].path))
            finished = True
        finally:
            if not finished:
                for writer in self.writers.values():
                    writer.abort()
        return outcome

    def stages(self, wanted: Mapping[str, FrameSet], *, inputs_of: str = "") -> list[Stage]:
        """The stages for `wanted`; or, with `inputs_of`, those a whole-shot node needs before it can read this shot."""
        kept = self.kept
        planner = StagePlanner(self.graph, present=kept.present, valued=kept.valued, restart=kept.restart)
        stages = planner.plan_inputs(inputs_of) if inputs_of else planner.plan(wanted)
        self.total += sum(len(lane.run) for stage in stages for lane in stage.lanes if lane.name in self.graph.vertices)
        self.total += sum(len(stage.wanted) for stage in stages)
        return stages

    def run_stages(
        self, stages: Iterable[Stage], outcome: Outcome, prepare: Callable[[str], None] | None = None
    ) -> None:
        """Run `stages` in order."""
        for stage in stages:
            self.cancel.check()
            self.listener(Event("stage", self.graph.shot.name, text=f"{stage.name}: {', '.join(stage.nodes)}"))
            if not stage.clip:
                StreamStage(self, stage, outcome).run()
                continue
            if prepare is not None and isinstance(self.graph.vertices[stage.clip].contract, Clips):
                prepare(stage.clip)
            ClipStage(self, outcome).run(stage)

    def _open_target(self, name: str, frames: FrameSet) -> FrameSet:
        """Open the writer of a target; the frames it does not have yet."""
        vertex = self.graph.vertices[name]
        writer = target_class(vertex)().open(self.outputs[name], vertex.params, self.context(vertex))
        self.writers[name] = BackgroundWriter(writer)
        if self.bare:
            return frames
        missing = FrameSet.of(f for f in frames if not writer.done(f, text_key(self.keys.frame(name, f))))
        if any(v.spec.on_error == "skip" for v in self.graph.vertices.values()):
            # A skipped frame repeats the one before it, so that one is written again with it.
            missing |= frames & FrameSet.of(r.first - 1 for r in missing.ranges)
        return missing

    def context(self, vertex: Vertex, *, whole: bool = False) -> RunContext:
        """A fresh context for `vertex`."""
        return RunContext(
            vertex=vertex,
            shot=self.graph.shot,
            machine=self.machine,
            cache=self.cache,
            key=self.keys.whole(vertex.name) if whole else self.keys.node(vertex.name),
            cancel=self.cancel,
            listener=self.listener,
            force=self.force or vertex.name in self.owned,
            strict=self.strict,
            leases=self.leases,
        )

    def tell_unit(self, name: str, unit: int, seconds: float) -> None:
        """Tell the listener of one computed unit, and once that the cache is full."""
        self.done += 1
        if self.cache.full and not self.told_full:
            self._tell_full()
        self.listener(Event("unit", self.graph.shot.name, name, unit, seconds, False, self.done, self.total))

    def _tell_full(self) -> None:
        self.told_full = True
        text = (
            f"cache: {self.cache.root} is full, so results are not kept from here on and a killed run computes them again; "
            "free some space or choose another place with --cache"
        )
        self.listener(Event("warning", self.graph.shot.name, text=text))

    def values_for(self, vertex: Vertex) -> dict[str, Any]:
        """Artifacts and tables a node reads, and None for inputs without frames."""
        values: dict[str, Any] = {
            port: self.kept.load_value(link.vertex, link.port) for port, link in vertex.value_links().items()
        }
        return values | {port: None for port in vertex.links if vertex.ports[port].header_only}


@dataclass(slots=True)
class _Station:
    """A lane with what runs it, where its values go, and what it has come to.

    Attributes:
        lane: as planned.
        runner: runs its units.
        vertex: the node; None for a lane that only pulls another one through.
        kept: its values go to the cache.
        needed: a later stage reads them there.
        computed: units so far.
        seconds: time they took.
    """

    lane: LanePlan
    runner: Runner
    vertex: Vertex | None
    kept: bool
    needed: bool
    computed: int = 0
    seconds: float = 0.0


class StreamStage:
    """One streaming pass."""

    def __init__(self, shot_run: ShotRun, stage: Stage, outcome: Outcome) -> None:
        self._run, self._stage, self._outcome = shot_run, stage, outcome
        self._graph = shot_run.graph
        self._kept_names = kept_nodes(shot_run.graph)
        self._stations: dict[str, _Station] = {}
        self._lanes = {lane.name: lane for lane in stage.lanes}
        self._substitutes = shot_run.substitutes

    def run(self) -> None:
        """Run it to the end."""
        try:
            for lane in self._stage.lanes:
                if lane.run.ranges:
                    self._stations[lane.name] = self._station(lane)
            schedule = Schedule(self._stage.lanes, work=self._work, load=self._load)
            schedule.run()
            self._outcome.peaks[self._stage.name] = schedule.peak
        finally:
            self._account()
            for station in reversed(self._stations.values()):
                station.runner.close()

    def _account(self) -> None:
        """Write down what every lane has come to, finished or not."""
        for name, station in self._stations.items():
            if station.vertex is not None and station.computed:
                self._outcome.spent(name, station.computed, station.seconds)
            if isinstance(station.runner, TargetRunner) and station.runner.skipped:
                self._outcome.skipped[name] = station.runner.skipped

    def _station(self, lane: LanePlan) -> _Station:
        return _Station(
            lane,
            self._runner(lane),
            vertex=self._graph.vertices.get(lane.name),
            kept=lane.name in self._kept_names,
            needed=f"{KEEP_PREFIX}{lane.name}" in self._lanes,
        )

    def _runner(self, lane: LanePlan) -> Runner:
        """What runs the units of `lane`."""
        if lane.name.startswith(KEEP_PREFIX):
            return KeepRunner()
        vertex = self._graph.vertices[lane.name]
        ctx = self._run.context(vertex)
        if isinstance(vertex.grid, BlendGrid):
            return BlendRunner(vertex, vertex.grid)
        node = vertex.cls()
        if isinstance(node, Source):
            if vertex.media is None:
                raise GraphError(f"{vertex.name}: a source must have media, got none")
            return SourceRunner(vertex, Prefetcher(node.open(vertex.media, vertex.params, ctx), lane.run), ctx)
        if vertex.writes_value:
            key, values = self._target_key(vertex, vertex.domain.first), self._run.values_for(vertex)
            return ValueTargetRunner(vertex, self._run.writers[vertex.name], key, values)
        if isinstance(node, Target):
            return TargetRunner(vertex, self._run.writers[vertex.name], partial(self._target_key, vertex))
        if isinstance(node, SequentialNode):
            return SequentialRunner(vertex, node, ctx, self._run.kept, self._run.values_for(vertex))
        previous = partial(self._run.kept.find, vertex.name)
        return NodeRunner(vertex, node, ctx, self._run.values_for(vertex), previous=previous)

    def _target_key(self, vertex: Vertex, frame: int) -> str:
        if self._run.bare:
            return ""
        if self._substitutes.exist and self._substitutes.reach(vertex, self._lanes[vertex.name], frame):
            return "substituted"
        return text_key(self._run.keys.frame(vertex.name, frame))

    def _work(self, name: str, unit: int, inputs: Mapping[str, list[Any]]) -> Iterable[Any]:
        """Run one unit, keep what is to be kept, and count it."""
        run = self._run
        if run.cancel.is_set:
            run.cancel.check()
        station = self._stations[name]
        runner, vertex = station.runner, station.vertex
        skipped = skipped_among(inputs) if self._substitutes.exist else None
        started = perf_counter()
        values = runner.run(unit, inputs) if skipped is None else runner.skip(unit, skipped)
        seconds = perf_counter() - started
        if vertex is None:
            return values
        substituted = runner.substituted or (
            self._substitutes.exist and self._substitutes.reach(vertex, station.lane, unit)
        )
        if substituted:
            self._substitutes.mark(name, vertex.grid.gives(unit))
        else:
            runner.settle(unit)
        if station.kept:
            for index, value in zip(vertex.grid.gives(unit), values, strict=True):
                run.kept.store(name, index, value, needed=station.needed, substituted=substituted)
        station.computed += 1
        station.seconds += seconds
        if not run.bare:
            run.tell_unit(name, unit, seconds)
        return values

    def _load(self, name: str, index: int) -> Any:
        self._outcome.loaded[name] = self._outcome.loaded.get(name, 0) + 1
        return self._run.kept.load(name, index)
