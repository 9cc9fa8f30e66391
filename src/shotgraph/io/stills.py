"""One image file: its header as plain data, and its planes as stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenImageIO as oiio

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.errors import MediaError
from shotgraph.io.imagefile import Place, in_display_window, named_places, opened, read_samples, specs_of, window_of
from shotgraph.io.tags import MATRICES, PRIMARIES, TRANSFERS, name_of

# Keys of text and header attributes, shared with what writes them. PNG has text only.
TIMECODE_WORD = "smpte:TimeCode"
TIMECODE_TEXT = "timecode"
RATE = "FramesPerSecond"
REEL = "reelName"
# DPX names.
_DPX_RATES = ("dpx:FrameRate", "dpx:TemporalFrameRate")

# OpenImageIO's sample type to (suffix of our format name, numpy type).
_SAMPLES: dict[str, tuple[str, type[Any]]] = {
    "uint8": ("", np.uint8),
    "uint16": ("16", np.uint16),
    "half": ("f16", np.float16),
    "float": ("f32", np.float32),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StillHeader:
    """What an image file says of itself.

    Attributes:
        codec: OpenImageIO's format name.
        format: what it is read as.
        channels: names in the file, in the order of our planes.
        places: where each is.
        size: (width, height) of the display window.
        window: (x, y, width, height) of the stored pixels, relative to the display window.
        sar: width of a pixel over its height.
        colour: tags.
        timecode_word: SMPTE word; None without one.
        timecode_text: label; empty without one.
        rate: frames per second; None when not stated.
        reel: reel name; may be empty.
        unread: channels and parts that are left out.
    """

    codec: str
    format: PixelFormat
    channels: tuple[str, ...]
    places: tuple[Place, ...]
    size: tuple[int, int]
    window: tuple[int, int, int, int]
    sar: Fraction
    colour: Colour
    timecode_word: int | None
    timecode_text: str
    rate: Fraction | None
    reel: str
    unread: tuple[str, ...]

    @property
    def overscan(self) -> bool:
        """Whether stored pixels lie outside the display window."""
        x, y, width, height = self.window
        return x < 0 or y < 0 or x + width > self.size[0] or y + height > self.size[1]


def read_header(path: Path, channels: Sequence[str] = ()) -> StillHeader:
    """The header of an image.

    MediaError when it is damaged, or has no such channels.

    Args:
        path: the image.
        channels: names of those to be read, whatever they hold; left out, those that make a picture.

    Returns:
        With `channels` its format is ``grayf32``, which stands for numbers of any type.
    """
    with opened(path) as source:
        return _header(source, path, channels)


def _header(source: Any, path: Path, wanted: Sequence[str] = ()) -> StillHeader:
    specs = specs_of(source)
    places = named_places(specs, wanted, path) if wanted else _picture_places(specs, path)
    spec = specs[places[0][0]]
    attributes = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    codec = str(source.format_name())
    return StillHeader(
        codec=codec,
        format=PixelFormat.parse("grayf32") if wanted else _format(specs, places, path),
        channels=tuple(wanted) or tuple(str(specs[part].channelnames[index]) for part, index in places),
        places=places,
        size=(spec.full_width, spec.full_height),
        window=window_of(spec),
        sar=Fraction(str(attributes.get("PixelAspectRatio", 1.0))).limit_denominator(1000) or Fraction(1),
        colour=_colour(codec, attributes),
        timecode_word=_word(attributes.get(TIMECODE_WORD)),
        timecode_text=str(attributes.get(TIMECODE_TEXT, "")),
        rate=_rate(attributes),
        reel=str(attributes.get(REEL, "")),
        unread=() if wanted else _unread(specs, places),
    )


def _picture_places(specs: Sequence[Any], path: Path) -> tuple[Place, ...]:
    """Where the channels of the first picture are."""
    for part, spec in enumerate(specs):
        names = [str(name) for name in spec.channelnames]
        picked = _picked(tuple(names))
        if picked is not None:
            return tuple((part, names.index(name)) for name in picked)
    names = ", ".join(_unread(specs, ())) or "none"
    raise MediaError(f"{path}: image must have R, G, B (A) or one channel, got {names}; write the picture channels")


def _unread(specs: Sequence[Any], places: Sequence[Place]) -> tuple[str, ...]:
    """Channels that are not at `places`, those of later parts with their part's number."""
    return tuple(
        f"part {part}: {name}" if part else str(name)
        for part, spec in enumerate(specs)
        for index, name in enumerate(spec.channelnames)
        if (part, index) not in places
    )


def _picked(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The channels that make a picture, in R, G, B, A order; None when there are none."""
    if len(names) == 1:
        return names
    by_layer: dict[str, dict[str, str]] = {}
    for name in names:
        layer, _, channel = name.rpartition(".")
        by_layer.setdefault(layer, {})[channel.upper()] = name
    # The unnamed layer comes first, then file order.
    for layer in sorted(by_layer, key=bool):
        channels = by_layer[layer]
        if channels.keys() >= {"R", "G", "B"}:
            return tuple(channels[key] for key in "RGBA" if key in channels)
        if channels.keys() == {"Y", "A"}:
            return channels["Y"], channels["A"]
    return None


def _format(specs: Sequence[Any], places: Sequence[Place], path: Path) -> PixelFormat:
    types = {str(specs[part].channelformat(index)) for part, index in places}
    if len(types) > 1 or not types <= _SAMPLES.keys():
        raise MediaError(
            f"{path}: samples must be all uint8, uint16, half or float, got {', '.join(sorted(types))}; convert the image"
        )
    suffix = _SAMPLES[types.pop()][0]
    # Gray with alpha has no format of its own: gray fills G, B and R.
    family = {1: "gray", 2: "gbrap", 3: "gbrp", 4: "gbrap"}[len(places)]
    return PixelFormat.parse(f"{family}{suffix}")


def _colour(codec: str, attributes: dict[str, Any]) -> Colour:
    """Tags that the file states; EXR is scene-linear by definition."""
    cicp = attributes.get("CICP")
    if cicp is not None:
        primaries, transfer, matrix, full = (int(code) for code in cicp)
        code_range = "full" if full else "limited"
        return Colour(
            name_of(PRIMARIES, primaries), name_of(TRANSFERS, transfer), name_of(MATRICES, matrix), code_range
        )
    return Colour(transfer="linear" if codec == "openexr" else "unspecified", matrix="rgb", range="full")


def _word(value: Any) -> int | None:
    """The SMPTE word of an attribute; DPX writers fill unset ones with ones or zeros."""
    if value is None:
        return None
    word = int(cast("tuple[int, ...]", value)[0]) if isinstance(value, tuple) else int(value)
    return None if word == 0xFFFFFFFF else word & 0xFFFFFFFF


def _rate(attributes: dict[str, Any]) -> Fraction | None:
    for key in (RATE, *_DPX_RATES):
        value = attributes.get(key)
        if value is None:
            continue
        try:
            rate = Fraction(*(int(part) for part in value)) if isinstance(value, tuple) else Fraction(str(value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        except (ValueError, ZeroDivisionError):
            continue
        if rate > 0:
            return rate
    return None


def read_planes(path: Path, header: StillHeader) -> NativeFrame:
    """The planes of an image whose header must match `header`, in its display window; black outside the data window.

    MediaError when size, format or channels differ, or the pixels are damaged.
    """
    with opened(path) as source:
        found = _header(source, path)
        if (found.size, found.format, found.channels) != (header.size, header.format, header.channels):
            raise MediaError(
                f"{path}: image must be {_described(header)} like the first, got {_described(found)}; render it again"
            )
        indices = [index for _, index in found.places]
        first, last = min(indices), max(indices) + 1
        kind = {"": oiio.UINT8, "16": oiio.UINT16, "f16": oiio.HALF, "f32": oiio.FLOAT}
        suffix = next(suffix for suffix, dtype in _SAMPLES.values() if np.dtype(dtype) == found.format.dtype)
        picture = read_samples(source, path, found.places[0][0], range(first, last), kind[suffix])
    order = tuple(index - first for index in indices)
    if len(order) >= 3:
        # Planes are ordered G, B, R, A.
        order = (order[1], order[2], order[0], *order[3:])
    elif len(order) == 2:
        order = (order[0], order[0], order[0], order[1])
    planes = (in_display_window(picture[..., channel], found.window, found.size) for channel in order)
    return NativeFrame(tuple(planes), found.format)


def _described(header: StillHeader) -> str:
    return f"{header.size[0]}x{header.size[1]} {header.format.name} {','.join(header.channels)}"
