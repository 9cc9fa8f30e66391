"""Reading an image between its pixels.

A position is (x, y) in pixels with integer pixel centres: (0, 0) is the centre of the top-left pixel. OpenCV's `remap` is not
used: its cubic kernel (a = -0.75) does not reproduce a ramp, and before version 5 it rounds positions to 1/32 pixel, an
error that a chain of warps adds up.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.shapes import Image, PointMask, Points, Samples, Vectors

Kernel = Literal["linear", "cubic"]


def pixel_grid(height: int, width: int) -> Vectors:
    """(height, width, 2) position of every pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack((x, y), axis=-1)


def leaves_frame(positions: Points, *, height: int, width: int) -> PointMask:
    """True where a position lies beyond the outermost pixel centres, or is NaN."""
    x, y = positions[..., 0], positions[..., 1]
    return ~((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def sample(image: Image, positions: Points, *, kernel: Kernel = "cubic") -> Samples:
    """The image's values at `positions`; beyond the border the outermost pixels repeat.

    Args:
        image: (h, w, c).
        positions: (..., 2) pixels, x then y.
        kernel: ``linear``, or ``cubic`` (Keys 1981, a = -0.5, exact on quadratics; may overshoot at hard edges).

    Returns:
        (..., c); NaN where the position is NaN.
    """
    height, width = image.shape[:2]
    known = np.isfinite(positions[..., 0] + positions[..., 1])
    safe = np.where(known[..., None], positions, np.float32(0))
    columns, x_weights = axis_taps(safe[..., 0], width, kernel)
    rows, y_weights = axis_taps(safe[..., 1], height, kernel)
    total = np.zeros((*positions.shape[:-1], image.shape[2]), np.float32)
    for row, y_weight in zip(rows, y_weights, strict=True):
        for column, x_weight in zip(columns, x_weights, strict=True):
            total += (y_weight * x_weight)[..., None] * image[row, column]
    total[~known] = np.nan
    return total


def axis_taps(
    coordinate: NDArray[np.float32], length: int, kernel: Kernel
) -> tuple[list[NDArray[np.intp]], list[NDArray[Any]]]:
    """The pixels that coordinates along one axis read: the index of every tap, and its weight.

    Args:
        coordinate: pixels, finite; 0 is the centre of the first one.
        length: pixels along the axis.
        kernel: see `sample`.

    Returns:
        Two lists of arrays shaped like `coordinate`, one entry per tap.
    """
    # A far-off coordinate reads the border pixel; the clip also keeps the cast to integers defined.
    inside = np.clip(coordinate, -2, length + 1)
    base = np.floor(inside)
    weights = _WEIGHTS[kernel](inside - base)
    first = base.astype(np.intp) - (len(weights) // 2 - 1)
    return [np.clip(first + tap, 0, length - 1) for tap in range(len(weights))], weights


def _linear_weights(f: NDArray[Any]) -> list[NDArray[Any]]:
    return [1 - f, f]


def _cubic_weights(f: NDArray[Any]) -> list[NDArray[Any]]:
    """Keys' kernel, a = -0.5, at distances 1 + f, f, 1 - f and 2 - f."""
    half, square, cube = np.float32(0.5), f * f, f * f * f
    return [
        (-cube + 2 * square - f) * half,
        (3 * cube - 5 * square + 2) * half,
        (-3 * cube + 4 * square + f) * half,
        (cube - square) * half,
    ]


_WEIGHTS = {"linear": _linear_weights, "cubic": _cubic_weights}
