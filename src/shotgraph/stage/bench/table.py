"""The table of a report: a line for every method, with the rules that keep it honest.

A warp error stands only beside success and the distance to the true edit: a steady blur and a repeated background are both free
of flicker. What failed the edit is in brackets, and what was not run is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from shotgraph.stage.bench.harness import Finished
from shotgraph.stage.bench.rows import Row

CAVEAT = (
    "The stage validates mechanisms, not real-world quality: tiny models on a rendered world. "
    "None of these numbers can be compared with numbers of papers: different data, different scale."
)
BRACKETS = "(x) is not rankable: the method fails the edit, or ruins what it should leave alone."

# Never alone: what a warp error says depends on these two.
COMPANY = ("success", "psnr_to_truth_db")
COLUMNS = (
    *COMPANY,
    "warp_error_e3",
    "warp_error_excess_e3",
    "background_psnr_db",
    "flicker_e3",
    "trajectory_error_px",
    "consistency_pixels",
    "consistency_adjacent",
    "motion_fidelity",
)
TITLES = {
    "success": "success",
    "psnr_to_truth_db": "PSNR to truth",
    "warp_error_e3": "warp error e-3",
    "warp_error_excess_e3": "over the true edit",
    "warp_error_far_e3": "far warp error e-3",
    "background_psnr_db": "PSNR of background",
    "flicker_e3": "flicker e-3",
    "trajectory_error_px": "trajectory px",
    "consistency_pixels": "consistency",
    "consistency_adjacent": "clip consistency",
    "motion_fidelity": "motion fidelity",
}
DIGITS = {"success": 2, "psnr_to_truth_db": 1, "background_psnr_db": 1, "trajectory_error_px": 2, "flicker_e3": 1}


def with_company(columns: Iterable[str]) -> tuple[str, ...]:
    """`columns`, with success and the distance to the true edit put in front where any of them is a warp error."""
    asked = tuple(dict.fromkeys(columns))
    if any(name.startswith("warp_error") for name in asked):
        return (*COMPANY, *(name for name in asked if name not in COMPANY))
    return asked


@dataclass(frozen=True, slots=True)
class Cell:
    """One mean.

    Attributes:
        value: over clips; None where there is no number.
        is_ranked: of rankable rows alone; else of all rows, because none is rankable.
        reason: why there is no number.
    """

    value: float | None
    is_ranked: bool
    reason: str = ""

    def text(self, metric: str) -> str:
        """As printed: in brackets when it may not be ranked."""
        if self.value is None:
            return "-"
        digits = f"{self.value:.{DIGITS.get(metric, 4)}f}"
        return digits if self.is_ranked else f"({digits})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One method.

    Attributes:
        method: its name.
        control: its answer is known.
        group: ``free`` or ``matte``.
        rankable: rows that may be ranked.
        rows: rows that there are.
        missing: edits that were not run, and why.
        cells: metric to mean.
        seconds: mean of a row.
        evaluations: mean of a row; None where it could not be counted.
        peak_bytes: the most of any row.
    """

    method: str
    control: bool
    group: str
    rankable: int
    rows: int
    missing: str
    cells: dict[str, Cell] = field(default_factory=dict[str, Cell])
    seconds: float = 0.0
    evaluations: float | None = None
    peak_bytes: int = 0


def summary(finished: Finished, columns: Sequence[str] = COLUMNS) -> list[Line]:
    """The table of a finished benchmark.

    Args:
        finished: with all its rows.
        columns: metrics; company is added where it is needed.

    Returns:
        Controls first, then the methods in the order asked; those without a matte before those with.
    """
    lines = [_line(name, finished, with_company(columns)) for name in finished.names]
    return sorted(lines, key=lambda line: (not line.control, line.group != "free"))


def _line(name: str, finished: Finished, columns: Sequence[str]) -> Line:
    rows = finished.rows_of(name)
    measured = [row for row in rows if not row.error]
    counted = [row.evaluations for row in measured if row.evaluations is not None]
    return Line(
        method=name,
        control=any(row.control for row in rows) or name == "gt_vae",
        group=rows[0].group if rows else "free",
        rankable=sum(row.rankable for row in measured),
        rows=len(measured),
        missing=missing_edits(name, finished),
        cells={column: cell_of(measured, column) for column in columns},
        seconds=float(np.mean([row.seconds for row in measured])) if measured else 0.0,
        evaluations=float(np.mean(counted)) if counted else None,
        peak_bytes=max((row.peak_bytes for row in measured), default=0),
    )


def cell_of(rows: Sequence[Row], metric: str) -> Cell:
    """The mean of a metric over clips, seeds and edits averaged inside; rankable rows alone where there are any.

    Args:
        rows: of one method.
        metric: its name.

    Returns:
        The mean. Success is of all rows in any case: it says how many can be ranked.
    """
    ranked = [row for row in rows if row.rankable]
    chosen = rows if metric == "success" or not ranked else ranked
    by_clip: dict[int, list[float]] = {}
    for row in chosen:
        value = row.metric(metric)
        if value is not None:
            by_clip.setdefault(row.clip, []).append(value)
    if not by_clip:
        reasons = [row.reasons[metric] for row in chosen if row.reasons.get(metric)]
        return Cell(None, bool(ranked), reasons[0] if reasons else "not run")
    value = float(np.mean([np.mean(values) for values in by_clip.values()]))
    return Cell(value, bool(ranked) or metric == "success")


def missing_edits(name: str, finished: Finished) -> str:
    """Which edits of a method are not there, and why; empty when all are."""
    if name in finished.missing:
        return f"all edits: {finished.missing[name]}"
    done = {(row.clip, row.edit) for row in finished.rows_of(name) if not row.error}
    lost: dict[str, int] = {}
    for clip, edit in finished.trials:
        if (clip, edit) not in done:
            lost[edit] = lost.get(edit, 0) + 1
    faults = [row.error for row in finished.rows_of(name) if row.error]
    why = f": {faults[0]}" if faults else ""
    return ", ".join(f"{edit} on {count} clips" for edit, count in lost.items()) + (why if lost else "")
