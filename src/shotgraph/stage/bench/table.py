"""The table of a report: a line for every method, with the rules that keep it honest.

A warp error stands only beside success and the distance to the true edit: a steady blur and a repeated background are both free
of flicker. What failed the edit is in brackets, and what was not run is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from shotgraph.stage.bench.cells import by_cell, is_ranked, mean_of, numbers
from shotgraph.stage.bench.entrants import Entrant
from shotgraph.stage.bench.harness import Finished
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.scores import MOST_DB
from shotgraph.stage.edits import FAMILIES, Family

CAVEAT = (
    "The stage validates mechanisms, not real-world quality: tiny models on a rendered world. "
    "None of these numbers can be compared with numbers of papers: different data, different scale."
)
BRACKETS = (
    "(x) is not rankable: the method fails the edit, ruins what it should leave alone, or was asked to change nothing. "
    "Success is a mean over all clips; other numbers are means over that method's rankable clips; only claims compare equal "
    "clips. ↑: more is better; ↓: less is better. Seconds hold loading; what methods share is paid for by the first."
)

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
    "psnr_to_truth_db": "PSNR to truth dB",
    "warp_error_e3": "warp error e-3",
    "warp_error_excess_e3": "over the true edit",
    "warp_error_far_e3": "far warp error e-3",
    "warp_error_far_excess_e3": "far over the true edit",
    "background_psnr_db": "PSNR of background dB",
    "flicker_e3": "flicker e-3",
    "trajectory_error_px": "trajectory px",
    "consistency_pixels": "consistency",
    "consistency_adjacent": "clip consistency",
    "motion_fidelity": "motion fidelity",
}
_LESS_IS_BETTER = ("warp_error_", "flicker_", "trajectory_error_")
DIGITS = {"success": 2, "psnr_to_truth_db": 1, "background_psnr_db": 1, "trajectory_error_px": 2, "flicker_e3": 1}


def head_of(metric: str) -> str:
    """A column's title, with the way that is better."""
    return f"{TITLES.get(metric, metric)} {'↓' if metric.startswith(_LESS_IS_BETTER) else '↑'}"


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

    def is_exact(self, metric: str) -> bool:
        """Whether it is a PSNR of what is equal on every clip: no number, but the cap of all of them."""
        return metric.endswith("_db") and self.value is not None and self.value >= MOST_DB

    def text(self, metric: str) -> str:
        """As printed: in brackets when it may not be ranked."""
        if self.value is None:
            return "-"
        digits = "exact" if self.is_exact(metric) else f"{self.value:.{DIGITS.get(metric, 4)}f}"
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
        missing: what was not run, and why.
        cells: metric to mean.
        seconds: mean of a row.
        evaluations: mean of a row; None where one of them could not be counted.
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
    lines = [_line(entrant, finished, with_company(columns)) for entrant in finished.entrants]
    return sorted(lines, key=lambda line: (not line.control, line.group != "free"))


def _line(entrant: Entrant, finished: Finished, columns: Sequence[str]) -> Line:
    rows = finished.rows_of(entrant.name)
    measured = [row for row in rows if not row.error]
    counted = [row.evaluations for row in measured if row.evaluations is not None]
    return Line(
        method=entrant.name,
        control=entrant.is_control,
        group=entrant.settings.group,
        rankable=sum(row.rankable for row in measured),
        rows=len(measured),
        missing=missing_edits(entrant, finished),
        cells={column: cell_of(measured, column) for column in columns},
        seconds=float(np.mean([row.seconds for row in measured])) if measured else 0.0,
        evaluations=float(np.mean(counted)) if counted and len(counted) == len(measured) else None,
        peak_bytes=max((row.peak_bytes for row in measured), default=0),
    )


def cell_of(rows: Sequence[Row], metric: str) -> Cell:
    """The mean of a metric over clips, edits and seeds averaged inside; of rankable edits alone where there are any.

    Args:
        rows: of one method.
        metric: its name.

    Returns:
        The mean. Success is of all rows in any case: it says how many can be ranked.
    """
    any_ranked = any(is_ranked(seeds) for seeds in by_cell(rows).values())
    chosen = "ranked" if any_ranked and metric != "success" else "all"
    value = mean_of(numbers(rows, metric, chosen))
    if value is None:
        reasons = [row.reasons[metric] for row in rows if row.reasons.get(metric)]
        return Cell(None, any_ranked, reasons[0] if reasons else "not run")
    return Cell(value, any_ranked or metric == "success")


def success_by_edit(finished: Finished) -> dict[str, dict[Family, Cell]]:
    """Method to edit family to success; a mean over families hides which of them a method cannot do."""
    families = finished.bench.profile.edits
    found: dict[str, dict[Family, Cell]] = {}
    for entrant in finished.entrants:
        rows = [row for row in finished.rows_of(entrant.name) if not row.error]
        found[entrant.name] = {
            family: cell_of([row for row in rows if row.edit == family], "success") for family in families
        }
    return found


def missing_edits(entrant: Entrant, finished: Finished) -> str:
    """Which edits, clips and seeds of a method are not there, and why; empty when all are."""
    if entrant.missing:
        return f"all edits: {entrant.missing}"
    families = {family for _, family in finished.trials}
    refused = {family: why for family in FAMILIES if family in families and (why := entrant.refuses(family))}
    rows = finished.rows_of(entrant.name)
    done = {(row.clip, row.edit, row.seed) for row in rows if not row.error}
    lost: dict[str, int] = {}
    for clip, family in finished.trials:
        gone = [seed for seed in entrant.seeds if (clip, family, seed) not in done]
        if family in refused or not gone:
            continue
        whole = len(gone) == len(entrant.seeds)
        for what in (family,) if whole else tuple(f"{family} seed {seed}" for seed in gone):
            lost[what] = lost.get(what, 0) + 1
    faults = [row.error for row in rows if row.error]
    told = ", ".join(f"{what} on {count} clips" for what, count in lost.items())
    told += f": {faults[0]}" if told and faults else ""
    return "; ".join(filter(None, (told, *(f"{family}: {why}" for family, why in refused.items()))))
