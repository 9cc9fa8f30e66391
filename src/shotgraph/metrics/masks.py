"""How good masks are against the true ones.

Follows F. Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016: region
similarity J and boundary accuracy F.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shotgraph.maths.matte import distance_outside
from shotgraph.metrics.arrays import Bools, Floats, require_mask, require_pair, require_shape
from shotgraph.metrics.flow import overlap
from shotgraph.metrics.warp import warped

# A boundary pixel is met within this share of the frame's diagonal.
_BOUNDARY_SHARE = 0.008


@dataclass(frozen=True, slots=True)
class MaskScores:
    """Means over frames; each in [0, 1].

    Attributes:
        j: intersection over union.
        f: F-measure of the boundaries.
    """

    j: float
    f: float

    @property
    def j_and_f(self) -> float:
        """The mean of both."""
        return (self.j + self.f) / 2


def boundary_of(mask: Bools) -> Bools:
    """(H, W): pixels whose right, lower or lower right neighbour is on the other side."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (mask ^ right) | (mask ^ below) | (mask ^ diagonal)


def boundary_f(predicted: Bools, truth: Bools) -> float:
    """F-measure of the boundaries of two masks (H, W); 1 where neither has one."""
    require_mask(truth, truth.shape, who="masks", name="truth")
    require_mask(predicted, truth.shape, who="masks", name="predicted")
    reach_px = math.ceil(_BOUNDARY_SHARE * math.hypot(*truth.shape))
    found, wanted = boundary_of(predicted), boundary_of(truth)
    if not found.any() or not wanted.any():
        return float(found.any() == wanted.any())
    precision = float((distance_outside(wanted)[found] <= reach_px).mean())
    recall = float((distance_outside(found)[wanted] <= reach_px).mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def mask_scores(predicted: Bools, truth: Bools) -> MaskScores:
    """J and F of a clip's masks.

    Args:
        predicted: (T, H, W).
        truth: same shape.

    Returns:
        Means over frames.
    """
    require_shape(truth, ("T", "H", "W"), who="masks", name="truth")
    require_mask(predicted, truth.shape, who="masks", name="predicted")
    j = [overlap(p, t).iou for p, t in zip(predicted, truth, strict=True)]
    f = [boundary_f(p, t) for p, t in zip(predicted, truth, strict=True)]
    return MaskScores(float(np.mean(j)), float(np.mean(f)))


def mask_stability(predicted: Bools, flow: Floats) -> float:
    """Mean IoU of each mask and the next one with the true motion taken out.

    Args:
        predicted: (T, H, W), T >= 2.
        flow: (T-1, H, W, 2) true flow, px.

    Returns:
        In [0, 1].
    """
    require_shape(predicted, ("T", "H", "W"), who="masks", name="predicted")
    require_pair(predicted, who="masks", name="predicted")
    require_shape(flow, (len(predicted) - 1, *predicted.shape[1:], 2), who="masks", name="flow")
    returned = [
        warped(later[..., None].astype(np.float32), f)[..., 0] > 0.5
        for later, f in zip(predicted[1:], flow, strict=True)
    ]
    return float(np.mean([overlap(r, now).iou for r, now in zip(returned, predicted[:-1], strict=True)]))
