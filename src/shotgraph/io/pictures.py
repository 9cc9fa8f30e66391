"""One image file as float RGB, for nodes that take a picture beside their streams: paint, a logo, a clean plate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shotgraph.io.stills import read_header, read_planes
from shotgraph.maths.composite import straight_colour
from shotgraph.maths.yuv import coding_of, rgb_from_native


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image file, from its header."""
    return read_header(path).size


def read_picture(path: Path) -> tuple[NDArray[np.float32], bool]:
    """(H, W, 3|4) of an image file with straight alpha, and whether it was saved as integers."""
    header = read_header(path)
    native = read_planes(path, header)
    coding = coding_of(header.colour, native.format, width=header.size[0], height=header.size[1])
    picture = rgb_from_native(native, matrix=coding.matrix, range=coding.range)
    # OpenEXR stores colour multiplied by alpha; every other format we read stores it straight.
    if picture.shape[2] == 4 and header.codec == "openexr":
        picture[..., :3] = straight_colour(picture)
    return picture, not native.format.is_float
