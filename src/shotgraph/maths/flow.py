"""Optical flow: resizing, occlusion, and chains over many frames. Vectors are pixels, x then y.

Follows S. Meister, J. Hur, S. Roth, "UnFlow: Unsupervised Learning of Optical Flow with a Bidirectional Census Loss", AAAI
2018, Eq. (2), for the forward-backward test.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.shapes import NewVectors, Plane, PlaneMask, Vectors
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

# UnFlow's constants: relative part, and the part that allows for noise on small motion, in square pixels.
_OCCLUSION_RELATIVE = 0.01
_OCCLUSION_FLOOR_PX2 = 0.5
# Neighbouring displacements further apart than this belong to two surfaces; a mean of them belongs to neither.
_SURFACE_GAP_PX = 1.0


def resize_flow(flow: Vectors, *, width: int, height: int) -> NewVectors:
    """`flow` on a grid of another size: vectors are resampled, then x scales with the width and y with the height."""
    old_height, old_width = flow.shape[:2]
    if (old_width, old_height) == (width, height):
        return flow
    scale = np.array([width / old_width, height / old_height], np.float32)
    resized = np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return resized * scale


def occlusion(flow: Vectors, back: Vectors) -> PlaneMask:
    """Where a pixel cannot be seen in the other frame: ``|F + B(p + F)|² > 0.01 (|F|² + |B(p + F)|²) + 0.5``, or p + F outside.

    Args:
        flow: vectors from this frame to the other.
        back: vectors from the other frame to this one.

    Returns:
        (h, w); also True where either vector is NaN.
    """
    height, width = flow.shape[:2]
    target = pixel_grid(height, width) + flow
    returned = sample(back, target, kernel="linear")
    mismatch_px2 = ((flow + returned) ** 2).sum(axis=-1)
    lengths_px2 = (flow**2).sum(axis=-1) + (returned**2).sum(axis=-1)
    # Negated, so that a NaN counts as occluded.
    consistent = mismatch_px2 <= _OCCLUSION_RELATIVE * lengths_px2 + _OCCLUSION_FLOOR_PX2
    return ~consistent | leaves_frame(target, height=height, width=width)


def extend_chain(chain: Vectors, step: Vectors, hidden: PlaneMask) -> Vectors:
    """Displacements to a far frame, one frame further away: ``D'(p) = S(p) + D(p + S(p))``.

    The chain is read linearly among its unbroken neighbours, so that a break does not grow by a pixel a frame. Where those
    neighbours lie on two surfaces the nearest one is taken.

    Args:
        chain: D, from the neighbouring frame's pixels to the far frame; NaN where the chain is broken.
        step: S, from this frame's pixels to the neighbouring frame.
        hidden: where a pixel of this frame cannot be seen in the neighbouring one.

    Returns:
        D', NaN where the pixel is hidden, leaves the frame, or meets mostly broken neighbours.
    """
    height, width = chain.shape[:2]
    target = pixel_grid(height, width) + step
    broken = hidden | leaves_frame(target, height=height, width=width)
    safe = np.where(broken[..., None], np.float32(0), target)
    total, weight, nearest, gap = _read_unbroken(chain, safe)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / weight[..., None]
    extended = step + np.where((gap > _SURFACE_GAP_PX)[..., None], nearest, mean)
    extended[broken | (weight < 0.5)] = np.nan
    return extended


def _read_unbroken(chain: Vectors, positions: Vectors) -> tuple[Vectors, Plane, Vectors, Plane]:
    """Weighted sum, weight, nearest value and spread of the up to four unbroken chain vectors around each position."""
    height, width = chain.shape[:2]
    base = np.floor(positions)
    fraction = positions - base
    x0, y0 = base[..., 0].astype(np.intp), base[..., 1].astype(np.intp)
    total = np.zeros_like(positions)
    weight, best = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    nearest, low, high = total.copy(), np.full_like(positions, np.inf), np.full_like(positions, -np.inf)
    for dy, y_weight in enumerate((1 - fraction[..., 1], fraction[..., 1])):
        for dx, x_weight in enumerate((1 - fraction[..., 0], fraction[..., 0])):
            value = chain[np.minimum(y0 + dy, height - 1), np.minimum(x0 + dx, width - 1)]
            share = np.where(np.isfinite(value[..., 0]), y_weight * x_weight, np.float32(0))
            counts = (share > 0)[..., None]
            value = np.where(counts, value, np.float32(0))
            total += share[..., None] * value
            weight += share
            np.copyto(nearest, value, where=(share > best)[..., None])
            best = np.maximum(best, share)
            low, high = np.where(counts, np.minimum(low, value), low), np.where(counts, np.maximum(high, value), high)
    gap: NDArray[np.float32] = (high - low).max(axis=-1)
    return total, weight, nearest, gap
