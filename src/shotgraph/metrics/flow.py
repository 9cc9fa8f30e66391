"""How good a measured flow is against the true one, and how good its occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from shotgraph.metrics.arrays import Bools, Floats, mean_or_none, require_finite, require_mask, require_shape

# KITTI 2015: an outlier is off by more than this, absolutely and relatively.
_OUTLIER_PX, _OUTLIER_SHARE = 3.0, 0.05


@dataclass(frozen=True, slots=True)
class FlowScores:
    """Errors of a flow; EPE is the mean length of the error in px, None for a region without a pixel.

    Attributes:
        epe_px: of all pixels.
        epe_visible_px: of those seen in the other frame.
        epe_occluded_px: of those hidden there.
        epe_interior_px: of those away from borders between objects.
        fl_all: share off by more than 3 px and more than 5 % of the true length.
        over_1px: share off by more than 1 px.
        over_3px: share off by more than 3 px.
        angular_error: mean angle between (u, v, 1) and the true one, radians.
    """

    epe_px: float
    epe_visible_px: float | None
    epe_occluded_px: float | None
    epe_interior_px: float | None
    fl_all: float
    over_1px: float
    over_3px: float
    angular_error: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Agreement of two sets of pixels; each in [0, 1], and 1 where both are empty.

    Attributes:
        precision: share of what was predicted that is true.
        recall: share of what is true that was predicted.
        f1: harmonic mean of the two.
        iou: intersection over union.
    """

    precision: float
    recall: float
    f1: float
    iou: float


def flow_scores(flow: Floats, truth: Floats, *, occluded: Bools, interior: Bools) -> FlowScores:
    """Errors of a flow, or of the flows of a clip pooled.

    Args:
        flow: (..., H, W, 2) px, finite.
        truth: same shape.
        occluded: (..., H, W), which pixels cannot be seen in the other frame.
        interior: (..., H, W), which lie away from borders in both frames; see `interior_of`.

    Returns:
        All errors.
    """
    require_shape(flow, truth.shape, who="flow", name="flow")
    require_shape(flow, (*flow.shape[:-1], 2), who="flow", name="flow")
    for name, mask in (("occluded", occluded), ("interior", interior)):
        require_mask(mask, flow.shape[:-1], who="flow", name=name)
    require_finite(flow, who="flow", name="flow", cure="leave the last frame out")
    given, true = flow.astype(np.float64), truth.astype(np.float64)
    errors = np.hypot(*np.moveaxis(given - true, -1, 0))
    lengths = np.hypot(*np.moveaxis(true, -1, 0))
    # 3-d angle, so that a still pixel has a direction too.
    cosines = ((given * true).sum(axis=-1) + 1) / np.sqrt(
        (np.square(given).sum(axis=-1) + 1) * (np.square(true).sum(axis=-1) + 1)
    )
    return FlowScores(
        epe_px=float(errors.mean()),
        epe_visible_px=mean_or_none(errors, ~occluded),
        epe_occluded_px=mean_or_none(errors, occluded),
        epe_interior_px=mean_or_none(errors, interior),
        fl_all=float(((errors > _OUTLIER_PX) & (errors > _OUTLIER_SHARE * lengths)).mean()),
        over_1px=float((errors > 1).mean()),
        over_3px=float((errors > _OUTLIER_PX).mean()),
        angular_error=float(np.arccos(np.clip(cosines, -1, 1)).mean()),
    )


def interior_of(ids: np.ndarray, *, margin_px: int = 3) -> Bools:
    """(H, W): pixels at least `margin_px` away from a border between objects.

    Args:
        ids: (H, W) integer object ids.
        margin_px: in each direction, diagonals too.

    Returns:
        True inside.
    """
    require_shape(ids, ("H", "W"), who="flow", name="ids")
    window = np.ones((2 * margin_px + 1, 2 * margin_px + 1), np.uint8)
    # OpenCV's morphology takes floats, which hold every id exactly.
    plane = ids.astype(np.float64)
    highest = cv2.dilate(plane, window, borderType=cv2.BORDER_REPLICATE)
    lowest = cv2.erode(plane, window, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(highest) == np.asarray(lowest)


def overlap(predicted: Bools, truth: Bools) -> Overlap:
    """Agreement of two masks of any one shape, such as occlusion found and true.

    Args:
        predicted: bool.
        truth: same shape.

    Returns:
        Precision, recall, F1 and IoU.
    """
    require_mask(truth, truth.shape, who="overlap", name="truth")
    require_mask(predicted, truth.shape, who="overlap", name="predicted")
    both, either = int((predicted & truth).sum()), int((predicted | truth).sum())
    found, wanted = int(predicted.sum()), int(truth.sum())
    return Overlap(
        precision=_share(both, found, wanted == 0),
        recall=_share(both, wanted, found == 0),
        f1=_share(2 * both, found + wanted, True),
        iou=_share(both, either, True),
    )


def _share(part: int, whole: int, perfect_when_empty: bool) -> float:
    return part / whole if whole else float(perfect_when_empty)
