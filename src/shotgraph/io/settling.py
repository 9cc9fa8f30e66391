"""Finished files: their last step to the final name."""

from __future__ import annotations

import os
from pathlib import Path

from shotgraph.errors import OutputExistsError


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
