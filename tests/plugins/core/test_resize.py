"""The resize node: sizes, pixel aspect, alpha."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shotgraph.errors import GraphError
from shotgraph.plugins.core.resize import Resize


@pytest.mark.parametrize(
    ("params", "size", "sar"),
    [
        ({"width": 32}, (32, 20), Fraction(4, 3)),
        ({"scale": 0.5}, (32, 20), Fraction(4, 3)),
        ({"height": 30, "multiple_of": 2}, (48, 30), Fraction(4, 3)),
        ({"width": 50, "height": 20}, (32, 20), Fraction(4, 3)),
        ({"width": 32, "height": 40, "fit": "stretch"}, (32, 40), Fraction(8, 3)),
        ({"width": 64, "height": 20, "fit": "stretch"}, (64, 20), Fraction(2, 3)),
    ],
)
def test_the_header_follows_the_picture(make_context: Any, make_header: Any, params: Any, size: Any, sar: Any) -> None:
    ctx = make_context(headers={"video": make_header(sar=Fraction(4, 3))})
    settings = Resize.Params(**params)

    info = Resize.info(settings, ctx)["video"]
    out = Resize().process(Resize.In(video=np.zeros((40, 64, 3), np.float32)), settings, ctx)

    assert (info.width, info.height) == size
    assert info.sar == sar
    assert out.video.shape == (size[1], size[0], 3)


def test_a_stretch_keeps_the_display_aspect(make_context: Any, make_header: Any) -> None:
    header = make_header(sar=Fraction(16, 11))
    ctx = make_context(headers={"video": header})

    info = Resize.info(Resize.Params(width=100, height=31, fit="stretch"), ctx)["video"]

    assert info.sar * info.width / info.height == header.sar * header.width / header.height


def test_scale_and_size_exclude_each_other(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"video": make_header()}, node="half")

    with pytest.raises(GraphError, match=r"half: scale must stand alone, got scale 0.5, width 32, height None"):
        Resize.info(Resize.Params(scale=0.5, width=32), ctx)


@pytest.mark.parametrize(("params", "port"), [({}, "video"), ({"scale": 1.0}, "video"), ({"width": 32}, None)])
def test_the_same_size_is_the_input_itself(make_context: Any, make_header: Any, params: Any, port: Any) -> None:
    ctx = make_context(headers={"video": make_header()})

    assert Resize.identity(1001, Resize.Params(**params), ctx) == port


@pytest.mark.parametrize(("alpha", "expected"), [("straight", 0.25), ("premultiplied", 0.125)])
def test_straight_colour_is_weighted_by_its_alpha(
    make_context: Any, make_header: Any, alpha: str, expected: float
) -> None:
    picture = np.zeros((40, 64, 4), np.float32)
    picture[:, ::2] = (0.25, 0.25, 0.25, 1)
    ctx = make_context(headers={"video": make_header(alpha=alpha)})

    out = Resize().process(Resize.In(video=picture), Resize.Params(scale=0.5), ctx)

    np.testing.assert_allclose(out.video[10, 10], [expected] * 3 + [0.5], atol=1e-6)


def test_half_the_size_is_the_mean_of_four_pixels(make_context: Any, make_header: Any) -> None:
    y, x = np.mgrid[:40, :64].astype(np.float32)
    picture = np.stack((x, 10 * y, x * y), axis=-1)
    ctx = make_context(headers={"video": make_header()})

    half = Resize().process(Resize.In(video=picture), Resize.Params(scale=0.5), ctx).video

    expected = picture.reshape(20, 2, 32, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(half, expected, rtol=1e-5)


def test_the_filter_asked_for_is_the_one_used(make_context: Any, make_header: Any) -> None:
    picture = np.random.default_rng(8).random((40, 64, 3), dtype=np.float32)
    ctx = make_context(headers={"video": make_header()})

    results = [
        Resize().process(Resize.In(video=picture), Resize.Params(width=128, filter=name), ctx).video
        for name in ("auto", "cubic", "linear", "nearest")
    ]

    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[3], picture.repeat(2, axis=0).repeat(2, axis=1))
    # Between two samples linear filtering stays inside them, and cubic does not.
    assert results[2].max() <= picture.max() < results[1].max()
