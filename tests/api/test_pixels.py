"""Pixel formats by FFmpeg's names, and frames whose planes must fit them."""

import numpy as np
import pytest

from shotgraph.api import NativeFrame, PixelFormat
from shotgraph.errors import ShapeError

WIDTH, HEIGHT = 7, 5


def planes_of(name: str, *, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    pixels = PixelFormat.parse(name)
    shapes = [pixels.plane_shape(plane, width=width, height=height) for plane in range(pixels.planes)]
    return [np.arange(rows * columns).reshape(rows, columns).astype(pixels.dtype) for rows, columns in shapes]


@pytest.mark.parametrize(
    ("name", "shapes", "dtype", "bits"),
    [
        ("yuv420p", [(5, 7), (3, 4), (3, 4)], "uint8", 8),
        ("yuvj420p", [(5, 7), (3, 4), (3, 4)], "uint8", 8),
        ("yuv422p10le", [(5, 7), (5, 4), (5, 4)], "uint16", 10),
        ("yuv440p", [(5, 7), (3, 7), (3, 7)], "uint8", 8),
        ("yuv411p", [(5, 7), (5, 2), (5, 2)], "uint8", 8),
        ("yuv410p", [(5, 7), (2, 2), (2, 2)], "uint8", 8),
        ("yuva444p12be", [(5, 7)] * 4, "uint16", 12),
        ("gbrp", [(5, 7)] * 3, "uint8", 8),
        ("gbrap16le", [(5, 7)] * 4, "uint16", 16),
        ("gbrpf32le", [(5, 7)] * 3, "float32", 32),
        ("gbrapf16le", [(5, 7)] * 4, "float16", 16),
        ("gray", [(5, 7)], "uint8", 8),
        ("gray10le", [(5, 7)], "uint16", 10),
        ("grayf32", [(5, 7)], "float32", 32),
    ],
)
def test_a_name_says_planes_sizes_and_samples(name: str, shapes: list[tuple[int, int]], dtype: str, bits: int) -> None:
    pixels = PixelFormat.parse(name)

    assert [pixels.plane_shape(p, width=WIDTH, height=HEIGHT) for p in range(pixels.planes)] == shapes
    assert (pixels.dtype, pixels.bits) == (np.dtype(dtype), bits)
    assert pixels.is_float == dtype.startswith("float")
    assert pixels.frame_bytes(width=WIDTH, height=HEIGHT) == sum(plane.nbytes for plane in planes_of(name))


def test_byte_order_and_the_j_of_full_range_are_no_part_of_a_layout() -> None:
    assert PixelFormat.parse("yuvj422p") == PixelFormat.parse("yuv422p")
    assert PixelFormat.parse("yuv422p10be").name == "yuv422p10"


@pytest.mark.parametrize("name", ["nv12", "rgb24", "yuyv422", "yuv402p", "yuv420p99", "grayf", "gbrpf9", "gray32", ""])
def test_a_format_that_is_not_planar_is_refused_with_the_cure(name: str) -> None:
    with pytest.raises(ShapeError, match=f"must be planar yuv, gbr or gray, got '{name}'; unpack it when reading"):
        PixelFormat.parse(name)


def test_a_native_frame_knows_its_size_and_never_prints_pixels() -> None:
    frame = NativeFrame(tuple(planes_of("yuv420p")), PixelFormat.parse("yuv420p"))

    assert frame.size == (WIDTH, HEIGHT)
    assert frame.nbytes == 5 * 7 + 2 * 3 * 4
    assert repr(frame) == "NativeFrame(yuv420p, 7x5)"


def test_a_missing_plane_is_counted() -> None:
    with pytest.raises(ShapeError, match="yuva420p must have 4 planes, got 3"):
        NativeFrame(tuple(planes_of("yuv420p")), PixelFormat.parse("yuva420p"))


def test_chroma_that_rounds_down_is_refused() -> None:
    luma, cb, cr = planes_of("yuv420p")

    with pytest.raises(ShapeError, match=r"chroma plane 1 of yuv420p must be \(3, 4\) uint8, got \(2, 3\) uint8"):
        NativeFrame((luma, cb[:2, :3], cr), PixelFormat.parse("yuv420p"))


def test_alpha_has_the_size_of_luma() -> None:
    luma, cb, cr, alpha = planes_of("yuva420p")

    with pytest.raises(ShapeError, match=r"full plane 3 of yuva420p must be \(5, 7\) uint8, got \(3, 4\) uint8"):
        NativeFrame((luma, cb, cr, alpha[:3, :4]), PixelFormat.parse("yuva420p"))


def test_samples_must_have_the_width_of_the_format() -> None:
    planes = tuple(plane.astype(np.uint8) for plane in planes_of("yuv444p10"))

    with pytest.raises(ShapeError, match=r"full plane 0 of yuv444p10 must be \(5, 7\) uint16, got \(5, 7\) uint8"):
        NativeFrame(planes, PixelFormat.parse("yuv444p10"))


def test_planes_of_a_stack_must_agree_in_length() -> None:
    red, green, blue = (np.stack([plane] * 2) for plane in planes_of("gbrp"))

    assert NativeFrame((red, green, blue), PixelFormat.parse("gbrp")).size == (WIDTH, HEIGHT)
    with pytest.raises(ShapeError, match=r"must be \(2, 5, 7\) uint8, got \(1, 5, 7\) uint8"):
        NativeFrame((red, green[:1], blue), PixelFormat.parse("gbrp"))


def test_a_plane_without_two_axes_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"planes must be \(rows, columns\) or \(T, rows, columns\), got \(35,\)"):
        NativeFrame((np.zeros(35, np.uint8),), PixelFormat.parse("gray"))
