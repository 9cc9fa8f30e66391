"""Grids: which units a contract cuts a shot into, what each unit needs, and what it gives.

A grid is anchored at the shot's first frame and lists the units of the *whole* shot; a partial run filters that list. Output
indices are frame numbers, except for the windows of a `Chunk`, which are numbered from 0 until they are blended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shotgraph.api.contracts import Chunk, Frame, Window
from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.errors import FrameRangeError

# Input port to the indices a unit reads, in the order `process` gets them; None stands for a blank frame.
Needs = Mapping[str, Sequence[int | None]]

# Above every index: the watermark of what is never read again.
_BEYOND = 1 << 62


class Grid(Protocol):
    """How one node's work is cut into units."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Stream input ports whose frames it reads."""
        ...

    @property
    def outputs(self) -> FrameRange:
        """Every output index of the shot."""
        ...

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """The units that give the output indices `wanted`."""
        ...

    def gives(self, unit: int) -> range:
        """Output indices of `unit`, ascending."""
        ...

    def needs(self, unit: int) -> Needs:
        """What `unit` reads."""
        ...

    def low(self, unit: int, port: str) -> int:
        """No index of `port` below this one is read by `unit` or any later unit: the watermark."""
        ...

    def frames(self, unit: int) -> tuple[int, ...]:
        """Shot frame numbers of `unit`, edge and padding frames included."""
        ...


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """One unit per frame, reading the same frame: `Frame(1)`, sources, targets and `Sequential`.

    Attributes:
        ports: stream inputs.
        outputs: the shot.
    """

    ports: tuple[str, ...]
    outputs: FrameRange

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are frame numbers."""
        return wanted

    def gives(self, unit: int) -> range:
        """The frame itself."""
        return range(unit, unit + 1)

    def needs(self, unit: int) -> Needs:
        """The frame itself, of every input."""
        return dict.fromkeys(self.ports, (unit,))

    def low(self, unit: int, port: str) -> int:
        """The frame itself."""
        return unit

    def frames(self, unit: int) -> tuple[int, ...]:
        """The frame itself."""
        return (unit,)


@dataclass(frozen=True, slots=True)
class BatchGrid:
    """Micro-batches of a fixed size: `Frame(batch)`. A unit is a batch, counted from the shot's first frame.

    Attributes:
        ports: stream inputs.
        outputs: the shot.
        batch: frames per unit.
    """

    ports: tuple[str, ...]
    outputs: FrameRange
    batch: int

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """The batches that hold a wanted frame."""
        first, size = self.outputs.first, self.batch
        return FrameSet.union(FrameRange((r.first - first) // size, (r.last - first) // size) for r in wanted.ranges)

    def gives(self, unit: int) -> range:
        """Its frames, without the padding."""
        first = self.outputs.first + unit * self.batch
        return range(first, min(first + self.batch, self.outputs.last + 1))

    def frames(self, unit: int) -> tuple[int, ...]:
        """Its frames; the last batch repeats the last frame until it is full, so that its size never changes a bit."""
        first = self.outputs.first + unit * self.batch
        return tuple(min(f, self.outputs.last) for f in range(first, first + self.batch))

    def needs(self, unit: int) -> Needs:
        """Its frames, of every input."""
        frames = self.frames(unit)
        return dict.fromkeys(self.ports, frames)

    def low(self, unit: int, port: str) -> int:
        """Its first frame."""
        return self.outputs.first + unit * self.batch


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """One unit per frame, reading its neighbours: `Window`.

    Attributes:
        ports: stream inputs.
        outputs: the shot.
        window: reach and edge rule.
    """

    ports: tuple[str, ...]
    outputs: FrameRange
    window: Window

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are frame numbers."""
        return wanted

    def gives(self, unit: int) -> range:
        """The frame itself."""
        return range(unit, unit + 1)

    def frames(self, unit: int) -> tuple[int, ...]:
        """Neighbourhood, edges resolved; a blank neighbour keeps the number it would have."""
        return tuple(f if e is None else e for f, e in zip(self._span(unit), self._resolved(unit), strict=True))

    def needs(self, unit: int) -> Needs:
        """Neighbourhood of every input, None for blanks."""
        return dict.fromkeys(self.ports, self._resolved(unit))

    def low(self, unit: int, port: str) -> int:
        """The oldest neighbour; near the shot's end a mirrored future looks back as well."""
        low = max(self.outputs.first, unit - self.window.past)
        if self.window.edge == "mirror":
            low = min(low, max(self.outputs.first, self.outputs.last - self.window.future))
        return low

    def _span(self, unit: int) -> range:
        return range(unit - self.window.past, unit + self.window.future + 1)

    def _resolved(self, unit: int) -> tuple[int | None, ...]:
        shot = self.outputs
        if unit - self.window.past >= shot.first and unit + self.window.future <= shot.last:
            return tuple(self._span(unit))
        match self.window.edge:
            case "clamp":
                return tuple(shot.clamp(f) for f in self._span(unit))
            case "mirror":
                return tuple(shot.mirror(f) for f in self._span(unit))
            case "blank":
                return tuple(f if f in shot else None for f in self._span(unit))
            case "error":
                raise FrameRangeError(
                    f"frames: a window of -{self.window.past}+{self.window.future} around frame {unit} must lie inside "
                    f"the shot {shot}, got edge='error'; ask for frames further inside or give the shot handles"
                )


@dataclass(frozen=True, slots=True)
class NeedsGrid:
    """One unit per frame, reading what the node's `frames_needed` says.

    Attributes:
        ports: stream inputs.
        outputs: the node's domain.
        query: frame to the frames it needs, by port.
        lows: watermark of each unit, by port; filled when it is first asked for.
    """

    ports: tuple[str, ...]
    outputs: FrameRange
    query: Callable[[int], Mapping[str, Sequence[int]]]
    lows: dict[str, list[int]] = field(default_factory=dict[str, list[int]], compare=False, repr=False)

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are frame numbers."""
        return wanted

    def gives(self, unit: int) -> range:
        """The frame itself."""
        return range(unit, unit + 1)

    def needs(self, unit: int) -> Needs:
        """As the node says."""
        return self.query(unit)

    def low(self, unit: int, port: str) -> int:
        """The lowest frame that `unit` or a later one asks for: a node that reverses time goes on asking for less."""
        if not self.lows:
            self._look_ahead()
        return self.lows[port][unit - self.outputs.first]

    def _look_ahead(self) -> None:
        """Fill `lows` from the last unit to the first."""
        for port in self.ports:
            low, column = _BEYOND, []
            for unit in reversed(self.outputs):
                low = min([low, *self.needs(unit).get(port, ())])
                column.append(low)
            self.lows[port] = column[::-1]

    def frames(self, unit: int) -> tuple[int, ...]:
        """The frame itself."""
        return (unit,)


@dataclass(frozen=True, slots=True)
class IdentityGrid:
    """A frame-wise grid some of whose units are an input's frame unchanged, as the node's `identity` says.

    Attributes:
        inner: the grid of the units that have work to do.
        query: frame to the input port that is the answer, or None.
    """

    inner: FrameGrid | WindowGrid
    query: Callable[[int], str | None]

    @property
    def ports(self) -> tuple[str, ...]:
        """As the inner grid."""
        return self.inner.ports

    @property
    def outputs(self) -> FrameRange:
        """As the inner grid."""
        return self.inner.outputs

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are frame numbers."""
        return wanted

    def gives(self, unit: int) -> range:
        """The frame itself."""
        return range(unit, unit + 1)

    def needs(self, unit: int) -> Needs:
        """One frame of one input where that is the answer, else as the inner grid."""
        port = self.query(unit)
        if port is None:
            return self.inner.needs(unit)
        return {name: (unit,) if name == port else () for name in self.ports}

    def low(self, unit: int, port: str) -> int:
        """As the inner grid: an identity never reads further back."""
        return self.inner.low(unit, port)

    def frames(self, unit: int) -> tuple[int, ...]:
        """As the inner grid."""
        return self.inner.frames(unit)


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """Diffusion windows over the shot: `Chunk`. A unit and its one output are a window index.

    Attributes:
        ports: stream inputs.
        shot: frames of the shot.
        chunk: size, overlap, tail and anchors.
    """

    ports: tuple[str, ...]
    shot: FrameRange
    chunk: Chunk

    @property
    def count(self) -> int:
        """Windows over the whole shot; every frame is in at least one."""
        beyond_first = max(0, len(self.shot) - self.chunk.size)
        return 1 + math.ceil(beyond_first / self.chunk.stride)

    @property
    def outputs(self) -> FrameRange:
        """Every window."""
        return FrameRange(0, self.count - 1)

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are window indices."""
        return wanted

    def gives(self, unit: int) -> range:
        """The window itself."""
        return range(unit, unit + 1)

    def start(self, unit: int) -> int:
        """First frame of a window; a shifted tail is moved back so that it ends with the shot."""
        start = self.shot.first + unit * self.chunk.stride
        if self.chunk.tail == "shift" and unit == self.count - 1:
            start = min(start, max(self.shot.first, self.shot.last - self.chunk.size + 1))
        return start

    def frames(self, unit: int) -> tuple[int, ...]:
        """Frames of a window; only a padded tail repeats the last one."""
        span = range(self.start(unit), self.start(unit) + self.chunk.size)
        if self.chunk.tail == "pad":
            return tuple(min(f, self.shot.last) for f in span)
        return tuple(f for f in span if f <= self.shot.last)

    def needs(self, unit: int) -> Needs:
        """The window's frames, of every input; anchors are asked for apart."""
        return dict.fromkeys(self.ports, self.frames(unit))

    def low(self, unit: int, port: str) -> int:
        """Its first frame."""
        return self.start(unit)

    def anchors(self) -> tuple[int, ...]:
        """Shot frames that every window may read."""
        return tuple(self.shot.clamp(self.shot.first + offset) for offset in self.chunk.anchors)

    def covering(self, frame: int) -> list[int]:
        """Windows that hold `frame`, ascending."""
        first = max(0, -(-(frame - self.shot.first - self.chunk.size + 1) // self.chunk.stride))
        # A shifted tail starts earlier than its index says, so it may reach back over several strides.
        candidates = range(first, min(self.count - 1, (frame - self.shot.first) // self.chunk.stride) + 1)
        windows = [k for k in candidates if self.start(k) <= frame < self.start(k) + self.chunk.size]
        last = self.count - 1
        if last not in windows and self.start(last) <= frame:
            windows.append(last)
        return windows

    def weight(self, unit: int, frame: int) -> float:
        """Weight of window `unit` at `frame`: a function of the place in the window only, positive, 1 outside overlaps."""
        overlap = self.chunk.overlap
        place = frame - self.start(unit)
        from_edge = min(place, self.chunk.size - 1 - place) + 1
        if overlap == 0 or from_edge > overlap or self.chunk.blend == "none":
            return 1.0
        ramp = from_edge / (overlap + 1)
        return ramp if self.chunk.blend == "linear" else 0.5 - 0.5 * math.cos(math.pi * ramp)


@dataclass(frozen=True, slots=True)
class BlendGrid:
    """One unit per frame, reading the windows that cover it.

    Attributes:
        ports: the one input, ``windows``.
        windows: the grid that made them.
    """

    ports: tuple[str, ...]
    windows: ChunkGrid

    @property
    def outputs(self) -> FrameRange:
        """The shot."""
        return self.windows.shot

    def units_for(self, wanted: FrameSet) -> FrameSet:
        """Units are frame numbers."""
        return wanted

    def gives(self, unit: int) -> range:
        """The frame itself."""
        return range(unit, unit + 1)

    def needs(self, unit: int) -> Needs:
        """Windows that cover the frame."""
        covering = self.windows.covering(unit)
        return dict.fromkeys(self.ports, covering[:1] if self.windows.chunk.blend == "none" else covering)

    def low(self, unit: int, port: str) -> int:
        """The first window that covers the frame."""
        return self.windows.covering(unit)[0]

    def frames(self, unit: int) -> tuple[int, ...]:
        """The frame itself."""
        return (unit,)


def contract_grid(contract: object, ports: Sequence[str], shot: FrameRange) -> Grid:
    """The grid of a streaming contract over `shot`; everything but batches, windows and chunks goes frame by frame."""
    names = tuple(ports)
    match contract:
        case Frame(batch) if batch > 1:
            return BatchGrid(names, shot, batch)
        case Window():
            return WindowGrid(names, shot, contract)
        case Chunk():
            return ChunkGrid(names, shot, contract)
        case _:
            return FrameGrid(names, shot)


def needed(grid: Grid, units: Iterable[int], port: str) -> FrameSet:
    """Every index of `port` that `units` read."""
    return FrameSet.of(index for unit in units for index in grid.needs(unit)[port] if index is not None)
