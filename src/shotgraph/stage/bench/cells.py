"""Rows of a method, cell by cell: a cell is one edit of one clip, with all its seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import numpy as np

from shotgraph.stage.bench.rows import Row

Cell = tuple[int, str]
# Those of cells that may be ranked, or of all.
Chosen = Literal["ranked", "all"]


def by_cell(rows: Iterable[Row]) -> dict[Cell, list[Row]]:
    """(Clip, edit) to its rows; those whose method died hold nothing."""
    cells: dict[Cell, list[Row]] = {}
    for row in rows:
        if not row.error:
            cells.setdefault((row.clip, row.edit), []).append(row)
    return cells


def is_ranked(rows: Collection[Row]) -> bool:
    """Whether a cell may be ranked: one decision for all its seeds, or the lucky ones would stand for the method."""
    return 2 * sum(row.rankable for row in rows) >= len(rows)


def numbers(rows: Iterable[Row], metric: str, chosen: Chosen) -> dict[Cell, float]:
    """(Clip, edit) to the metric, averaged over the seeds that have it."""
    found: dict[Cell, float] = {}
    for cell, seeds in by_cell(rows).items():
        values = [value for row in seeds if (value := row.metric(metric)) is not None]
        if values and (chosen == "all" or is_ranked(seeds)):
            found[cell] = float(np.mean(values))
    return found


def over_clips(cells: Mapping[Cell, float]) -> dict[int, float]:
    """Clip to the mean over its edits, in the order of the clips."""
    clips: dict[int, list[float]] = {}
    for (clip, _), value in sorted(cells.items()):
        clips.setdefault(clip, []).append(value)
    return {clip: float(np.mean(values)) for clip, values in clips.items()}


def mean_of(cells: Mapping[Cell, float]) -> float | None:
    """Over clips; None where there is no cell."""
    return float(np.mean(list(over_clips(cells).values()))) if cells else None


class Table:
    """Rows, asked by method and metric."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            self._rows.setdefault(row.method, []).append(row)

    def has(self, method: str) -> bool:
        """Whether it was run at all."""
        return any(not row.error for row in self._rows.get(method, []))

    def is_control(self, method: str) -> bool:
        """Whether its answer is known beforehand."""
        return any(row.control for row in self._rows.get(method, []))

    def is_sampled(self, method: str) -> bool:
        """Whether its rows say that the seed changes them."""
        return any(row.settings.get("sampled", False) for row in self._rows.get(method, []))

    def numbers(self, method: str, metric: str, edits: Collection[str], chosen: Chosen = "all") -> dict[Cell, float]:
        """As `numbers`, of one method on some edits."""
        return numbers(self._of(method, edits), metric, chosen)

    def seeds(self, method: str, edits: Collection[str]) -> int:
        """The fewest seeds that any of its cells was run with."""
        cells = by_cell(self._of(method, edits)).values()
        return min((len({row.seed for row in rows}) for rows in cells), default=0)

    def reason(self, method: str, metric: str, edits: Collection[str]) -> str:
        """Why a number is not there, as the first row that lacks it says; empty when none does."""
        reasons = (row.reasons.get(metric, "") for row in self._of(method, edits))
        return next((reason for reason in reasons if reason), "")

    def _of(self, method: str, edits: Collection[str]) -> list[Row]:
        return [row for row in self._rows.get(method, []) if row.edit in edits]
