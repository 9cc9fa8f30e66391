"""Digests of models: of every file, remembered, and of a whole model wherever it lies."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from shotgraph.digests import canonical, digest, file_key, text_key


def whole_digest(files: Mapping[str, str], card: str) -> str:
    """``b2:<hex>`` of a model: names and digests of its files, and the settings of its card; not where it lies."""
    return text_key(digest(canonical([files, card])))


class DigestMemo:
    """Digests remembered by path, size, time and inode, so that gigabytes are read once; losing it costs time only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def digests(self, files: Mapping[str, Path]) -> dict[str, str]:
        """The digest of every file, by the same names."""
        rows = {name: _row(path) for name, path in files.items()}
        known = self._known(list(rows.values()))
        fresh = {rows[name]: file_key(path) for name, path in files.items() if rows[name] not in known}
        self._store(fresh)
        return {name: (known | fresh)[row] for name, row in rows.items()}

    def _known(self, rows: list[str]) -> dict[str, str]:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            with closing(sqlite3.connect(self._path, timeout=5)) as connection:
                found = [connection.execute("SELECT row, digest FROM models WHERE row = ?", (row,)) for row in rows]
                return dict(hit for cursor in found for hit in cursor.fetchall())
        except sqlite3.Error:
            return {}

    def _store(self, fresh: Mapping[str, str]) -> None:
        """Remember; a read-only home or a damaged file means to hash again, not to stop."""
        if self._path is None or not fresh:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=5)) as connection, connection:
                connection.execute("CREATE TABLE IF NOT EXISTS models (row TEXT PRIMARY KEY, digest TEXT)")
                connection.executemany("INSERT OR REPLACE INTO models VALUES (?, ?)", list(fresh.items()))
        except (OSError, sqlite3.Error):
            self._path = None


def _row(path: Path) -> str:
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
