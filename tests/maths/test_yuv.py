from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.errors import ShapeError
from shotgraph.maths.yuv import LUMA_WEIGHTS, coding_of, default_matrix, native_from_rgb, rgb_from_native

YUV_NAMES = [
    f"yuv{alpha}{chroma}p{bits}" for alpha in ("", "a") for chroma in ("420", "422", "444") for bits in ("", 10, 12, 16)
]
RGB_NAMES = ["gbrp", "gbrap", "gbrp10", "gbrap12", "gbrp16", "gray", "gray10", "gray16"]


def noise(name: str, width: int, height: int, seed: int = 0) -> NativeFrame:
    native = PixelFormat.parse(name)
    rng = np.random.default_rng(seed)
    planes = []
    for plane in range(native.planes):
        shape = native.plane_shape(plane, width=width, height=height)
        planes.append(rng.integers(0, 1 << native.bits, shape, dtype=native.dtype))
    return NativeFrame(tuple(planes), native)


def filled(name: str, *levels: int) -> NativeFrame:
    native = PixelFormat.parse(name)
    return NativeFrame(
        tuple(np.full(native.plane_shape(i, width=2, height=2), v, native.dtype) for i, v in enumerate(levels)), native
    )


def same(left: NativeFrame, right: NativeFrame) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left.planes, right.planes, strict=True))


def reference_rgb(y: float, u: float, v: float, matrix: str, bits: int, code_range: str) -> tuple[float, float, float]:
    """ITU-T H.273 written out in double precision: solve Y = kr R + kg G + kb B for G."""
    kr, kb = LUMA_WEIGHTS[matrix]
    unit, top = 2.0 ** (bits - 8), 2.0**bits - 1
    if code_range == "limited":
        luma, cb, cr = (y / unit - 16) / 219, (u / unit - 128) / 224, (v / unit - 128) / 224
    else:
        luma, cb, cr = y / top, (u - 2 ** (bits - 1)) / top, (v - 2 ** (bits - 1)) / top
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    return red, (luma - kr * red - kb * blue) / (1 - kr - kb), blue


@pytest.mark.parametrize("code_range", ["limited", "full"])
@pytest.mark.parametrize("matrix", sorted(LUMA_WEIGHTS))
@pytest.mark.parametrize("name", YUV_NAMES)
def test_untouched_yuv_comes_back_bit_for_bit(name: str, matrix: str, code_range: str) -> None:
    frame = noise(name, 37, 23)

    rgb = rgb_from_native(frame, matrix=matrix, range=code_range)

    assert same(native_from_rgb(rgb, frame.format, matrix=matrix, range=code_range), frame)


@pytest.mark.parametrize("code_range", ["limited", "full"])
@pytest.mark.parametrize("name", RGB_NAMES)
def test_untouched_rgb_and_gray_come_back_bit_for_bit(name: str, code_range: str) -> None:
    frame = noise(name, 37, 23)

    rgb = rgb_from_native(frame, matrix="bt709", range=code_range)

    assert same(native_from_rgb(rgb, frame.format, matrix="bt709", range=code_range), frame)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_every_8_bit_triple_on_a_dense_grid_comes_back(matrix: str) -> None:
    # All 256 luma codes against every fourth chroma code and the ends.
    chroma = np.array([*range(0, 256, 4), 255], np.uint8)
    y, u, v = (
        axis.reshape(256, -1) for axis in np.meshgrid(np.arange(256, dtype=np.uint8), chroma, chroma, indexing="ij")
    )
    frame = NativeFrame((y, u, v), PixelFormat.parse("yuv444p"))

    rgb = rgb_from_native(frame, matrix=matrix, range="limited")

    assert same(native_from_rgb(rgb, frame.format, matrix=matrix, range="limited"), frame)


@given(
    width=st.integers(1, 40),
    height=st.integers(1, 30),
    name=st.sampled_from([*YUV_NAMES, "yuv411p", "yuv410p", "yuv440p10"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=120, deadline=None)
def test_any_size_comes_back_bit_for_bit(width: int, height: int, name: str, seed: int) -> None:
    frame = noise(name, width, height, seed)

    rgb = rgb_from_native(frame, matrix="bt709", range="limited")

    assert rgb.shape == (height, width, 4 if frame.format.has_alpha else 3)
    assert same(native_from_rgb(rgb, frame.format, matrix="bt709", range="limited"), frame)


@given(
    codes=st.tuples(*[st.integers(0, 1023)] * 3),
    matrix=st.sampled_from(sorted(LUMA_WEIGHTS)),
    code_range=st.sampled_from(["limited", "full"]),
)
@settings(deadline=None)
def test_values_are_those_of_h273(codes: tuple[int, int, int], matrix: str, code_range: str) -> None:
    rgb = rgb_from_native(filled("yuv444p10", *codes), matrix=matrix, range=code_range)

    np.testing.assert_allclose(rgb[0, 0], reference_rgb(*codes, matrix, 10, code_range), atol=2e-6)


def test_a_wrong_matrix_misses_the_reference_by_far_more_than_the_tolerance() -> None:
    rgb = rgb_from_native(filled("yuv444p10", 500, 960, 64), matrix="smpte170m", range="limited")

    assert np.abs(rgb[0, 0] - reference_rgb(500, 960, 64, "bt709", 10, "limited")).max() > 0.05


@pytest.mark.parametrize(
    ("matrix", "codes"), [("bt709", (63, 102, 240)), ("smpte170m", (81, 90, 240)), ("bt2020nc", (74, 97, 240))]
)
def test_red_has_the_codes_of_its_matrix(matrix: str, codes: tuple[int, int, int]) -> None:
    red = np.zeros((2, 2, 3), np.float32)
    red[..., 0] = 1

    frame = native_from_rgb(red, PixelFormat.parse("yuv444p"), matrix=matrix, range="limited")

    assert tuple(int(plane[0, 0]) for plane in frame.planes) == codes


@pytest.mark.parametrize(
    ("name", "white", "neutral"), [("", 235, 128), (10, 940, 512), (12, 3760, 2048), (16, 60160, 32768)]
)
def test_limited_white_is_one_to_the_last_bit(name: str, white: int, neutral: int) -> None:
    for matrix in LUMA_WEIGHTS:
        rgb = rgb_from_native(filled(f"yuv420p{name}", white, neutral, neutral), matrix=matrix, range="limited")

        assert np.all(rgb == np.float32(1))


def test_superwhite_and_superblack_survive() -> None:
    frame = filled("yuv444p10", 1000, 512, 512)

    rgb = rgb_from_native(frame, matrix="bt709", range="limited")

    assert rgb[0, 0, 1] == pytest.approx((1000 - 64) / 876, abs=1e-6)
    assert rgb[0, 0, 1] > 1.068
    assert rgb_from_native(filled("yuv444p10", 4, 512, 512), matrix="bt709", range="limited")[0, 0, 0] < -0.06


def test_codes_are_rounded_to_nearest_and_clipped_only_to_the_code_range() -> None:
    rgb = np.array([[[-1, 0.5, 2], [0.4999, 0.0011, 1.0]]], np.float32)

    frame = native_from_rgb(rgb, PixelFormat.parse("gbrp10"), matrix="rgb", range="full")

    assert [plane.tolist() for plane in frame.planes] == [[[512, 1]], [[1023, 1023]], [[0, 511]]]


def test_alpha_is_full_range_beside_limited_colour() -> None:
    frame = filled("yuva444p10", 940, 512, 512, 1023)

    assert rgb_from_native(frame, matrix="bt709", range="limited")[0, 0].tolist() == [1, 1, 1, 1]


def test_missing_alpha_becomes_opaque() -> None:
    frame = native_from_rgb(np.zeros((3, 5, 3), np.float32), PixelFormat.parse("gbrap16"), matrix="rgb", range="full")

    assert np.all(frame.planes[3] == 65535)


def test_chroma_of_an_edited_block_is_the_mean_over_the_block() -> None:
    rgb = np.zeros((2, 2, 3), np.float32)
    rgb[0, 1] = (0, 0, 1)

    whole = (
        native_from_rgb(rgb, PixelFormat.parse("yuv444p"), matrix="bt709", range="full").planes[1].astype(float) - 128
    )
    block = (
        native_from_rgb(rgb, PixelFormat.parse("yuv420p"), matrix="bt709", range="full").planes[1].astype(float) - 128
    )

    assert block[0, 0] == pytest.approx(whole.mean(), abs=0.5)
    assert whole[0, 1] > 3 * block[0, 0]


@pytest.mark.parametrize("name", ["gbrpf16", "gbrapf16", "gbrpf32", "gbrapf32", "grayf32"])
def test_float_planes_keep_their_values_whatever_the_range(name: str) -> None:
    native = PixelFormat.parse(name)
    values = np.array([[-3.5, 0.25, 70.0], [1e-6, 1.0, 12.5]], native.dtype)
    frame = NativeFrame(tuple(values * (i + 1) for i in range(native.planes)), native)

    rgb = rgb_from_native(frame, matrix="bt709", range="limited")
    back = native_from_rgb(rgb, native, matrix="bt709", range="limited")

    assert rgb[0, 2, 1] == 70
    assert same(back, frame)


def test_gbr_planes_are_ordered_green_blue_red() -> None:
    rgb = rgb_from_native(filled("gbrp", 255, 51, 0), matrix="rgb", range="full")

    np.testing.assert_allclose(rgb[0, 0], [0, 1, 0.2], atol=1e-7)


def test_a_stack_equals_its_pictures() -> None:
    first, second = noise("yuva420p10", 9, 7, 1), noise("yuva420p10", 9, 7, 2)
    planes = tuple(np.stack(pair) for pair in zip(first.planes, second.planes, strict=True))
    stack = NativeFrame(planes, first.format)

    rgb = rgb_from_native(stack, matrix="bt709", range="limited")
    back = native_from_rgb(rgb, stack.format, matrix="bt709", range="limited")

    assert np.array_equal(rgb[1], rgb_from_native(second, matrix="bt709", range="limited"))
    assert not np.array_equal(rgb[0], rgb[1])
    assert same(back, stack)


def test_results_are_read_only() -> None:
    frame = native_from_rgb(np.zeros((2, 2, 3), np.float32), PixelFormat.parse("yuv420p"), matrix="bt709", range="full")

    assert not any(plane.flags.writeable for plane in frame.planes)


@pytest.mark.parametrize("matrix", ["bt2020c", "ictcp", "ycgco", "unspecified", "unknown:99", "rgb"])
def test_an_unsupported_matrix_is_named(matrix: str) -> None:
    with pytest.raises(ShapeError, match=f"matrix must be one of .*bt709.*, got '{matrix}'"):
        rgb_from_native(filled("yuv444p", 1, 2, 3), matrix=matrix, range="limited")


def test_an_unspecified_range_is_refused() -> None:
    with pytest.raises(ShapeError, match="range must be limited or full, got 'unspecified'"):
        rgb_from_native(filled("yuv444p", 1, 2, 3), matrix="bt709", range="unspecified")


def test_nan_does_not_become_a_code() -> None:
    rgb = np.full((2, 2, 3), np.nan, np.float32)

    with pytest.raises(ShapeError, match="free of NaN to become yuv420p10, got NaN"):
        native_from_rgb(rgb, PixelFormat.parse("yuv420p10"), matrix="bt709", range="limited")


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (2, 2, 4, 4, 3)])
def test_what_is_no_rgb_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=re.escape(f"got {shape} float32")):
        native_from_rgb(np.zeros(shape, np.float32), PixelFormat.parse("yuv444p"), matrix="bt709", range="full")


def test_default_matrix_follows_the_size() -> None:
    assert default_matrix(1280, 544) == "bt709"
    assert default_matrix(960, 720) == "bt709"
    assert default_matrix(720, 576) == "smpte170m"


def test_untagged_yuv_gets_a_stated_guess() -> None:
    coding = coding_of(Colour(), PixelFormat.parse("yuv420p"), width=720, height=576)

    assert (coding.matrix, coding.range) == ("smpte170m", "limited")
    assert coding.guessed == (
        "matrix is untagged: smpte170m assumed from 720x576",
        "range is untagged: limited assumed",
    )


def test_tags_are_believed() -> None:
    tags = Colour(matrix="bt2020nc", range="full")

    coding = coding_of(tags, PixelFormat.parse("yuv420p10"), width=320, height=180)

    assert (coding.matrix, coding.range, coding.guessed) == ("bt2020nc", "full", ())


def test_rgb_and_gray_need_no_guess() -> None:
    for name, matrix in (("gbrp16", "rgb"), ("gray", "bt709")):
        coding = coding_of(Colour(), PixelFormat.parse(name), width=320, height=180)

        assert (coding.matrix, coding.range, coding.guessed) == (matrix, "full", ())
