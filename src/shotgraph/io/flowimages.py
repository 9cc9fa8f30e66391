"""Optical flow in image files, as `core.write` leaves it: five float channels of EXR."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.api.kinds import FlowFrame
from shotgraph.errors import MediaError, MediaMissingError

FLOW_CHANNELS = ("forward.x", "forward.y", "backward.x", "backward.y", "occluded")


def read_flow(path: Path) -> FlowFrame:
    """The flow of the pair that the image's frame number names and its next.

    Args:
        path: an EXR with the channels forward.x, forward.y, backward.x, backward.y and occluded, in any order.

    Returns:
        float32 arrays of the size of the image.

    Raises:
        MediaMissingError: there is no file.
        MediaError: it cannot be read, or has other channels.
    """
    if not path.is_file():
        raise MediaMissingError(f"{path}: flow must exist, got nothing there; write it with core.write to .exr")
    source: Any = oiio.ImageInput.open(str(path))
    problem = " / ".join(oiio.geterror().split("\n")).strip()
    if source is None:
        raise MediaError(f"{path}: flow must be a readable image, got {problem}; write it again")
    try:
        names = tuple(cast("list[str]", source.spec().channelnames))
        missing = [name for name in FLOW_CHANNELS if name not in names]
        if missing:
            raise MediaError(
                f"{path}: flow must have the channels {', '.join(FLOW_CHANNELS)}, got {', '.join(names)}; write a stream of kind "
                "flow with core.write"
            )
        pixels = source.read_image(0, 0, 0, len(names), oiio.FLOAT)
        problem = source.geterror()
    finally:
        source.close()
    if pixels is None or problem:
        raise MediaError(f"{path}: flow must decode, got {problem.strip() or 'no pixels'}; write it again")
    planes = cast("NDArray[np.float32]", pixels)
    forward_x, forward_y, backward_x, backward_y, occluded = (
        np.ascontiguousarray(planes[..., names.index(name)], np.float32) for name in FLOW_CHANNELS
    )
    return FlowFrame(np.stack((forward_x, forward_y), -1), np.stack((backward_x, backward_y), -1), occluded)
