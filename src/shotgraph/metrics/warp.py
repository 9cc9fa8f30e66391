"""Temporal consistency: how much neighbouring frames differ once motion is taken out.

Follows W.-S. Lai, J.-B. Huang, O. Wang, E. Shechtman, E. Yumer, M.-H. Yang, "Learning Blind Video Temporal Consistency", ECCV
2018, Eq. (10), with the validity test of its code (M. Ruder, A. Dosovitskiy, T. Brox, GCPR 2016, Eq. (5)-(6), magnitudes
squared); warp SSIM after RAVE (O. Kara et al., CVPR 2024).

Departures: frames are read with a cubic kernel, which is exact on ramps; a pair of which nothing is visible is left out,
where the code counts it as perfect. The flow is that of the *source*. All of these are blind to a stable blur: print them
beside PSNR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shotgraph.maths.flow import occlusion
from shotgraph.maths.warp import pixel_grid, sample
from shotgraph.metrics.arrays import Bools, Floats, Singles, require_mask, require_pair, require_shape
from shotgraph.metrics.fidelity import ssim_map

# Ruder et al., Eq. (6): relative part and floor of the squared gradient of a flow.
_BOUNDARY_RELATIVE, _BOUNDARY_FLOOR = 0.01, 0.002


@dataclass(frozen=True, slots=True)
class WarpScore:
    """A mean over pairs of frames.

    Attributes:
        value: mean over the pairs that have one; None when no pair has a visible pixel.
        pairs: of every pair; None where nothing is visible.
        visible_share: share of all pixels that was compared, in [0, 1].
    """

    value: float | None
    pairs: tuple[float | None, ...]
    visible_share: float


def motion_boundary(flow: Singles) -> Bools:
    """(H, W): where a flow (H, W, 2) has an edge, whose pixels are nobody's: ``|∇u|² + |∇v|² > 0.01 |F|² + 0.002``."""
    require_shape(flow, ("H", "W", 2), who="warp error", name="flow")
    steepness = np.zeros(flow.shape[:2], np.float32)
    # Forward differences, 0 past the last pixel, as in the code.
    steepness[:, :-1] += np.square(flow[:, 1:] - flow[:, :-1]).sum(axis=-1)
    steepness[:-1] += np.square(flow[1:] - flow[:-1]).sum(axis=-1)
    return ~(steepness <= _BOUNDARY_RELATIVE * np.square(flow).sum(axis=-1) + _BOUNDARY_FLOOR)


def visible_by_flow(flow: Singles, back: Singles) -> Bools:
    """(H, W): where a measured flow can be trusted: it returns, and lies on no motion boundary.

    Args:
        flow: (H, W, 2) from this frame to the other.
        back: (H, W, 2) from the other frame to this one.

    Returns:
        False where ``|F + B(p + F)|² > 0.01 (|F|² + |B|²) + 0.5``, at a boundary, or out of frame. Where truth is known, use
        it instead.
    """
    require_shape(back, flow.shape, who="warp error", name="backward flow")
    return ~occlusion(flow, back) & ~motion_boundary(flow)


def warped(picture: Floats, flow: Floats) -> Singles:
    """(H, W, C): ``picture(p + flow(p))``, cubic; NaN where the flow is."""
    require_shape(picture, (*flow.shape[:2], "C"), who="warp error", name="picture")
    positions = pixel_grid(*flow.shape[:2]) + flow.astype(np.float32)
    return sample(np.ascontiguousarray(picture, np.float32), positions)


def pair_error(first: Floats, second: Floats, flow: Floats, visible: Bools) -> float | None:
    """Mean squared difference of one pair over its visible pixels and all channels (Eq. 10, inner sum).

    Args:
        first: (H, W, C) in [0, 1].
        second: same shape.
        flow: (H, W, 2) from `first` to `second`, px.
        visible: (H, W), which pixels of `first` are seen in `second`.

    Returns:
        Squared display values, 0 at best; None where nothing is visible.
    """
    require_shape(second, first.shape, who="warp error", name="second frame")
    require_mask(visible, first.shape[:2], who="warp error", name="visible")
    if not visible.any():
        return None
    moved = warped(second, flow)[visible]
    return float(np.square(moved.astype(np.float64) - first[visible]).mean())


def pair_ssim(first: Floats, second: Floats, flow: Floats, visible: Bools) -> float | None:
    """SSIM of one pair with the motion taken out, over its visible pixels.

    Args:
        first: (H, W, C) in [0, 1].
        second: same shape.
        flow: (H, W, 2) from `first` to `second`, px.
        visible: (H, W); what is hidden takes the values of `first`, so that it adds no difference to its neighbours.

    Returns:
        In [-1, 1], 1 at best; None where nothing is visible.
    """
    require_shape(second, first.shape, who="warp ssim", name="second frame")
    require_mask(visible, first.shape[:2], who="warp ssim", name="visible")
    if not visible.any():
        return None
    moved = np.where(visible[..., None], warped(second, flow), first)
    return float(ssim_map(moved, first)[visible].mean())


def score_of(pairs: list[float | None], visible_share: float) -> WarpScore:
    """The score of measured pairs."""
    values = [value for value in pairs if value is not None]
    return WarpScore(float(np.mean(values)) if values else None, tuple(pairs), visible_share)


def warp_error(frames: Floats, forward: Floats, visible: Bools) -> WarpScore:
    """Warp error of adjacent frames: ``1/(T-1) Σ_t Σ_p V |y_t(p) - y_{t+1}(p + F_t(p))|² / Σ_p V``.

    Args:
        frames: (T, H, W, C) in [0, 1], T >= 2.
        forward: (T-1, H, W, 2) flow of the source from t to t + 1, px.
        visible: (T-1, H, W), which pixels of t are seen at t + 1: exact, or by `visible_by_flow`.

    Returns:
        Squared display values; papers print them times 1000.
    """
    _require_pairs(frames, forward, visible)
    pairs = [pair_error(a, b, f, v) for a, b, f, v in zip(frames[:-1], frames[1:], forward, visible, strict=True)]
    return score_of(pairs, float(visible.mean()))


def long_range_warp_error(frames: Floats, to_first: Floats, visible: Bools) -> WarpScore:
    """Warp error of every later frame against the first: drift, which adjacent pairs cannot see.

    Args:
        frames: (T, H, W, C) in [0, 1], T >= 2.
        to_first: (T-1, H, W, 2): entry k is the flow from frame k + 1 to frame 0, px.
        visible: (T-1, H, W), which pixels of frame k + 1 are seen in frame 0.

    Returns:
        Squared display values.
    """
    _require_pairs(frames, to_first, visible)
    pairs = [pair_error(later, frames[0], f, v) for later, f, v in zip(frames[1:], to_first, visible, strict=True)]
    return score_of(pairs, float(visible.mean()))


def warp_ssim(frames: Floats, forward: Floats, visible: Bools) -> WarpScore:
    """SSIM of adjacent frames with the motion taken out.

    Args:
        frames: (T, H, W, C) in [0, 1], T >= 2.
        forward: (T-1, H, W, 2) flow of the source from t to t + 1, px.
        visible: (T-1, H, W), which pixels of t are seen at t + 1.

    Returns:
        In [-1, 1], 1 at best.
    """
    _require_pairs(frames, forward, visible)
    return score_of(
        [pair_ssim(a, b, f, v) for a, b, f, v in zip(frames[:-1], frames[1:], forward, visible, strict=True)],
        float(visible.mean()),
    )


def _require_pairs(frames: Floats, flow: Floats, visible: Bools) -> None:
    require_shape(frames, ("T", "H", "W", "C"), who="warp error", name="frames")
    require_pair(frames, who="warp error", name="frames")
    pairs = (len(frames) - 1, *frames.shape[1:3])
    require_shape(flow, (*pairs, 2), who="warp error", name="flow")
    require_mask(visible, pairs, who="warp error", name="visible")
