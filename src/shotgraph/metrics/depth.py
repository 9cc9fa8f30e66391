"""How good relative inverse depth is against true depth: one scale and one shift for the whole clip, in inverse depth.

Follows R. Ranftl et al., "Towards Robust Monocular Depth Estimation", TPAMI 2022, Eq. (4) (alignment); D. Eigen, C. Puhrsch,
R. Fergus, NeurIPS 2014 (AbsRel, delta, SILog); W. Chen et al., "Single-Image Depth Perception in the Wild", NeurIPS 2016
(ordinal accuracy). A fit per frame hides flicker, so it is only reported beside.

Departure: the scale may not be negative, else a prediction that takes near for far would fit perfectly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shotgraph.errors import UsageError
from shotgraph.metrics.arrays import (
    Bools,
    Doubles,
    Floats,
    mean_or_none,
    require_finite,
    require_mask,
    require_shape,
    require_some,
)
from shotgraph.metrics.warp import warped

# Two points count as ordered when one is this much farther than the other.
_ORDERED_RATIO = 1.05
# An aligned inverse depth may come out negative: it is taken as ten times the largest true depth.
_FARTHEST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class DepthScores:
    """Errors after alignment.

    Attributes:
        abs_rel: mean of |d - d*| / d*.
        rmse: root of the mean squared error, in units of the true depth.
        delta_1: share with max(d / d*, d* / d) < 1.25.
        delta_2: same for 1.25².
        delta_3: same for 1.25³.
        silog: 100 times the standard deviation of ln d - ln d*.
        abs_rel_per_frame: AbsRel with a scale and shift of each frame's own; the gap to `abs_rel` is flicker.
        scale_flicker: standard deviation over frames of their own scale, relative to the clip's; None where that is 0.
        shift_flicker: standard deviation over frames of their own shift, in true inverse depth.
    """

    abs_rel: float
    rmse: float
    delta_1: float
    delta_2: float
    delta_3: float
    silog: float
    abs_rel_per_frame: float
    scale_flicker: float | None
    shift_flicker: float


def scale_and_shift(inverse: Floats, true_inverse: Floats) -> tuple[float, float]:
    """(s, b) of the least squares fit ``s inverse + b = true_inverse``, s >= 0.

    Args:
        inverse: (N,) predicted, larger is nearer.
        true_inverse: (N,).

    Returns:
        Scale and shift; scale 0 where the best one would turn near and far around.
    """
    require_shape(inverse, ("N",), who="depth", name="inverse depth")
    require_shape(true_inverse, inverse.shape, who="depth", name="true inverse depth")
    given, true = inverse.astype(np.float64), true_inverse.astype(np.float64)
    centred = given - given.mean()
    spread = float(centred @ centred)
    scale = max(float(centred @ (true - true.mean())) / spread, 0.0) if spread > 0 else 0.0
    return scale, float(true.mean() - scale * given.mean())


def depth_scores(inverse: Floats, depth: Floats, *, valid: Bools | None = None) -> DepthScores:
    """Errors of a clip's inverse depth, aligned by one scale and one shift.

    Args:
        inverse: (T, H, W) predicted, larger is nearer, any unit.
        depth: (T, H, W) true depth, > 0.
        valid: (T, H, W), which pixels count; None for all.

    Returns:
        All errors.
    """
    known = _checked(inverse, depth, valid)
    scale, shift = scale_and_shift(inverse[known], 1 / depth[known].astype(np.float64))
    aligned = _depth_of(inverse[known], scale, shift, depth[known])
    true = depth[known].astype(np.float64)
    ratio = np.maximum(aligned / true, true / aligned)
    frames = [(i[k], d[k].astype(np.float64)) for i, d, k in zip(inverse, depth, known, strict=True) if k.any()]
    fits = [scale_and_shift(i, 1 / d) for i, d in frames]
    own = [np.abs(_depth_of(i, *fit, d) - d) / d for (i, d), fit in zip(frames, fits, strict=True)]
    scales, shifts = np.array(fits).T
    return DepthScores(
        abs_rel=float((np.abs(aligned - true) / true).mean()),
        rmse=float(np.sqrt(np.square(aligned - true).mean())),
        delta_1=float((ratio < 1.25).mean()),
        delta_2=float((ratio < 1.25**2).mean()),
        delta_3=float((ratio < 1.25**3).mean()),
        silog=100 * float((np.log(aligned) - np.log(true)).std()),
        abs_rel_per_frame=float(np.concatenate(own).mean()),
        scale_flicker=float(scales.std() / scale) if scale > 0 else None,
        shift_flicker=float(shifts.std()),
    )


def ordinal_accuracy(
    inverse: Floats, depth: Floats, *, rng: np.random.Generator, pairs: int = 10_000, valid: Bools | None = None
) -> float | None:
    """Share of random pairs of one frame, more than 5 % apart, that the prediction puts in the right order.

    Rank correlations are capped by ties where a world is made of planes; this is not.

    Args:
        inverse: (T, H, W) predicted, larger is nearer.
        depth: (T, H, W) true depth, > 0.
        rng: draws the pairs.
        pairs: drawn per clip, those too close included.
        valid: (T, H, W), which pixels count; None for all.

    Returns:
        In [0, 1], 0.5 by chance; a tie in the prediction is wrong. None when no pair is far enough apart.
    """
    known = _checked(inverse, depth, valid)
    right = total = 0
    for frame, true, mask in zip(inverse, depth, known, strict=True):
        given, distance = frame[mask], true[mask]
        if not distance.size:
            continue
        a, b = rng.integers(distance.size, size=(2, max(1, pairs // len(depth))))
        near, far = np.minimum(distance[a], distance[b]), np.maximum(distance[a], distance[b])
        apart = far > _ORDERED_RATIO * near
        agrees = np.sign(given[a].astype(np.float64) - given[b]) == np.sign(
            distance[b].astype(np.float64) - distance[a]
        )
        right += int((agrees & apart).sum())
        total += int(apart.sum())
    return right / total if total else None


def depth_consistency(depth: Floats, flow: Floats, visible: Bools) -> float | None:
    """Mean over pairs of AbsRel between the depth of t and that of t + 1 with the motion taken out.

    Args:
        depth: (T, H, W) > 0, aligned.
        flow: (T-1, H, W, 2) true flow, px.
        visible: (T-1, H, W), which pixels of t are seen at t + 1.

    Returns:
        0 at best for objects that keep their distance; None when nothing is visible.
    """
    require_shape(depth, ("T", "H", "W"), who="depth", name="depth")
    pairs = (len(depth) - 1, *depth.shape[1:])
    require_shape(flow, (*pairs, 2), who="depth", name="flow")
    require_mask(visible, pairs, who="depth", name="visible")
    parts = [
        mean_or_none(np.abs(warped(later[..., None], f)[..., 0] - now) / now, v)
        for now, later, f, v in zip(depth[:-1], depth[1:], flow, visible, strict=True)
    ]
    values = [part for part in parts if part is not None]
    return float(np.mean(values)) if values else None


def _checked(inverse: Floats, depth: Floats, valid: Bools | None) -> Bools:
    """Which pixels count."""
    require_shape(depth, ("T", "H", "W"), who="depth", name="depth")
    require_shape(inverse, depth.shape, who="depth", name="inverse depth")
    known = np.ones(depth.shape, np.bool_) if valid is None else valid
    require_mask(known, depth.shape, who="depth", name="valid")
    require_some(known, who="depth", name="valid")
    require_finite(inverse[known], who="depth", name="inverse depth")
    lowest = float(depth[known].min())
    if not lowest > 0:
        raise UsageError(f"depth: true depth must be above 0, got {lowest:g}; mask pixels without a depth")
    return known


def _depth_of(inverse: Floats, scale: float, shift: float, true: Floats) -> Doubles:
    """Depth from aligned inverse depth, kept positive."""
    aligned = inverse.astype(np.float64) * scale + shift
    return 1 / np.maximum(aligned, _FARTHEST_SHARE / float(true.max()))
