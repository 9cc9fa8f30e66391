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

from shotgraph.api import Colour, NativeFrame, Rate, Timecode
from shotgraph.api.stream import UNSPECIFIED
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


def common_attributes(timecode: Timecode | None, reel: str, sar: Fraction) -> Iterator[Attribute]:
    """What both formats hold under the same name."""
    if timecode is not None:
        yield TIMECODE_TEXT, None, str(timecode)
    if reel:
        yield REEL, None, reel
    if sar != 1:
        yield "PixelAspectRatio", None, float(sar)
    # Alpha goes out as it came in: multiplying or dividing by it would change samples.
    yield "oiio:UnassociatedAlpha", None, 1
    # OpenImageIO would write the time of day into EXR, and no two runs would give the same file.
    yield "DateTime", None, ""


def png_attributes(rate: Rate, colour: Colour) -> Iterator[Attribute]:
    """What PNG holds as text, and its cICP chunk where the colour is known."""
    yield RATE, None, f"{rate.fps.numerator}/{rate.fps.denominator}"
    if UNSPECIFIED not in (colour.primaries, colour.transfer):
        codes = (number_of(PRIMARIES, colour.primaries), number_of(TRANSFERS, colour.transfer))
        yield "CICP", oiio.TypeDesc("int[4]"), (*codes, number_of(MATRICES, "rgb"), 1)


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


def write_still(path: Path, still: Still) -> None:
    """Write an EXR or PNG file, as the extension of `path` says, and read it back; OutputError when either fails."""
    height, width, count = still.pixels.shape
    spec = oiio.ImageSpec(width, height, count, _TYPES[still.pixels.dtype.name])
    spec.channelnames = still.channels
    for name, kind, value in still.attributes:
        if kind is None:
            spec.attribute(name, value)
        else:
            spec.attribute(name, kind, value)
    file_format = _FORMATS[path.suffix.lstrip(".")]
    target: Any = oiio.ImageOutput.create(file_format)
    done = target.open(str(path), spec) and target.write_image(np.ascontiguousarray(still.pixels))
    closed = target.close()
    # On a full disk the PNG writer says it succeeded: only its error text tells.
    problem = target.geterror()
    if problem or not (done and closed):
        raise OutputError(
            f"{path.parent}: image must be written, got {_first_line(problem)}; free space, or check the folder's permissions"
        )
    _read_back(path, still)


def _read_back(path: Path, still: Still) -> None:
    as_stored = oiio.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)
    source: Any = oiio.ImageInput.open(str(path), as_stored)
    if source is None:
        raise OutputError(f"{path.parent}: image must open again, got {_first_line(oiio.geterror())}; check the disk")
    try:
        _, _, count = still.pixels.shape
        found = source.read_image(0, 0, 0, count, _TYPES[still.pixels.dtype.name])
        names: tuple[str, ...] = tuple(source.spec().channelnames)
        problem = source.geterror()
    finally:
        source.close()
    if found is None or problem:
        raise OutputError(f"{path.parent}: image must decode again, got {_first_line(problem)}; check the disk")
    # Channels come back in the file's order: OpenEXR sorts them by name.
    wanted = np.stack([still.pixels[..., still.channels.index(name)] for name in names], axis=-1)
    differing = int(np.count_nonzero(found.reshape(wanted.shape).view(_bits(wanted)) != wanted.view(_bits(wanted))))
    if differing:
        raise OutputError(
            f"{path.parent}: image must come back sample for sample, got {differing} of {wanted.size} that differ; "
            f"choose a lossless compression"
        )


def _bits(samples: NDArray[Any]) -> str:
    """Integers of the same width: NaN must equal itself."""
    return f"u{samples.dtype.itemsize}"


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0].strip() or "no reason"
