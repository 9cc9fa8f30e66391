"""Silhouettes as signed distances: negative inside, in pixels of the object's own coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.vocabulary import Shape

Floats = NDArray[np.float32]
Distance = Callable[[Floats, Floats], Floats]

# A rim is this soft: the standard deviation of its ramp. Sharper ones alias under sub-pixel motion.
RIM_PX = 1.0


def coverage(distance_px: Floats) -> Floats:
    """[0, 1]: how much of a pixel lies inside, a ramp without corners `RIM_PX` wide."""
    # The logistic that is closest to the normal distribution (1.702), written so that it cannot overflow.
    return (0.5 - 0.5 * np.tanh(distance_px * np.float32(0.851 / RIM_PX))).astype(np.float32)


def distance_of(shape: Shape, radius_px: float) -> Distance:
    """The signed distance of `shape`, `radius_px` from its centre to its farthest part.

    Args:
        shape: its name.
        radius_px: size.

    Returns:
        A function of (u, v), exact outside and inside but for the star's and the cross's inner medial lines.
    """
    return {
        "circle": lambda u, v: np.hypot(u, v) - np.float32(0.92 * radius_px),
        "square": lambda u, v: box(u, v, 0.80 * radius_px, 0.80 * radius_px),
        "triangle": lambda u, v: polygon(u, v, _corners(3, radius_px)),
        "star": lambda u, v: polygon(u, v, _star(radius_px)),
        "ring": lambda u, v: np.abs(np.hypot(u, v) - np.float32(0.70 * radius_px)) - np.float32(0.25 * radius_px),
        "cross": lambda u, v: np.minimum(
            box(u, v, 0.95 * radius_px, 0.30 * radius_px), box(u, v, 0.30 * radius_px, 0.95 * radius_px)
        ),
    }[shape]


def box(u: Floats, v: Floats, half_width_px: float, half_height_px: float) -> Floats:
    """Signed distance to an axis-aligned box around the origin."""
    dx, dy = np.abs(u) - np.float32(half_width_px), np.abs(v) - np.float32(half_height_px)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0)


def capsule(u: Floats, v: Floats, length_px: float, radius_px: float) -> Floats:
    """Signed distance to a segment from the origin along v, thick by `radius_px`."""
    along = np.clip(v, 0, np.float32(length_px))
    return np.hypot(u, v - along) - np.float32(radius_px)


def polygon(u: Floats, v: Floats, corners: list[tuple[float, float]]) -> Floats:
    """Signed distance to a simple polygon; the sign by counting crossings."""
    nearest = np.full(u.shape, np.inf, np.float32)
    inside = np.zeros(u.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey = np.float32(bx - ax), np.float32(by - ay)
        px, py = u - np.float32(ax), v - np.float32(ay)
        t = np.clip((px * ex + py * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, np.hypot(px - t * ex, py - t * ey))
        crosses = (v < np.float32(ay)) != (v < np.float32(by))
        if ey != 0:
            inside ^= crosses & (px < ex * py / ey)
    return np.where(inside, -nearest, nearest).astype(np.float32)


def _corners(count: int, radius_px: float) -> list[tuple[float, float]]:
    """Corners of a regular polygon, the first one up."""
    angles = [2 * math.pi * k / count - math.pi / 2 for k in range(count)]
    return [(radius_px * math.cos(a), radius_px * math.sin(a)) for a in angles]


def _star(radius_px: float) -> list[tuple[float, float]]:
    """Ten corners of a five-pointed star, the first one up."""
    radii = (radius_px, 0.45 * radius_px)
    angles = [math.pi * k / 5 - math.pi / 2 for k in range(10)]
    return [(radii[k % 2] * math.cos(a), radii[k % 2] * math.sin(a)) for k, a in enumerate(angles)]
