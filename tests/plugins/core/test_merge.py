"""Merging without touching what the mask leaves out."""

from typing import Any

import numpy as np
import pytest

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.errors import GraphError, NodeError
from shotgraph.maths.composite import block_mean
from shotgraph.maths.yuv import native_from_rgb, rgb_from_native
from shotgraph.plugins.core.merge import Merge

WIDTH, HEIGHT = 23, 15
BT709 = Colour("bt709", "bt709", "bt709", "limited")
FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10", "yuv422p10", "yuv444p10"]


def noise(seed: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, channels), dtype=np.float32)


def native(name: str, seed: int) -> NativeFrame:
    """Codes over the whole range of the format, beyond the legal ones too: a conversion would have to clip or round them."""
    layout = PixelFormat.parse(name)
    rng = np.random.default_rng(seed)
    shapes = [layout.plane_shape(i, width=WIDTH, height=HEIGHT) for i in range(layout.planes)]
    return NativeFrame(tuple(rng.integers(0, 1 << layout.bits, s).astype(layout.dtype) for s in shapes), layout)


def mask() -> np.ndarray:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[4:9, 5:12] = np.random.default_rng(9).uniform(0.1, 1, (5, 7))
    matte[5:7, 7:9] = 1
    return matte


@pytest.fixture
def merged(make_context: Any, make_header: Any):
    def run(a: Any, b: Any, matte: Any = None, *, a_alpha: str = "none", b_alpha: str = "none", b_colour=BT709) -> Any:
        def head(picture: Any, alpha: str, colour: Colour) -> Any:
            is_native = isinstance(picture, NativeFrame)
            name = picture.format.name if is_native else ""
            kind = "native" if is_native else "rgb"
            return make_header(width=WIDTH, height=HEIGHT, kind=kind, pixel_format=name, alpha=alpha, colour=colour)

        headers = {"a": head(a, a_alpha, BT709), "b": head(b, b_alpha, b_colour)}
        if matte is not None:
            headers["mask"] = make_header(width=WIDTH, height=HEIGHT, kind="mask")
        ctx = make_context(headers=headers, node="comp")
        info = Merge.info(Merge.Params(), ctx)["video"]
        video = Merge().process(Merge.In(a=a, b=b, mask=matte), Merge.Params(), ctx).video
        assert info.kind == ("native" if isinstance(video, NativeFrame) else "rgb")
        return video

    return run


@pytest.mark.parametrize("name", FORMATS)
def test_samples_outside_the_mask_keep_their_bits_on_every_plane(merged: Any, name: str) -> None:
    plate, matte = native(name, 1), mask()

    result = merged(plate, noise(2), matte)

    assert result.format == plate.format
    for index, (before, after) in enumerate(zip(plate.planes, result.planes, strict=True)):
        shift = plate.format.chroma_shift if index in (1, 2) else (0, 0)
        outside = block_mean(matte, x_shift=shift[0], y_shift=shift[1]) == 0
        np.testing.assert_array_equal(after[outside], before[outside])
        assert (after[~outside] != before[~outside]).mean() > 0.8


@pytest.mark.parametrize("name", FORMATS)
def test_a_merge_through_rgb_would_not_keep_them(name: str) -> None:
    plate, matte = native(name, 1), mask()
    rgb = rgb_from_native(plate, matrix="bt709", range="limited")
    mixed = rgb + matte[..., None] * (noise(2) - rgb)

    # Eight bits between, as a compositing package that works in 8-bit RGB would hold them.
    display = np.rint(np.clip(mixed, 0, 1) * 255).astype(np.float32) / 255
    back = native_from_rgb(display, plate.format, matrix="bt709", range="limited")

    assert (back.planes[0][matte == 0] != plate.planes[0][matte == 0]).mean() > 0.2


@pytest.mark.parametrize("name", FORMATS)
def test_a_foreground_in_the_same_coding_is_taken_as_coded(merged: Any, name: str) -> None:
    plate, above = native(name, 1), native(name, 2)

    result = merged(plate, above, np.ones((HEIGHT, WIDTH), np.float32))

    for expected, got in zip(above.planes, result.planes, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_foreground_in_another_matrix_is_converted(merged: Any) -> None:
    plate, above = native("yuv444p10", 1), native("yuv444p10", 2)

    result = merged(
        plate, above, np.ones((HEIGHT, WIDTH), np.float32), b_colour=Colour(matrix="smpte170m", range="limited")
    )

    rgb = rgb_from_native(above, matrix="smpte170m", range="limited")
    expected = native_from_rgb(rgb, plate.format, matrix="bt709", range="limited")
    np.testing.assert_array_equal(result.planes[2], expected.planes[2])
    assert (result.planes[2] != above.planes[2]).any()


def test_native_and_rgb_backgrounds_agree(merged: Any) -> None:
    plate, above, matte = native("yuv444p10", 1), noise(2), mask()
    rgb = rgb_from_native(plate, matrix="bt709", range="limited")

    coded = merged(plate, above, matte)
    floats = merged(rgb, above, matte)

    difference = rgb_from_native(coded, matrix="bt709", range="limited") - floats
    # Two roundings of half a code each, on luma and on chroma, in units of 10-bit RGB.
    assert np.abs(difference).max() * 876 < 3
    np.testing.assert_array_equal(floats[matte == 0], rgb[matte == 0])


def test_alpha_and_mask_multiply(merged: Any) -> None:
    plate, above, matte = noise(1), noise(2, channels=4), mask()

    result = merged(plate, above, matte, b_alpha="straight")

    weight = (above[..., 3] * matte)[..., None]
    np.testing.assert_allclose(result, plate + weight * (above[..., :3] - plate), atol=1e-6)


def test_a_coded_foreground_brings_its_own_alpha(merged: Any) -> None:
    plate, above = native("yuv444p10", 1), native("yuva444p10", 2)
    opaque = above.planes[3] >= 1000
    alpha = np.where(opaque, 1023, np.where(above.planes[3] < 500, 0, above.planes[3])).astype(np.uint16)
    above = NativeFrame((*above.planes[:3], alpha), above.format)

    result = merged(plate, above, None, b_alpha="straight")

    for index in range(3):
        before, over, after = plate.planes[index], above.planes[index], result.planes[index]
        np.testing.assert_array_equal(after[alpha == 0], before[alpha == 0])
        mixed = before + alpha / 1023 * (over.astype(float) - before)
        # The foreground passes through float RGB, and the sum is rounded once.
        assert np.abs(after - mixed).max() <= 0.51
    assert 5 < opaque.sum() < alpha.size / 4


def test_premultiplied_colour_is_divided_first(merged: Any) -> None:
    plate, straight = noise(1), noise(2, channels=4)
    straight[3, 4, 3] = 0
    premultiplied = np.concatenate((straight[..., :3] * straight[..., 3:], straight[..., 3:]), axis=-1)

    a = merged(plate, straight, None, b_alpha="straight")
    b = merged(plate, premultiplied, None, b_alpha="premultiplied")

    np.testing.assert_allclose(a, b, atol=1e-5)
    np.testing.assert_array_equal(b[3, 4], plate[3, 4])


def test_without_mask_and_alpha_the_graph_is_refused(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"a": make_header(), "b": make_header()}, node="comp")

    with pytest.raises(GraphError, match="comp: b must have alpha or mask be linked, got neither; link mask"):
        Merge.info(Merge.Params(), ctx)


def test_a_foreground_that_lost_its_alpha_is_refused(merged: Any) -> None:
    with pytest.raises(NodeError, match="comp: b must have alpha or mask be linked, got 3 channels and no mask"):
        merged(noise(1), noise(2), None, b_alpha="straight")


@pytest.mark.parametrize("port", ["b", "mask"])
def test_inputs_of_another_size_are_refused(make_context: Any, make_header: Any, port: str) -> None:
    headers = {"a": make_header(), "b": make_header(), "mask": make_header(kind="mask")}
    headers[port] = make_header(height=44)
    ctx = make_context(headers=headers, node="comp")

    with pytest.raises(GraphError, match=f"comp: {port} must be 64x40 like a, got 64x44; put core.resize before it"):
        Merge.info(Merge.Params(), ctx)
