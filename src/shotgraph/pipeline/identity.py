"""Identity of media: what makes a source's key change, and a memo so that a plate is hashed once.

`content` digests whole files; `sampled` takes size, modification time and both ends; `stat` takes size and modification time.
`auto` is content below 256 MB a shot, else sampled. Digests are memoised by path, size, modification time and inode: a copy
that keeps the content but not the time is hashed again and comes out equal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shotgraph.api.plan import IdentityMode
from shotgraph.digests import digest, file_digest, sampled_digest
from shotgraph.errors import MediaMissingError

Identity = IdentityMode | Literal["auto"]
_CONTENT_LIMIT_BYTES = 256 * 1000 * 1000


@dataclass(frozen=True, slots=True)
class MediaIdentity:
    """Digests of a source's files.

    Attributes:
        mode: content, sampled or stat.
        digests: one per file, in the order asked.
    """

    mode: IdentityMode
    digests: tuple[bytes, ...]


class IdentityMemo:
    """Remembered digests in a small database on local disk; losing it costs time, never correctness."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._broken = path is None

    def look_up(self, rows: Sequence[str]) -> dict[str, bytes]:
        """The digests known for `rows` (see `_row`)."""
        found: dict[str, bytes] = {}

        def read(connection: sqlite3.Connection) -> None:
            for row in rows:
                hit = connection.execute("SELECT digest FROM media WHERE row = ?", (row,)).fetchone()
                if hit:
                    found[row] = bytes(hit[0])

        self._attempt(read)
        return found

    def store(self, digests: dict[str, bytes]) -> None:
        """Remember `digests`."""
        statement = "INSERT OR REPLACE INTO media VALUES (?, ?)"
        if digests:
            self._attempt(lambda connection: connection.executemany(statement, list(digests.items())))

    def _attempt(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do `work`; a read-only home or a database on a bad share means to hash again, not to stop."""
        if self._broken or self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=5)) as connection, connection:
                connection.execute("CREATE TABLE IF NOT EXISTS media (row TEXT PRIMARY KEY, digest BLOB)")
                work(connection)
        except (OSError, sqlite3.Error):
            self._broken = True


def _row(path: Path, mode: IdentityMode) -> str:
    stat = path.stat()
    return f"{mode}|{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"


def _digest(path: Path, mode: IdentityMode) -> bytes:
    match mode:
        case "content":
            return file_digest(path)
        case "sampled":
            return sampled_digest(path)
        case _:
            stat = path.stat()
            return digest(str(stat.st_size).encode(), str(stat.st_mtime_ns).encode())


def identify(files: Sequence[Path], *, identity: Identity, memo: IdentityMemo) -> MediaIdentity:
    """Identity of `files`.

    Args:
        files: a movie, or every file of a sequence.
        identity: how; ``auto`` decides by size.
        memo: remembered digests.

    Returns:
        The mode used and one digest per file.

    Raises:
        MediaMissingError: a file is gone.
    """
    try:
        total_bytes = sum(path.stat().st_size for path in files)
        mode = identity if identity != "auto" else ("content" if total_bytes < _CONTENT_LIMIT_BYTES else "sampled")
        rows = [_row(path, mode) for path in files]
        known = memo.look_up(rows)
        fresh = {row: _digest(path, mode) for row, path in zip(rows, files, strict=True) if row not in known}
    except FileNotFoundError as error:
        raise MediaMissingError(f"media: {error.filename} must exist, got nothing there; was it moved?") from error
    memo.store(fresh)
    return MediaIdentity(mode, tuple((known | fresh)[row] for row in rows))
