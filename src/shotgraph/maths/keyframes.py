"""Frames between keyframes: how they group, and how near each keyframe is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Gap:
    """Wanted frames between two neighbouring keyframes.

    Attributes:
        before: the keyframe before them; None at the start.
        after: the keyframe after them; None at the end.
        frames: ascending, none of them a keyframe.
    """

    before: int | None
    after: int | None
    frames: tuple[int, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        """The keyframes on its sides, `before` first."""
        return tuple(key for key in (self.before, self.after) if key is not None)

    def nearness(self, frame: int) -> tuple[float, ...]:
        """Weight of each of `keys` at `frame`, linear in time; they sum to 1."""
        if self.before is None or self.after is None:
            return (1.0,) * len(self.keys)
        share = (frame - self.before) / (self.after - self.before)
        return 1 - share, share


def gaps(keyframes: Sequence[int], wanted: Sequence[int]) -> list[Gap]:
    """`wanted` without the keyframes, grouped by the keyframes around them, ascending."""
    borders = [None, *sorted(keyframes), None]
    found: list[Gap] = []
    for before, after in pairwise(borders):
        inside = tuple(f for f in sorted(wanted) if (before is None or f > before) and (after is None or f < after))
        if inside:
            found.append(Gap(before, after, inside))
    return found


def blocks(frames: Sequence[int], *, span_frames: int) -> Iterator[tuple[int, ...]]:
    """Runs of ascending `frames`, each from first to last at most `span_frames` long."""
    block: list[int] = []
    for frame in frames:
        if block and frame - block[0] >= span_frames:
            yield tuple(block)
            block = []
        block.append(frame)
    if block:
        yield tuple(block)
