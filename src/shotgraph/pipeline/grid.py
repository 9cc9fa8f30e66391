"""Grids: which units a contract cuts a shot into, what each unit needs, and what it gives.

A grid is anchored at the shot's first frame and lists the units of the *whole* shot; a partial run filters that list. Output
indices are frame numbers, except for the windows of a `Chunk`, which are numbered from 0 until they are blended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shotgraph.api.contracts import Window
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
        """As the node says; nothing of a port that it does not mention."""
        asked = self.query(unit)
        return {port: asked.get(port, ()) for port in self.ports}

    def low(self, unit: int, port: str) -> int:
        """The lowest frame that `unit` or a later one asks for: a node that reverses time goes on asking for less."""
        if not self.lows:
            self._look_ahead()
        return self.lows[port][unit - self.outputs.first]

    def _look_ahead(self) -> None:
        """Fill `lows` from the last unit to the first."""
        for port in self.ports:
            low, column = _BEYOND, list[int]()
            for unit in range(self.outputs.last, self.outputs.first - 1, -1):
                low = min([low, *self.query(unit).get(port, ())])
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


def needed(grid: Grid, units: Iterable[int], port: str) -> FrameSet:
    """Every index of `port` that `units` read."""
    return FrameSet.of(index for unit in units for index in grid.needs(unit)[port] if index is not None)
