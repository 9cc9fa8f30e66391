"""One image file: its header as plain data, and its planes as stored."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.errors import MediaError, MediaMissingError
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
        indices: their numbers in the file.
        subimage: part of the file that holds them.
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
    indices: tuple[int, ...]
    subimage: int
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


def _opened(path: Path) -> Any:
    """An open ImageInput."""
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
    return source


def _one_line(text: str) -> str:
    return " / ".join(text.split("\n")).strip() or "no reason"


def read_header(path: Path) -> StillHeader:
    """The header of an image; MediaError for damage and for channels that make no picture."""
    source = _opened(path)
    try:
        return _header(source, path)
    finally:
        source.close()


def _header(source: Any, path: Path) -> StillHeader:
    unread: list[str] = []
    chosen = None
    subimage = 0
    while source.seek_subimage(subimage, 0):
        spec = source.spec()
        picked = None if chosen is not None else _picked(tuple(spec.channelnames))
        if picked is not None:
            chosen = (subimage, spec, picked)
        left = [name for name in spec.channelnames if picked is None or name not in picked]
        unread += [f"part {subimage}: {name}" if subimage else name for name in left]
        subimage += 1
    # Walking past the last part is an error to OpenImageIO; left unread it would be taken for the next one.
    source.geterror()
    if chosen is None:
        names = ", ".join(unread) or "none"
        raise MediaError(f"{path}: image must have R, G, B (A) or one channel, got {names}; write the picture channels")
    part, spec, channels = chosen
    indices = tuple(list(spec.channelnames).index(name) for name in channels)
    attributes = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    codec = str(source.format_name())
    return StillHeader(
        codec=codec,
        format=_format(spec, indices, path),
        channels=channels,
        indices=indices,
        subimage=part,
        size=(spec.full_width, spec.full_height),
        window=(spec.x - spec.full_x, spec.y - spec.full_y, spec.width, spec.height),
        sar=Fraction(str(attributes.get("PixelAspectRatio", 1.0))).limit_denominator(1000) or Fraction(1),
        colour=_colour(codec, attributes),
        timecode_word=_word(attributes.get(TIMECODE_WORD)),
        timecode_text=str(attributes.get(TIMECODE_TEXT, "")),
        rate=_rate(attributes),
        reel=str(attributes.get(REEL, "")),
        unread=tuple(unread),
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


def _format(spec: Any, indices: tuple[int, ...], path: Path) -> PixelFormat:
    types = {str(spec.channelformat(index)) for index in indices}
    if len(types) > 1 or not types <= _SAMPLES.keys():
        raise MediaError(
            f"{path}: samples must be all uint8, uint16, half or float, got {', '.join(sorted(types))}; convert the image"
        )
    suffix = _SAMPLES[types.pop()][0]
    # Gray with alpha has no format of its own: gray fills G, B and R.
    family = {1: "gray", 2: "gbrap", 3: "gbrp", 4: "gbrap"}[len(indices)]
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
    source = _opened(path)
    try:
        found = _header(source, path)
        if (found.size, found.format, found.channels) != (header.size, header.format, header.channels):
            raise MediaError(
                f"{path}: image must be {_described(header)} like the first, got {_described(found)}; render it again"
            )
        first, last = min(found.indices), max(found.indices) + 1
        kind = {"": oiio.UINT8, "16": oiio.UINT16, "f16": oiio.HALF, "f32": oiio.FLOAT}
        suffix = next(suffix for suffix, dtype in _SAMPLES.values() if np.dtype(dtype) == found.format.dtype)
        pixels = source.read_image(found.subimage, 0, first, last, kind[suffix])
        problem = source.geterror()
    finally:
        source.close()
    if pixels is None or problem:
        raise MediaError(f"{path}: image must decode, got {_one_line(problem)}; render or copy it again")
    picture = cast("NDArray[Any]", pixels).reshape(found.window[3], found.window[2], last - first)
    return _placed(picture, found, tuple(index - first for index in found.indices))


def _described(header: StillHeader) -> str:
    return f"{header.size[0]}x{header.size[1]} {header.format.name} {','.join(header.channels)}"


def _placed(picture: NDArray[Any], header: StillHeader, order: tuple[int, ...]) -> NativeFrame:
    """Planes of the display window, in the order of the format (G, B, R, A)."""
    if len(order) >= 3:
        order = (order[1], order[2], order[0], *order[3:])
    elif len(order) == 2:
        order = (order[0], order[0], order[0], order[1])
    x, y, width, height = header.window
    full_width, full_height = header.size
    left, top = max(x, 0), max(y, 0)
    right, bottom = max(min(x + width, full_width), left), max(min(y + height, full_height), top)
    planes: list[NDArray[Any]] = []
    for channel in order:
        inside = picture[top - y : bottom - y, left - x : right - x, channel]
        if inside.shape == (full_height, full_width):
            plane = np.ascontiguousarray(inside)
        else:
            plane = np.zeros((full_height, full_width), header.format.dtype)
            plane[top:bottom, left:right] = inside
        plane.setflags(write=False)
        planes.append(plane)
    return NativeFrame(tuple(planes), header.format)
