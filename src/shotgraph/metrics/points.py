"""How good point tracks are against the true ones.

Follows C. Doersch et al., "TAP-Vid: A Benchmark for Tracking Any Point in a Video", NeurIPS 2022, section 4: coordinates are
scaled to 256 x 256; in ``first`` mode only frames after the query count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shotgraph.errors import ShapeError
from shotgraph.metrics.arrays import Bools, Floats, require_mask, require_shape, require_some

THRESHOLDS_PX = (1, 2, 4, 8, 16)
_SIDE_PX = 256


@dataclass(frozen=True, slots=True)
class Tracks:
    """Points through a clip.

    Attributes:
        places: (N, T, 2) px, x then y.
        visible: (N, T), where each is seen.
    """

    places: Floats
    visible: Bools

    def __post_init__(self) -> None:
        """Check both against each other, once, where tracks are made."""
        require_shape(self.places, ("N", "T", 2), who="points", name="places")
        require_mask(self.visible, self.places.shape[:2], who="points", name="visible")


@dataclass(frozen=True, slots=True)
class PointScores:
    """TAP-Vid's scores, each in [0, 1].

    Attributes:
        delta: share of the visible points within 1, 2, 4, 8 and 16 px.
        occlusion_accuracy: share of all points whose visibility is right (OA).
        jaccard: true positives over true points and false positives, within each distance.
    """

    delta: tuple[float, ...]
    occlusion_accuracy: float
    jaccard: tuple[float, ...]

    @property
    def delta_average(self) -> float:
        """Mean of `delta`."""
        return float(np.mean(self.delta))

    @property
    def average_jaccard(self) -> float:
        """Mean of `jaccard` (AJ)."""
        return float(np.mean(self.jaccard))


def point_scores(tracks: Tracks, truth: Tracks, *, queried: np.ndarray, size: tuple[int, int]) -> PointScores:
    """Scores of tracks in ``first`` mode.

    Args:
        tracks: predicted.
        truth: the same points in the same order.
        queried: (N,) index of the frame each point was asked for.
        size: (width, height) of the frames in px.

    Returns:
        Pooled over all points.

    Raises:
        ShapeError: an array that does not fit.
    """
    require_shape(tracks.places, truth.places.shape, who="points", name="tracks")
    require_shape(queried, (len(truth.places),), who="points", name="queried")
    if not np.issubdtype(queried.dtype, np.integer):
        raise ShapeError(f"points: queried must be integers, got {queried.dtype}; give the index of a frame")
    counted = np.arange(truth.places.shape[1])[None] > queried[:, None]
    seen, found = truth.visible & counted, tracks.visible & counted
    require_some(seen, who="points", name="visibility after the query")
    scale = _SIDE_PX / np.array(size, np.float64)
    errors = np.linalg.norm((tracks.places.astype(np.float64) - truth.places) * scale, axis=-1)
    delta, jaccard = [], []
    for threshold in THRESHOLDS_PX:
        within = errors < threshold
        hits = int((seen & found & within).sum())
        false = int((found & ~(seen & within)).sum())
        delta.append(float(within[seen].mean()))
        jaccard.append(hits / (int(seen.sum()) + false))
    agrees = float((tracks.visible == truth.visible)[counted].mean())
    return PointScores(tuple(delta), agrees, tuple(jaccard))
