"""Finished files: their digest, and their last step to the final name."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from shotgraph.errors import OutputExistsError

_BYTES = 16


def text_digest(*parts: bytes) -> str:
    """``b2:<hex>`` of the concatenation of `parts`."""
    state = hashlib.blake2b(digest_size=_BYTES)
    for part in parts:
        state.update(part)
    return f"b2:{state.hexdigest()}"


def file_digest(path: Path) -> str:
    """``b2:<hex>`` of a file's content."""
    with path.open("rb") as stream:
        state = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=_BYTES))
    return f"b2:{state.hexdigest()}"


def refuse_existing(path: Path, *, force: bool) -> None:
    """Stop before something is replaced that Shotgraph may not replace: OutputExistsError unless `force`."""
    if not force and os.path.lexists(path):
        raise OutputExistsError(
            f"{path}: the output path must be free, got a file that this run did not write; "
            f"choose another version, or --force to replace it"
        )


def settle(part: Path, final: Path) -> None:
    """Give the finished `part` its final name, durably: data first, then the name."""
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(final)
    folder = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
