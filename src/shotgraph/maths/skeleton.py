"""Drawing skeletons as pose ControlNets expect them: OpenPose's limbs and colours, at the frame's own size."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from shotgraph.maths.pose import Joints, Scores
from shotgraph.maths.shapes import Colours

# Joints that a limb joins, in OpenPose's order of 18.
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0), (0, 14),
    (14, 16), (0, 15), (15, 17),
)  # fmt: skip
# Half the width of a limb and the radius of a joint, of 512 px.
_WIDTH_PX, _OF_PX = 4.0, 512.0
_LIMB_LIGHT = 0.6
_SHIFT = 4


def _hues() -> list[tuple[float, float, float]]:
    """Eighteen steps around the colour circle, red first."""
    return [colorsys.hsv_to_rgb(step / 18, 1, 1) for step in range(18)]


def drawn(points: Joints, scores: Scores, *, height: int, width: int, least: float) -> Colours:
    """(H, W, 3) in [0, 1]: skeletons on black.

    Args:
        points: (P, 18, 2) px, x then y, in OpenPose's order; a joint without a place is not drawn.
        scores: (P, 18).
        height: of the picture, px.
        width: of it.
        least: joints below this score are not drawn.

    Returns:
        The picture; limbs are ellipses, joints discs on top of them.
    """
    canvas = np.zeros((height, width, 3), np.uint8)
    radius = max(1.0, _WIDTH_PX * min(height, width) / _OF_PX)
    colours = [tuple(round(255 * part) for part in hue) for hue in _hues()]
    certain = (scores >= least) & np.isfinite(points).all(axis=-1)
    for person, sure in zip(points.astype(np.float64), certain, strict=True):
        for number, (a, b) in enumerate(LIMBS):
            if sure[a] and sure[b]:
                _limb(canvas, person[a], person[b], radius, colours[number])
    canvas = np.rint(canvas * _LIMB_LIGHT).astype(np.uint8)
    for person, sure in zip(points.astype(np.float64), certain, strict=True):
        for joint in np.flatnonzero(sure):
            centre = tuple(int(value) for value in np.rint(person[joint] * (1 << _SHIFT)))
            cv2.circle(canvas, centre, round(radius * (1 << _SHIFT)), colours[joint], -1, cv2.LINE_AA, _SHIFT)
    return canvas.astype(np.float32) / np.float32(255)


def _limb(canvas: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float, colour: tuple[int, ...]) -> None:
    middle, along = (start + end) / 2, end - start
    length, angle = float(np.hypot(*along)), float(np.degrees(np.arctan2(along[1], along[0])))
    axes = (max(1, round(length / 2)), max(1, round(radius)))
    outline = cv2.ellipse2Poly(tuple(int(value) for value in np.rint(middle)), axes, round(angle), 0, 360, 1)
    cv2.fillConvexPoly(canvas, np.asarray(outline), colour, cv2.LINE_AA)
