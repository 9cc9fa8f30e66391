"""Native pixels: the planes of a picture exactly as its codec stores them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import ShapeError

Family = Literal["yuv", "rgb", "gray"]

_YUV = re.compile(r"yuvj?(?P<alpha>a)?(?P<chroma>420|422|444|440|411|410)p(?P<bits>9|1[0-6])?")
_DEPTH = r"(?:(?P<float>f)(?=16|32))?(?P<bits>9|1[0-6]|(?<=f)32)?"
_GBR = re.compile(rf"gbr(?P<alpha>a)?p{_DEPTH}")
_GRAY = re.compile(rf"gray{_DEPTH}")
# (log2 of width divisor, log2 of height divisor) of the chroma planes.
_SUBSAMPLING = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """What the planes of a native frame mean. Always planar; packed codings are split when they are read.

    Attributes:
        name: FFmpeg's name without the byte order, e.g. ``yuv422p10``; ``gbrp`` planes are ordered G, B, R.
        family: yuv, rgb or gray.
        bits: significant bits of a sample; 16 or 32 where `is_float`.
        chroma_shift: log2 of the (width, height) divisor of planes 1 and 2; (0, 0) outside yuv.
        has_alpha: the last plane is alpha.
        is_float: samples are IEEE floats, unbounded.
    """

    name: str
    family: Family
    bits: int
    chroma_shift: tuple[int, int] = (0, 0)
    has_alpha: bool = False
    is_float: bool = False

    @staticmethod
    def parse(name: str) -> PixelFormat:
        """The format that FFmpeg calls `name`; ``yuvj`` names lose their ``j`` (range is a colour tag, not a layout)."""
        return _parse(name)

    @property
    def planes(self) -> int:
        """Number of planes, alpha included."""
        return (1 if self.family == "gray" else 3) + self.has_alpha

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type of every plane."""
        if self.is_float:
            return np.dtype(np.float16 if self.bits == 16 else np.float32)
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    def plane_shape(self, plane: int, *, width: int, height: int) -> tuple[int, int]:
        """(rows, columns) of `plane` for a picture of `width` x `height`; chroma rounds up."""
        if plane in (1, 2):
            x, y = self.chroma_shift
            return -(-height >> y), -(-width >> x)
        return height, width

    def frame_bytes(self, *, width: int, height: int) -> int:
        """Bytes of one frame."""
        shapes = (self.plane_shape(p, width=width, height=height) for p in range(self.planes))
        return sum(rows * columns for rows, columns in shapes) * self.dtype.itemsize


@lru_cache(maxsize=256)
def _parse(name: str) -> PixelFormat:
    bare = re.sub(r"(le|be)$", "", name)
    if match := _YUV.fullmatch(bare):
        bits, alpha = int(match["bits"] or 8), bool(match["alpha"])
        return PixelFormat(bare.replace("yuvj", "yuv"), "yuv", bits, _SUBSAMPLING[match["chroma"]], alpha)
    families: tuple[tuple[re.Pattern[str], Family], ...] = ((_GBR, "rgb"), (_GRAY, "gray"))
    for pattern, family in families:
        if match := pattern.fullmatch(bare):
            alpha = family == "rgb" and bool(match["alpha"])
            return PixelFormat(bare, family, int(match["bits"] or 8), (0, 0), alpha, bool(match["float"]))
    raise ShapeError(f"pixels: format must be planar yuv, gbr or gray, got {name!r}; unpack it when reading")


@dataclass(frozen=True, slots=True, eq=False)
class NativeFrame:
    """One picture as coded: no conversion has touched it.

    Attributes:
        planes: (rows, columns) arrays, or (T, rows, columns) in a stack; order and dtype as `format` says; read-only.
        format: what the planes mean.
    """

    planes: tuple[NDArray[Any], ...]
    format: PixelFormat

    def __post_init__(self) -> None:
        """Check plane count, dtype and chroma sizes, once, where frames are made."""
        if len(self.planes) != self.format.planes:
            raise ShapeError(
                f"native frame: {self.format.name} must have {self.format.planes} planes, got {len(self.planes)}"
            )
        if self.planes[0].ndim not in (2, 3):
            raise ShapeError(
                f"native frame: planes must be (rows, columns) or (T, rows, columns), got {self.planes[0].shape}"
            )
        *frames, rows, columns = self.planes[0].shape
        for index, plane in enumerate(self.planes):
            chroma = index in (1, 2)
            expected = (*frames, *self.format.plane_shape(index, width=columns, height=rows))
            if plane.shape != expected or plane.dtype != self.format.dtype:
                raise ShapeError(
                    f"native frame: {'chroma' if chroma else 'full'} plane {index} of {self.format.name} must be "
                    f"{expected} {self.format.dtype}, got {plane.shape} {plane.dtype}"
                )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        rows, columns = self.planes[0].shape[-2:]
        return columns, rows

    @property
    def nbytes(self) -> int:
        """Bytes of all planes."""
        return sum(plane.nbytes for plane in self.planes)

    def __repr__(self) -> str:
        """Format and size, never pixels."""
        width, height = self.size
        return f"NativeFrame({self.format.name}, {width}x{height})"
