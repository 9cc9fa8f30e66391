"""Runners: how one unit of each contract is turned into a call of `process`, and its answer into values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from shotgraph.api.contracts import Frame
from shotgraph.api.kinds import arrays_of, blank, check_frame, frame_of, freeze, stack, unstack
from shotgraph.api.node import Node, SequentialNode
from shotgraph.api.pixels import NativeFrame
from shotgraph.api.ports import Artifact
from shotgraph.errors import Cancelled, NodeError, ShotgraphError
from shotgraph.pipeline.context import RunContext
from shotgraph.pipeline.grid import BlendGrid, ChunkGrid, Grid, IdentityGrid
from shotgraph.pipeline.inserted import blend
from shotgraph.pipeline.kept import KeptStore, is_saved
from shotgraph.pipeline.threads import BackgroundWriter, Prefetcher
from shotgraph.pipeline.vertex import Vertex


class Skipped:
    """What stands for a frame that failed under ``on_error: skip``; whatever reads it is skipped too."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


Inputs = Mapping[str, list[Any]]


class Runner(Protocol):
    """Runs the units of one lane."""

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One value (`Out` or `Skipped`) for each index the unit gives."""
        ...

    def close(self) -> None:
        """Release what it holds; called on errors too."""
        ...


def skipped_among(inputs: Inputs) -> Skipped | None:
    """The first skipped value among `inputs`."""
    for values in inputs.values():
        for value in values:
            if isinstance(value, Skipped):
                return value
    return None


class SourceRunner:
    """Hands out decoded frames, read ahead in a thread."""

    def __init__(self, vertex: Vertex, prefetcher: Prefetcher) -> None:
        self._out, self._port = vertex.cls.Out, next(iter(vertex.kinds))
        self._kind = vertex.kinds[self._port]
        self._prefetcher = prefetcher

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """The frame."""
        return (self._out(**{self._port: freeze(self._kind, self._prefetcher.get(unit))}),)

    def close(self) -> None:
        """Stop the thread."""
        self._prefetcher.close()


class NodeRunner:
    """Calls `process` under the `Frame`, `Window` and `Chunk` contracts.

    Attributes:
        substituted: the last unit failed and its values are what `on_error` put there; they must not be kept.
    """

    def __init__(self, vertex: Vertex, node: Node, ctx: RunContext, values: Mapping[str, Any]) -> None:
        self._vertex, self._node, self._ctx = vertex, node, ctx
        self._grid: Grid = vertex.grid
        self._links = vertex.stream_links()
        self._kinds = {port: vertex.ports[port].kinds for port in self._links}
        self._values = values
        self._single = isinstance(vertex.contract, Frame) and vertex.contract.batch == 1
        self._windows = isinstance(vertex.grid, ChunkGrid)
        self._last: Any = None
        self.substituted = False
        node.setup(vertex.params, ctx)

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One call of `process`, or what `on_error` says instead."""
        self.substituted = False
        count = len(self._grid.gives(unit))
        skipped = skipped_among(inputs)
        if skipped is not None:
            return [skipped] * count
        ctx = self._ctx
        ctx.frames, ctx.index = self._grid.frames(unit), unit
        same = self._grid.query(unit) if isinstance(self._grid, IdentityGrid) else None
        if same is not None:
            return [
                self._vertex.cls.Out(
                    **{next(iter(self._vertex.kinds)): getattr(inputs[same][0], self._links[same].port)}
                )
            ]
        try:
            out = self._node.process(self._bound(inputs), self._vertex.params, ctx)
            outs = self._checked(out, count)
        except (Cancelled, KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; policy and message are ours
            return self._failed(unit, inputs, error, count)
        self._last = outs[-1]
        return outs

    def _bound(self, inputs: Inputs) -> Any:
        """`In` for one unit: frames as they are for single-frame nodes, else stacks."""
        frames: dict[str, Any] = dict(self._values)
        for port, link in self._links.items():
            values = [None if out is None else getattr(out, link.port) for out in inputs[port]]
            kind = self._vertex.input_headers[port].kind
            frames[port] = values[0] if self._single and len(values) == 1 else stack(kind, _filled(kind, values))
        anchors = {p.removesuffix("@anchors"): v for p, v in inputs.items() if p.endswith("@anchors")}
        if anchors:
            kinds = {p: self._vertex.input_headers[p].kind for p in anchors}
            self._ctx.anchors = {
                p: stack(kinds[p], [getattr(o, self._links[p].port) for o in v]) for p, v in anchors.items()
            }
        return self._vertex.cls.In(**frames)

    def _checked(self, out: Any, count: int) -> list[Any]:
        """The answer as one `Out` per index, types checked and arrays made read-only."""
        vertex = self._vertex
        if self._single or self._windows or not _is_stacked(vertex):
            for port, kind in vertex.kinds.items():
                value = getattr(out, port)
                if not self._windows:
                    check_frame(kind, value, who=f"{vertex.name}.{port}")
                freeze(kind, value)
            return [out]
        split = {port: unstack(kind, getattr(out, port))[:count] for port, kind in vertex.kinds.items()}
        outs = [vertex.cls.Out(**{port: values[i] for port, values in split.items()}) for i in range(count)]
        for one in outs:
            for port, kind in vertex.kinds.items():
                check_frame(kind, getattr(one, port), who=f"{vertex.name}.{port}")
                freeze(kind, getattr(one, port))
        return outs

    def _failed(self, unit: int, inputs: Inputs, error: Exception, count: int) -> list[Any]:
        """What `on_error` puts in place of a failed unit.

        Raises:
            NodeError: the policy is ``fail``, or it has nothing to put there.
        """
        vertex, policy = self._vertex, self._vertex.spec.on_error
        frames = self._grid.frames(unit)
        where = f"frame {frames[0]}" if len(frames) == 1 else f"frames {frames[0]}-{frames[-1]}"
        reason = f"{vertex.name} ({vertex.cls.id}) {where}: {type(error).__name__}: {error}"
        if policy == "fail" or (policy == "hold" and self._last is None):
            if isinstance(error, ShotgraphError) and not isinstance(error, NodeError):
                raise error
            raise NodeError(
                reason, hint="set on_error: skip, hold, passthrough or black to go on without it"
            ) from error
        self._ctx.warn(f"{reason}; {policy} used instead")
        self.substituted = True
        if policy == "skip":
            return [Skipped(reason)] * count
        if policy == "hold":
            return [self._last] * count
        return [self._stand_in(policy, inputs, place, count) for place in range(count)]

    def _stand_in(self, policy: str, inputs: Inputs, place: int, count: int) -> Any:
        """The first input's frame (``passthrough``) or zeros (``black``) for one index.

        Raises:
            NodeError: the first input is of another kind than the output.
        """
        vertex = self._vertex
        port, link = next(iter(self._links.items()))
        kind = vertex.input_headers[port].kind
        middle = getattr(vertex.contract, "past", 0)
        source = inputs[port]
        value = getattr(source[min(place if count > 1 else middle, len(source) - 1)], link.port)
        if self._windows:
            value = stack(kind, [getattr(o, link.port) for o in source])
        mismatched = [f"{p} is {k}" for p, k in vertex.kinds.items() if k != kind]
        if mismatched:
            raise NodeError(
                f"{vertex.name}: on_error {policy} must give {kind}, got outputs of other kinds ({', '.join(mismatched)})",
                hint="use skip or hold",
            )
        return vertex.cls.Out(**dict.fromkeys(vertex.kinds, value if policy == "passthrough" else _black(kind, value)))

    def close(self) -> None:
        """Tear the node down."""
        self._node.teardown(self._ctx)


def _is_stacked(vertex: Vertex) -> bool:
    return isinstance(vertex.contract, Frame) and vertex.contract.batch > 1


def _filled(kind: str, values: Sequence[Any]) -> list[Any]:
    """`values` with blanks where the window reaches out of the shot."""
    if all(value is not None for value in values):
        return list(values)
    model = next(value for value in values if value is not None)
    return [blank(kind, model) if value is None else value for value in values]


def _black(kind: str, frame: Any) -> Any:
    """Black in the frame's own coding: zero, but half-scale chroma and limited-range luma for native YUV."""
    if not isinstance(frame, NativeFrame) or frame.format.family != "yuv":
        return blank(kind, frame)
    shift = frame.format.bits - 8
    arrays = {name: np.zeros_like(array) for name, array in arrays_of(kind, frame).items()}
    arrays["plane0"] += np.array(16 << shift, arrays["plane0"].dtype)
    for name in ("plane1", "plane2"):
        arrays[name] += np.array(128 << shift, arrays[name].dtype)
    return frame_of(kind, arrays, pixel_format=frame.format.name)


class BlendRunner:
    """Cross-fades windows to frames."""

    def __init__(self, vertex: Vertex, out: Any, grid: BlendGrid) -> None:
        self._vertex, self._out, self._windows = vertex, out, grid

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One frame out of the windows that cover it."""
        skipped = skipped_among(inputs)
        if skipped is not None:
            return [skipped]
        indices = [k for k in self._windows.needs(unit)["windows"] if k is not None]
        values: dict[str, Any] = {}
        for port, kind in self._vertex.kinds.items():
            parts = [(k, getattr(out, port)) for k, out in zip(indices, inputs["windows"], strict=True)]
            values[port] = freeze(kind, blend(kind, parts, frame=unit, grid=self._windows.windows))
            check_frame(kind, values[port], who=f"{self._vertex.name}.{port}")
        return (self._out(**values),)

    def close(self) -> None:
        """Holds nothing."""


class SequentialRunner:
    """Carries the state of a `Sequential` node and saves it every so often."""

    def __init__(self, vertex: Vertex, node: SequentialNode, ctx: RunContext, kept: KeptStore) -> None:
        self._vertex, self._node, self._ctx, self._kept = vertex, node, ctx, kept
        self._state: Artifact | None = None
        node.setup(vertex.params, ctx)

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One step."""
        vertex, ctx = self._vertex, self._ctx
        skipped = skipped_among(inputs)
        if skipped is not None:
            raise NodeError(
                f"{vertex.name}: a stateful node must see every frame, got a skipped one ({skipped.reason})",
                hint="use on_error: hold upstream",
            )
        ctx.frames, ctx.index = (unit,), unit
        state = self._state
        if state is None:
            saved = self._kept.load_state(vertex.name, unit - 1) if unit > vertex.domain.first else None
            state = saved if saved is not None else self._node.initial(vertex.params, ctx)
        frames = vertex.cls.In(**{p: getattr(inputs[p][0], link.port) for p, link in vertex.stream_links().items()})
        try:
            out, self._state = self._node.step(frames, state, vertex.params, ctx)
        except ShotgraphError:
            raise
        except Exception as error:
            raise NodeError(f"{vertex.name} ({vertex.cls.id}) frame {unit}: {type(error).__name__}: {error}") from error
        for port, kind in vertex.kinds.items():
            check_frame(kind, getattr(out, port), who=f"{vertex.name}.{port}")
            freeze(kind, getattr(out, port))
        if is_saved(vertex, unit):
            self._kept.store_state(vertex.name, unit, self._state)
        return (out,)

    def close(self) -> None:
        """Tear the node down."""
        self._node.teardown(self._ctx)


class TargetRunner:
    """Queues frames to a writer."""

    def __init__(self, vertex: Vertex, writer: BackgroundWriter, key_of: Callable[[int], str]) -> None:
        self._vertex, self._writer, self._key_of = vertex, writer, key_of
        (self._port, self._link) = next(iter(vertex.stream_links().items()))
        self._held: Any = None
        self.skipped: list[int] = []

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """Queue one frame; a skipped one repeats the picture before it, so that the output keeps its timing."""
        out = inputs[self._port][0]
        if isinstance(out, Skipped):
            self.skipped.append(unit)
            if self._held is None:
                raise NodeError(
                    f"{self._vertex.name}: the first frame must not be skipped, got {out.reason}",
                    hint="use on_error: black",
                )
            self._writer.write(unit, self._held, "skipped")
            return ()
        self._held = getattr(out, self._link.port)
        self._writer.write(unit, self._held, self._key_of(unit))
        return ()

    def close(self) -> None:
        """The stage finishes or aborts the writer."""


class KeepRunner:
    """Ends a spooling stage; the node in front of it is stored as it is computed."""

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """Nothing more to do."""
        return ()

    def close(self) -> None:
        """Holds nothing."""
