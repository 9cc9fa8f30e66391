"""Mattes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shotgraph.maths.matte import distance_outside, feather, grow, levels, luma, shrink

SOFT = arrays(np.float32, (7, 12), elements=st.floats(0, 1, width=32))


def point(height: int = 11, width: int = 16, at: tuple[int, int] = (5, 9)) -> np.ndarray:
    matte = np.zeros((height, width), np.float32)
    matte[at] = 1
    return matte


def disk_by_definition(matte: np.ndarray, radius_px: float) -> np.ndarray:
    """Maximum over all pixels within the radius, by the definition."""
    rows, columns = matte.shape
    y, x = np.mgrid[:rows, :columns]
    near = (y[..., None, None] - y) ** 2 + (x[..., None, None] - x) ** 2 <= radius_px**2 + 1e-9
    return np.where(near, matte, 0).max(axis=(2, 3)).astype(np.float32)


def test_luma_has_rec_709_weights() -> None:
    picture = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, -1, 4]]], np.float32)

    np.testing.assert_allclose(luma(picture), [[0.2126, 0.7152, 0.0722, -0.0012]], atol=1e-6)


def test_distances_are_euclidean() -> None:
    distance = distance_outside(point(at=(2, 4)) > 0)

    assert distance[2, 4] == 0
    assert distance[6, 7] == pytest.approx(5)
    assert distance[2, 15] == pytest.approx(11)


def test_the_distance_to_nothing_is_infinite() -> None:
    assert np.isinf(distance_outside(np.zeros((3, 5), bool))).all()


@pytest.mark.parametrize("radius_px", [1.0, 1.5, 2.0, 3.2, 5.0])
def test_a_hard_matte_grows_by_an_exact_disk(radius_px: float) -> None:
    matte = point() + point(at=(0, 0))

    np.testing.assert_array_equal(grow(matte, radius_px), disk_by_definition(matte, radius_px))


@given(SOFT, st.sampled_from([1.0, 1.5, 2.0, 3.2]))
def test_a_soft_matte_grows_by_the_same_disk(matte: np.ndarray, radius_px: float) -> None:
    np.testing.assert_array_equal(grow(matte, radius_px), disk_by_definition(matte, radius_px))


def test_a_disk_is_not_a_square() -> None:
    grown = grow(point(), 3.0)

    assert grown[5, 12] == 1
    assert grown[8, 12] == 0


@given(SOFT, st.sampled_from([1.0, 2.3]))
def test_shrinking_is_growing_the_outside(matte: np.ndarray, radius_px: float) -> None:
    np.testing.assert_allclose(shrink(matte, radius_px), 1 - disk_by_definition(1 - matte, radius_px), atol=1e-6)


def test_the_frame_border_does_not_eat_into_a_matte() -> None:
    matte = np.ones((6, 9), np.float32)

    assert shrink(matte, 2.0).min() == 1


@given(SOFT, st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.0, 1.0, 2.0]))
def test_growth_is_monotone_in_the_radius(matte: np.ndarray, small: float, more: float) -> None:
    assert (grow(matte, small + more) >= grow(matte, small)).all()


def test_a_feathered_edge_is_half_at_the_edge_and_spans_its_width() -> None:
    matte = np.zeros((9, 80), np.float32)
    matte[:, 40:] = 1

    soft = feather(matte, 20.0)[4]

    # The edge lies between pixels 39 and 40; 10 px away on either side are 0.02 and 0.98.
    assert (soft[39] + soft[40]) / 2 == pytest.approx(0.5, abs=1e-5)
    assert np.interp(29.5, np.arange(80), soft) == pytest.approx(0.02, abs=0.004)
    assert np.interp(49.5, np.arange(80), soft) == pytest.approx(0.98, abs=0.004)
    assert (np.diff(soft) >= 0).all()


def test_far_from_the_edge_a_feathered_matte_is_exactly_0_and_1() -> None:
    matte = np.zeros((9, 80), np.float32)
    matte[:, 40:] = 1

    soft = feather(matte, 20.0)[4]

    assert (soft[: 40 - 15] == 0).all()
    assert (soft[40 + 15 :] == 1).all()
    assert 0 < soft[30] < 0.05


def test_levels_stretch_between_black_and_white() -> None:
    matte = np.array([[0, 0.25, 0.5, 0.75, 1]], np.float32)

    np.testing.assert_allclose(levels(matte, black=0.25, white=0.75), [[0, 0, 0.5, 1, 1]])


def test_equal_levels_are_a_threshold_that_includes_its_value() -> None:
    matte = np.array([[0, 0.49, 0.5, 0.51, 1]], np.float32)

    assert levels(matte, black=0.5, white=0.5).tolist() == [[0, 0, 1, 1, 1]]


@pytest.mark.parametrize("step", [lambda m: grow(m, 0.0), lambda m: shrink(m, 0.0), lambda m: feather(m, 0.0)])
def test_a_size_of_zero_changes_nothing(step) -> None:
    matte = point()

    assert step(matte) is matte
