"""One picture over another, in floats and on coded planes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import NativeFrame, PixelFormat
from shotgraph.maths.composite import block_mean, over, over_planes, straight_colour


def native(name: str, *, width: int, height: int, seed: int) -> NativeFrame:
    layout = PixelFormat.parse(name)
    rng = np.random.default_rng(seed)
    shapes = [layout.plane_shape(i, width=width, height=height) for i in range(layout.planes)]
    return NativeFrame(tuple(rng.integers(0, 1 << layout.bits, s).astype(layout.dtype) for s in shapes), layout)


def test_straight_colour_is_divided_by_alpha_and_0_where_there_is_none() -> None:
    picture = np.array([[[0.2, 0.1, 0.05, 0.5], [0.3, 0.6, 0.9, 1], [0.4, 0.4, 0.4, 0]]], np.float32)

    colour = straight_colour(picture)

    np.testing.assert_array_equal(colour[0], np.array([[0.4, 0.2, 0.1], [0.3, 0.6, 0.9], [0, 0, 0]], np.float32))
    assert picture[0, 0, 0] == np.float32(0.2)


def test_a_block_mean_covers_the_pixels_of_its_chroma_sample() -> None:
    weight = np.arange(12, dtype=np.float32).reshape(2, 6)

    assert block_mean(weight, x_shift=1, y_shift=1).tolist() == [[3.5, 5.5, 7.5]]
    assert block_mean(weight, x_shift=1, y_shift=0).tolist() == [[0.5, 2.5, 4.5], [6.5, 8.5, 10.5]]
    assert block_mean(weight, x_shift=0, y_shift=1).tolist() == [[3, 4, 5, 6, 7, 8]]
    assert block_mean(weight, x_shift=0, y_shift=0) is weight


def test_the_last_block_of_an_odd_size_repeats_its_edge() -> None:
    weight = np.array([[0, 0, 1], [0, 0, 3], [0, 0, 5]], np.float32)

    assert block_mean(weight, x_shift=1, y_shift=1).tolist() == [[0, 2], [0, 5]]


def test_colour_is_mixed_by_coverage() -> None:
    below, above = np.zeros((1, 4, 3), np.float32), np.full((1, 4, 3), 2, np.float32)
    below[..., 1] = 1
    coverage = np.array([[0, 0.25, 0.5, 1]], np.float32)

    mixed = over(below, above, coverage, straight=True)

    assert mixed[0, :, 0].tolist() == [0, 0.5, 1, 2]
    assert mixed[0, :, 1].tolist() == [1, 1.25, 1.5, 2]


def test_over_agrees_between_straight_and_premultiplied_backgrounds() -> None:
    rng = np.random.default_rng(3)
    straight = rng.random((3, 7, 4), dtype=np.float32)
    premultiplied = straight.copy()
    premultiplied[..., :3] *= straight[..., 3:]
    above, coverage = rng.random((3, 7, 3), dtype=np.float32), rng.random((3, 7), dtype=np.float32)

    a = over(straight, above, coverage, straight=True)
    b = over(premultiplied, above, coverage, straight=False)

    np.testing.assert_allclose(a[..., 3], b[..., 3], rtol=1e-6)
    np.testing.assert_allclose(a[..., :3] * a[..., 3:], b[..., :3], atol=1e-6)
    np.testing.assert_allclose(a[..., 3], coverage + straight[..., 3] * (1 - coverage), rtol=1e-6)


@given(st.integers(0, 2**16), st.sampled_from(["yuv420p", "yuv422p10", "yuv444p", "gbrp12", "gray16", "yuva444p10"]))
def test_samples_without_coverage_keep_their_bits(seed: int, name: str) -> None:
    below, above = (native(name, width=11, height=7, seed=seed + i) for i in (0, 1))
    coverage = np.zeros((7, 11), np.float32)
    coverage[2:5, 3:8] = np.random.default_rng(seed).random((3, 5))

    mixed = over_planes(below, above, coverage, straight=True)

    for index, (before, after) in enumerate(zip(below.planes, mixed.planes, strict=True)):
        shift = below.format.chroma_shift if index in (1, 2) else (0, 0)
        untouched = block_mean(coverage, x_shift=shift[0], y_shift=shift[1]) == 0
        np.testing.assert_array_equal(after[untouched], before[untouched])
        assert (after[~untouched] != before[~untouched]).any()


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10", "yuv444p12", "gbrp16"])
def test_full_coverage_gives_the_foregrounds_codes(name: str) -> None:
    below, above = (native(name, width=10, height=6, seed=seed) for seed in (1, 2))

    mixed = over_planes(below, above, np.ones((6, 10), np.float32), straight=True)

    for expected, got in zip(above.planes, mixed.planes, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_mixed_codes_are_rounded_not_cut() -> None:
    layout = PixelFormat.parse("gray")
    below = NativeFrame((np.array([[10, 10, 10, 250]], np.uint8),), layout)
    above = NativeFrame((np.array([[11, 11, 11, 255]], np.uint8),), layout)

    mixed = over_planes(below, above, np.array([[0.4, 0.6, 0, 0.3]], np.float32), straight=True)

    assert mixed.planes[0].tolist() == [[10, 11, 10, 252]]


def test_over_a_transparent_straight_plane_the_colour_is_the_foregrounds() -> None:
    layout = PixelFormat.parse("yuva444p")
    below = NativeFrame(tuple(np.full((1, 2), v, np.uint8) for v in (200, 90, 40, 0)), layout)
    above = NativeFrame(tuple(np.full((1, 2), v, np.uint8) for v in (100, 120, 140, 255)), layout)
    coverage = np.array([[0.5, 0]], np.float32)

    straight = over_planes(below, above, coverage, straight=True)
    premultiplied = over_planes(below, above, coverage, straight=False)

    assert [plane[0].tolist() for plane in straight.planes] == [[100, 200], [120, 90], [140, 40], [128, 0]]
    assert premultiplied.planes[0][0].tolist() == [150, 200]


def test_over_a_half_transparent_straight_plane_colours_weigh_by_what_they_add_to_alpha() -> None:
    layout = PixelFormat.parse("yuva444p")
    below = NativeFrame(tuple(np.full((1, 1), v, np.uint8) for v in (200, 90, 40, 51)), layout)
    above = NativeFrame(tuple(np.full((1, 1), v, np.uint8) for v in (100, 120, 140, 255)), layout)

    mixed = over_planes(below, above, np.array([[0.5]], np.float32), straight=True)

    # Alpha is 0.5 + 0.2 x 0.5 = 0.6, so the foreground weighs 0.5 / 0.6: 200 - 83.3, 90 + 25, 40 + 83.3.
    assert [int(plane[0, 0]) for plane in mixed.planes] == [117, 115, 123, 153]
