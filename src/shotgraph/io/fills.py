"""What stands in for a frame that is damaged or missing."""

from __future__ import annotations

from typing import Literal

import numpy as np

from shotgraph.api import NativeFrame, PixelFormat

CorruptPolicy = Literal["error", "hold", "black"]
HolesPolicy = Literal["error", "hold", "black", "skip"]


def black_frame(format: PixelFormat, *, width: int, height: int, code_range: str) -> NativeFrame:  # noqa: A002
    """An opaque black picture.

    Args:
        format: its pixel format.
        width: pixels.
        height: pixels.
        code_range: ``full``, else limited for YUV; RGB and gray are black at zero unless ``limited``.

    Returns:
        A read-only frame.
    """
    limited = code_range == "limited" or (code_range != "full" and format.family == "yuv")
    luma = 16 << (format.bits - 8) if limited and not format.is_float else 0
    opaque = 1 if format.is_float else (1 << format.bits) - 1
    levels = [luma] * (1 if format.family == "gray" else 3)
    if format.family == "yuv":
        levels[1:] = [1 << (format.bits - 1)] * 2
    if format.has_alpha:
        levels.append(opaque)
    planes = tuple(
        np.full(format.plane_shape(index, width=width, height=height), level, format.dtype)
        for index, level in enumerate(levels)
    )
    for plane in planes:
        plane.setflags(write=False)
    return NativeFrame(planes, format)
