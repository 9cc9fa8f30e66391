"""Temporal contracts: which frames a node sees at once. A node declares one and never pulls frames itself.

Units are counted from the shot's first frame, whatever range is asked for, so that a partial run gives the bits of a full one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from shotgraph.errors import GraphError

Edge = Literal["clamp", "mirror", "blank", "error"]
Blend = Literal["linear", "cosine", "none"]
Tail = Literal["shift", "short", "pad"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Each frame alone, in fixed micro-batches.

    Attributes:
        batch: frames per call; the last batch of a shot is padded by repeating its last frame. 1 gives single frames,
            more gives stacks with a leading axis.
    """

    batch: int = 1

    def __post_init__(self) -> None:
        """Refuse an empty batch."""
        if self.batch < 1:
            raise GraphError(f"contract Frame: batch must be at least 1, got {self.batch}")


@dataclass(frozen=True, slots=True)
class Window:
    """Each frame with its neighbours, as a stack of ``past + 1 + future`` frames; the frame itself is at index `past`.

    Attributes:
        past: frames before.
        future: frames after.
        edge: what stands in for a neighbour outside the shot.
    """

    past: int = 0
    future: int = 0
    edge: Edge = "clamp"

    def __post_init__(self) -> None:
        """Refuse negative reach."""
        if self.past < 0 or self.future < 0:
            raise GraphError(f"contract Window: past and future must be at least 0, got {self.past} and {self.future}")
        if self.edge not in get_args(Edge):
            raise GraphError(f"contract Window: edge must be one of {', '.join(get_args(Edge))}, got {self.edge!r}")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Overlapping windows over the shot; the engine blends their outputs to a stream.

    Attributes:
        size: frames per window.
        overlap: frames two neighbours share, < size.
        blend: weights across an overlap; ``none`` keeps the earlier window.
        tail: the last window is moved back (``shift``), cut (``short``) or padded with the last frame (``pad``).
        anchors: offsets from the shot's first frame of frames that every window may read, at ``ctx.anchors``.
    """

    size: int = 16
    overlap: int = 4
    blend: Blend = "linear"
    tail: Tail = "shift"
    anchors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse windows that do not advance."""
        if self.size < 1 or not 0 <= self.overlap < self.size:
            raise GraphError(
                f"contract Chunk: overlap must be in [0, size), got overlap {self.overlap} and size {self.size}"
            )
        if any(anchor < 0 for anchor in self.anchors):
            raise GraphError(f"contract Chunk: anchors must be at least 0, got {self.anchors}")
        if self.blend not in get_args(Blend):
            raise GraphError(f"contract Chunk: blend must be one of {', '.join(get_args(Blend))}, got {self.blend!r}")
        if self.tail not in get_args(Tail):
            raise GraphError(f"contract Chunk: tail must be one of {', '.join(get_args(Tail))}, got {self.tail!r}")

    @property
    def stride(self) -> int:
        """Frames between the starts of two windows."""
        return self.size - self.overlap


@dataclass(frozen=True, slots=True)
class Clip:
    """The whole shot, handles included, with random access through readers; results are emitted frame by frame."""


@dataclass(frozen=True, slots=True)
class Clips:
    """A named group of shots; one Artifact for all of them."""


@dataclass(frozen=True, slots=True)
class Sequential:
    """Frames in order with a state; never split inside a shot.

    Attributes:
        checkpoint_every: frames between two saved states; a partial or resumed run starts at the nearest one.
    """

    checkpoint_every: int = 16

    def __post_init__(self) -> None:
        """Refuse a node that would never save its state."""
        if self.checkpoint_every < 1:
            raise GraphError(f"contract Sequential: checkpoint_every must be at least 1, got {self.checkpoint_every}")


Contract = Frame | Window | Chunk | Clip | Clips | Sequential
