"""From finished models to the folder that comes with Shotgraph."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from shotgraph.digests import file_key
from shotgraph.errors import MediaMissingError, UsageError
from shotgraph.models.registry import Places, resolve
from shotgraph.models.verify import record
from shotgraph.stage.training.cards import read_card
from shotgraph.stage.training.recipe import WEIGHTS

# Every version of a binary stays in history for good.
MOST_BYTES = 32_000_000
_PREFIX, _BASE = "stage-", "stage-sd"
# Which recipe makes which part of the base that others are made for.
_FROZEN = {"vae": "vae", "t2i-fine": "unet"}


@dataclass(frozen=True, slots=True)
class Shipped:
    """One model that now comes with Shotgraph.

    Attributes:
        model: its name.
        size_bytes: of all its files.
        gates: that its card has rows of.
        passed: of those.
        unfinished: recipes of it that were stopped before their last step.
    """

    model: str
    size_bytes: int
    gates: int
    passed: int
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
        UsageError: all of it would be more than 32 MB, or a part was made for other weights than those it would be shipped
            with; nothing is copied then.
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
            f"stage ship: models must be at most {MOST_BYTES / 1e6:g} MB together, got {total / 1e6:.1f}; leave one out"
        )
    for folder in found:
        _check_origin(folder, models)
    places = replace(Places.of_user(), bundled=into)
    for folder in found:
        shutil.rmtree(into / folder.name, ignore_errors=True)
        shutil.copytree(folder, into / folder.name)
        record(resolve(folder.name, places), places)
    return [_shipped(folder) for folder in sorted(into.glob(f"{_PREFIX}*"))]


def _shipped(folder: Path) -> Shipped:
    card = read_card(folder)
    unfinished = tuple(name for name, part in card.parts.items() if part.steps < part.planned_steps)
    passed = sum(bool(row["passed"]) for row in card.gates)
    return Shipped(folder.name, _size_bytes(folder), len(card.gates), passed, unfinished)


def _check_origin(folder: Path, models: Path) -> None:
    """Refuse what was trained around a VAE or a U-Net that has since been replaced."""
    for name, part in read_card(folder).parts.items():
        for maker, inside in _FROZEN.items():
            wanted, weights = part.origin.get(maker), models / _BASE / inside / WEIGHTS
            if wanted is not None and weights.exists() and file_key(weights) != wanted:
                raise UsageError(
                    f"stage ship: {name} of {folder.name} must be made for the {inside} it is shipped with, "
                    f"got {wanted} for {file_key(weights)}; train it again"
                )


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
