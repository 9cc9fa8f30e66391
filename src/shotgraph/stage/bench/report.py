"""What a benchmark leaves behind beside its rows: verdicts, contact sheets and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.pipeline.state import replace_text
from shotgraph.stage.bench.conditions import conditions
from shotgraph.stage.bench.harness import Finished, strip_path
from shotgraph.stage.bench.page import page
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.strips import Coded, read_png, sheet, strip, write_png
from shotgraph.stage.bench.table import Line, summary
from shotgraph.stage.bench.truth import Truth, held_out
from shotgraph.stage.bench.verdicts import judge_claims
from shotgraph.stage.edits import FAMILIES, TITLES, Family

# Below this, judge and embedder do not see the same thing.
LEAST_AGREEMENT = 0.6
_LEAST_ROWS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Where everything is.

    Attributes:
        setup: under which conditions all of it was measured.
        lines: the table.
        claims: entries of ``claims.json``.
        claims_file: verdicts.
        page_file: HTML.
        sheets: contact sheets.
        notes: what was run that nobody asked for, and what was not run.
        warnings: what must be read before any number.
    """

    setup: str
    lines: tuple[Line, ...]
    claims: tuple[dict[str, Any], ...]
    claims_file: Path
    page_file: Path
    sheets: tuple[Path, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def write_report(finished: Finished) -> Report:
    """Judge the claims, draw the sheets and write the page.

    Args:
        finished: with all its rows.

    Returns:
        What was written.
    """
    folder = finished.bench.folder
    entries = judge_claims(finished.bench.claims, finished.rows)
    lines, notes, warnings = summary(finished), _notes(finished), _warnings(finished)
    sheets = _sheets(finished)
    claims_file, page_file = folder / "claims.json", folder / "index.html"
    replace_text(claims_file, json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
    replace_text(page_file, page(finished, lines, entries, sheets, notes, warnings))
    return Report(
        setup=conditions(finished),
        lines=tuple(lines),
        claims=tuple(entries),
        claims_file=claims_file,
        page_file=page_file,
        sheets=tuple(path for _, path in sheets),
        notes=notes,
        warnings=warnings,
    )


def _notes(finished: Finished) -> tuple[str, ...]:
    """What was run that nobody asked for, and what was not run at all."""
    notes = [f"{name} was added: {why}." for name, why in finished.added.items()]
    left = [f"{family} ({TITLES[family]})" for family in FAMILIES if family not in finished.bench.profile.edits]
    return (*notes, *([f"Not run: {', '.join(left)}."] if left else []))


def _warnings(finished: Finished) -> tuple[str, ...]:
    warnings: list[str] = []
    without = finished.bench.codec.missing
    if without:
        slack = finished.bench.claims.defaults.background_slack_db
        warnings.append(
            f"There is no VAE ({without}), and so no floor: a background that is ruined by more than {slack:g} dB was not seen."
        )
    agreement = spearman(finished.rows)
    if agreement is not None and agreement < LEAST_AGREEMENT:
        warnings.append(
            f"Success and the embedder's text alignment agree with a rank correlation of {agreement:.2f} only "
            f"(at least {LEAST_AGREEMENT:g} is wanted): trust neither alone."
        )
    return tuple(warnings)


def spearman(rows: Sequence[Row]) -> float | None:
    """Rank correlation of success and text alignment; None where too few rows have both, or nothing differs."""
    pairs = [(row.metric("success_judged"), row.metric("text_alignment")) for row in rows if not row.error]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None], np.float64).reshape(-1, 2)
    if len(both) < _LEAST_ROWS or (np.ptp(both, axis=0) == 0).any():
        return None
    return float(np.corrcoef(_ranks(both[:, 0]), _ranks(both[:, 1]))[0, 1])


def _ranks(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Ranks; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return ((2 * upper - counts - 1) / 2)[inverse]


def _sheets(finished: Finished) -> list[tuple[str, Path]]:
    """One for every pictured clip and edit: source, truth, and every method that was run with the first seed."""
    made: list[tuple[str, Path]] = []
    seed = finished.bench.profile.seeds[0]
    for clip, family in finished.trials:
        rows = [row for row in finished.rows if (row.clip, row.edit, row.seed) == (clip, family, seed)]
        strips = [(_label(row), read_png(path)) for row in rows if (path := _strip(finished, row)).exists()]
        if strips:
            path = finished.bench.folder / "sheets" / f"{family}_{clip}.png"
            write_png(path, sheet([*_ends(finished, clip, family), *strips]))
            made.append((f"{family}, {TITLES[family]}, clip {clip}", path))
    return made


def _strip(finished: Finished, row: Row) -> Path:
    return strip_path(finished.bench.folder, row.key)


def _label(row: Row) -> str:
    return f"{row.method}   [not rankable: {row.not_rankable}]" if row.not_rankable else row.method


def _ends(finished: Finished, clip: int, family: Family) -> list[tuple[str, Coded]]:
    """What it was and what it should be, with the words."""
    profile = finished.bench.profile
    truth = Truth(held_out(family, clip, side_px=profile.side_px, frames=profile.frames))
    edit = truth.edit
    return [
        (f"source: {edit.source_prompt}", strip(truth.source)),
        (f"truth: {edit.target_prompt}", strip(truth.target)),
    ]
