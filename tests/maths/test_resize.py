"""Pictures at another size."""

import numpy as np
import pytest

from shotgraph.maths.resize import fitted_size, resize, resize_straight_alpha


def ramps(height: int, width: int) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.stack((x, 10 * y, x - y), axis=-1).astype(np.float32)


def test_shrinking_averages_area() -> None:
    picture = np.random.default_rng(1).random((6, 12, 3), dtype=np.float32)

    small = resize(picture, width=4, height=3)

    expected = picture.reshape(3, 2, 4, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, expected, atol=1e-6)


def test_each_axis_is_filtered_for_its_own_direction() -> None:
    picture = np.random.default_rng(2).random((6, 12, 3), dtype=np.float32)

    mixed = resize(picture, width=24, height=3)

    rows = picture.reshape(3, 2, 12, 3).mean(axis=1)
    np.testing.assert_allclose(mixed, resize(rows, width=24, height=3, method="cubic"), atol=1e-6)
    assert np.abs(mixed - resize(picture, width=24, height=3, method="area")).max() > 0.05


def test_an_enlarged_ramp_stays_where_it_was() -> None:
    large = resize(ramps(6, 10), width=20, height=18)

    assert large.shape == (18, 20, 3)
    # Pixel (x, y) of the large one has its centre at (x + 0.5) / 2 - 0.5 and (y + 0.5) / 3 - 0.5.
    np.testing.assert_allclose(large[9, 11], [5.25, 10 * (9.5 / 3 - 0.5), 5.25 - (9.5 / 3 - 0.5)], rtol=1e-5)


@pytest.mark.parametrize("method", ["auto", "nearest", "linear", "cubic", "lanczos", "area"])
def test_every_filter_gives_the_size_asked_for_and_keeps_one_channel(method: str) -> None:
    assert resize(ramps(7, 10)[..., :1], width=5, height=9, method=method).shape == (9, 5, 1)


def test_the_same_size_is_the_same_array() -> None:
    picture = ramps(4, 9)

    assert resize(picture, width=9, height=4) is picture


def test_hidden_colour_does_not_bleed_through_straight_alpha() -> None:
    picture = np.zeros((4, 8, 4), np.float32)
    picture[..., 0] = 9
    picture[:, ::2] = (0.25, 0.5, 0.75, 1)

    small = resize_straight_alpha(picture, width=4, height=2)

    np.testing.assert_allclose(small, np.broadcast_to([0.25, 0.5, 0.75, 0.5], (2, 4, 4)), atol=1e-6)
    assert resize(picture, width=4, height=2)[0, 0, 0] > 4


@pytest.mark.parametrize(
    ("wanted", "fit", "multiple_of", "expected"),
    [
        ((960, None), "inside", 1, (960, 540)),
        ((None, 270), "stretch", 1, (480, 270)),
        ((800, 800), "inside", 1, (800, 450)),
        ((4000, 540), "inside", 1, (960, 540)),
        ((800, 700), "stretch", 1, (800, 700)),
        ((853, None), "inside", 2, (854, 480)),
        ((1000, None), "inside", 16, (1008, 560)),
        ((None, None), "inside", 8, (1920, 1080)),
        ((3, None), "inside", 16, (16, 16)),
    ],
)
def test_sizes_that_fit(wanted, fit: str, multiple_of: int, expected: tuple[int, int]) -> None:
    size = fitted_size(1920, 1080, to_width=wanted[0], to_height=wanted[1], fit=fit, multiple_of=multiple_of)

    assert size == expected
