"""Running `process` under the `Frame`, `Window` and `Chunk` contracts, and what `on_error` puts in place of a failed unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from shotgraph.api.contracts import Frame
from shotgraph.api.kinds import arrays_of, blank, check_frame, frame_of, freeze, stack, unstack
from shotgraph.api.node import Node
from shotgraph.api.pixels import NativeFrame
from shotgraph.errors import Cancelled, NodeError, ShapeError, ShotgraphError
from shotgraph.pipeline.chunkgrid import ChunkGrid
from shotgraph.pipeline.context import RunContext
from shotgraph.pipeline.grid import IdentityGrid
from shotgraph.pipeline.runners import Inputs, Runner, set_up, tear_down
from shotgraph.pipeline.substitutes import Skipped
from shotgraph.pipeline.vertex import Vertex

# Output index to the kept `Out` there, or None.
Previous = Callable[[int], Any]


class NodeRunner(Runner):
    """Calls `process` unit by unit."""

    def __init__(
        self, vertex: Vertex, node: Node, ctx: RunContext, values: Mapping[str, Any], *, previous: Previous
    ) -> None:
        self._vertex, self._node, self._ctx, self._values = vertex, node, ctx, values
        self._grid, self._params, self._given = vertex.grid, vertex.params, vertex.cls.In
        links = vertex.stream_links()
        # (input port, output port it is linked to, kind)
        self._ports = [(port, link.port, vertex.input_headers[port].kind) for port, link in links.items()]
        self._outputs = [(port, kind, f"{vertex.name}.{port}") for port, kind in vertex.kinds.items()]
        self._single = isinstance(vertex.contract, Frame) and vertex.contract.batch == 1
        self._batched = isinstance(vertex.contract, Frame) and vertex.contract.batch > 1
        self._windows = isinstance(vertex.grid, ChunkGrid)
        self._anchored = isinstance(vertex.grid, ChunkGrid) and bool(vertex.grid.chunk.anchors)
        self._identity = vertex.grid.query if isinstance(vertex.grid, IdentityGrid) else None
        self._previous = previous
        # The last good value, a frame more than planned, so only where it may be asked for; and the last unit that gave one.
        self._holds = vertex.spec.on_error == "hold"
        self._last: Any = None
        self._reached: int | None = None
        set_up(vertex, node, ctx)

    def run(self, unit: int, inputs: Inputs) -> Iterable[Any]:
        """One call of `process`, or what `on_error` says instead."""
        self.substituted = False
        same = None if self._identity is None else self._identity(unit)
        ctx = self._ctx
        ctx.frames, ctx.index = self._grid.frames(unit), unit
        try:
            if same is None:
                outs = self._checked(self._node.process(self._bound(inputs), self._params, ctx))
            else:
                outs = [self._as_output(same, inputs)]
        except (Cancelled, KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; policy and message are ours
            outs = self._failed(inputs, error, self._grid.gives(unit))
        else:
            self._last = outs[-1] if self._holds else None
        self._reached = unit
        return outs

    def skip(self, unit: int, skipped: Skipped) -> Iterable[Any]:
        """Whatever reads a skipped frame is skipped with it."""
        self._reached = unit
        return [skipped] * len(self._grid.gives(unit))

    def _bound(self, inputs: Inputs) -> Any:
        """`In` for one unit: frames as they are for single-frame nodes, else stacks."""
        frames: dict[str, Any] = dict(self._values) if self._values else {}
        for port, output, kind in self._ports:
            given = inputs[port]
            if self._single and len(given) == 1:
                frames[port] = getattr(given[0], output)
            else:
                values = [None if out is None else getattr(out, output) for out in given]
                frames[port] = stack(kind, _filled(kind, values)) if values else None
        if self._anchored:
            self._ctx.anchors = {
                port: stack(kind, [getattr(out, output) for out in inputs[f"{port}@anchors"]])
                for port, output, kind in self._ports
            }
        return self._given(**frames)

    def _as_output(self, port: str, inputs: Inputs) -> Any:
        """The frame of an input as this node's one output."""
        output = next(out for name, out, _ in self._ports if name == port)
        return self._vertex.cls.Out(**{self._outputs[0][0]: getattr(inputs[port][0], output)})

    def _checked(self, out: Any) -> list[Any]:
        """The answer as one `Out` per index, types checked and arrays made read-only."""
        if self._windows:
            for port, kind, who in self._outputs:
                first, *_ = _frames_of(kind, getattr(out, port), len(self._ctx.frames), who=who)
                check_frame(kind, first, who=who)
                freeze(kind, getattr(out, port))
            return [out]
        outs = self._split(out) if self._batched else [out]
        for port, kind, who in self._outputs:
            for one in outs:
                value = getattr(one, port)
                check_frame(kind, value, who=who)
                freeze(kind, value)
        return outs

    def _split(self, out: Any) -> list[Any]:
        """One `Out` for each frame of a batch but the padding."""
        size, count = len(self._ctx.frames), len(self._grid.gives(self._ctx.index))
        split = {port: _frames_of(kind, getattr(out, port), size, who=who) for port, kind, who in self._outputs}
        return [self._vertex.cls.Out(**{port: frames[i] for port, frames in split.items()}) for i in range(count)]

    def _failed(self, inputs: Inputs, error: Exception, gives: range) -> list[Any]:
        """What `on_error` puts in place of a failed unit; `NodeError` when it says ``fail`` or has nothing to put there."""
        vertex, policy, frames = self._vertex, self._vertex.spec.on_error, self._ctx.frames
        where = f"frame {frames[0]}" if len(frames) == 1 else f"frames {frames[0]}-{frames[-1]}"
        reason = f"{vertex.name} ({vertex.cls.id}) {where}: {type(error).__name__}: {error}"
        if policy == "fail":
            if isinstance(error, ShotgraphError) and not isinstance(error, NodeError):
                raise error
            raise NodeError(
                reason, hint="set on_error: skip, hold, passthrough or black to go on without it"
            ) from error
        if policy == "hold":
            self._last = self._before(gives[0])
            if self._last is None:
                raise NodeError(
                    f"{reason}; on_error hold must have a good result before it, got none in this run",
                    hint="start at an earlier frame, or set on_error: passthrough or black",
                ) from error
        self.substituted = True
        self._ctx.warn(f"{reason}; {policy} used instead")
        if policy == "skip":
            return [Skipped(reason)] * len(gives)
        if policy == "hold":
            return [self._last] * len(gives)
        return [self._stand_in(policy, inputs, place, len(gives)) for place in range(len(gives))]

    def _before(self, index: int) -> Any:
        """The value to hold: of this run when it reaches up to `index`, else a kept one, so that a resumed run holds the same."""
        reached = self._reached is not None and self._grid.gives(self._reached)[-1] == index - 1
        return self._last if reached and self._last is not None else self._previous(index - 1)

    def _stand_in(self, policy: str, inputs: Inputs, place: int, count: int) -> Any:
        """The first input's frame (``passthrough``) or black for one index; `NodeError` when it is of another kind."""
        vertex = self._vertex
        port, output, kind = self._ports[0]
        mismatched = [f"{p} is {k}" for p, k in vertex.kinds.items() if k != kind]
        if mismatched:
            raise NodeError(
                f"{vertex.name}: on_error {policy} must give {kind}, got outputs of other kinds ({', '.join(mismatched)})",
                hint="use skip or hold",
            )
        source = [getattr(out, output) for out in inputs[port] if out is not None]
        middle = len([out for out in inputs[port][: getattr(vertex.contract, "past", 0)] if out is not None])
        value = source[min(place if count > 1 else middle, len(source) - 1)]
        if self._windows:
            value = stack(kind, source)
        return vertex.cls.Out(**dict.fromkeys(vertex.kinds, value if policy == "passthrough" else _black(kind, value)))

    def close(self) -> None:
        """Tear the node down."""
        tear_down(self._node, self._ctx)


def _frames_of(kind: str, stacked: Any, size: int, *, who: str) -> list[Any]:
    """The frames of a stack; `ShapeError` when there are more or fewer than the node was given."""
    frames = unstack(kind, stacked)
    if len(frames) != size:
        raise ShapeError(f"{who}: a stack must have as many frames as the node was given, {size}, got {len(frames)}")
    return frames


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
