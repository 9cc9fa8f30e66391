"""FFmpeg's integers for colour and scan order, and the names we use for them (ffprobe's, with ``rgb`` for ``gbr``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from shotgraph.api import Colour, PixelFormat
from shotgraph.api.stream import UNSPECIFIED, FieldOrder
from shotgraph.io.planes import planar_name

# ITU-T H.273 code points; 2 is "unspecified" in all three tables.
PRIMARIES: dict[int, str] = {
    1: "bt709",
    2: UNSPECIFIED,
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS: dict[int, str] = {
    1: "bt709",
    2: UNSPECIFIED,
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
MATRICES: dict[int, str] = {
    0: "rgb",
    1: "bt709",
    2: UNSPECIFIED,
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    11: "smpte2085",
    12: "chroma-derived-nc",
    13: "chroma-derived-c",
    14: "ictcp",
    15: "ipt-c2",
    16: "ycgco-re",
    17: "ycgco-ro",
}
RANGES: dict[int, str] = {0: UNSPECIFIED, 1: "limited", 2: "full"}
FIELD_ORDERS: dict[int, FieldOrder] = {0: "unknown", 1: "progressive", 2: "tt", 3: "bb", 4: "tb", 5: "bt"}

_UNKNOWN = "unknown:"


class HasColour(Protocol):
    """A codec context or frame of PyAV."""

    color_primaries: int
    color_trc: int
    colorspace: int
    color_range: int


def name_of(table: dict[int, str], number: int) -> str:
    """The name of `number`; ``unknown:<n>`` for one the table lacks, so that it can still be written back."""
    return table.get(int(number), f"{_UNKNOWN}{int(number)}")


def number_of(table: dict[int, str], name: str) -> int:
    """FFmpeg's integer for `name`; KeyError for one that is neither in the table nor ``unknown:<n>``."""
    if name.startswith(_UNKNOWN):
        return int(name.removeprefix(_UNKNOWN))
    return {value: number for number, value in table.items()}[name]


def colour_of(source: HasColour) -> Colour:
    """The colour tags of a PyAV codec context or frame."""
    return Colour(
        primaries=name_of(PRIMARIES, source.color_primaries),
        transfer=name_of(TRANSFERS, source.color_trc),
        matrix=name_of(MATRICES, source.colorspace),
        range=name_of(RANGES, source.color_range),
    )


def apply_colour(colour: Colour, target: HasColour) -> None:
    """Write `colour` onto a PyAV codec context (before it opens) or frame."""
    target.color_primaries = number_of(PRIMARIES, colour.primaries)
    target.color_trc = number_of(TRANSFERS, colour.transfer)
    target.colorspace = number_of(MATRICES, colour.matrix)
    target.color_range = number_of(RANGES, colour.range)


def settled_colour(stream: Colour, frame: Colour, coded: str) -> tuple[Colour, list[str]]:
    """The tags to believe.

    Args:
        stream: tags of the stream; they win.
        frame: tags of its first frame, for what the stream leaves open.
        coded: libav's pixel format; ``yuvj`` means full range, and RGB has no matrix.

    Returns:
        Tags that fit the pixel format, and a note on each one that did not.
    """
    names = ("primaries", "transfer", "matrix", "range")
    colour = replace(stream, **{name: getattr(frame, name) for name in names if getattr(stream, name) == UNSPECIFIED})
    family = PixelFormat.parse(planar_name(coded)).family
    notes: list[str] = []
    if coded.startswith("yuvj"):
        colour = replace(colour, range="full")
    if family == "rgb":
        if colour.matrix not in ("rgb", UNSPECIFIED):
            notes.append(f"matrix tag {colour.matrix} is ignored: {coded} is RGB")
        colour = replace(colour, matrix="rgb")
    elif family == "yuv" and colour.matrix == "rgb":
        notes.append(f"matrix tag rgb is ignored: {coded} is YUV")
        colour = replace(colour, matrix=UNSPECIFIED)
    return colour, notes


def field_order_of(number: int) -> FieldOrder:
    """The name of FFmpeg's field order `number`."""
    return FIELD_ORDERS.get(int(number), "unknown")


def field_order_number(order: FieldOrder) -> int:
    """FFmpeg's integer for `order`."""
    return {value: number for number, value in FIELD_ORDERS.items()}[order]
