"""How good joints are against the true ones.

Follows Y. Yang, D. Ramanan, TPAMI 2013 (PCK) and the COCO keypoint evaluation (OKS).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shotgraph.errors import UsageError
from shotgraph.metrics.arrays import Bools, Doubles, Floats, require_finite, require_mask, require_shape, require_some

# COCO's per-joint standard deviations, nose to right ankle.
COCO_SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PoseScores:
    """Errors of joints over visible ones.

    Attributes:
        mean_error_px: mean distance to the true joint.
        jitter_px: mean length of the second difference over time of the error: shaking that the truth does not have; None
            where no joint is visible for three frames running.
    """

    mean_error_px: float
    jitter_px: float | None


def pck(joints: Floats, truth: Floats, visible: Bools, *, reference_px: Floats, threshold: float) -> float:
    """Share of the visible joints closer to the truth than a fraction of the person.

    Args:
        joints: (T, K, 2) px.
        truth: (T, K, 2) px.
        visible: (T, K), which true joints are seen.
        reference_px: (T,) size of the person: longer side of its box, or head (PCKh).
        threshold: the fraction: 0.05 or 0.1 of a box, 0.5 of a head.

    Returns:
        In [0, 1].
    """
    errors = _errors(joints, truth, visible)
    require_shape(reference_px, (len(truth),), who="pck", name="reference_px")
    return float((errors < threshold * reference_px[:, None])[visible].mean())


def oks(joints: Floats, truth: Floats, visible: Bools, *, area_px2: Floats, sigmas: tuple[float, ...]) -> float:
    """Object keypoint similarity: ``Σ exp(-d² / (2 s² κ²)) / n``, mean over frames with a visible joint.

    Args:
        joints: (T, K, 2) px.
        truth: (T, K, 2) px.
        visible: (T, K), which true joints are seen.
        area_px2: (T,) area of the person, s².
        sigmas: per joint; κ is twice that. `COCO_SIGMAS` for COCO's order.

    Returns:
        In [0, 1].

    Raises:
        UsageError: not one sigma for each joint.
    """
    errors = _errors(joints, truth, visible)
    require_shape(area_px2, (len(truth),), who="oks", name="area_px2")
    if len(sigmas) != truth.shape[1]:
        raise UsageError(
            f"oks: sigmas must be one for each of {truth.shape[1]} joints, got {len(sigmas)}; add the rest"
        )
    kappa2 = np.square(2 * np.array(sigmas))
    likeness = np.exp(-np.square(errors) / (2 * area_px2[:, None] * kappa2)) * visible
    counts = visible.sum(axis=1)
    return float((likeness.sum(axis=1)[counts > 0] / counts[counts > 0]).mean())


def pose_scores(joints: Floats, truth: Floats, visible: Bools) -> PoseScores:
    """Error and jitter of joints.

    Args:
        joints: (T, K, 2) px.
        truth: (T, K, 2) px.
        visible: (T, K), which true joints are seen.

    Returns:
        Both, px.
    """
    errors = _errors(joints, truth, visible)
    bends = np.linalg.norm(np.diff(joints.astype(np.float64) - truth, n=2, axis=0), axis=-1)
    running = visible[2:] & visible[1:-1] & visible[:-2]
    jitter = float(bends[running].mean()) if running.any() else None
    return PoseScores(float(errors[visible].mean()), jitter)


def _errors(joints: Floats, truth: Floats, visible: Bools) -> Doubles:
    """(T, K) distances, px."""
    require_shape(truth, ("T", "K", 2), who="pose", name="truth")
    require_shape(joints, truth.shape, who="pose", name="joints")
    require_mask(visible, truth.shape[:2], who="pose", name="visible")
    require_some(visible, who="pose", name="visible")
    require_finite(joints[visible], who="pose", name="joints")
    return np.linalg.norm(joints.astype(np.float64) - truth, axis=-1)
