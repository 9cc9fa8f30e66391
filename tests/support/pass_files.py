"""Passes as a renderer writes them: channels of any name and type, in one part or several. Made with OpenImageIO alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

Planes = Mapping[str, NDArray[Any]]

_KINDS = {
    "uint8": oiio.UINT8,
    "uint16": oiio.UINT16,
    "uint32": oiio.UINT32,
    "float16": oiio.HALF,
    "float32": oiio.FLOAT,
    "float64": oiio.DOUBLE,
}


def write_part(
    path: Path,
    planes: Planes,
    *,
    window: tuple[int, int] = (0, 0),
    size: tuple[int, int] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Path:
    """An image of one part; `window` is (x, y) of the first stored pixel, `size` (width, height) of what is shown."""
    spec, pixels = _described(planes)
    spec.x, spec.y = window
    spec.full_width, spec.full_height = size or (spec.width, spec.height)
    for name, value in (attributes or {}).items():
        if isinstance(value, tuple):
            spec.attribute(name, oiio.TypeRational, value)
        else:
            spec.attribute(name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    output.close()
    return path


def write_parts(path: Path, parts: Mapping[str, Planes]) -> Path:
    """An EXR of several parts, by name."""
    described = [_described(planes) for planes in parts.values()]
    for name, (spec, _) in zip(parts, described, strict=True):
        spec.attribute("oiio:subimagename", name)
    output = oiio.ImageOutput.create("openexr")
    assert output.open(str(path), tuple(spec for spec, _ in described)), output.geterror()
    for index, (spec, pixels) in enumerate(described):
        assert index == 0 or output.open(str(path), spec, "AppendSubimage"), output.geterror()
        assert output.write_image(pixels), output.geterror()
    output.close()
    return path


def _described(planes: Planes) -> tuple[oiio.ImageSpec, NDArray[Any]]:
    pixels = np.stack(list(planes.values()), axis=-1)
    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, _KINDS[pixels.dtype.name])
    spec.channelnames = tuple(planes)
    # Samples as given, and no time of day.
    spec.attribute("oiio:UnassociatedAlpha", 1)
    spec.attribute("DateTime", "")
    return spec, np.ascontiguousarray(pixels)
