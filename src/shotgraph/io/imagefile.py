"""An image file as OpenImageIO sees it: parts, channels by name, and the samples in them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.errors import MediaError, MediaMissingError

# (part of the file, number in it) of a channel.
Place = tuple[int, int]


@contextmanager
def opened(path: Path) -> Generator[Any]:
    """An open ImageInput.

    Args:
        path: an image.

    Yields:
        Any: an ImageInput, at its first part.

    Raises:
        MediaMissingError: there is no file.
        MediaError: it is no image that can be read.
    """
    wish = oiio.ImageSpec()
    # Alpha as stored: multiplying it in would change samples.
    wish.attribute("oiio:UnassociatedAlpha", 1)
    source = oiio.ImageInput.open(str(path), wish)
    # OpenImageIO keeps its last error until somebody asks, and prints it at exit otherwise.
    problem = oiio.geterror()
    if source is None:
        if not path.exists():
            raise MediaMissingError(f"{path}: image must exist, got nothing there; check the sequence")
        raise MediaError(f"{path}: image must be readable, got {_one_line(problem)}; render or copy it again")
    try:
        yield source
    finally:
        source.close()


def _one_line(text: str) -> str:
    return " / ".join(text.split("\n")).strip() or "no reason"


def specs_of(source: Any) -> list[Any]:
    """The ImageSpec of every part of an open image."""
    specs: list[Any] = []
    while source.seek_subimage(len(specs), 0):
        specs.append(source.spec())
    # Walking past the last part is an error to OpenImageIO; left unread it would be taken for the next one.
    source.geterror()
    return specs


def read_samples(source: Any, path: Path, part: int, channels: range, kind: Any) -> NDArray[Any]:
    """(H, W, C) of neighbouring channels of one part, in its data window; MediaError when they do not decode."""
    spec = source.spec(part, 0)
    pixels = source.read_image(part, 0, channels.start, channels.stop, kind)
    problem = source.geterror()
    if pixels is None or problem:
        raise MediaError(f"{path}: image must decode, got {_one_line(problem)}; render or copy it again")
    return cast("NDArray[Any]", pixels).reshape(spec.height, spec.width, len(channels))


def window_of(spec: Any) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the stored pixels, relative to the display window."""
    return spec.x - spec.full_x, spec.y - spec.full_y, spec.width, spec.height


def places_of(specs: Sequence[Any]) -> dict[str, Place]:
    """Every name that a channel of an image goes by: its own, which the first part has a right to, and ``part.channel``."""
    found: dict[str, Place] = {}
    for part, spec in enumerate(specs):
        for index, name in enumerate(spec.channelnames):
            found.setdefault(str(name), (part, index))
    for part, spec in enumerate(specs) if len(specs) > 1 else ():
        for index, name in enumerate(spec.channelnames):
            found.setdefault(f"{spec.get_string_attribute('oiio:subimagename')}.{name}", (part, index))
    return found


def named_places(specs: Sequence[Any], names: Sequence[str], path: Path) -> tuple[Place, ...]:
    """Where the channels called `names` are; MediaError when one is not there."""
    found = places_of(specs)
    for name in names:
        if name not in found:
            raise MediaError(
                f"{path}: image must have the channel {name}, got {', '.join(found)}; name the channel that holds it"
            )
    return tuple(found[name] for name in names)


def in_display_window(plane: NDArray[Any], window: tuple[int, int, int, int], size: tuple[int, int]) -> NDArray[Any]:
    """Stored pixels where they are shown; 0 where nothing is stored.

    Args:
        plane: (rows, columns) of the data window.
        window: (x, y, width, height) of it, relative to the display window.
        size: (width, height) of the display window.

    Returns:
        (height, width), contiguous and read-only.
    """
    x, y, width, height = window
    left, top = max(x, 0), max(y, 0)
    right, bottom = max(min(x + width, size[0]), left), max(min(y + height, size[1]), top)
    inside = plane[top - y : bottom - y, left - x : right - x]
    if inside.shape == (size[1], size[0]):
        shown = np.ascontiguousarray(inside)
    else:
        shown = np.zeros((size[1], size[0]), plane.dtype)
        shown[top:bottom, left:right] = inside
    shown.setflags(write=False)
    return shown
