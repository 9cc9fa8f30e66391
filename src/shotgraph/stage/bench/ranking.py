"""Which rows may be compared at all: what fails the edit, or ruins what it should have left alone, has no other number."""

from __future__ import annotations

from dataclasses import dataclass

from shotgraph.stage.bench.scores import Scores

# A row succeeds when what was asked for is there in at least this share of its frames.
LEAST_SUCCESS = 0.5
# How far below the VAE's own loss the background may fall.
BACKGROUND_SLACK_DB = 6.0


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


def gate(scores: Scores, floors: Floors, *, reconstructs: bool, guidance: float = 0.0) -> str:
    """Add what follows from the floors to `scores`, and say why the row may not be ranked.

    Args:
        scores: of one result; ``success`` becomes 0 where the background is ruined, what the judge saw stays under
            ``success_judged``.
        floors: of the clip.
        reconstructs: the row was asked to change nothing.
        guidance: it was sampled with; at 1, a reconstruction shows what the inversion alone loses.

    Returns:
        Empty when the row may be ranked.
    """
    values = scores.values
    success, background, floor = values.get("success"), values.get("background_psnr_db"), floors.background_db
    scores.keep("success_judged", success, scores.reasons.get("success", ""))
    scores.keep("vae_background_psnr_db", floor, floors.reason)
    if reconstructs:
        if guidance == 1:
            _inversion_gap(scores, floors)
        return ""
    if success is None:
        return f"success not measured: {scores.reasons.get('success', '')}"
    if background is not None and floor is not None and background < floor - BACKGROUND_SLACK_DB:
        values["success"] = values["success_every_frame"] = 0.0
        return f"background {background:.1f} dB, more than {BACKGROUND_SLACK_DB:g} dB below the VAE's {floor:.1f} dB"
    return "" if success >= LEAST_SUCCESS else f"success {success:.0%}, below {LEAST_SUCCESS:.0%}"


def _inversion_gap(scores: Scores, floors: Floors) -> None:
    """How much there and back loses beyond the VAE."""
    inverted = scores.values.get("psnr_to_source_db")
    if inverted is not None and floors.whole_db is not None:
        scores.keep("inversion_gap_db", floors.whole_db - inverted, "")
