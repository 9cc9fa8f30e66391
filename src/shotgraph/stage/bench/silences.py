"""Why a claim says nothing: too few clips, a method too weak, an inversion too lossy, a control that does not show."""

from __future__ import annotations

from collections.abc import Collection

from shotgraph.stage.bench.cells import Cell, Table, mean_of, over_clips
from shotgraph.stage.bench.claims import THERE_AND_BACK, Claim, Defaults, PositiveControl
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.names import varied


def silences(claim: Claim, defaults: Defaults, table: Table, cells: Collection[Cell]) -> list[str]:
    """Every reason why a claim says nothing.

    Args:
        claim: what is claimed.
        defaults: rules for all claims.
        table: all rows.
        cells: on which both sides have a number.

    Returns:
        Sentences; none when it speaks.
    """
    absent = [name for name in (claim.more, claim.less) if not table.has(name)]
    if absent:
        return [f"method not installed or not run: {', '.join(absent)}"]
    reasons = _too_few_seeds(claim, defaults, table)
    if not (table.is_control(claim.more) and table.is_control(claim.less)):
        reasons += [*_weaknesses(claim, defaults, table), *_inversion(claim, defaults, table)]
    needed, clips = claim.clips or defaults.clips, len({clip for clip, _ in cells})
    if clips < needed:
        reasons.append(f"needs {needed} clips on which both have {claim.metric}, got {clips}")
    controls = claim.informative_if
    return reasons + [why for control in controls if (why := unmet(control, claim, defaults, table, cells))]


def _too_few_seeds(claim: Claim, defaults: Defaults, table: Table) -> list[str]:
    """Of every sampled method of the claim, its controls included."""
    found = {name: table.seeds(name, claim.edits) for name in claim.methods if table.is_sampled(name)}
    needed = defaults.sampled_seeds
    return [f"{name} needs {needed} seeds, got {seeds}" for name, seeds in found.items() if seeds < needed]


def _weaknesses(claim: Claim, defaults: Defaults, table: Table) -> list[str]:
    """What keeps a side from being compared by anything; controls are beyond it."""
    reasons: list[str] = []
    for method in claim.colouring:
        # Who reconstructs is not asked to edit.
        if table.is_control(method) or varied(method, Settings())[1].reconstruct:
            continue
        success = mean_of(table.numbers(method, "success_judged", defaults.colour_edits))
        if success is None or success < defaults.minimum_colour_success:
            got = "not measured" if success is None else f"{success:.0%}"
            reasons.append(f"colour success of {method} must be {defaults.minimum_colour_success:.0%}, got {got}")
    return reasons


def _inversion(claim: Claim, defaults: Defaults, table: Table) -> list[str]:
    """How much the inversion loses by itself: always that of `per_frame`, which the methods share."""
    metric, most = "inversion_gap_db", defaults.maximum_inversion_gap_db
    gap = mean_of(table.numbers(THERE_AND_BACK, metric, claim.edits))
    if gap is not None:
        return [f"inversion of per_frame must come within {most:g} dB, got {gap:.2f}"] if gap > most else []
    why = table.reason(THERE_AND_BACK, metric, claim.edits) or f"run {THERE_AND_BACK} too"
    return [f"inversion gap not measured: {why}"]


def unmet(control: PositiveControl, claim: Claim, defaults: Defaults, table: Table, cells: Collection[Cell]) -> str:
    """What a positive control failed to show on the cells of its claim; empty when it showed it.

    Args:
        control: one of the claim's.
        claim: says which edits, and how many clips.
        defaults: rules for all claims.
        table: all rows, rankable or not: a control is no competitor.
        cells: that the claim compares.

    Returns:
        A sentence, or nothing.
    """
    found = [table.numbers(name, control.metric, claim.edits) for name in control.methods]
    shared = set(cells).intersection(*found)
    means = [mean_of({cell: numbers[cell] for cell in shared}) for numbers in found]
    if means[0] is None:
        return f"control not measured: {control}"
    value, clips = means[0], over_clips({cell: found[0][cell] for cell in shared})
    # What the claim itself lacks is said once, and not again for each of its controls.
    needed = min(claim.clips or defaults.clips, len({clip for clip, _ in cells}))
    if len(clips) < needed:
        return f"control measured on {len(clips)} of {needed} clips: {control}"
    other = means[-1] or 0.0
    if control.times is not None and other <= 0:
        return f"control failed: {control}, got {value:.4g} against {other:.4g}, of which there are no multiples"
    got = f"{max(clips.values()):.4g}" if control.some_at_least is not None else f"{value:.4g}"
    got += f" against {other:.4g}" if control.of else ""
    return "" if _holds(control, value, other, max(clips.values())) else f"control failed: {control}, got {got}"


def _holds(control: PositiveControl, value: float, other: float, most: float) -> bool:
    """Whether a mean, beside that of the other method, and the most of any clip are what they must be."""
    if control.at_least is not None:
        return value >= control.at_least
    if control.at_most is not None:
        return value <= control.at_most
    if control.some_at_least is not None:
        return most >= control.some_at_least
    return value >= (control.times * other if control.times is not None else other + (control.above or 0.0))
