"""Optical flow in image files, as `core.write` leaves it: Nuke's layers of motion, and what is hidden.

A record of ours is about a pair of frames, and its backward vectors lie on the pixels of the second one. A file is about one
frame: both its layers lie on that frame's pixels, and lead to the next frame and to the one before. So a file is made of two
records, and a record of two files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.kinds import FlowFrame
from shotgraph.errors import MediaError
from shotgraph.io.channels import read_channels
from shotgraph.io.passnames import BACKWARD, FORWARD, OCCLUDED
from shotgraph.maths.vectors import Convention


def flow_pixels(records: Sequence[FlowFrame]) -> NDArray[np.float32]:
    """(H, W, 5) of the file of a frame, channels as `passnames.FLOW`.

    Args:
        records: the one filed under the frame, then the one under the frame before, which the shot's first does not have.

    Returns:
        0 where a vector leads out of the shot: NaN spreads over a picture in other programs. The last frame is marked as
        hidden in the next one all the same.
    """
    now, before = records[0], records[1] if len(records) > 1 else None
    backward = np.zeros_like(now.forward) if before is None else before.backward
    # The sign of y is the only thing that differs, so that the way out is the way back.
    ways = ((now.forward, True), (backward, False))
    layers = [Convention().vectors(flow[..., 0], flow[..., 1], to_later=later) for flow, later in ways]
    known = [np.where(np.isnan(layer), np.float32(0), layer) for layer in layers]
    return np.concatenate((*known, now.occluded[..., None]), axis=-1)


def read_flow(path: Path, following: Path) -> FlowFrame:
    """The flow of the pair of frames that two images are of.

    Args:
        path: an EXR of the first frame with the channels forward.u, forward.v and occluded.
        following: one of the second frame with backward.u and backward.v.

    Returns:
        float32 arrays of the size of the images.

    Raises:
        MediaError: one of them cannot be read, has other channels, or they differ in size.
    """
    *forward, occluded = read_channels(path, (*FORWARD, OCCLUDED))
    backward = read_channels(following, BACKWARD)
    if backward[0].shape != occluded.shape:
        (height, width), (rows, columns) = occluded.shape, backward[0].shape
        raise MediaError(
            f"{following}: flow must be {width}x{height} like the frame before, got {columns}x{rows}; write it again"
        )
    own = Convention()
    return FlowFrame(own.vectors(*forward, to_later=True), own.vectors(*backward, to_later=False), occluded)
