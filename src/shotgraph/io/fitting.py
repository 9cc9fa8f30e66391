"""Pictures of any kind as the exact planes an encoder takes.

An encoder is never handed anything else: libav would convert it silently, with the wrong matrix. Planes that are already
right pass through untouched; depth, range and chroma size change plane by plane; only a change between YUV, RGB and gray goes
through float RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import NativeFrame, PixelFormat, StreamInfo
from shotgraph.errors import ShapeError
from shotgraph.maths.yuv import Coding, coding_of, native_from_rgb, rgb_from_native

Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PictureFitter:
    """Turns frames of one stream into planes of one format.

    Attributes:
        kind: port type of the frames: native, rgb, rgb_linear or mask.
        size: (width, height) every frame must have.
        source: coding of native frames as they arrive.
        target: coding that the file is tagged with.
        format: pixel format of the encoder.
    """

    kind: str
    size: tuple[int, int]
    source: Coding
    target: Coding
    format: PixelFormat

    @classmethod
    def between(cls, info: StreamInfo, written: StreamInfo, target: PixelFormat) -> PictureFitter:
        """The fitter from frames of `info` to a file that `written` describes, in `target` planes."""
        native = PixelFormat.parse(info.pixel_format) if info.kind == "native" else target
        size = {"width": info.width, "height": info.height}
        return cls(
            kind=info.kind,
            size=(info.width, info.height),
            source=coding_of(info.colour, native, **size),
            target=coding_of(written.colour, target, **size),
            format=target,
        )

    def fit(self, value: Any) -> NativeFrame:
        """`value` in the encoder's planes; ShapeError for another size than the stream's."""
        if self.kind == "native":
            return self._native(cast(NativeFrame, value))
        picture = cast(Float32, value)
        self._check_size((picture.shape[1], picture.shape[0]) if picture.ndim >= 2 else (0, 0))
        if self.kind == "mask":
            # Gray planes hold the mask itself; YUV and RGB a picture with R = G = B.
            picture = np.ascontiguousarray(np.broadcast_to(picture[..., None], (*picture.shape, 3)))
        return native_from_rgb(picture, self.format, matrix=self.target.matrix, range=self.target.range)

    def _check_size(self, size: tuple[int, int]) -> None:
        if size != self.size:
            (width, height), (wanted_width, wanted_height) = size, self.size
            raise ShapeError(
                f"write: frame must be {wanted_width}x{wanted_height} like its stream, got {width}x{height}; resize it first"
            )

    def _native(self, frame: NativeFrame) -> NativeFrame:
        self._check_size(frame.size)
        same_range = frame.format.is_float or self.source.range == self.target.range
        if frame.format == self.format and same_range:
            return frame
        if frame.format.family == self.format.family and not frame.format.is_float and not self.format.is_float:
            return _refitted(frame, self.format, self.source.range, self.target.range)
        rgb = rgb_from_native(frame, matrix=self.source.matrix, range=self.source.range)
        return native_from_rgb(rgb, self.format, matrix=self.target.matrix, range=self.target.range)


def _levels(native: PixelFormat, code_range: str, *, chroma: bool) -> tuple[float, float]:
    """The code of zero and the codes per unit of a plane, after ITU-T H.273."""
    top = (1 << native.bits) - 1
    if code_range == "full":
        return (float(1 << (native.bits - 1)) if chroma else 0.0), float(top)
    unit = 1 << (native.bits - 8)
    return (128.0 * unit, 224.0 * unit) if chroma else (16.0 * unit, 219.0 * unit)


def _refitted(frame: NativeFrame, target: PixelFormat, source_range: str, target_range: str) -> NativeFrame:
    """Planes of one family in another depth, range or chroma size; missing alpha becomes opaque."""
    native = frame.format
    width, height = frame.size
    planes: list[NDArray[Any]] = []
    for index in range(3 if native.family != "gray" else 1):
        chroma = native.family == "yuv" and index > 0
        plane = frame.planes[index]
        if chroma:
            plane = _resampled(plane, native, target, (width, height))
        before, after = _levels(native, source_range, chroma=chroma), _levels(target, target_range, chroma=chroma)
        planes.append(_relevelled(plane, before, after, target))
    if target.has_alpha:
        top = (1 << target.bits) - 1
        full = (0.0, float((1 << native.bits) - 1)), (0.0, float(top))
        opaque = np.full((height, width), top, target.dtype)
        planes.append(_relevelled(frame.planes[-1], *full, target) if native.has_alpha else opaque)
    return NativeFrame(tuple(planes), target)


def _relevelled(
    plane: NDArray[Any], before: tuple[float, float], after: tuple[float, float], target: PixelFormat
) -> NDArray[Any]:
    """Codes of `plane` on another scale, rounded and clipped to what `target` holds."""
    if before == after and plane.dtype == target.dtype:
        return plane
    # 16-bit codes times a ratio need more than the 24 bits of a float32.
    codes = plane.astype(np.float64)
    codes -= before[0]
    codes *= after[1] / before[1]
    codes += after[0]
    np.rint(codes, out=codes)
    np.clip(codes, 0, (1 << target.bits) - 1, out=codes)
    return codes.astype(target.dtype)


def _resampled(plane: NDArray[Any], native: PixelFormat, target: PixelFormat, size: tuple[int, int]) -> NDArray[Any]:
    """A chroma plane at the target's size: samples repeated, or the mean of a block, the edge standing in for what lacks."""
    if native.chroma_shift == target.chroma_shift:
        return plane
    width, height = size
    across, down = native.chroma_shift
    rows, columns = plane.shape
    full = cv2.resize(plane, (columns << across, rows << down), interpolation=cv2.INTER_NEAREST)[:height, :width]
    across, down = 1 << target.chroma_shift[0], 1 << target.chroma_shift[1]
    if (across, down) == (1, 1):
        return np.asarray(full)
    padded = np.pad(full, ((0, -height % down), (0, -width % across)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across)
    return blocks.mean(axis=(1, 3))
