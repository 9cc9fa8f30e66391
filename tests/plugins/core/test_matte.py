"""The matte node: channels, and the order of its steps."""

from typing import Any

import numpy as np
import pytest

from shotgraph.errors import GraphError, NodeError
from shotgraph.plugins.core.matte import Matte, matte_of

PICTURE = np.random.default_rng(3).uniform(-0.2, 1.2, (5, 9, 4)).astype(np.float32)


def refine(matte: np.ndarray, ctx: Any, **params: Any) -> np.ndarray:
    settings = Matte.Params(**params)
    Matte.info(settings, ctx)
    return Matte().process(Matte.In(matte=matte), settings, ctx).matte


@pytest.mark.parametrize(("channel", "index"), [("red", 0), ("green", 1), ("blue", 2), ("alpha", 3), ("auto", 3)])
def test_a_channel_becomes_a_matte_within_0_and_1(channel: str, index: int) -> None:
    np.testing.assert_array_equal(matte_of(PICTURE, channel), np.clip(PICTURE[..., index], 0, 1))


@pytest.mark.parametrize("channel", ["luma", "auto"])
def test_without_alpha_auto_is_luma(channel: str) -> None:
    expected = np.clip(PICTURE[..., :3] @ np.array([0.2126, 0.7152, 0.0722], np.float32), 0, 1)

    np.testing.assert_allclose(matte_of(PICTURE[..., :3], channel), expected, atol=1e-6)


def test_alpha_that_is_not_there_is_refused() -> None:
    with pytest.raises(NodeError, match="channel must exist in the picture, got 'alpha' and 3 channels; choose luma"):
        matte_of(PICTURE[..., :3], "alpha")


def test_the_defaults_change_nothing(make_context: Any) -> None:
    matte = np.random.default_rng(4).random((6, 11), dtype=np.float32)

    np.testing.assert_array_equal(refine(matte, make_context(headers={})), matte)


def test_levels_come_before_the_inversion_and_growth_after(make_context: Any) -> None:
    matte = np.full((9, 15), 0.8, np.float32)
    matte[4, 7] = 0.2

    result = refine(matte, make_context(headers={}), black=0.5, white=0.5, invert=True, radius_px=2)

    expected = np.zeros((9, 15), np.float32)
    for dy, reach in ((-2, 0), (-1, 1), (0, 2), (1, 1), (2, 0)):
        expected[4 + dy, 7 - reach : 8 + reach] = 1
    np.testing.assert_array_equal(result, expected)


def test_a_negative_radius_shrinks_and_feathering_comes_last(make_context: Any) -> None:
    matte = np.zeros((30, 60), np.float32)
    matte[:, 20:] = 1
    ctx = make_context(headers={})

    hard, soft = refine(matte, ctx, radius_px=-4), refine(matte, ctx, radius_px=-4, feather_px=6)

    assert hard[15].tolist() == [0.0] * 24 + [1.0] * 36
    assert 0 < soft[15, 23] < 0.5 < soft[15, 24] < 1
    assert soft[15, 15] == 0


def test_levels_that_run_backwards_are_refused(make_context: Any) -> None:
    with pytest.raises(GraphError, match=r"node: black must be at most white \(0.2\), got 0.7; use invert"):
        refine(PICTURE[..., 0], make_context(headers={}), black=0.7, white=0.2)
