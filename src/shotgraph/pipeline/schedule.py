"""The schedule of a stage: in which order units run, and when a frame can be dropped.

One object serves the planner, which runs it on nothing to know the peak, and the executor, which runs it on pixels; so the
peak that `plan` prints is the peak that happens. Targets pull frames in order; every lane runs its units in ascending order; a
frame is dropped as soon as every consumer's next unit starts behind it (a watermark), so memory does not grow with the clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shotgraph.api.frames import FrameSet
from shotgraph.errors import ShotgraphError
from shotgraph.pipeline.grid import Grid, Needs

# (lane name, unit, by port the values its needs name; None for a blank) -> one value per index the unit gives.
Work = Callable[[str, int, Mapping[str, list[Any]]], Iterable[Any]]
# (lane name, index) -> a kept value.
Load = Callable[[str, int], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePlan:
    """One node's part in a stage.

    Attributes:
        name: the node.
        grid: its units.
        inputs: stream input port to producer; producers come earlier in the stage.
        run: units to compute, ascending.
        hits: output indices that are kept on disk and only need loading.
        pinned: output indices that stay live to the end (anchors of a consumer).
        anchors: input port to the indices every unit may read.
        drives: nothing consumes it: a target, or a node whose outputs are only to be kept.
    """

    name: str
    grid: Grid
    inputs: Mapping[str, str]
    run: FrameSet
    hits: FrameSet = field(default_factory=FrameSet)
    pinned: frozenset[int] = frozenset()
    anchors: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    drives: bool = False


@dataclass(slots=True, eq=False)
class _Tap:
    """One consumer's hold on a producer: nothing below `low` is asked for again, and nothing at all once it is None."""

    port: str
    producer: _Lane
    low: int | None = None


@dataclass(slots=True, eq=False)
class _Lane:
    """A node while its stage runs; `low` is the lowest of its consumers' watermarks."""

    name: str
    grid: Grid
    plan: LanePlan
    units: Iterator[int]
    loads: bool
    taps: list[_Tap] = field(default_factory=list["_Tap"])
    consumers: list[_Tap] = field(default_factory=list["_Tap"])
    buffer: dict[int, Any] = field(default_factory=dict[int, Any])
    unit: int | None = None
    needs: Needs = field(default_factory=dict[str, Any])
    low: int | None = None


class Schedule:
    """Runs the lanes of one stage.

    Args:
        lanes: producers first.
        work: runs one unit.
        load: gives a value that is kept on disk.
        held: hears how many values of a lane are held more (or, negative, fewer).

    Attributes:
        live: frames (or windows) held now.
        peak: most held at once so far.
    """

    def __init__(
        self,
        lanes: Iterable[LanePlan],
        *,
        work: Work,
        load: Load,
        held: Callable[[str, int], None] | None = None,
    ) -> None:
        self._work, self._load = work, load
        self._held = held
        self._lanes: dict[str, _Lane] = {}
        self.live = 0
        self.peak = 0
        for plan in lanes:
            lane = _Lane(plan.name, plan.grid, plan, iter(plan.run), loads=bool(plan.hits.ranges))
            for port, producer in plan.inputs.items():
                tap = _Tap(port, self._lanes[producer])
                lane.taps.append(tap)
                tap.producer.consumers.append(tap)
            self._lanes[plan.name] = lane
        for lane in self._lanes.values():
            self._step(lane)

    def run(self) -> None:
        """Run every driving lane to its end, the one that is furthest behind first."""
        drivers = [lane for lane in self._lanes.values() if lane.plan.drives]
        while waiting := [lane for lane in drivers if lane.unit is not None]:
            lane = waiting[0] if len(waiting) == 1 else min(waiting, key=_position)
            self._advance(lane)

    def _advance(self, lane: _Lane) -> None:
        """Run the lane's next unit."""
        unit, needs, plan = lane.unit, lane.needs, lane.plan
        if unit is None:
            raise ShotgraphError(
                f"schedule: {lane.name} must have a unit left, got none; this is a fault of the planner"
            )
        inputs: dict[str, list[Any]] = {}
        for tap in lane.taps:
            inputs[tap.port] = self._gather(tap.producer, needs[tap.port])
            if plan.anchors:
                inputs[f"{tap.port}@anchors"] = self._gather(tap.producer, plan.anchors[tap.port])
        values = self._work(lane.name, unit, inputs)
        if not plan.drives:
            for index, value in enumerate(values, lane.grid.gives(unit).start):
                self._hold(lane, index, value)
        self._step(lane)

    def _gather(self, producer: _Lane, indices: Iterable[int | None]) -> list[Any]:
        """The producer's values at `indices`, computed or loaded now where they are not held."""
        buffer = producer.buffer
        values: list[Any] = []
        for index in indices:
            if index is None:
                values.append(None)
                continue
            while index not in buffer:
                if producer.loads and index in producer.plan.hits:
                    self._hold(producer, index, self._load(producer.name, index))
                else:
                    self._advance(producer)
            values.append(buffer[index])
        return values

    def _hold(self, lane: _Lane, index: int, value: Any) -> None:
        """Keep a value until the watermark passes it; one that nobody will ask for is not kept at all."""
        low, buffer = lane.low, lane.buffer
        if index in buffer or ((low is None or index < low) and index not in lane.plan.pinned):
            return
        buffer[index] = value
        self.live += 1
        if self.live > self.peak:
            self.peak = self.live
        if self._held is not None:
            self._held(lane.name, 1)

    def _step(self, lane: _Lane) -> None:
        """Move to the lane's next unit and let its producers drop what it will not ask for again."""
        grid = lane.grid
        unit = lane.unit = next(lane.units, None)
        if unit is not None:
            lane.needs = grid.needs(unit)
        for tap in lane.taps:
            tap.low = None if unit is None else grid.low(unit, tap.port)
            producer = tap.producer
            producer.low = tap.low if len(producer.consumers) == 1 else _lowest(producer.consumers)
            if producer.buffer:
                self._drop(producer)

    def _drop(self, lane: _Lane) -> None:
        """Drop every value below the watermark, pinned ones apart; all of them once nobody is left."""
        low, buffer, pinned = lane.low, lane.buffer, lane.plan.pinned
        gone: list[int] = []
        for index in buffer:
            if low is None or (index < low and index not in pinned):
                gone.append(index)
        for index in gone:
            del buffer[index]
        self.live -= len(gone)
        if gone and self._held is not None:
            self._held(lane.name, -len(gone))


def _lowest(taps: list[_Tap]) -> int | None:
    """The lowest watermark of the consumers that still ask for something."""
    return min((tap.low for tap in taps if tap.low is not None), default=None)


def _position(lane: _Lane) -> int:
    """First shot frame of the lane's next unit: what orders lanes whose units are not frames."""
    return 0 if lane.unit is None else lane.plan.grid.frames(lane.unit)[0]


@dataclass(frozen=True, slots=True)
class Peak:
    """What a stage holds at once.

    Attributes:
        frames: most frames (windows count as one) held together.
        bytes: most bytes held together.
    """

    frames: int
    bytes: int


def predicted_peak(lanes: Iterable[LanePlan], bytes_of: Mapping[str, int]) -> Peak:
    """The peak of a stage, found by running its schedule on nothing.

    Args:
        lanes: the stage.
        bytes_of: bytes of one value of each lane.

    Returns:
        Frames and bytes at their own peaks.
    """
    plans = list(lanes)
    grids = {plan.name: plan.grid for plan in plans}
    held = {"bytes": 0, "peak": 0}

    def count(name: str, change: int) -> None:
        held["bytes"] += change * bytes_of[name]
        held["peak"] = max(held["peak"], held["bytes"])

    def nothing(name: str, unit: int, _inputs: Mapping[str, list[Any]]) -> Iterable[None]:
        return [None] * len(grids[name].gives(unit))

    schedule = Schedule(plans, work=nothing, load=lambda _name, _index: None, held=count)
    schedule.run()
    return Peak(schedule.peak, held["peak"])
