"""The grids of diffusion windows: where windows lie, how they weigh where they overlap, and which ones a frame needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shotgraph.api.contracts import Chunk, Frame, Window
from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.pipeline.grid import BatchGrid, FrameGrid, Grid, Needs, WindowGrid


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
