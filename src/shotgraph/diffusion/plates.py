"""Between a plate and a model: the size the model works at, what it sees, and the way back that keeps the plate's detail.

out = plate + up(edit - down(plate)): what the model did not change stays as it was shot, above 1 and finer than the model sees.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from shotgraph.maths.resize import resize
from shotgraph.maths.shapes import Colours, Image, NewImage, Plane


def work_size(
    width: int, height: int, *, area_px: int, multiple_px: int, sar: Fraction = Fraction(1)
) -> tuple[int, int]:
    """The size of about `area_px` pixels that a plate is shown to a model at, its display aspect kept.

    Args:
        width: of the plate in pixels.
        height: of the plate in pixels.
        area_px: pixels of the model's native size.
        multiple_px: both sides become the nearest multiple of it, at least one of it.
        sar: width of a pixel of the plate over its height; models are taught square ones.

    Returns:
        (width, height) in pixels.
    """
    scale = (area_px / float(width * sar * height)) ** 0.5
    sides = (float(width * sar) * scale, height * scale)
    columns, rows = (max(1, round(side / multiple_px)) * multiple_px for side in sides)
    return columns, rows


def shown(plate: Image, *, width: int, height: int) -> NewImage:
    """What a model sees of a plate.

    Args:
        plate: (h, w, 3|4) display values, unclamped; alpha is left out.
        width: in pixels.
        height: in pixels.

    Returns:
        (height, width, 3) in [0, 1]; NaN is black.
    """
    colour = np.clip(np.nan_to_num(plate[..., :3], nan=0.0), 0, 1)
    return np.clip(resize(colour, width=width, height=height), 0, 1)


def coverage_of(plate: Image, matte: Plane | None, *, premultiplied: bool) -> Plane | None:
    """How much of an edit each pixel of (h, w, 3|4) gets; premultiplied colour exists only as far as its alpha does."""
    coverage = None if matte is None else np.clip(matte, 0, 1)
    if plate.shape[2] == 3 or not premultiplied:
        return coverage
    alpha = np.clip(plate[..., 3], 0, 1)
    return alpha if coverage is None else coverage * alpha


def detail_transferred(plate: Image, before: Colours, after: Colours, *, coverage: Plane | None = None) -> Image:
    """The plate with the change from `before` to `after`.

    Args:
        plate: (H, W, 3|4).
        before: (h, w, 3) as the model saw it.
        after: (h, w, 3) as the model left it.
        coverage: (H, W) in [0, 1], how much of the change each pixel gets; None is all of it.

    Returns:
        (H, W, 3|4); alpha, and every pixel of coverage 0, keep their bits.
    """
    rows, columns = plate.shape[:2]
    change = resize(after - before, width=columns, height=rows)
    result = plate.copy()
    if coverage is None:
        result[..., :3] += change
        return result
    touched = coverage > 0
    result[touched, :3] += coverage[touched][:, None] * change[touched]
    return result
