"""Digests and canonical text: the two things every key is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# 128 bits: a collision among 2^40 frames has a chance below 2^-48.
_BYTES = 16
_PREFIX = "b2:"


def digest(*parts: bytes) -> bytes:
    """16-byte BLAKE2b of `parts`, each preceded by its length so that parts cannot run into each other."""
    state = hashlib.blake2b(digest_size=_BYTES)
    for part in parts:
        state.update(len(part).to_bytes(4, "little"))
        state.update(part)
    return state.digest()


def digest_keys(head: bytes, keys: Iterable[bytes]) -> bytes:
    """16-byte BLAKE2b of fixed-size parts: a node key and the keys of exactly what it reads. The engine's hot path."""
    return hashlib.blake2b(head + b"".join(keys), digest_size=_BYTES).digest()


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces; floats as `repr`, so 0.1 stays 0.1 on every host."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def file_digest(path: Path) -> bytes:
    """16-byte BLAKE2b of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_BYTES)).digest()


def sampled_digest(path: Path, *, sample_bytes: int = 1 << 20) -> bytes:
    """16-byte BLAKE2b of a file's size, modification time, first and last `sample_bytes`: identity of very large media."""
    stat = path.stat()
    with path.open("rb") as stream:
        head = stream.read(sample_bytes)
        stream.seek(max(0, stat.st_size - sample_bytes))
        tail = stream.read(sample_bytes)
    return digest(str(stat.st_size).encode(), str(stat.st_mtime_ns).encode(), head, tail)


def text_key(key: bytes) -> str:
    """A key as people and files write it; the algorithm is in the prefix."""
    return _PREFIX + key.hex()


def file_key(path: Path) -> str:
    """``b2:<hex>`` of a file's content."""
    return text_key(file_digest(path))
