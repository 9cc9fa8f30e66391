"""Sampling between pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

HEIGHT, WIDTH = 5, 9


def ramps() -> np.ndarray:
    """Channel 0 is x, channel 1 is 10 y: swapping x and y, or a sign, cannot go unseen."""
    grid = pixel_grid(HEIGHT, WIDTH)
    return np.stack((grid[..., 0], 10 * grid[..., 1]), axis=-1)


def test_pixel_grid_holds_x_then_y() -> None:
    grid = pixel_grid(HEIGHT, WIDTH)

    assert grid.shape == (5, 9, 2)
    assert grid[3, 7].tolist() == [7, 3]


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_a_ramp_is_read_exactly_between_pixels(kernel: str) -> None:
    positions = np.array([[2.25, 1.5], [6.75, 2.125]], np.float32)

    values = sample(ramps(), positions, kernel=kernel)

    np.testing.assert_allclose(values, [[2.25, 15.0], [6.75, 21.25]], rtol=1e-6)


def test_cubic_is_exact_on_a_parabola_and_linear_is_not() -> None:
    x = np.arange(9, dtype=np.float32)
    parabola = np.tile((x * x)[None, :, None], (3, 1, 1))
    positions = np.array([[3.5, 1.0]], np.float32)

    cubic = sample(parabola, positions, kernel="cubic")
    linear = sample(parabola, positions, kernel="linear")

    assert cubic[0, 0] == pytest.approx(12.25)
    assert linear[0, 0] == pytest.approx(12.5)


def test_cubic_weights_are_keys_with_a_of_minus_a_half() -> None:
    impulse = np.zeros((1, 9, 1), np.float32)
    impulse[0, 4] = 1
    positions = np.array([[3.5, 0], [2.75, 0], [5.25, 0]], np.float32)

    values = sample(impulse, positions, kernel="cubic")[:, 0]

    # w(d) = 1.5 d³ - 2.5 d² + 1 below 1, -0.5 d³ + 2.5 d² - 4 d + 2 below 2, at d = 0.5, 1.25 and 1.25.
    np.testing.assert_allclose(values, [0.5625, -0.0703125, -0.0703125], atol=1e-7)


def test_beyond_the_border_the_outermost_pixel_repeats() -> None:
    values = sample(ramps(), np.array([[-50, -3], [1e9, 1e9]], np.float32), kernel="cubic")

    np.testing.assert_allclose(values, [[0, 0], [8, 40]])


def test_a_position_of_nan_reads_nan_and_no_other_does() -> None:
    values = sample(ramps(), np.array([[np.nan, 1], [2, np.nan], [3, 1]], np.float32))

    assert np.isnan(values[:2]).all()
    assert values[2].tolist() == [3, 10]


@pytest.mark.parametrize(
    ("x", "y", "outside"),
    [(0, 0, False), (8, 4, False), (8.01, 2, True), (4, 4.01, True), (-0.01, 2, True), (4, -0.01, True), (5, 4, False)],
)
def test_only_positions_beyond_the_outermost_centres_leave_the_frame(x: float, y: float, outside: bool) -> None:
    position = np.array([[x, y]], np.float32)

    assert leaves_frame(position, height=HEIGHT, width=WIDTH)[0] == outside


@given(arrays(np.float32, (4, 7, 2), elements=st.floats(-4, 4, width=32)))
def test_at_pixel_centres_the_image_comes_back_bit_for_bit(image: np.ndarray) -> None:
    for kernel in ("linear", "cubic"):
        np.testing.assert_array_equal(sample(image, pixel_grid(4, 7), kernel=kernel), image)


@given(st.floats(0, 8, width=32), st.floats(0, 4, width=32))
def test_weights_sum_to_one_everywhere(x: float, y: float) -> None:
    ones = np.ones((HEIGHT, WIDTH, 1), np.float32)

    for kernel in ("linear", "cubic"):
        assert sample(ones, np.array([[x, y]], np.float32), kernel=kernel)[0, 0] == pytest.approx(1, abs=1e-6)
