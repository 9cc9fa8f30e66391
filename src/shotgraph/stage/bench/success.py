"""The seam to the judges: whether what was asked for is there, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shotgraph.errors import UsageError
from shotgraph.metrics.success import stage_score
from shotgraph.stage.bench.methods import Frames
from shotgraph.stage.bench.truth import Truth
from shotgraph.stage.judges import Reader, verdicts


@dataclass(frozen=True, slots=True)
class Success:
    """What became of an edit's wish.

    Attributes:
        frames: share of the frames in which everything asked for is there and nothing of the old is; None without a verdict.
        every: 1 when that holds in all of them, else 0.
        attributes: attribute to the share of frames that has it.
        reason: why there is no verdict; empty when there is one.
    """

    frames: float | None = None
    every: float | None = None
    attributes: Mapping[str, float] = field(default_factory=dict[str, float])
    reason: str = ""


def judge_success(frames: Frames, truth: Truth, reader: Reader | None, no_reader: str = "") -> Success:
    """Judge a result; colours, shapes and presence exactly, textures and styles by `reader`, or not at all without one.

    Args:
        frames: (T, H, W, 3).
        truth: of the edit.
        reader: the trained judge.
        no_reader: why there is none.

    Returns:
        What was seen, or why nothing was.
    """
    try:
        seen = verdicts(frames, truth.edit, reader=reader)
    except UsageError as error:
        return Success(reason=f"{error} ({no_reader})" if no_reader else str(error))
    score = stage_score(seen.target, seen.source)
    gained = seen.target & ~seen.source
    shares = {asked.attribute: float(gained[:, column].mean()) for column, asked in enumerate(seen.asked)}
    return Success(score.mean, score.intersection, shares)
