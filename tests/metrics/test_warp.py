import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import ShapeError
from shotgraph.metrics.warp import (
    long_range_warp_error,
    motion_boundary,
    pair_error,
    pair_ssim,
    visible_by_flow,
    warp_error,
    warp_ssim,
    warped,
)

HEIGHT, WIDTH = 20, 30


def noise(seed: int, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def constant_flow(x: float, y: float, pairs: int = 1) -> np.ndarray:
    return np.broadcast_to(np.array([x, y], np.float32), (pairs, HEIGHT, WIDTH, 2)).copy()


def moving_window(frames: int, x: int, y: int) -> np.ndarray:
    """A window on a large picture whose contents move by (x, y) px a frame."""
    world, reach = noise(1, 80, 90), 25
    return np.stack(
        [world[reach - y * t : reach - y * t + HEIGHT, reach - x * t : reach - x * t + WIDTH] for t in range(frames)]
    )


def inside(x: int, y: int) -> np.ndarray:
    """Where a pixel that moves by (x, y) stays in the frame."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows + y >= 0) & (rows + y < HEIGHT) & (columns + x >= 0) & (columns + x < WIDTH)


@given(st.integers(-4, 4), st.integers(-4, 4))
def test_an_integer_translation_has_no_error(x: int, y: int) -> None:
    frames = moving_window(4, x, y)
    visible = np.repeat(inside(x, y)[None], 3, axis=0)

    score = warp_error(frames, constant_flow(x, y, 3), visible)

    assert score.value == pytest.approx(0, abs=1e-6)
    assert warp_ssim(frames, constant_flow(x, y, 3), visible).value == pytest.approx(1, abs=1e-6)
    assert score.visible_share == pytest.approx(visible.mean())


@pytest.mark.parametrize(("x", "y"), [(3, 2), (-2, -3), (2, 4), (4, 3)])
def test_any_other_flow_has_an_error(x: int, y: int) -> None:
    """The control of the test above: off by one pixel, mirrored, or with x and y swapped."""
    frames = moving_window(3, 3, 3)

    value = warp_error(frames, constant_flow(x, y, 2), np.repeat(inside(x, y)[None], 2, axis=0)).value

    assert value is not None
    assert value > 0.05


def test_the_error_is_the_mean_square_over_visible_pixels_and_channels() -> None:
    first = noise(2)
    second = first + np.array([0.1, 0.2, 0.3], np.float32)
    second[:5] = 9
    visible = np.ones((HEIGHT, WIDTH), np.bool_)
    visible[:5] = False

    value = pair_error(first, second, constant_flow(0, 0)[0], visible)

    assert value == pytest.approx((0.01 + 0.04 + 0.09) / 3, rel=1e-5)


def test_a_vector_that_is_nan_where_hidden_does_no_harm() -> None:
    first, flow, visible = noise(3), constant_flow(0, 0)[0], np.ones((HEIGHT, WIDTH), np.bool_)
    flow[4], visible[4] = np.nan, False

    assert pair_error(first, first, flow, visible) == 0
    assert pair_ssim(first, first, flow, visible) == pytest.approx(1)


def test_pairs_count_alike_however_much_of_them_is_visible() -> None:
    frames = np.stack([noise(4)] * 3)
    frames[1] += 0.1
    visible = np.ones((2, HEIGHT, WIDTH), np.bool_)
    visible[0, 1:] = False
    frames[2] += 0.3

    score = warp_error(frames, constant_flow(0, 0, 2), visible)

    assert score.pairs == pytest.approx((0.01, 0.04), rel=1e-4)
    assert score.value == pytest.approx(0.025, rel=1e-4)


def test_a_pair_without_a_visible_pixel_is_left_out_and_not_perfect() -> None:
    frames = np.stack([noise(5), noise(5) + 0.1, noise(6)])
    visible = np.ones((2, HEIGHT, WIDTH), np.bool_)
    visible[1] = False

    score = warp_error(frames, constant_flow(0, 0, 2), visible)
    nothing = warp_ssim(frames, constant_flow(0, 0, 2), np.zeros_like(visible))

    assert score.pairs[1] is None
    assert score.value == pytest.approx(0.01, rel=1e-4)
    assert (nothing.value, nothing.pairs) == (None, (None, None))


def test_long_range_error_sees_a_drift_that_adjacent_pairs_hardly_see() -> None:
    frames = np.stack([noise(7) + 0.01 * t for t in range(11)])
    visible = np.ones((10, HEIGHT, WIDTH), np.bool_)

    adjacent = warp_error(frames, constant_flow(0, 0, 10), visible).value
    far = long_range_warp_error(frames, constant_flow(0, 0, 10), visible)

    assert adjacent == pytest.approx(1e-4, rel=1e-3)
    assert far.pairs[-1] == pytest.approx(1e-2, rel=1e-3)


def test_long_range_flow_leads_from_the_later_frame_to_the_first() -> None:
    frames = moving_window(3, 2, 1)
    back = np.concatenate([constant_flow(-2, -1), constant_flow(-4, -2)])
    visible = np.stack([inside(-2, -1), inside(-4, -2)])

    assert long_range_warp_error(frames, back, visible).value == pytest.approx(0, abs=1e-6)
    assert (long_range_warp_error(frames, -back, np.stack([inside(2, 1), inside(4, 2)])).value or 0) > 0.05


def test_hidden_pixels_add_no_difference_to_their_neighbours() -> None:
    first, flow = noise(8), constant_flow(0, 0)[0]
    second = first.copy()
    second[8:12, 8:12] = 1 - second[8:12, 8:12]
    visible = np.ones((HEIGHT, WIDTH), np.bool_)

    seen = pair_ssim(first, second, flow, visible)
    visible[8:12, 8:12] = False

    assert seen is not None
    assert seen < 0.97
    assert pair_ssim(first, second, flow, visible) == pytest.approx(1)


def test_warping_reads_the_second_frame_where_the_flow_points() -> None:
    ramp = np.arange(WIDTH, dtype=np.float32)[None, :, None] * np.ones((HEIGHT, 1, 3), np.float32)

    assert warped(ramp, constant_flow(2.5, 0)[0])[3, 10, 0] == pytest.approx(12.5, abs=1e-4)


def test_a_motion_boundary_lies_before_a_step_in_the_flow_and_nowhere_else() -> None:
    flow = constant_flow(1, 0)[0]
    flow[:, 12:] = (4, 0)

    found = motion_boundary(flow)

    assert found[:, 11].all()
    assert found.sum() == HEIGHT


@pytest.mark.parametrize(("step", "expected"), [(0.0446, False), (0.0449, True)])
def test_the_boundary_test_takes_squares(step: float, expected: bool) -> None:
    """At rest the bound is |∇u|² > 0.002, a step of 0.0447 px; lengths that were not squared would give 0.002 px."""
    flow = constant_flow(0, 0)[0]
    flow[:, 12:, 1] = step

    assert motion_boundary(flow)[:, 11].any() == expected


@pytest.mark.parametrize(("step", "expected"), [(0.99, False), (1.02, True)])
def test_a_motion_of_ten_pixels_allows_a_step_of_one(step: float, expected: bool) -> None:
    flow = constant_flow(10, 0)[0]
    flow[:, 12:, 1] = step

    assert motion_boundary(flow)[:, 11].any() == expected


def test_a_motion_boundary_is_not_visible_though_its_flow_returns() -> None:
    forward = constant_flow(0, 0)[0]
    forward[:, 12:, 1] = 0.3

    visible = visible_by_flow(forward, -forward)

    assert not visible[5, 11]
    assert visible[5, 10]
    assert visible[5, 12]


def test_what_does_not_return_is_hidden_and_what_leaves_the_frame_too() -> None:
    forward, backward = constant_flow(3, 0)[0], constant_flow(-3, 0)[0]
    # One pixel that is hidden: what lies there in the other frame came from elsewhere.
    backward[6, 13] = (-9, 0)

    visible = visible_by_flow(forward, backward)

    assert not visible[6, 10]
    assert not visible[:, WIDTH - 3 :].any()
    assert visible[:, : WIDTH - 3].sum() == HEIGHT * (WIDTH - 3) - 1


def test_shapes_that_do_not_fit_are_named() -> None:
    frames, visible = np.stack([noise(9)] * 3), np.ones((2, HEIGHT, WIDTH), np.bool_)

    with pytest.raises(ShapeError, match=r"warp error: flow must be \(2, 20, 30, 2\), got \(3, 20, 30, 2\)"):
        warp_error(frames, constant_flow(0, 0, 3), visible)
    with pytest.raises(ShapeError, match=r"warp error: visible must be \(2, 20, 30\), got \(1, 20, 30\)"):
        warp_error(frames, constant_flow(0, 0, 2), visible[:1])
    with pytest.raises(ShapeError, match="warp error: visible must be bool, got float32"):
        warp_error(frames, constant_flow(0, 0, 2), visible.astype(np.float32))
    with pytest.raises(ShapeError, match=r"warp error: second frame must be \(20, 30, 3\), got \(20, 29, 3\)"):
        pair_error(frames[0], frames[1, :, 1:], constant_flow(0, 0)[0], visible[0])
