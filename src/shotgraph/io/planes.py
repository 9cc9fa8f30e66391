"""Frames of PyAV to planes and back, sample for sample. No colour conversion happens here.

A *layout* says where each native plane lies in a frame of libav: which libav plane, first sample, distance between samples,
and how far the sample is shifted up. Planar formats are their own layout; packed and semi-planar ones are taken apart.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import NativeFrame, PixelFormat
from shotgraph.errors import MediaError, ShapeError

_NATIVE_ORDER = "le" if sys.byteorder == "little" else "be"


@dataclass(frozen=True, slots=True)
class _Part:
    """Where one native plane lies.

    Attributes:
        plane: plane of the libav frame.
        first: index of its first sample in a row.
        step: samples from one to the next.
    """

    plane: int
    first: int = 0
    step: int = 1


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a libav format maps onto a native one.

    Attributes:
        format: the planar format its samples have.
        parts: one per native plane.
        shift: bits that samples are shifted up in memory.
        big_endian: byte order of samples wider than a byte.
    """

    format: PixelFormat
    parts: tuple[_Part, ...]
    shift: int = 0
    big_endian: bool = False


def _semi(native: str, *, swapped: bool = False, shift: int = 0) -> _Layout:
    chroma = (_Part(1, 1, 2), _Part(1, 0, 2)) if swapped else (_Part(1, 0, 2), _Part(1, 1, 2))
    return _Layout(PixelFormat.parse(native), (_Part(0), *chroma), shift)


def _packed(native: str, *firsts: int, step: int, shift: int = 0) -> _Layout:
    return _Layout(PixelFormat.parse(native), tuple(_Part(0, first, step) for first in firsts), shift)


def _packed_422(native: str, y: int, u: int, v: int, *, shift: int = 0) -> _Layout:
    return _Layout(PixelFormat.parse(native), (_Part(0, y, 2), _Part(0, u, 4), _Part(0, v, 4)), shift)


def _rgb_layouts() -> dict[str, _Layout]:
    """Packed RGB: native planes are G, B, R, A, so the offsets come in that order."""
    layouts: dict[str, _Layout] = {}
    for three, four, depth in (
        ("24", "{}", ""),
        ("48", "{}64", "16"),
        ("f16", "{}f16", "f16"),
        ("f32", "{}f32", "f32"),
    ):
        layouts[f"rgb{three}"] = _packed(f"gbrp{depth}", 1, 2, 0, step=3)
        layouts[four.format("rgba")] = _packed(f"gbrap{depth}", 1, 2, 0, 3, step=4)
    layouts["bgr24"] = _packed("gbrp", 1, 0, 2, step=3)
    layouts["bgr48"] = _packed("gbrp16", 1, 0, 2, step=3)
    layouts["bgra"] = _packed("gbrap", 1, 0, 2, 3, step=4)
    layouts["bgra64"] = _packed("gbrap16", 1, 0, 2, 3, step=4)
    layouts["argb"] = _packed("gbrap", 2, 3, 1, 0, step=4)
    layouts["abgr"] = _packed("gbrap", 2, 1, 3, 0, step=4)
    layouts["rgb0"] = _packed("gbrp", 1, 2, 0, step=4)
    layouts["bgr0"] = _packed("gbrp", 1, 0, 2, step=4)
    layouts["0rgb"] = _packed("gbrp", 2, 3, 1, step=4)
    layouts["0bgr"] = _packed("gbrp", 2, 1, 3, step=4)
    return layouts


def _yuv_layouts() -> dict[str, _Layout]:
    """Semi-planar and packed YUV, and gray with alpha (no native format has that, so gray fills G, B and R)."""
    layouts = {
        "nv12": _semi("yuv420p"),
        "nv21": _semi("yuv420p", swapped=True),
        "nv16": _semi("yuv422p"),
        "nv20": _semi("yuv422p10"),
        "nv24": _semi("yuv444p"),
        "nv42": _semi("yuv444p", swapped=True),
        "yuyv422": _packed_422("yuv422p", 0, 1, 3),
        "yvyu422": _packed_422("yuv422p", 0, 3, 1),
        "uyvy422": _packed_422("yuv422p", 1, 0, 2),
        "ayuv": _packed("yuva444p", 1, 2, 3, 0, step=4),
        "ayuv64": _packed("yuva444p16", 1, 2, 3, 0, step=4),
        "vuya": _packed("yuva444p", 2, 1, 0, 3, step=4),
        "vuyx": _packed("yuv444p", 2, 1, 0, step=4),
        "vyu444": _packed("yuv444p", 1, 2, 0, step=3),
        "uyva": _packed("yuva444p", 1, 0, 2, 3, step=4),
        "xv36": _packed("yuv444p12", 1, 0, 2, step=4, shift=4),
        "xv48": _packed("yuv444p16", 1, 0, 2, step=4),
        "ya8": _packed("gbrap", 0, 0, 0, 1, step=2),
        "ya16": _packed("gbrap16", 0, 0, 0, 1, step=2),
        "yaf16": _packed("gbrapf16", 0, 0, 0, 1, step=2),
        "yaf32": _packed("gbrapf32", 0, 0, 0, 1, step=2),
    }
    for digit, chroma in (("0", "420"), ("2", "422"), ("4", "444")):
        for bits in (10, 12, 16):
            layouts[f"p{digit}{bits}"] = _semi(f"yuv{chroma}p{bits}", shift=16 - bits)
    for bits in (10, 12, 16):
        layouts[f"y2{bits}"] = _packed_422(f"yuv422p{bits}", 0, 1, 3, shift=16 - bits)
    return layouts


_SPLIT = _rgb_layouts() | _yuv_layouts()
_ORDER = re.compile(r"(le|be)$")


@lru_cache(maxsize=256)
def _layout(name: str) -> _Layout:
    """The layout of libav's format `name`; MediaError for palettes, bit-packed, Bayer, 32-bit integer, hardware."""
    bare = _ORDER.sub("", name)
    big_endian = name.endswith("be")
    if bare in _SPLIT:
        found = _SPLIT[bare]
        return _Layout(found.format, found.parts, found.shift, big_endian)
    # Samples of the "msb" formats sit in the upper bits of their 16.
    planar = bare.removesuffix("msb")
    try:
        native = PixelFormat.parse(planar)
    except ShapeError as error:
        raise MediaError(
            f"planes: pixel format must be planar, semi-planar or byte-packed YUV, RGB or gray, got {name!r}; "
            f"convert the footage to one of those first (ffmpeg -pix_fmt)"
        ) from error
    shift = 16 - native.bits if planar != bare else 0
    return _Layout(native, tuple(_Part(index) for index in range(native.planes)), shift, big_endian)


def planar_name(av_format_name: str) -> str:
    """Name of the native format that frames of `av_format_name` are read as; MediaError if they cannot be split."""
    return _layout(av_format_name).format.name


def av_name(format: PixelFormat) -> str:  # noqa: A002
    """What libav calls a native format in this machine's byte order: ``yuv422p10`` is ``yuv422p10le``."""
    return format.name if format.dtype.itemsize == 1 else f"{format.name}{_NATIVE_ORDER}"


def _view(plane: Any, part: _Part, shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The samples of `part` where libav keeps them; the view keeps the libav frame alive."""
    rows, columns = shape
    line_bytes: int = plane.line_size
    # A negative line size means the picture is stored bottom-up; PyAV's buffer always starts at the lowest address.
    top = (rows - 1) * -line_bytes if line_bytes < 0 else 0
    return np.ndarray(
        (rows, columns),
        dtype,
        buffer=plane,
        offset=top + part.first * dtype.itemsize,
        strides=(line_bytes, part.step * dtype.itemsize),
    )


def native_from_av(frame: av.VideoFrame) -> NativeFrame:
    """The planes of `frame`, untouched; zero-copy views where its format is planar and in native byte order.

    A format that cannot be split without loss is a MediaError.
    """
    layout = _layout(frame.format.name)
    native = layout.format
    stored = native.dtype.newbyteorder(">") if layout.big_endian else native.dtype
    planes: list[NDArray[Any]] = []
    for index, part in enumerate(layout.parts):
        shape = native.plane_shape(index, width=frame.width, height=frame.height)
        samples = _view(frame.planes[part.plane], part, shape, stored)
        if layout.shift:
            samples = samples >> layout.shift
        if part.step != 1 or samples.dtype != native.dtype:
            samples = np.ascontiguousarray(samples, native.dtype)
        samples.setflags(write=False)
        planes.append(samples)
    return NativeFrame(tuple(planes), native)


def native_to_av(frame: NativeFrame) -> av.VideoFrame:
    """A new libav frame with copies of the planes of `frame`, in its planar format; no time stamp, no tags.

    A stack is a ShapeError.
    """
    if frame.planes[0].ndim != 2:
        raise ShapeError(f"planes: frame must be one picture, got a stack of {len(frame.planes[0])}; encode one by one")
    width, height = frame.size
    target = av.VideoFrame(width, height, av_name(frame.format))
    for index, samples in enumerate(frame.planes):
        rows, columns = samples.shape
        _view(target.planes[index], _Part(index), (rows, columns), samples.dtype)[...] = samples
    return target
