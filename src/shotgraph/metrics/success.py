"""Whether an edit did what was asked.

Follows M. Li, C. Xie, Y. Wu, L. Zhang, M. Wang, "FiVE: A Fine-grained Video Editing Benchmark", ICCV 2025: what was asked for
must be there *and* what was there must be gone.
"""

from __future__ import annotations

from dataclasses import dataclass

from shotgraph.metrics.arrays import Bools, require_mask, require_shape, require_some


@dataclass(frozen=True, slots=True)
class StageScore:
    """Success of one edit.

    Attributes:
        mean: share of the frames that succeed, in [0, 1].
        intersection: 1 when every frame succeeds, else 0.
    """

    mean: float
    intersection: float


def stage_score(target_seen: Bools, source_seen: Bools) -> StageScore:
    """Success from a judge's verdicts: a frame succeeds where every target attribute is YES and every source attribute NO.

    Args:
        target_seen: (T, A), whether attribute a of the target is seen in frame t; one that is unclear is not.
        source_seen: (T, A), whether that of the source still is.

    Returns:
        Mean and intersection over frames.
    """
    require_shape(target_seen, ("T", "A"), who="stage score", name="target verdicts")
    require_mask(target_seen, target_seen.shape, who="stage score", name="target verdicts")
    require_mask(source_seen, target_seen.shape, who="stage score", name="source verdicts")
    require_some(target_seen | True, who="stage score", name="a verdict")
    succeeded = (target_seen & ~source_seen).all(axis=1)
    return StageScore(float(succeeded.mean()), float(succeeded.all()))
