"""Optical flow: resizing, occlusion, and chains over many frames. Vectors are pixels, x then y.

Follows S. Meister, J. Hur, S. Roth, "UnFlow: Unsupervised Learning of Optical Flow with a Bidirectional Census Loss", AAAI
2018, Eq. (2), for the forward-backward test.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from shotgraph.api.kinds import FlowFrame
from shotgraph.maths.shapes import (
    Chain,
    NewChain,
    NewPlane,
    NewVectors,
    PlaneMask,
    PointMask,
    Points,
    PointValues,
    Vectors,
)
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

# UnFlow's constants: relative part, and the part that allows for noise on small motion, in square pixels.
_OCCLUSION_RELATIVE = 0.01
_OCCLUSION_FLOOR_PX2 = 0.5
# Neighbouring displacements further apart than this belong to two surfaces; a mean of them belongs to neither.
SURFACE_GAP_PX = 1.0
# Rows worked on at a time: two dozen intermediate arrays of a whole 4K frame would take a gigabyte.
_BAND_ROWS = 32
# Below this a confidence is a tail of the linear reads that carried it, not a surface.
_LEAST_CONFIDENCE = 1e-3


def resize_flow(flow: Vectors, *, width: int, height: int) -> NewVectors:
    """`flow` on a grid of another size: vectors are resampled, then x scales with the width and y with the height."""
    old_height, old_width = flow.shape[:2]
    if (old_width, old_height) == (width, height):
        return flow
    scale = np.array([width / old_width, height / old_height], np.float32)
    resized = np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return resized * scale


def pair_of(forward: Vectors, backward: Vectors) -> FlowFrame:
    """The record of two frames, out of the flow from the first to the second and back."""
    return FlowFrame(forward, backward, occlusion(forward, backward).astype(np.float32))


def last_pair(height: int, width: int) -> FlowFrame:
    """What is filed under a stream's last frame: there is no next one."""
    nothing = np.full((height, width, 2), np.nan, np.float32)
    return FlowFrame(nothing, nothing.copy(), np.ones((height, width), np.float32))


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
    return ~_returns(flow, returned) | leaves_frame(target, height=height, width=width)


def _returns(flow: Points, back: Points) -> PointMask:
    """Whether `back` undoes `flow` within UnFlow's bound; False for NaN."""
    lengths_px2 = _length_px2(flow) + _length_px2(back)
    return _length_px2(flow + back) <= _OCCLUSION_RELATIVE * lengths_px2 + _OCCLUSION_FLOOR_PX2


def no_chain(height: int, width: int) -> Chain:
    """The chain of a frame to itself: no displacement, full confidence."""
    chain = np.zeros((height, width, 3), np.float32)
    chain[..., 2] = 1
    return chain


def _length_px2(vectors: Points) -> PointValues:
    # Spelled out: numpy's sum over an axis of length 2 takes ten times as long.
    x, y = vectors[..., 0], vectors[..., 1]
    return np.square(x) + np.square(y)


def extend_chain(chain: Chain, step: Vectors, back: Vectors) -> Chain:
    """Displacements to a far frame, one frame further away: ``D'(p) = S(p) + D(p + S(p))``.

    The chain is read linearly among those neighbours of p + S(p) that are on the surface of p: whose own way back undoes the
    step by UnFlow's bound. Testing every neighbour, where `occlusion` tests their mean, keeps the two sides of an edge
    apart. Confidence moves with the surface as a fraction: cut to 0 or 1 on every frame, its border would stand still under
    motion below half a pixel.

    Args:
        chain: (h, w, 3) D, x then y, from the neighbouring frame's pixels to the far frame, and the confidence in [0, 1]
            that the surface was in sight all the way.
        step: S, from this frame's pixels to the neighbouring frame; NaN where it is known to be hidden there.
        back: from the neighbouring frame's pixels to this frame.

    Returns:
        D' and its confidence: 0 where p leaves the frame, or where less than half the weight is on its surface.
    """
    height = chain.shape[0]
    extended = np.empty_like(chain)
    for top in range(0, height, _BAND_ROWS):
        band = slice(top, min(top + _BAND_ROWS, height))
        extended[band] = _extend_rows(chain, step[band], back, top_px=top)
    return extended


def chain_to_second(chain: Chain, pair: FlowFrame) -> Chain:
    """The chain of the second frame of `pair`, out of that of its first."""
    return extend_chain(chain, pair.backward, pair.forward)


def chain_to_first(chain: Chain, pair: FlowFrame) -> Chain:
    """The chain of the first frame of `pair`, out of that of its second; it ends where the record says occluded."""
    step = np.where(pair.occluded[..., None] > 0.5, np.float32(np.nan), pair.forward)
    return extend_chain(chain, step, pair.backward)


def long_range(pairs: Sequence[FlowFrame]) -> Chain:
    """The chain of the first frame of the first pair to the second frame of the last one.

    Args:
        pairs: of neighbouring frames in a row, at least one.

    Returns:
        (h, w, 3): displacement over all of them, x then y, and the confidence that the surface was in sight all the way.
    """
    chain = no_chain(*pairs[-1].occluded.shape)
    for pair in reversed(pairs):
        chain = chain_to_first(chain, pair)
    return chain


def _extend_rows(chain: Chain, step: NewVectors, back: Vectors, *, top_px: int) -> NewChain:
    """`extend_chain` for the rows of `step`, which start at `top_px`."""
    height, width = chain.shape[:2]
    target = pixel_grid(step.shape[0], width) + step
    target[..., 1] += np.float32(top_px)
    outside = leaves_frame(target, height=height, width=width)
    safe = np.where(outside[..., None], np.float32(0), target)
    on_surface, weight, total, nearest, gap = _read_surface(chain, safe, step, back)
    lost = outside | (on_surface < 0.5) | (weight < _LEAST_CONFIDENCE)
    mean = np.divide(total, weight[..., None], out=np.zeros_like(total), where=~lost[..., None])
    extended = np.empty((*weight.shape, 3), np.float32)
    extended[..., :2] = step + np.where((gap > SURFACE_GAP_PX)[..., None], nearest, mean)
    np.divide(weight, on_surface, out=extended[..., 2], where=~lost)
    extended[lost] = 0
    return extended


def _read_surface(
    chain: Chain, positions: NewVectors, step: NewVectors, back: Vectors
) -> tuple[NewPlane, NewPlane, NewVectors, NewVectors, NewPlane]:
    """What the up to four neighbours of each position that are on its surface say.

    Args:
        chain: see `extend_chain`.
        positions: inside the frame.
        step: see `extend_chain`.
        back: see `extend_chain`.

    Returns:
        Their weight; the same times confidence; the sum of displacements weighted by the latter; the displacement that has
        the most of it; and how far apart they are.
    """
    height, width = chain.shape[:2]
    base = np.floor(positions)
    fraction = positions - base
    x0, y0 = base[..., 0].astype(np.intp), base[..., 1].astype(np.intp)
    on_surface, weight, best = (np.zeros(positions.shape[:2], np.float32) for _ in range(3))
    total, nearest = np.zeros_like(positions), np.zeros_like(positions)
    low, high = np.full_like(positions, np.inf), np.full_like(positions, -np.inf)
    for dy, y_weight in enumerate((1 - fraction[..., 1], fraction[..., 1])):
        for dx, x_weight in enumerate((1 - fraction[..., 0], fraction[..., 0])):
            corner = np.minimum(y0 + dy, height - 1), np.minimum(x0 + dx, width - 1)
            value = chain[corner]
            vector, confidence = value[..., :2], value[..., 2]
            share = np.where(_returns(step, back[corner]), y_weight * x_weight, np.float32(0))
            on_surface += share
            share = share * confidence
            weight += share
            total += share[..., None] * vector
            np.copyto(nearest, vector, where=(share > best)[..., None])
            best = np.maximum(best, share)
            counts = (share > 0)[..., None]
            np.minimum(low, vector, out=low, where=counts)
            np.maximum(high, vector, out=high, where=counts)
    spread = high - low
    gap = np.maximum(spread[..., 0], spread[..., 1])
    return on_surface, weight, total, nearest, gap
