"""Frame numbers: contiguous ranges, and the lists people type (``1001-1010x2,1020``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shotgraph.errors import FrameRangeError

_ITEM = re.compile(r"(?P<first>-?\d+)(?:-(?P<last>-?\d+)(?:[x:](?P<step>\d+))?)?")


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Consecutive frame numbers, both ends included.

    Attributes:
        first: number of the first frame; may be negative.
        last: number of the last frame, >= first.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if self.last < self.first:
            raise FrameRangeError(f"frames: last must be at least first, got {self.first}-{self.last}")

    def __len__(self) -> int:
        """Number of frames."""
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        """Every frame number, ascending."""
        return iter(range(self.first, self.last + 1))

    def __contains__(self, frame: object) -> bool:
        """Whether `frame` lies inside."""
        return isinstance(frame, int) and self.first <= frame <= self.last

    def clamp(self, frame: int) -> int:
        """The frame of this range nearest to `frame`."""
        return min(max(frame, self.first), self.last)

    def mirror(self, frame: int) -> int:
        """`frame` reflected at the ends without repeating them: -1 is 1, as often as needed."""
        span = len(self) - 1
        if span == 0:
            return self.first
        offset = (frame - self.first) % (2 * span)
        return self.first + min(offset, 2 * span - offset)

    def grown(self, handles: int) -> FrameRange:
        """This range with `handles` more frames on either side."""
        return FrameRange(self.first - handles, self.last + handles)

    def __str__(self) -> str:
        """``1001-1010``, or ``1001`` for one frame."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Any set of frame numbers, kept as sorted ranges that neither touch nor overlap.

    Attributes:
        ranges: ascending; at least one frame lies between two neighbours.
    """

    ranges: tuple[FrameRange, ...] = ()

    @classmethod
    def of(cls, frames: Iterable[int]) -> FrameSet:
        """The set of `frames`, in any order, duplicates allowed."""
        return cls.union(FrameRange(frame, frame) for frame in frames)

    @classmethod
    def union(cls, ranges: Iterable[FrameRange]) -> FrameSet:
        """The set that holds every frame of `ranges`."""
        merged: list[FrameRange] = []
        for item in sorted(ranges, key=lambda r: r.first):
            if merged and item.first <= merged[-1].last + 1:
                merged[-1] = FrameRange(merged[-1].first, max(merged[-1].last, item.last))
            else:
                merged.append(item)
        return cls(tuple(merged))

    @classmethod
    def parse(cls, text: str) -> FrameSet:
        """The frames a person typed: comma or space lists of ``A``, ``A-B``, ``A-BxN`` (``:N`` is accepted too).

        Args:
            text: at least one item; order and overlaps do not matter.

        Returns:
            Every frame named, once.

        Raises:
            FrameRangeError: malformed, or a descending or zero-step item.
        """
        frames: list[FrameRange] = []
        for item in re.split(r"[,\s]+", text.strip()):
            match = _ITEM.fullmatch(item)
            if match is None:
                raise FrameRangeError(f"frames: must be like 1001-1010, 1001-1010x2 or 1001,1005, got {item!r}")
            first = int(match["first"])
            last = int(match["last"] or first)
            step = int(match["step"] or 1)
            if step < 1 or last < first:
                raise FrameRangeError(f"frames: must ascend with a step of at least 1, got {item!r}")
            if step == 1:
                frames.append(FrameRange(first, last))
            else:
                frames.extend(FrameRange(f, f) for f in range(first, last + 1, step))
        return cls.union(frames)

    def __len__(self) -> int:
        """Number of frames."""
        return sum(len(r) for r in self.ranges)

    def __iter__(self) -> Iterator[int]:
        """Every frame number, ascending."""
        return (frame for r in self.ranges for frame in r)

    def __contains__(self, frame: object) -> bool:
        """Whether `frame` is in the set."""
        return any(frame in r for r in self.ranges)

    def __or__(self, other: FrameSet) -> FrameSet:
        """Frames of either."""
        return FrameSet.union((*self.ranges, *other.ranges))

    def __and__(self, other: FrameSet) -> FrameSet:
        """Frames of both."""
        return FrameSet(
            tuple(
                FrameRange(max(a.first, b.first), min(a.last, b.last))
                for a in self.ranges
                for b in other.ranges
                if max(a.first, b.first) <= min(a.last, b.last)
            )
        )

    def __sub__(self, other: FrameSet) -> FrameSet:
        """Frames of this set that are not in `other`."""
        kept: list[FrameRange] = []
        for item in self.ranges:
            first = item.first
            for hole in other.ranges:
                if hole.last < first or hole.first > item.last:
                    continue
                if hole.first > first:
                    kept.append(FrameRange(first, hole.first - 1))
                first = hole.last + 1
            if first <= item.last:
                kept.append(FrameRange(first, item.last))
        return FrameSet(tuple(kept))

    @property
    def bounds(self) -> FrameRange | None:
        """From the lowest to the highest frame; None when empty."""
        return FrameRange(self.ranges[0].first, self.ranges[-1].last) if self.ranges else None

    def __str__(self) -> str:
        """Canonical text that `parse` reads back; empty for the empty set."""
        return ",".join(map(str, self.ranges))
