"""The two ends of a graph: what a source reads and what a target writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from shotgraph.api.frames import FrameSet
from shotgraph.api.stream import StreamInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The files behind a source, for keys and identity.

    Attributes:
        info: header of the stream it gives.
        files: one movie, or every file of a sequence.
        frame_files: shot frame to file for sequences, so that one changed file changes one frame; empty for movies.
        decoder: name and version of what decodes it, and every setting that can change a sample.
        warnings: what the reader noticed (two timecodes that disagree, snapped rate ...).
        skipped: frames without a picture that a run leaves out and says so, with exit code 3.
        probed: what `Source.media` learnt and `Source.open` may use again in this process; no part of keys or plans.
    """

    info: StreamInfo
    files: tuple[Path, ...]
    frame_files: Mapping[int, Path] = field(default_factory=dict[int, Path])
    decoder: str = ""
    warnings: tuple[str, ...] = ()
    skipped: FrameSet = field(default_factory=FrameSet)
    probed: object = field(default=None, compare=False, repr=False)


class Reader(Protocol):
    """An open source. Reading forward is cheap, going back may seek."""

    def read(self, frame: int) -> Any:
        """The frame with that shot number; `MediaMissingError` when gone, `MediaError` when damaged beyond policy."""
        ...

    def close(self) -> None:
        """Release files and threads; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedOutput:
    """What a target will write, known before the first frame.

    Attributes:
        path: movie file, or sequence pattern with ``####``.
        frames: canonical frame list that it will hold.
        bytes: estimate, for the disk check.
        losses: what codec or container cannot keep, one sentence each; empty when lossless.
    """

    path: str
    frames: str
    bytes: int
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOutput:
    """A file that was written, reopened and found right.

    Attributes:
        path: as in `ExpectedOutput`.
        frames: frames it holds; 0 for a value, which is of the whole shot.
        bytes: size on disk.
        digest: ``b2:<hex>`` of the file, or of all files of a sequence in frame order.
        checks: what was compared, ``name: value`` each.
    """

    path: str
    frames: int
    bytes: int
    digest: str
    checks: tuple[str, ...] = ()


class Writer(Protocol):
    """An open target. The engine calls `write` in frame order from one thread, then `finish` or `abort`."""

    def done(self, frame: int, key: str) -> bool:
        """Whether `frame` is already on disk, intact, from an earlier run of the same key; movies always say no."""
        ...

    def write(self, frame: int, value: Any, key: str) -> None:
        """Write one frame; `OutputError` on a full disk, a lack of permission or an encoder failure."""
        ...

    def finish(self) -> WrittenOutput:
        """Close, verify, and give the output its final name; `VerifyError` when it differs from what was planned."""
        ...

    def abort(self) -> None:
        """Close without a result; leaves no file under the final name."""
        ...
