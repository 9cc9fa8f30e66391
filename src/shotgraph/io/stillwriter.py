"""Writing one EXR or PNG file, and reading it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.api import NativeFrame, Rate, Timecode
from shotgraph.errors import OutputError
from shotgraph.io import smpte
from shotgraph.io.stills import RATE, REEL, TIMECODE_TEXT, TIMECODE_WORD
from shotgraph.io.tags import MATRICES, PRIMARIES, TRANSFERS, number_of

Attribute = tuple[str, Any, Any]

# (x, y) of red, green, blue and white, from ITU-T H.273 table 2.
_D65 = (0.3127, 0.3290)
CHROMATICITIES: dict[str, tuple[float, ...]] = {
    "bt709": (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    "bt470bg": (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65),
    "smpte170m": (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    "smpte240m": (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    "bt2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    "smpte431": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    "smpte432": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
}
_TYPES = {"uint8": oiio.UINT8, "uint16": oiio.UINT16, "float16": oiio.HALF, "float32": oiio.FLOAT}
_FORMATS = {"exr": "openexr", "png": "png"}


@dataclass(frozen=True, slots=True)
class Still:
    """The samples and header of one image file.

    Attributes:
        pixels: (H, W, C) in the type that the file stores.
        channels: one name each.
        attributes: (name, OpenImageIO type or None, value).
    """

    pixels: NDArray[Any]
    channels: tuple[str, ...]
    attributes: tuple[Attribute, ...] = ()


def picture_still(frame: NativeFrame, attributes: tuple[Attribute, ...]) -> Still:
    """A picture from gray or G, B, R (A) planes."""
    if frame.format.family == "gray":
        return Still(frame.planes[0][..., None], ("Y",), attributes)
    green, blue, red, *alpha = frame.planes
    return Still(np.stack((red, green, blue, *alpha), axis=-1), ("R", "G", "B", "A")[: frame.format.planes], attributes)


def common_attributes(timecode: Timecode | None, rate: Rate, reel: str, sar: Fraction) -> Iterator[Attribute]:
    """What both formats hold under the same name."""
    if timecode is not None:
        yield TIMECODE_TEXT, None, str(timecode)
    if reel:
        yield REEL, None, reel
    if sar != 1:
        yield "PixelAspectRatio", None, float(sar)
    # Alpha goes out as it came in: multiplying or dividing by it would change samples.
    yield "oiio:UnassociatedAlpha", None, 1
    fps = rate.fps
    yield f"text:{RATE}", None, f"{fps.numerator}/{fps.denominator}"


def exr_attributes(timecode: Timecode | None, rate: Rate, primaries: str, compression: str) -> Iterator[Attribute]:
    """What OpenEXR has types of its own for."""
    yield "compression", None, compression
    fps = rate.fps
    yield RATE, oiio.TypeDesc("rational"), (fps.numerator, fps.denominator)
    if timecode is not None:
        # The word has two bits for tens of frames, hence the label beside it.
        yield TIMECODE_WORD, oiio.TypeTimeCode, (smpte.word_of(timecode), 0)
    if primaries in CHROMATICITIES:
        yield "chromaticities", oiio.TypeDesc("float[8]"), CHROMATICITIES[primaries]
