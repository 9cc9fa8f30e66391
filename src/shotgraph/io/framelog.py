"""What a sequence target has written so far: one JSON line a frame, only ever appended.

The log lies beside the images, so that a restarted run finds finished frames and tells its own files from foreign ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shotgraph.digests import file_key


@dataclass(frozen=True, slots=True)
class WrittenFrame:
    """One image that was written and read back.

    Attributes:
        frame: its number.
        key: key of its content.
        file: its name, in the folder of the log.
        bytes: its size.
        digest: ``b2:<hex>`` of the file.
    """

    frame: int
    key: str
    file: str
    bytes: int
    digest: str


def log_path(pattern: Path) -> Path:
    """The log of the sequence `pattern`: a hidden file beside it."""
    return pattern.with_name(f".{pattern.name}.jsonl")


class FrameLog:
    """The log of one sequence. A frame may have several lines: the one that its file matches counts."""

    def __init__(self, pattern: Path) -> None:
        """Read what is there."""
        self._path = log_path(pattern)
        self._folder = pattern.parent
        self._frames: dict[int, list[WrittenFrame]] = {}
        for entry in _entries(self._path):
            self._frames.setdefault(entry.frame, []).append(entry)
        self._intact: dict[int, WrittenFrame | None] = {}

    @property
    def known(self) -> tuple[int, ...]:
        """Numbers with an entry, in order."""
        return tuple(sorted(self._frames))

    def intact(self, frame: int) -> WrittenFrame | None:
        """The newest entry of `frame` whose file is still exactly what was written."""
        if frame not in self._intact:
            entries = reversed(self._frames.get(frame, []))
            self._intact[frame] = next((e for e in entries if _is_intact(self._folder / e.file, e)), None)
        return self._intact[frame]

    def announce(self, entry: WrittenFrame) -> None:
        """Record a finished frame just before its file gets its name.

        In this order a run that is killed between the two knows the file as its own whichever of them was the last.
        """
        with self._path.open("a", encoding="utf-8") as lines:
            # The line break leads, so that a line torn by a crash does not spoil the next one.
            lines.write("\n" + json.dumps(asdict(entry)))
        self._frames.setdefault(entry.frame, []).append(entry)
        self._intact.pop(entry.frame, None)

    def settled(self, entry: WrittenFrame) -> None:
        """The file of `entry`, which was read back, has its name: it need not be read once more."""
        self._intact[entry.frame] = entry


def _is_intact(path: Path, entry: WrittenFrame) -> bool:
    try:
        return path.stat().st_size == entry.bytes and file_key(path) == entry.digest
    except OSError:
        return False


def _entries(path: Path) -> Iterator[WrittenFrame]:
    """The readable lines; a line torn by a crash counts as not written."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            fields: dict[str, Any] = json.loads(line)
            entry = WrittenFrame(**fields)
        except (ValueError, TypeError):
            continue
        # The name comes from a file that anybody can edit, and must not lead out of the folder.
        if Path(entry.file).name == entry.file:
            yield entry
