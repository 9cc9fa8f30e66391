"""Runners: how one unit of each contract is turned into a call of `process`, and its answer into values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shotgraph.api.frames import FrameSet
from shotgraph.api.kinds import check_frame, freeze
from shotgraph.api.node import Node, SequentialNode
from shotgraph.api.ports import Artifact
from shotgraph.errors import NodeError, OutputError, ShotgraphError
from shotgraph.pipeline.chunkgrid import BlendGrid
from shotgraph.pipeline.context import RunContext
from shotgraph.pipeline.grid import NeedsGrid
from shotgraph.pipeline.inserted import blend
from shotgraph.pipeline.kept import KeptStore, is_saved
from shotgraph.pipeline.substitutes import Skipped
from shotgraph.pipeline.threads import BackgroundWriter, Prefetcher
from shotgraph.pipeline.vertex import Vertex

Inputs = Mapping[str, list[Any]]


class Runner(ABC):
    """Runs the units of one lane.

    Attributes:
        substituted: the last unit failed and its values are what `on_error` put there; they must not be kept.
    """

    substituted = False

    @abstractmethod
    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One value (`Out` or `Skipped`) for each index the unit gives."""

    def skip(self, unit: int, skipped: Skipped) -> Iterable[Any]:
        """As `run`, for a unit that reads a skipped value; of one index unless a runner says otherwise."""
        return (skipped,)

    def settle(self, unit: int) -> None:  # noqa: B027 - most runners have nothing to save
        """Called after a unit that neither is nor is made of a substitute."""

    def close(self) -> None:  # noqa: B027 - most runners hold nothing
        """Release what it holds; called on errors too."""


def set_up(vertex: Vertex, node: Node, ctx: RunContext) -> None:
    """Call the node's `setup`; where that fails, tear down what it took and say whose fault it was."""
    try:
        node.setup(vertex.params, ctx)
    except Exception as error:
        tear_down(node, ctx)
        if isinstance(error, ShotgraphError):
            raise
        raise NodeError(f"{vertex.name} ({vertex.cls.id}) setup: {type(error).__name__}: {error}") from error


def tear_down(node: Node, ctx: RunContext) -> None:
    """Call the node's `teardown`, and end its leases whatever that does."""
    try:
        node.teardown(ctx)
    finally:
        ctx.give_back()


class SourceRunner(Runner):
    """Hands out decoded frames, read ahead in a thread."""

    def __init__(self, vertex: Vertex, prefetcher: Prefetcher, ctx: RunContext) -> None:
        self._out, self._port = vertex.cls.Out, next(iter(vertex.kinds))
        self._kind = vertex.kinds[self._port]
        self._prefetcher, self._ctx = prefetcher, ctx
        self._name, self._absent = vertex.name, vertex.media.skipped if vertex.media is not None else FrameSet()

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """The frame."""
        self.substituted = unit in self._absent
        if self.substituted:
            # Readers say something for every frame; here it is not wanted.
            self._prefetcher.get(unit)
            return (Skipped(f"{self._name}: frame {unit} has no file"),)
        return (self._out(**{self._port: freeze(self._kind, self._prefetcher.get(unit))}),)

    def close(self) -> None:
        """Stop the thread, and say which frames are not what was shot."""
        self._prefetcher.close()
        damaged = self._prefetcher.damaged
        if damaged.ranges:
            self._ctx.warn(f"{self._name}: frames {damaged} did not decode; another picture stands in, as corrupt says")


class BlendRunner(Runner):
    """Cross-fades windows to frames."""

    def __init__(self, vertex: Vertex, grid: BlendGrid) -> None:
        self._vertex, self._windows = vertex, grid

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One frame out of the windows that cover it."""
        indices = [k for k in self._windows.needs(unit)["windows"] if k is not None]
        values: dict[str, Any] = {}
        for port, kind in self._vertex.kinds.items():
            parts = [(k, getattr(out, port)) for k, out in zip(indices, inputs["windows"], strict=True)]
            values[port] = freeze(kind, blend(kind, parts, frame=unit, grid=self._windows.windows))
            check_frame(kind, values[port], who=f"{self._vertex.name}.{port}")
        return (self._vertex.out(**values),)


class SequentialRunner(Runner):
    """Carries the state of a `Sequential` node and saves it every so often."""

    def __init__(
        self, vertex: Vertex, node: SequentialNode, ctx: RunContext, kept: KeptStore, values: Mapping[str, Any]
    ) -> None:
        self._vertex, self._node, self._ctx, self._kept, self._values = vertex, node, ctx, kept, values
        self._links = vertex.stream_links()
        self._state: Artifact | None = None
        set_up(vertex, node, ctx)

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One step."""
        vertex, ctx = self._vertex, self._ctx
        ctx.frames, ctx.index = (unit,), unit
        frames = {port: getattr(inputs[port][0], link.port) for port, link in self._links.items()}
        try:
            state = self._state if self._state is not None else self._restored(unit)
            given = vertex.cls.In(**self._values, **frames)
            out, self._state = self._node.step(given, state, vertex.params, ctx)
        except ShotgraphError:
            raise
        except Exception as error:
            raise NodeError(f"{vertex.name} ({vertex.cls.id}) frame {unit}: {type(error).__name__}: {error}") from error
        for port, kind in vertex.kinds.items():
            check_frame(kind, getattr(out, port), who=f"{vertex.name}.{port}")
            freeze(kind, getattr(out, port))
        return (out,)

    def skip(self, unit: int, skipped: Skipped) -> Iterable[Any]:
        """Impossible: the state would lack a frame from here on."""
        raise NodeError(
            f"{self._vertex.name}: a stateful node must see every frame, got a skipped one ({skipped.reason})",
            hint="use on_error: hold upstream",
        )

    def _restored(self, unit: int) -> Artifact:
        """The state in front of `unit`; `OutputError` when it is gone since the run was planned: no other would be right."""
        if unit == self._vertex.domain.first:
            return self._node.initial(self._vertex.params, self._ctx)
        state = self._kept.load_state(self._vertex.name, unit - 1)
        if state is None:
            raise OutputError(
                f"cache: the state of {self._vertex.name} behind frame {unit - 1} must stay until the run ends, got nothing; "
                "run again to compute it"
            )
        return state

    def settle(self, unit: int) -> None:
        """Save the state behind `unit` where the contract says so."""
        if self._state is not None and is_saved(self._vertex, unit):
            self._kept.store_state(self._vertex.name, unit, self._state)

    def close(self) -> None:
        """Tear the node down."""
        tear_down(self._node, self._ctx)


class TargetRunner(Runner):
    """Queues frames to a writer."""

    def __init__(self, vertex: Vertex, writer: BackgroundWriter, key_of: Callable[[int], str]) -> None:
        self._vertex, self._writer, self._key_of = vertex, writer, key_of
        (self._port, self._link) = next(iter(vertex.stream_links().items()))
        self._sees_several = isinstance(vertex.grid, NeedsGrid)
        self._held: Any = None
        self.skipped: list[int] = []

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """Queue one frame, or all that the target asked for to write it."""
        frames = tuple(getattr(item, self._link.port) for item in inputs[self._port])
        self._held = frames if self._sees_several else frames[0]
        self._writer.write(unit, self._held, self._key_of(unit))
        return ()

    def skip(self, unit: int, skipped: Skipped) -> Iterable[Any]:
        """Repeat the picture before it, so that the output keeps its timing."""
        self.skipped.append(unit)
        if self._held is None:
            raise NodeError(
                f"{self._vertex.name}: the first frame must not be skipped, got {skipped.reason}",
                hint="use on_error: black",
            )
        self._writer.write(unit, self._held, "skipped")
        return ()


class ValueTargetRunner(Runner):
    """Queues the values of a shot to a writer, as one."""

    def __init__(self, vertex: Vertex, writer: BackgroundWriter, key: str, values: Mapping[str, Any]) -> None:
        self._given, self._writer, self._key = vertex.cls.In(**values), writer, key

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """Queue them."""
        self._writer.write(unit, self._given, self._key)
        return ()


class KeepRunner(Runner):
    """Ends a spooling stage; the node in front of it is stored as it is computed."""

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """Nothing more to do."""
        return ()

    def skip(self, unit: int, skipped: Skipped) -> Iterable[Any]:
        """What stands for it waits in memory for the stage that reads it."""
        return ()
