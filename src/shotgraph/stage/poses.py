"""Where things are: 3x3 maps from an object's coordinates through the world to the frame, for any (also fractional) time.

An object's own coordinates are pixels at the size it has on the frame when nothing zooms. The camera looks along Z; what lies at
depth Z moves by 1/Z of a pan, so that a near object passes a far one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.spec import Camera, Motion

Matrix = NDArray[np.float64]


def translation(x: float, y: float) -> Matrix:
    """Moves by (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def rotation(angle: float) -> Matrix:
    """Turns x towards y by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def scaling(factor: float) -> Matrix:
    """Grows by `factor` about the origin."""
    return np.diag([factor, factor, 1.0])


def slanting(per_px: float) -> Matrix:
    """A plane that recedes upwards: at (u, v) its relative depth is 1 - per_px * v, and it shrinks by as much."""
    return np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -per_px, 1.0]])


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    return np.linalg.inv(matrix).astype(np.float64, copy=False)


def motion_pose(motion: Motion, time: float, *, radius_px: float) -> Matrix:
    """What `motion` adds to an object's pose at `time`: displacement, turn or growth; the identity at time 0.

    Args:
        motion: the path.
        time: frames since the first.
        radius_px: of the object; spins and growth are measured at its rim.

    Returns:
        (3, 3), to be applied between the object's place and itself.
    """
    speed, phase = motion.speed, motion.phase
    x, y, angle, scale = 0.0, 0.0, 0.0, 1.0
    match motion.name:
        case "still":
            pass
        case "left" | "right":
            x = speed * time * (1 if motion.name == "right" else -1)
        case "up" | "down":
            y = speed * time * (1 if motion.name == "down" else -1)
        case "zigzags":
            x, y = 0.6 * speed * time, 1.6 * speed * (math.sin(0.7 * time + phase) - math.sin(phase))
        case "circles":
            r, w = 4.0 * speed, 0.25
            x, y = (
                r * (math.cos(w * time + phase) - math.cos(phase)),
                r * (math.sin(w * time + phase) - math.sin(phase)),
            )
        case "bounces":
            y = 5.0 * speed * (abs(math.sin(phase)) - abs(math.sin(0.25 * time + phase)))
        case "spins":
            angle = speed * time / radius_px
        case "grows":
            scale = 1.0 + min(speed, 2.0) * 0.5 * time / radius_px
    return translation(x, y) @ rotation(angle) @ scaling(scale)


def camera_view(camera: Camera, time: float, depth: float, *, width: int, height: int) -> Matrix:
    """World at `depth` to the frame at `time`; the identity at time 0.

    Args:
        camera: its move.
        time: frames since the first.
        depth: of the plane; a pan moves it by 1 / depth.
        width: of the frame, pixels.
        height: of the frame, pixels.

    Returns:
        (3, 3).
    """
    x, y, zoom = 0.0, 0.0, 1.0
    match camera.name:
        case "still":
            pass
        case "left" | "right":
            x = camera.speed * time * (1 if camera.name == "right" else -1)
        case "zooms":
            zoom = 1.0 + camera.speed * time / (width / 2)
        case "shakes":
            x = camera.speed * (math.sin(1.1 * time + camera.phase) - math.sin(camera.phase))
            y = camera.speed * 0.7 * (math.sin(1.7 * time + 2 * camera.phase) - math.sin(2 * camera.phase))
    centre = translation((width - 1) / 2, (height - 1) / 2)
    return centre @ scaling(zoom) @ translation(-x / depth, -y / depth) @ inverse(centre)


def apply(
    matrix: Matrix, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(x, y) through a homography."""
    w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return (
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / w,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / w,
    )
