"""A shot: the unit of work, as found on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shotgraph.api.frames import FrameRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One shot and the media that belongs to it.

    Attributes:
        name: ``{shot}`` in path fields; may hold any character but a separator.
        root: ``{root}``: the folder that the shots and ``.shotgraph`` live in.
        media: path fields to files or sequence patterns, ``plate`` first; optional media that is absent has no entry.
        fields: every other value captured from the paths (``seq``, ``version``, ``ext``).
        first_frame: the number of a movie's first frame; sequences keep their own numbers.
        handles: frames at either end that nodes may see and outputs leave out.
        frames: the part of the shot to work on, when its sidecar names one.
        sidecar: its ``shotgraph.yaml``, when there is one.
    """

    name: str
    root: Path
    media: dict[str, str] = field(default_factory=dict[str, str])
    fields: dict[str, str] = field(default_factory=dict[str, str])
    first_frame: int = 1001
    handles: int = 0
    frames: FrameRange | None = None
    sidecar: Path | None = None
