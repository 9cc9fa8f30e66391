"""Pictures at another size."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import cv2
import numpy as np

from shotgraph.maths.shapes import Image, NewImage
from shotgraph.maths.warp import axis_taps

Filter = Literal["auto", "nearest", "linear", "cubic", "lanczos", "area"]
Fit = Literal["inside", "stretch"]

_FLAGS = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "linear": cv2.INTER_LINEAR,
    "lanczos": cv2.INTER_LANCZOS4,
    "area": cv2.INTER_AREA,
}


def resize(picture: Image, *, width: int, height: int, method: Filter = "auto") -> NewImage:
    """`picture` resampled; its edges stay its edges.

    Args:
        picture: (h, w, c).
        width: new width in pixels.
        height: new height in pixels.
        method: ``auto`` averages area along an axis that shrinks and is cubic along one that grows.

    Returns:
        (height, width, c).
    """
    old_height, old_width = picture.shape[:2]
    if (old_width, old_height) == (width, height):
        return picture
    if method != "auto":
        return _resample(picture, width, height, method)
    # One axis at a time: cv2's area filter silently turns into a linear one when the other axis grows.
    rows = _resample(picture, old_width, height, "area" if height < old_height else "cubic")
    return _resample(rows, width, height, "area" if width < old_width else "cubic")


def _resample(picture: Image, width: int, height: int, method: str) -> NewImage:
    if picture.shape[:2] == (height, width):
        return picture
    if method == "cubic":
        return _cubic(_cubic(picture, height, axis=0), width, axis=1)
    resized = cv2.resize(picture, (width, height), interpolation=_FLAGS[method])
    # cv2 drops a channel axis of length 1.
    return np.asarray(resized, np.float32).reshape(height, width, picture.shape[2])


def _cubic(picture: Image, length: int, *, axis: int) -> NewImage:
    """One axis by Keys' kernel with a = -0.5. OpenCV's has a = -0.75, which puts a ripple of 1 % on every gradient."""
    old = picture.shape[axis]
    centres = (np.arange(length, dtype=np.float32) + np.float32(0.5)) * np.float32(old / length) - np.float32(0.5)
    along = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = np.zeros((1, 1, 1), np.float32)
    for tap, weight in zip(*axis_taps(centres, old, "cubic"), strict=True):
        total = total + picture.take(tap, axis=axis) * weight.reshape(along)
    return total


def resize_straight_alpha(picture: Image, *, width: int, height: int, method: Filter = "auto") -> NewImage:
    """`resize` for straight RGBA: colour is weighted by alpha, so that what alpha hides does not bleed in."""
    alpha = picture[..., 3:]
    resized = resize(
        np.concatenate((picture[..., :3] * alpha, alpha), axis=-1), width=width, height=height, method=method
    )
    new_alpha = resized[..., 3:]
    colour = np.divide(resized[..., :3], new_alpha, out=np.zeros_like(resized[..., :3]), where=new_alpha > 1e-6)
    return np.concatenate((colour, new_alpha), axis=-1)


def fitted_size(
    width: int, height: int, *, to_width: int | None, to_height: int | None, fit: Fit, multiple_of: int
) -> tuple[int, int]:
    """The size that fits a request.

    Args:
        width: present width in pixels.
        height: present height in pixels.
        to_width: wanted width; None leaves it to the aspect ratio.
        to_height: wanted height; None leaves it to the aspect ratio.
        fit: ``stretch`` takes both as they are, ``inside`` keeps the aspect ratio within them.
        multiple_of: both sides become the nearest multiple, at least one of it.

    Returns:
        (width, height).
    """
    x = Fraction(to_width, width) if to_width else None
    y = Fraction(to_height, height) if to_height else None
    if x is not None and y is not None and fit == "inside":
        x = y = min(x, y)
    scale_x = x or y or Fraction(1)
    scale_y = y or x or Fraction(1)
    return _multiple(width * scale_x, multiple_of), _multiple(height * scale_y, multiple_of)


def _multiple(length: Fraction, of: int) -> int:
    """The multiple of `of` nearest to `length`, ties up, never 0."""
    return max(1, int(length / of + Fraction(1, 2))) * of
