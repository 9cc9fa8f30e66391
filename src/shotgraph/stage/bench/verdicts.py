"""From rows to verdicts, by the rules that were written down before the first run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from shotgraph.stage.bench.bootstrap import Effect, Interval, Values, Verdict, paired_interval, verdict_of
from shotgraph.stage.bench.cells import Cell, Table, over_clips
from shotgraph.stage.bench.claims import Claim, Claims
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.silences import silences


def judge_claims(claims: Claims, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """What ``claims.json`` holds: one entry for every claim, in the order of the file."""
    table = Table(rows)
    return [_entry(claim, claims, table) for claim in claims.all]


def _entry(claim: Claim, claims: Claims, table: Table) -> dict[str, Any]:
    cells, more, less = _pairs(claim, table)
    interval, no_interval = _interval(more, less, claim.effect, claims.defaults.confidence)
    reasons = silences(claim, claims.defaults, table, cells) + ([no_interval] if no_interval else [])
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
        "confidence": claims.defaults.confidence,
        "rows": claim.rows,
        "control": [str(control) for control in claim.informative_if],
        "reasons": reasons,
        "edits": list(claim.edits),
        "claims_digest": claims.digest,
    }


def _pairs(claim: Claim, table: Table) -> tuple[frozenset[Cell], Values, Values]:
    """The cells on which both sides have a number, and those numbers, averaged inside the clip."""
    sides = [table.numbers(name, claim.metric, claim.edits, claim.rows) for name in (claim.more, claim.less)]
    shared = frozenset(sides[0].keys() & sides[1].keys())
    more, less = (
        np.array(list(over_clips({cell: side[cell] for cell in shared}).values()), np.float64) for side in sides
    )
    return shared, more, less


def _interval(more: Values, less: Values, kind: Effect, confidence: float) -> tuple[Interval | None, str]:
    """The effect, or why there is none beside a lack of clips."""
    if not len(more):
        return None, ""
    if kind == "ratio" and min(more.mean(), less.mean()) <= 0:
        return None, f"a ratio needs two means above 0, got {more.mean():.4g} and {less.mean():.4g}"
    return paired_interval(more, less, kind=kind, confidence=confidence), ""


def _effect(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"value": interval.effect, "low": interval.low, "high": interval.high, "clips": interval.clips}
