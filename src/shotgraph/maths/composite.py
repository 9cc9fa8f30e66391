"""One picture over another, in floats or on coded planes. Where the weight is 0 the background is kept bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.pixels import NativeFrame, PixelFormat
from shotgraph.maths.shapes import Colours, Image, Plane


def block_mean(weight: Plane, *, x_shift: int, y_shift: int) -> NDArray[np.float32]:
    """Mean over each block of 2^x_shift x 2^y_shift pixels: what a chroma sample covers. Edge pixels repeat into the last block.

    A mean is 0 only where every covered pixel is 0, so chroma is touched only where some covered pixel is.
    """
    if not (x_shift or y_shift):
        return weight
    rows, columns = weight.shape
    high, wide = 1 << y_shift, 1 << x_shift
    padded = np.pad(weight, ((0, -rows % high), (0, -columns % wide)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide)
    return blocks.mean(axis=(1, 3), dtype=np.float32)


def straight_colour(picture: Image) -> Colours:
    """Colour of (h, w, 4) whose channels are multiplied by alpha, divided by it again; 0 where alpha is 0."""
    colour, alpha = picture[..., :3], picture[..., 3:]
    return np.divide(colour, alpha, out=np.zeros_like(colour), where=alpha > 0)


def over(background: Image, foreground: Colours, coverage: Plane, *, straight: bool) -> Image:
    """The foreground's colour over the background.

    Args:
        background: (h, w, 3|4).
        foreground: (h, w, 3), not multiplied by alpha.
        coverage: how much of the foreground each pixel gets, in [0, 1].
        straight: the background's alpha is straight, else premultiplied; no matter for 3 channels.

    Returns:
        (h, w, 3|4): channels and kind of alpha of the background; its own bits where `coverage` is 0.
    """
    result = background.copy()
    touched = coverage > 0
    cover = coverage[touched][:, None]
    below = background[touched]
    weight = cover
    if background.shape[2] == 4:
        alpha = cover + below[:, 3:] * (1 - cover)
        # Straight colour is the mean of both colours by what each adds to alpha; alpha >= cover > 0 here.
        weight = cover / alpha if straight else cover
        result[touched, 3:] = alpha
    result[touched, :3] = below[:, :3] + weight * (foreground[touched] - below[:, :3])
    return result


def over_planes(background: NativeFrame, foreground: NativeFrame, coverage: Plane, *, straight: bool) -> NativeFrame:
    """`over` on coded planes of one format, each plane with the coverage of its own samples.

    Args:
        background: its format is the result's.
        foreground: same format and size, not multiplied by alpha; its own alpha plane is not read.
        coverage: (h, w) in [0, 1], on the luma grid.
        straight: the background's alpha is straight, else premultiplied; no matter without alpha.

    Returns:
        A frame in the background's format; a sample whose coverage is 0 keeps its bits.
    """
    layout = background.format
    shift_x, shift_y = layout.chroma_shift
    opaque = 1 if layout.is_float else (1 << layout.bits) - 1
    weight = coverage
    if layout.has_alpha and straight:
        below = background.planes[-1].astype(np.float32) / np.float32(opaque)
        alpha = coverage + below * (1 - coverage)
        weight = np.divide(coverage, alpha, out=np.zeros_like(coverage), where=coverage > 0)
    chroma = block_mean(weight, x_shift=shift_x, y_shift=shift_y)
    planes: list[NDArray[Any]] = []
    for index, below in enumerate(background.planes):
        if layout.has_alpha and index == layout.planes - 1:
            planes.append(_blend_plane(below, np.full_like(below, opaque), coverage, layout))
        else:
            planes.append(_blend_plane(below, foreground.planes[index], chroma if index in (1, 2) else weight, layout))
    return NativeFrame(tuple(planes), layout)


def _blend_plane(
    below: NDArray[Any], above: NDArray[Any], weight: NDArray[np.float32], layout: PixelFormat
) -> NDArray[Any]:
    result = below.copy()
    touched = weight > 0
    # float64 holds the product of a 16-bit difference and a float32 weight without rounding.
    low = below[touched].astype(np.float64)
    mixed = low + weight[touched] * (above[touched] - low)
    result[touched] = mixed if layout.is_float else np.clip(np.rint(mixed), 0, (1 << layout.bits) - 1)
    return result
