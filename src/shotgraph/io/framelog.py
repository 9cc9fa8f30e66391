"""What a sequence target has written so far: one JSON line a frame, only ever appended.

The log lies beside the images, so that a restarted run finds finished frames and tells its own files from foreign ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shotgraph.io.filedigest import file_digest


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
    """The log of one sequence; later lines win."""

    def __init__(self, pattern: Path) -> None:
        """Read what is there."""
        self._path = log_path(pattern)
        self._folder = pattern.parent
        self._frames = {entry.frame: entry for entry in _entries(self._path)}
        self._intact: dict[int, bool] = {}

    def intact(self, frame: int) -> WrittenFrame | None:
        """The entry of `frame`, if its file is still exactly what was written."""
        entry = self._frames.get(frame)
        if entry is None:
            return None
        if frame not in self._intact:
            self._intact[frame] = _is_intact(self._folder / entry.file, entry)
        return entry if self._intact[frame] else None

    def append(self, entry: WrittenFrame) -> None:
        """Record a finished frame."""
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(entry)) + "\n")
        self._frames[entry.frame] = entry
        self._intact[entry.frame] = True


def _is_intact(path: Path, entry: WrittenFrame) -> bool:
    try:
        return path.stat().st_size == entry.bytes and file_digest(path) == entry.digest
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
