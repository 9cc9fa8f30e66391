"""Paint carried as a difference: from the frame an artist painted to frames that see the same surface.

No published source; the carrying follows "preserve detail" of layered video editing: ``out = plate + warp(paint - plate)``, so
that what nobody painted keeps its bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from shotgraph.maths.matte import distance_outside
from shotgraph.maths.shapes import Chain, Colours, Image, OtherImage, Plane, PlaneMask
from shotgraph.maths.warp import pixel_grid, sample


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What was painted on one frame, or what of it another frame sees.

    Attributes:
        difference: (H, W, 3) paint minus plate, multiplied by `alpha`.
        alpha: (H, W) in [0, 1], 0 where nothing is painted.
        seen: (H, W) True where the painted frame's surface is visible, painted or not.
    """

    difference: Colours
    alpha: Plane
    seen: PlaneMask


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """One painted frame.

    Attributes:
        paint: (H, W, 3) as painted, not multiplied by alpha.
        edit: what of it differs from the plate.
    """

    paint: Colours
    edit: Edit


def painted_over(plate: Image, picture: OtherImage, *, coded: bool, tolerance: float) -> Painted:
    """What an artist painted over `plate`.

    Args:
        plate: (H, W, 3|4); its alpha is not read.
        picture: (H, W, 3|4) the plate repainted; its alpha, if any, is straight and says how opaque the paint is.
        coded: `picture` was saved as integers, which hold nothing outside [0, 1]: what they clipped is no edit.
        tolerance: a pixel whose channels all differ by at most this much is not painted.

    Returns:
        The painted frame.
    """
    before, paint = plate[..., :3], picture[..., :3]
    alpha = picture[..., 3] if picture.shape[2] == 4 else np.ones(paint.shape[:2], np.float32)
    return Painted(paint, edit_between(np.clip(before, 0, 1) if coded else before, paint, alpha, tolerance=tolerance))


def edit_between(plate: Colours, paint: Colours, alpha: Plane, *, tolerance: float) -> Edit:
    """What an artist changed.

    Args:
        plate: the frame before painting.
        paint: the frame after painting, not multiplied by `alpha`.
        alpha: opacity of the paint; ones for a fully repainted frame.
        tolerance: a pixel whose channels all differ by at most this much is not painted.

    Returns:
        The edit, on the plate's grid.
    """
    difference = paint - plate
    painted = np.abs(difference).max(axis=-1) > tolerance
    opacity = np.where(painted, alpha, np.float32(0))
    return Edit(difference * opacity[..., None], opacity, np.ones(alpha.shape, np.bool_))


def carried(edit: Edit, chain: Chain) -> Edit:
    """`edit` as another frame sees it.

    Args:
        edit: on the painted frame's grid.
        chain: displacement from each pixel of the other frame to the painted one, and confidence; see `extend_chain`.

    Returns:
        The edit on the other frame's grid: difference sampled cubically, alpha linearly; 0 where confidence is
        below a half.
    """
    height, width = edit.alpha.shape
    seen = chain[..., 2] >= 0.5
    alpha, difference = np.zeros_like(edit.alpha), np.zeros_like(edit.difference)
    result = Edit(difference, alpha, seen)
    rows, columns = np.nonzero(edit.alpha)
    if not rows.size:
        return result
    positions = pixel_grid(height, width) + chain[..., :2]
    low = np.array([columns.min() - 1, rows.min() - 1], np.float32)
    high = np.array([columns.max() + 1, rows.max() + 1], np.float32)
    near = seen & ((positions > low) & (positions < high)).all(axis=-1)
    alpha[near] = sample(edit.alpha[..., None], positions[near], kernel="linear")[..., 0]
    # A cubic kernel reaches one pixel further than a linear one; beyond alpha its overshoot is nobody's paint.
    touched = alpha > 0
    difference[touched] = sample(edit.difference, positions[touched], kernel="cubic")
    return result


def blend(edits: Sequence[Edit], nearness: Sequence[float], *, feather_px: float) -> Edit:
    """One edit out of those that reach a frame: the mean by nearness in time, each only where its surface is seen.

    Args:
        edits: on the frame's grid.
        nearness: weight of each, >= 0.
        feather_px: distance from a break over which an edit's weight rises to its full value, so that the other takes over
            softly; where only one edit is seen it counts in full.

    Returns:
        The weighted mean; nothing where no edit is seen.
    """
    if len(edits) == 1:
        return edits[0]
    shape = edits[0].alpha.shape
    total, alpha = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    weight_sum = np.zeros(shape, np.float32)
    for edit, near in zip(edits, nearness, strict=True):
        weight = _confidence(edit.seen, feather_px) * np.float32(near)
        total += weight[..., None] * edit.difference
        alpha += weight * edit.alpha
        weight_sum += weight
    known = weight_sum > 0
    scale = np.divide(np.float32(1), weight_sum, out=np.zeros_like(weight_sum), where=known)
    return Edit(total * scale[..., None], alpha * scale, known)


def _confidence(seen: PlaneMask, feather_px: float) -> Plane:
    """0 where not seen, rising to 1 at `feather_px` from the nearest unseen pixel."""
    if feather_px <= 0:
        return seen.astype(np.float32)
    return np.clip(distance_outside(~seen) / np.float32(feather_px), 0, 1)


def fill_holes(edit: Edit, *, radius_px: float) -> Edit:
    """Close small breaks inside the paint with the mean of the paint around them.

    Args:
        edit: on the frame's grid.
        radius_px: only a hole whose every pixel lies within this distance of a seen pixel, and whose whole border is
            painted, is closed. Anything larger is taken for an object in front.

    Returns:
        The edit with such holes filled and marked as seen; `edit` itself when there are none.
    """
    if radius_px <= 0 or edit.seen.all():
        return edit
    holes = _enclosed_holes(edit, radius_px)
    if not holes.any():
        return edit
    size = 2 * int(np.ceil(radius_px)) + 3
    known = (edit.alpha > 0).astype(np.float32)
    layers = np.concatenate((edit.difference, edit.alpha[..., None], known[..., None]), axis=-1)
    # Difference and alpha are 0 outside `known`, so one blur gives both sums of a normalised convolution.
    sums = np.asarray(cv2.blur(layers, (size, size), borderType=cv2.BORDER_CONSTANT), np.float32)
    means = sums[holes, :4] / sums[holes, 4:]
    difference, alpha = edit.difference.copy(), edit.alpha.copy()
    difference[holes], alpha[holes] = means[:, :3], means[:, 3]
    return Edit(difference, alpha, edit.seen | holes)


def _enclosed_holes(edit: Edit, radius_px: float) -> PlaneMask:
    """Unseen regions that are small and have paint all around."""
    unseen = ~edit.seen
    count, labels = cv2.connectedComponents(unseen.astype(np.uint8), connectivity=8)
    label = np.asarray(labels, np.intp)
    depth_px = distance_outside(edit.seen)
    bare = (edit.seen & (edit.alpha == 0)).astype(np.uint8)
    beside_bare = cv2.dilate(bare, np.ones((3, 3), np.uint8)) > 0
    rejected = np.zeros(count, np.bool_)
    rejected[0] = True
    rejected[np.unique(label[unseen & (beside_bare | (depth_px > radius_px))])] = True
    return ~rejected[label]


def apply_edit(plate: Image, edit: Edit, *, limit: Plane | None = None) -> Image:
    """`plate` plus the edit's difference; its own bits wherever nothing is painted.

    Args:
        plate: (h, w, 3|4); a fourth channel is kept.
        edit: on the plate's grid.
        limit: matte that scales the edit; None for no limit.

    Returns:
        A new array.
    """
    result = plate.copy()
    touched = edit.alpha > 0 if limit is None else (edit.alpha > 0) & (limit > 0)
    difference = edit.difference[touched]
    if limit is not None:
        difference = difference * limit[touched][:, None]
    result[touched, :3] += difference
    return result


def apply_paint(plate: Image, painted: Painted, *, limit: Plane | None = None) -> Image:
    """The painted frame itself: `apply_edit`, but the paint's own values where it is opaque and not limited.

    ``plate + (paint - plate)`` is not always `paint` in floats.
    """
    edit = painted.edit
    result = apply_edit(plate, edit, limit=limit)
    opaque = edit.alpha == 1 if limit is None else (edit.alpha == 1) & (limit == 1)
    result[opaque, :3] = painted.paint[opaque]
    return result
