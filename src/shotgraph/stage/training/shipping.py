"""From finished models to the folder that comes with Shotgraph."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from shotgraph.errors import MediaMissingError, UsageError
from shotgraph.models.registry import Places, resolve
from shotgraph.models.verify import record
from shotgraph.stage.training.cards import read_card

# Every version of a binary stays in history for good.
MOST_BYTES = 32 * 2**20
_PREFIX = "stage-"


@dataclass(frozen=True, slots=True)
class Shipped:
    """One model that now comes with Shotgraph.

    Attributes:
        model: its name.
        size_bytes: of all its files.
        unfinished: recipes of it that were stopped before their last step.
    """

    model: str
    size_bytes: int
    unfinished: tuple[str, ...]


def ship(models: Path, into: Path) -> list[Shipped]:
    """Put every model of a training in place of the one that came before, with its digests written down.

    Args:
        models: folder of finished models.
        into: folder that bundled models are looked for in.

    Returns:
        What is there now, by name.

    Raises:
        MediaMissingError: no model is in `models`.
        UsageError: all of it would be more than 32 MiB; nothing is copied then.
    """
    found = sorted(folder for folder in models.glob(f"{_PREFIX}*") if folder.is_dir())
    if not found:
        raise MediaMissingError(
            f"stage ship: {models} must hold models such as {_PREFIX}sd, got none; train them with `shotgraph stage train`"
        )
    kept = [folder for folder in into.glob(f"{_PREFIX}*") if folder.name not in {new.name for new in found}]
    total = sum(_size_bytes(folder) for folder in (*found, *kept))
    if total > MOST_BYTES:
        raise UsageError(
            f"stage ship: models must be at most {MOST_BYTES // 2**20} MiB together, got {total / 2**20:.1f}; leave one out"
        )
    places = replace(Places.of_user(), bundled=into)
    for folder in found:
        shutil.rmtree(into / folder.name, ignore_errors=True)
        shutil.copytree(folder, into / folder.name)
        record(resolve(folder.name, places), places)
    return [_shipped(folder) for folder in sorted(into.glob(f"{_PREFIX}*"))]


def _shipped(folder: Path) -> Shipped:
    parts = read_card(folder).parts.items()
    unfinished = tuple(name for name, part in parts if part.steps < part.planned_steps)
    return Shipped(folder.name, _size_bytes(folder), unfinished)


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
