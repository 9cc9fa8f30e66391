"""From rows to verdicts, by the rules that were written down before the first run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shotgraph.stage.bench.bootstrap import Interval, Values, Verdict, paired_interval, verdict_of
from shotgraph.stage.bench.claims import Claim, Claims, Control
from shotgraph.stage.bench.rows import Row

_COLOUR_EDITS = ("E1", "E6", "E9", "E10")
# What the inversion that methods share loses by itself.
_THERE_AND_BACK = "per_frame@guidance=1+reconstruct"


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

    def cells(self, method: str, metric: str, edits: Sequence[str], *, any_row: bool) -> dict[tuple[int, str], float]:
        """(Clip, edit) to the number, averaged over seeds; rows that may not be ranked are left out unless `any_row`."""
        found: dict[tuple[int, str], list[float]] = {}
        for row in self._rows.get(method, []):
            value = row.metric(metric)
            if value is not None and row.edit in edits and (any_row or row.rankable):
                found.setdefault((row.clip, row.edit), []).append(value)
        return {cell: float(np.mean(values)) for cell, values in found.items()}

    def mean(self, method: str, metric: str, edits: Sequence[str]) -> float | None:
        """Over clips, of all rows; None when there is no number."""
        values = list(self.cells(method, metric, edits, any_row=True).values())
        return float(np.mean(values)) if values else None

    def seeds(self, method: str, edits: Sequence[str]) -> int:
        """The fewest seeds that any of its clips and edits was run with."""
        found: dict[tuple[int, str], set[int]] = {}
        for row in self._rows.get(method, []):
            if row.edit in edits and not row.error:
                found.setdefault((row.clip, row.edit), set()).add(row.seed)
        return min((len(seeds) for seeds in found.values()), default=0)

    def is_sampled(self, method: str) -> bool:
        """Whether its rows say that the seed changes them."""
        return any(row.settings.get("sampled", False) for row in self._rows.get(method, []))

    def pairs(self, claim: Claim) -> tuple[Values, Values]:
        """Both methods' numbers on the clips and edits that both have, averaged inside the clip."""
        more, less = (
            self.cells(method, claim.metric, claim.edits, any_row=claim.of_metrics)
            for method in (claim.more, claim.less)
        )
        shared = sorted(set(more) & set(less))
        clips = sorted({clip for clip, _ in shared})
        sides = [
            [float(np.mean([side[cell] for cell in shared if cell[0] == clip])) for clip in clips]
            for side in (more, less)
        ]
        return np.array(sides[0]), np.array(sides[1])


def judge_claims(claims: Claims, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """What ``claims.json`` holds: one entry for every claim, in the order of the file."""
    table = Table(rows)
    return [_entry(claim, claims, table) for claim in claims.all]


def _entry(claim: Claim, claims: Claims, table: Table) -> dict[str, Any]:
    more, less = table.pairs(claim)
    interval = paired_interval(more, less, kind=claim.effect) if len(more) else None
    reasons = _silences(claim, claims, table, clips=len(more))
    verdict: Verdict = "UNINFORMATIVE"
    if not reasons and interval is not None:
        verdict = verdict_of(interval, minimum=claim.minimum)
    return {
        "claim": claim.id,
        "title": claim.title,
        "verdict": verdict,
        "metric": claim.metric,
        "more": claim.more,
        "less": claim.less,
        "effect": _effect(interval),
        "effect_kind": claim.effect,
        "minimum_effect": claim.minimum,
        "control": [str(control) for control in claim.informative_if],
        "reasons": reasons,
        "edits": list(claim.edits),
        "claims_digest": claims.digest,
    }


def _effect(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"value": interval.effect, "low": interval.low, "high": interval.high, "clips": interval.clips}


def _silences(claim: Claim, claims: Claims, table: Table, *, clips: int) -> list[str]:
    """Why the claim says nothing; empty when it speaks."""
    absent = [name for name in (claim.more, claim.less) if not table.has(name)]
    if absent:
        return [f"method not installed or not run: {', '.join(absent)}"]
    reasons = [reason for name in (claim.more, claim.less) for reason in _weaknesses(name, claim, claims, table)]
    needed = claim.clips or claims.declared.defaults.clips
    if clips < needed:
        reasons.append(f"needs {needed} clips on which both have {claim.metric}, got {clips}")
    return reasons + [reason for control in claim.informative_if if (reason := _unmet(control, claim, table))]


def _weaknesses(method: str, claim: Claim, claims: Claims, table: Table) -> list[str]:
    """What keeps a method from being ranked by anything; controls are beyond it."""
    if table.is_control(method):
        return []
    reasons: list[str] = []
    if table.is_sampled(method) and table.seeds(method, claim.edits) < claim.seeds:
        reasons.append(f"{method} needs {claim.seeds} seeds, got {table.seeds(method, claim.edits)}")
    defaults = claims.declared.defaults
    # A variation that reconstructs is not asked to edit.
    if "reconstruct" not in method:
        success = table.mean(method, "success", _COLOUR_EDITS)
        if success is None or success < defaults.minimum_colour_success:
            got = "not measured" if success is None else f"{success:.0%}"
            reasons.append(f"colour success of {method} must be {defaults.minimum_colour_success:.0%}, got {got}")
    gap = table.mean(_THERE_AND_BACK, "inversion_gap_db", claim.edits)
    if gap is not None and gap > defaults.maximum_inversion_gap_db:
        reasons.append(
            f"inversion under {method} must come within {defaults.maximum_inversion_gap_db:g} dB, got {gap:.2f}"
        )
    return reasons


def _unmet(control: Control, claim: Claim, table: Table) -> str:
    """What a positive control failed to show; empty when it showed it."""
    value = table.mean(control.method, control.metric, claim.edits)
    if value is None:
        return f"control not measured: {control}"
    if control.times is not None:
        other = table.mean(control.of, control.metric, claim.edits)
        if other is None or value < control.times * other:
            got = "nothing to compare" if other is None else f"{value:.4g} against {other:.4g}"
            return f"control failed: {control}, got {got}"
        return ""
    too_low = control.at_least is not None and value < control.at_least
    too_high = control.at_most is not None and value > control.at_most
    return f"control failed: {control}, got {value:.4g}" if too_low or too_high else ""
