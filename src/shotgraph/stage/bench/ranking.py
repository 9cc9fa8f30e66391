"""Which rows may be compared at all: what fails the edit, or ruins what it should have left alone, has no other number."""

from __future__ import annotations

from dataclasses import dataclass

from shotgraph.stage.bench.claims import Defaults
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.scores import Scores


@dataclass(frozen=True, slots=True)
class Floors:
    """What the model's VAE alone does to a clip.

    Attributes:
        background_db: to what must stay; None where nothing must, or without a VAE.
        whole_db: to the whole source; None without a VAE.
        reason: why there is no floor.
    """

    background_db: float | None = None
    whole_db: float | None = None
    reason: str = ""


def gate(scores: Scores, floors: Floors, settings: Settings, limits: Defaults) -> str:
    """Add what follows from the floors to `scores`, and say why the row may not be ranked.

    Args:
        scores: of one result; ``success`` becomes 0 where the background is ruined, what the judge saw stays under
            ``success_judged``.
        floors: of the clip.
        settings: of the method; a reconstruction was asked to change nothing, so that it is never ranked, and shows without
            guidance (at 1) what the inversion alone loses.
        limits: what a row needs to be ranked.

    Returns:
        Empty when the row may be ranked.
    """
    values = scores.values
    success, background, floor = values.get("success"), values.get("background_psnr_db"), floors.background_db
    scores.keep("success_judged", success, scores.reasons.get("success", ""))
    scores.keep("vae_background_psnr_db", floor, floors.reason)
    if settings.reconstruct:
        if settings.guidance == 1:
            _inversion_gap(scores, floors)
        return "asked to change nothing"
    if success is None:
        return f"success not measured: {scores.reasons.get('success', '')}"
    slack, least = limits.background_slack_db, limits.least_success
    if background is not None and floor is not None and background < floor - slack:
        values["success"] = values["success_every_frame"] = 0.0
        return f"background {background:.1f} dB, more than {slack:g} dB below the VAE's {floor:.1f} dB"
    return "" if success >= least else f"success {success:.0%}, below {least:.0%}"


def _inversion_gap(scores: Scores, floors: Floors) -> None:
    """How much there and back loses beyond the VAE."""
    inverted, whole = scores.values.get("psnr_to_source_db"), floors.whole_db
    gap = None if inverted is None or whole is None else whole - inverted
    scores.keep("inversion_gap_db", gap, floors.reason)
