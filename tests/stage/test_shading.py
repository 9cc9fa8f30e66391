"""Styles: each changes the whole picture, sticks to objects, and can be told from the others."""

import itertools
from typing import Any

import numpy as np
import pytest
from stage_clips import lively, sliding, warp_error

from shotgraph.stage.scene import Scene
from shotgraph.stage.vocabulary import GROUND_COLOURS, OBJECT_COLOURS, RGB, STYLES


@pytest.mark.parametrize("style", STYLES)
def test_a_style_moves_with_the_objects(style: Any) -> None:
    styled = Scene(lively(style=style))

    assert warp_error(styled, [(0, 1), (3, 4)]) <= 0.05e-3
    assert warp_error(Scene(sliding(speed=2.0).model_copy(update={"style": style})), [(0, 1)]) <= 1e-6


@pytest.mark.parametrize("style", STYLES[1:])
def test_a_style_changes_colours_and_nothing_else(style: Any) -> None:
    plain, styled = Scene(lively()), Scene(lively(style=style))

    assert np.array_equal(plain.flow(0, 3), styled.flow(0, 3))
    assert np.array_equal(plain.ids(2), styled.ids(2))
    assert np.abs(plain.picture(2) - styled.picture(2)).mean() > 0.05


def test_styles_differ_from_each_other() -> None:
    pictures = {style: Scene(lively(style=style)).picture(2) for style in STYLES}

    for one, other in itertools.combinations(STYLES, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 0.05


def test_each_style_has_its_mark() -> None:
    pictures = {style: Scene(lively(style=style)).picture(2) for style in STYLES}
    luma = {style: np.median(picture) for style, picture in pictures.items()}
    saturation = {style: np.ptp(picture, axis=-1).mean() for style, picture in pictures.items()}

    assert min(luma, key=luma.__getitem__) == "neon"
    assert max(luma, key=luma.__getitem__) in ("flat", "sketch")
    assert min(saturation, key=saturation.__getitem__) == "sketch"
    # Paint has no pattern left on the ground.
    ground = Scene(lively()).alpha(0, 2) > 0.9999
    assert pictures["flat"][ground].std(axis=0).max() < 0.3 * pictures["none"][ground].std(axis=0).max()


def _lab(colour: tuple[float, float, float]) -> np.ndarray[Any, Any]:
    """CIE Lab (D65) of a display colour, from the definition of sRGB."""
    display = np.array(colour)
    linear = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = matrix @ linear / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_colours_can_be_told_apart() -> None:
    assert _lab((1, 1, 1)) == pytest.approx([100, 0, 0], abs=0.05)
    assert set(OBJECT_COLOURS).isdisjoint(GROUND_COLOURS)
    for one, other in itertools.combinations(RGB, 2):
        assert np.linalg.norm(_lab(RGB[one]) - _lab(RGB[other])) >= 20, (one, other)
