"""Exact, unclamped float YUV <-> RGB after ITU-T H.273, for native planes of any depth.

RGB is "as coded": the transfer function stays on. 1.0 is reference white (235, 940, 60160 in limited range), and what lies
above or below survives. Chroma is replicated to full size and averaged back over the same block, so planes that nobody
touched come back bit for bit (limited and full range, 8 to 16 bits, odd sizes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.api.stream import UNSPECIFIED
from shotgraph.errors import ShapeError

Float32 = NDArray[np.float32]

# Weights of red and blue in luma (H.273 table 4); green has the rest.
LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "bt601": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True)
class Coding:
    """How to read the code values of a stream.

    Attributes:
        matrix: key of `LUMA_WEIGHTS`, or ``rgb``.
        range: ``limited`` or ``full``.
        guessed: what the tags left open, one sentence each, for the report.
    """

    matrix: str
    range: str
    guessed: tuple[str, ...] = ()


def default_matrix(width: int, height: int) -> str:
    """The matrix of untagged YUV: BT.709 from 1280 pixels wide or 720 high, BT.601 below."""
    return "bt709" if width >= 1280 or height >= 720 else "smpte170m"


def coding_of(colour: Colour, format: PixelFormat, *, width: int, height: int) -> Coding:  # noqa: A002
    """The coding that `colour` names, with a stated default for each tag it leaves open.

    Args:
        colour: tags of the stream.
        format: its pixel format; RGB has no matrix, RGB and gray are full range unless tagged.
        width: pixels; decides the default matrix.
        height: pixels.

    Returns:
        Matrix and range that `rgb_from_native` takes, and what had to be guessed.
    """
    guessed: list[str] = []
    matrix = "rgb" if format.family == "rgb" else colour.matrix
    if format.family == "gray" and matrix in (UNSPECIFIED, "rgb"):
        matrix = "bt709"
    if matrix == UNSPECIFIED:
        matrix = default_matrix(width, height)
        guessed.append(f"matrix is untagged: {matrix} assumed from {width}x{height}")
    code_range = colour.range
    if code_range == UNSPECIFIED:
        code_range = "limited" if format.family == "yuv" else "full"
        if format.family == "yuv":
            guessed.append("range is untagged: limited assumed")
    return Coding(matrix, code_range, tuple(guessed))


@dataclass(frozen=True, slots=True)
class _Scale:
    """Code value = offset + span * signal, for luma (and R, G, B) and for chroma."""

    luma_offset: float
    luma_span: float
    chroma_offset: float
    chroma_span: float


def _scale(bits: int, code_range: str) -> _Scale:
    if code_range == "limited":
        unit = 1 << (bits - 8)
        return _Scale(16 * unit, 219 * unit, 128 * unit, 224 * unit)
    if code_range == "full":
        top = (1 << bits) - 1
        return _Scale(0, top, 1 << (bits - 1), top)
    raise ShapeError(f"yuv: range must be limited or full, got {code_range!r}; tag the stream or choose one explicitly")


def _weights(matrix: str) -> tuple[float, float]:
    if matrix not in LUMA_WEIGHTS:
        known = ", ".join(LUMA_WEIGHTS)
        raise ShapeError(f"yuv: matrix must be one of {known}, got {matrix!r}; convert the footage or override its tag")
    return LUMA_WEIGHTS[matrix]


def _signal(codes: NDArray[Any], offset: float, span: float) -> Float32:
    """Codes as a float signal. Divided, not multiplied by a reciprocal: white must be 1.0 to the last bit."""
    signal = np.subtract(codes, np.float32(offset), dtype=np.float32)
    return np.divide(signal, np.float32(span), out=signal)


def _codes(signal: Float32, offset: float, span: float, native: PixelFormat) -> NDArray[Any]:
    """The nearest codes, clipped to what the format can hold. Overwrites `signal`."""
    np.multiply(signal, np.float32(span), out=signal)
    np.add(signal, np.float32(offset), out=signal)
    np.rint(signal, out=signal)
    np.clip(signal, 0, (1 << native.bits) - 1, out=signal)
    try:
        with np.errstate(invalid="raise"):
            return signal.astype(native.dtype)
    except FloatingPointError as error:
        raise ShapeError(
            f"yuv: rgb must be free of NaN to become {native.name}, got NaN; check the node that made it"
        ) from error


def _replicated(chroma: Float32, shift: tuple[int, int], width: int, height: int) -> Float32:
    """`chroma` at full size, each sample repeated; the last one is cut off where the size is odd."""
    if shift == (0, 0):
        return chroma
    rows, columns = chroma.shape
    full = cv2.resize(chroma, (columns << shift[0], rows << shift[1]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, np.float32)[:height, :width]


def _averaged(signal: Float32, shift: tuple[int, int]) -> Float32:
    """The mean of each chroma block of `signal`; edge samples count again where a block is incomplete."""
    if shift == (0, 0):
        return signal
    across, down = 1 << shift[0], 1 << shift[1]
    height, width = signal.shape
    right, bottom = -width % across, -height % down
    if right or bottom:
        signal = np.pad(signal, ((0, bottom), (0, right)), mode="edge")
    blocks = signal.reshape(signal.shape[0] // down, down, signal.shape[1] // across, across)
    total = np.zeros((blocks.shape[0], blocks.shape[2]), np.float32)
    for y in range(down):
        for x in range(across):
            total += blocks[:, y, :, x]
    total *= np.float32(1 / (across * down))
    return total


def _rgb_planes(planes: tuple[NDArray[Any], ...], native: PixelFormat, coding: Coding) -> list[Float32]:
    """R, G and B of one picture."""
    if native.is_float:
        order = (2, 0, 1) if native.family == "rgb" else (0, 0, 0)
        return [planes[index].astype(np.float32) for index in order]
    scale = _scale(native.bits, coding.range)
    if native.family != "yuv":
        order = (2, 0, 1) if native.family == "rgb" else (0, 0, 0)
        return [_signal(planes[index], scale.luma_offset, scale.luma_span) for index in order]
    red, blue = _weights(coding.matrix)
    green = 1 - red - blue
    height, width = planes[0].shape
    luma = _signal(planes[0], scale.luma_offset, scale.luma_span)
    cb = _signal(planes[1], scale.chroma_offset, scale.chroma_span)
    cr = _signal(planes[2], scale.chroma_offset, scale.chroma_span)
    # Products at chroma size, then replicated: a quarter of the work, the same bits.
    to_red = cr * np.float32(2 * (1 - red))
    to_blue = cb * np.float32(2 * (1 - blue))
    to_green = cb * np.float32(-2 * (1 - blue) * blue / green) + cr * np.float32(-2 * (1 - red) * red / green)
    return [luma + _replicated(part, native.chroma_shift, width, height) for part in (to_red, to_green, to_blue)]


def _picture(planes: tuple[NDArray[Any], ...], native: PixelFormat, coding: Coding, out: Float32) -> None:
    """Fill `out`, (H, W, 3|4), from the planes of one picture."""
    channels = _rgb_planes(planes, native, coding)
    if native.has_alpha:
        alpha = planes[-1]
        # Alpha is full range whatever the colour planes are.
        channels.append(alpha.astype(np.float32) if native.is_float else _signal(alpha, 0, (1 << native.bits) - 1))
    cv2.merge(channels, dst=out)


def rgb_from_native(frame: NativeFrame, *, matrix: str, range: str) -> Float32:  # noqa: A002
    """Unclamped RGB (with straight alpha, if any) of native planes; float planes keep their values.

    Args:
        frame: a picture, or a stack of them.
        matrix: a key of `LUMA_WEIGHTS`; not consulted for RGB and gray planes, which have none.
        range: ``limited`` or ``full``; not consulted for float planes and alpha.

    Returns:
        (H, W, 3|4) float32, with a leading T for a stack.
    """
    native, coding = frame.format, Coding(matrix, range)
    width, height = frame.size
    channels = 4 if native.has_alpha else 3
    if frame.planes[0].ndim == 2:
        picture = np.empty((height, width, channels), np.float32)
        _picture(frame.planes, native, coding, picture)
        return picture
    pictures = np.empty((len(frame.planes[0]), height, width, channels), np.float32)
    for index, picture in enumerate(pictures):
        _picture(tuple(plane[index] for plane in frame.planes), native, coding, picture)
    return pictures


def _native_planes(rgb: Float32, native: PixelFormat, coding: Coding) -> list[NDArray[Any]]:
    """Colour planes of one picture."""
    red, green, blue = (np.ascontiguousarray(rgb[..., index]) for index in (0, 1, 2))
    if native.family == "rgb":
        if native.is_float:
            return [plane.astype(native.dtype) for plane in (green, blue, red)]
        scale = _scale(native.bits, coding.range)
        return [_codes(plane, scale.luma_offset, scale.luma_span, native) for plane in (green, blue, red)]
    kr, kb = _weights(coding.matrix)
    # Written as green plus differences: a gray pixel then gives luma = green exactly, whatever the weights round to.
    luma = np.asarray(green + np.float32(kr) * (red - green) + np.float32(kb) * (blue - green), np.float32)
    if native.is_float:
        return [luma.astype(native.dtype)]
    scale = _scale(native.bits, coding.range)
    planes: list[NDArray[Any]] = []
    if native.family == "yuv":
        for part, weight in ((blue, kb), (red, kr)):
            part -= luma
            chroma = _averaged(part, native.chroma_shift)
            np.multiply(chroma, np.float32(0.5 / (1 - weight)), out=chroma)
            planes.append(_codes(chroma, scale.chroma_offset, scale.chroma_span, native))
    return [_codes(luma, scale.luma_offset, scale.luma_span, native), *planes]


def _alpha_plane(rgb: Float32, native: PixelFormat) -> NDArray[Any]:
    """The alpha plane of one picture, opaque where `rgb` has none."""
    alpha = rgb[..., 3].copy() if rgb.shape[-1] == 4 else np.ones(rgb.shape[:2], np.float32)
    return alpha.astype(native.dtype) if native.is_float else _codes(alpha, 0, (1 << native.bits) - 1, native)


def native_from_rgb(rgb: Float32, format: PixelFormat, *, matrix: str, range: str) -> NativeFrame:  # noqa: A002
    """The planes nearest to `rgb`: rounded, and clipped only to the codes the format has.

    Args:
        rgb: (H, W, 3|4) float32, or a stack; alpha is dropped where the format has none, opaque where `rgb` has none.
        format: format of the result.
        matrix: a key of `LUMA_WEIGHTS`; gives gray its luma too, and is not consulted for RGB.
        range: ``limited`` or ``full``; not consulted for float planes and alpha.

    Returns:
        A picture, or a stack, with read-only planes.

    Raises:
        ShapeError: `rgb` is not RGB(A) float32.
    """
    if rgb.ndim not in (3, 4) or rgb.shape[-1] not in (3, 4) or rgb.dtype != np.float32:
        raise ShapeError(f"yuv: rgb must be (H, W, 3|4) float32 or a stack, got {rgb.shape} {rgb.dtype}")
    coding = Coding(matrix, range)
    stacks: list[list[NDArray[Any]]] = []
    for picture in rgb if rgb.ndim == 4 else rgb[None]:
        planes = _native_planes(picture, format, coding)
        if format.has_alpha:
            planes.append(_alpha_plane(picture, format))
        stacks.append(planes)
    result = tuple(stacks[0]) if rgb.ndim == 3 else tuple(np.stack(planes) for planes in zip(*stacks, strict=True))
    for plane in result:
        plane.setflags(write=False)
    return NativeFrame(result, format)
