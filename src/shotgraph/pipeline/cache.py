"""The cache: content-addressed files that survive a kill and need no lock.

One safetensors file per kept frame, window or artifact, named by its key. A file is written under a unique name in the same
folder and renamed, so a reader sees a whole file or none; a torn one (a crashed file system) fails its header check and counts
as a miss. Correctness never depends on a lock: two writers of one key write the same bytes.
"""

from __future__ import annotations

import errno
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import OutputError

_SUFFIX = ".safetensors"
# Files that are this young may belong to a run that is about to read them.
_YOUNG_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One kept result.

    Attributes:
        arrays: named tensors, read-only.
        meta: strings stored beside them.
    """

    arrays: dict[str, NDArray[Any]]
    meta: dict[str, str]


@dataclass(frozen=True, slots=True)
class CacheStat:
    """What lies in a cache.

    Attributes:
        entries: number of kept results.
        bytes: their size.
    """

    entries: int
    bytes: int


class Cache:
    """Kept results below one folder."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self.root = root
        self.full = False
        self._read_only = read_only
        # Unique among hosts and processes that share the folder.
        self._writer = f"{socket.gethostname()}.{os.getpid()}"

    def path(self, key: bytes) -> Path:
        """Where the result called `key` lies, or would."""
        name = key.hex()
        return self.root / name[:2] / f"{name}{_SUFFIX}"

    def has(self, key: bytes) -> bool:
        """Whether an intact result of `key` is there; a torn file is removed and counts as absent."""
        path = self.path(key)
        try:
            intact = _header(path) is not None
        except FileNotFoundError:
            return False
        if not intact and not self._read_only:
            path.unlink(missing_ok=True)
        return intact

    def load(self, key: bytes) -> Entry | None:
        """The result of `key`, or None when it is absent or torn."""
        from safetensors.numpy import load

        path = self.path(key)
        try:
            header = _header(path)
            if header is None:
                return None
            arrays = load(path.read_bytes())
        except FileNotFoundError:
            return None
        for array in arrays.values():
            array.setflags(write=False)
        return Entry(arrays, header)

    def store(self, key: bytes, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, str]) -> bool:
        """Keep a result.

        Args:
            key: its name.
            arrays: named tensors; stored with exactly their dtype.
            meta: strings to store beside them.

        Returns:
            False when the cache is read-only or its disk is full: the caller goes on without keeping.

        Raises:
            OutputError: any other failure to write.
        """
        from safetensors.numpy import save

        if self._read_only or self.full:
            return False
        path = self.path(key)
        part = path.with_name(f".{path.name}.{self._writer}.{secrets.token_hex(4)}.part")
        # Not `ascontiguousarray`, which gives a (,) array an axis.
        contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(save(contiguous, {**meta, "key": key.hex()}))
            part.replace(path)
        except OSError as error:
            # What keeps the file from being written may keep it from being removed.
            with suppress(OSError):
                part.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                self.full = True
                return False
            raise OutputError(
                f"cache: {path} must be writable, got {error}; choose another place with --cache"
            ) from error
        return True

    def folder(self, key: bytes) -> Path:
        """A work folder that belongs to `key`; made on first use and found again on resume."""
        path = self.root / "work" / key.hex()
        path.mkdir(parents=True, exist_ok=True)
        return path

    def entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Every kept file with its stat."""
        for path in sorted(self.root.glob(f"[0-9a-f][0-9a-f]/*{_SUFFIX}")):
            try:
                yield path, path.stat()
            except FileNotFoundError:
                continue

    def stat(self) -> CacheStat:
        """How much is kept."""
        sizes = [stat.st_size for _, stat in self.entries()]
        return CacheStat(len(sizes), sum(sizes))

    def collect(self, *, limit_bytes: int) -> CacheStat:
        """Remove least recently used results until at most `limit_bytes` are kept.

        Args:
            limit_bytes: what may stay; results used within the last hour stay in any case.

        Returns:
            What was removed.
        """
        rows = sorted(self.entries(), key=lambda row: max(row[1].st_atime, row[1].st_mtime))
        excess = sum(stat.st_size for _, stat in rows) - limit_bytes
        removed = removed_bytes = 0
        now = time.time()
        for path, stat in rows:
            if excess - removed_bytes <= 0:
                break
            if now - max(stat.st_atime, stat.st_mtime) < _YOUNG_SECONDS:
                continue
            path.unlink(missing_ok=True)
            removed += 1
            removed_bytes += stat.st_size
        return CacheStat(removed, removed_bytes)


def _header(path: Path) -> dict[str, str] | None:
    """The strings stored in `path` when its header, length and name agree, else None; a missing file is the caller's."""
    from safetensors import SafetensorError, safe_open

    try:
        with cast(Any, safe_open)(path, framework="numpy") as stream:
            meta: dict[str, str] = stream.metadata() or {}
    except SafetensorError:
        return None
    return meta if meta.get("key") == path.name.removesuffix(_SUFFIX) else None
