"""Mattes: values in [0, 1], 1 inside. Distances are Euclidean and in pixels."""

from __future__ import annotations

import cv2
import numpy as np

from shotgraph.maths.shapes import Image, Plane, PlaneMask

# Rec. 709 luma of values as coded.
LUMA_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], np.float32)
# A Gaussian is cut here; further away a feathered matte keeps its exact value.
_FEATHER_SIGMAS = 3
# Distances come from a transform in float32: a point at exactly the radius must count as inside.
_DISTANCE_SLACK_PX = 1e-3


def luma(picture: Image) -> Plane:
    """Rec. 709 luma of the first three channels, unclamped."""
    r, g, b = (picture[..., channel] * LUMA_WEIGHTS[channel] for channel in range(3))
    return r + g + b


def distance_outside(inside: PlaneMask) -> Plane:
    """Distance from each pixel to the nearest pixel inside; 0 inside, infinite when nothing is."""
    if not inside.any():
        return np.full(inside.shape, np.inf, np.float32)
    distances = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distances, np.float32)


def grow(matte: Plane, radius_px: float) -> Plane:
    """Each pixel's maximum over a disk of `radius_px`; what lies beyond the frame counts as 0."""
    if radius_px == 0:
        return matte
    if np.isin(matte, (0, 1)).all():
        return (distance_outside(matte > 0) <= radius_px + _DISTANCE_SLACK_PX).astype(np.float32)
    reach = int(radius_px + _DISTANCE_SLACK_PX)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (x * x + y * y <= (radius_px + _DISTANCE_SLACK_PX) ** 2).astype(np.uint8)
    grown = cv2.dilate(matte, disk, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(grown, np.float32)


def shrink(matte: Plane, radius_px: float) -> Plane:
    """Each pixel's minimum over a disk of `radius_px`; what lies beyond the frame counts as 1."""
    return matte if radius_px == 0 else 1 - grow(1 - matte, radius_px)


def feather(matte: Plane, width_px: float) -> Plane:
    """The matte blurred so that a straight hard edge ramps over about `width_px`, 0.5 staying where the edge was.

    Args:
        matte: (h, w).
        width_px: distance between the values 0.02 and 0.98 of a feathered edge; 0 changes nothing.

    Returns:
        (h, w); exactly 0 and exactly 1 further than 0.75 `width_px` from the edge.
    """
    if width_px == 0:
        return matte
    # 0.02 and 0.98 lie 2.05 sigma either side of the edge.
    sigma_px = width_px / 4.1
    reach = max(1, round(_FEATHER_SIGMAS * sigma_px))
    size = (2 * reach + 1, 2 * reach + 1)
    blurred = cv2.GaussianBlur(matte, size, sigma_px, borderType=cv2.BORDER_REPLICATE)
    soft = np.asarray(blurred, np.float32)
    # The weights of the blur sum to 1 only up to rounding.
    return np.where(soft > 1 - 1e-6, np.float32(1), np.clip(soft, 0, 1))


def levels(matte: Plane, *, black: float, white: float) -> Plane:
    """The matte stretched so that `black` becomes 0 and `white` becomes 1; equal values make a hard threshold."""
    if black == white:
        return (matte >= white).astype(np.float32)
    return np.clip((matte - np.float32(black)) / np.float32(white - black), 0, 1)
