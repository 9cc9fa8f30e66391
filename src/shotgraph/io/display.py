"""Frames of a source as RGB, for who compares clips outside a graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shotgraph.io.sources import FrameSource
from shotgraph.maths.yuv import coding_of, rgb_from_native


def rgb_of(source: FrameSource, frame: int) -> NDArray[np.float32]:
    """One frame as the nodes of a graph would get it.

    Args:
        source: open.
        frame: its number in the source.

    Returns:
        (H, W, 3|4) float32 in the source's own transfer; display values lie in [0, 1].
    """
    native, info = source.read(frame), source.info
    coding = coding_of(info.colour, native.format, width=info.width, height=info.height)
    return rgb_from_native(native, matrix=coding.matrix, range=coding.range)
