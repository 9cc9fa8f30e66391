"""Channels of an image by name, as the numbers that are stored: passes of a renderer, mattes, ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.errors import MediaError
from shotgraph.io.imagefile import (
    Place,
    in_display_window,
    named_places,
    opened,
    places_of,
    read_samples,
    specs_of,
    window_of,
)

# OpenImageIO's sample type to the one it is read as: half as float, integers as the codes they are.
_KINDS = {
    "uint8": oiio.UINT8,
    "uint16": oiio.UINT16,
    "uint": oiio.UINT32,
    "half": oiio.FLOAT,
    "float": oiio.FLOAT,
}


def channel_names(path: Path) -> tuple[str, ...]:
    """Every name that a channel of an image goes by; in a file of several parts also ``part.channel``."""
    with opened(path) as source:
        return tuple(places_of(specs_of(source)))


def read_numbers(path: Path, names: Sequence[str]) -> tuple[float | None, ...]:
    """Attributes of an image's first part that are one number each; None for one that it does not state."""
    with opened(path) as source:
        attributes = {attribute.name: attribute.value for attribute in source.spec().extra_attribs}
    return tuple(float(attributes[name]) if name in attributes else None for name in names)


def read_channels(path: Path, channels: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """Channels of an image in its display window, 0 where nothing is stored.

    MediaError when a channel is not there, does not decode, or is of another type.

    Args:
        path: the image.
        channels: their names.

    Returns:
        (H, W) of each: float32 of half and float, integers as stored.
    """
    with opened(path) as source:
        specs = specs_of(source)
        places = named_places(specs, channels, path)
        planes: dict[Place, NDArray[Any]] = {}
        for part, numbers in _runs(specs, places):
            spec = specs[part]
            kind = _kind(spec, numbers.start, path)
            samples = read_samples(source, path, part, numbers, kind)
            for column, number in enumerate(numbers):
                plane = samples[..., column]
                planes[part, number] = in_display_window(plane, window_of(spec), (spec.full_width, spec.full_height))
    return tuple(planes[place] for place in places)


def _runs(specs: Sequence[Any], places: Sequence[Place]) -> Iterator[tuple[int, range]]:
    """Neighbouring channels of one type: every read decodes the part again, and a beauty pass has a hundred others."""

    def run(item: tuple[int, Place]) -> tuple[int, int, str]:
        position, (part, number) = item
        return part, number - position, str(specs[part].channelformat(number))

    for (part, _, _), members in groupby(enumerate(sorted(set(places))), run):
        numbers = [number for _, (_, number) in members]
        yield part, range(numbers[0], numbers[-1] + 1)


def _kind(spec: Any, number: int, path: Path) -> Any:
    kind = str(spec.channelformat(number))
    if kind not in _KINDS:
        raise MediaError(
            f"{path}: samples of {spec.channelnames[number]} must be {', '.join(_KINDS)}, got {kind}; convert the image"
        )
    return _KINDS[kind]
