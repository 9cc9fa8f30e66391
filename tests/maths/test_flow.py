"""Flow: resizing, occlusion, chains."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.maths.flow import extend_chain, occlusion, resize_flow
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

HEIGHT, WIDTH = 12, 30


def constant(x: float, y: float, *, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (height, width, 1))


def test_resized_vectors_scale_x_by_the_width_and_y_by_the_height() -> None:
    flow = constant(3, 5)

    resized = resize_flow(flow, width=60, height=18)

    assert resized.shape == (18, 60, 2)
    np.testing.assert_allclose(resized, constant(6, 7.5, height=18, width=60))


def test_a_resized_ramp_keeps_its_place() -> None:
    flow = np.zeros((4, 8, 2), np.float32)
    flow[..., 0] = np.arange(8)

    resized = resize_flow(flow, width=16, height=4)

    # Pixel x of 16 has its centre at (x + 0.5) / 2 - 0.5 of 8; inside, a ramp is read there and doubled.
    np.testing.assert_allclose(resized[2, 5, 0], 2 * (5.5 / 2 - 0.5))


def test_the_same_size_is_the_same_array() -> None:
    flow = constant(1, 2)

    assert resize_flow(flow, width=WIDTH, height=HEIGHT) is flow


def test_consistent_flow_hides_only_what_leaves_the_frame() -> None:
    occluded = occlusion(constant(4, -2), constant(-4, 2))

    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[:, -4:] = True
    expected[:2, :] = True
    np.testing.assert_array_equal(occluded, expected)


@pytest.mark.parametrize(
    ("forward_x", "error_px", "hidden"),
    [
        # Still: the bound is 0.5 + 0.01 e², met at e² = 0.50505, e = 0.7107.
        (0.0, 0.70, False),
        (0.0, 0.72, True),
        # 10 px: |F|² + |B|² is 100 + (10 - e)²; the bound is met at e = 1.5076.
        (10.0, 1.45, False),
        (10.0, 1.56, True),
    ],
)
def test_the_bound_is_unflows(forward_x: float, error_px: float, hidden: bool) -> None:
    occluded = occlusion(constant(forward_x, 0), constant(-forward_x + error_px, 0))

    assert occluded[5, 8] == hidden


def test_the_backward_flow_is_read_where_the_pixel_arrives() -> None:
    forward = constant(6, 3)
    backward = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    backward[4:7, 10:14] = (-6, -3)

    occluded = occlusion(forward, backward)

    expected = np.ones((HEIGHT, WIDTH), bool)
    expected[1:4, 4:8] = False
    np.testing.assert_array_equal(occluded, expected)


@pytest.mark.parametrize("side", ["flow", "back"])
def test_unknown_flow_counts_as_hidden(side: str) -> None:
    fields = {"flow": constant(0, 0), "back": constant(0, 0)}
    fields[side][3, 7] = np.nan

    occluded = occlusion(**fields)

    assert occluded[3, 7]
    assert not occluded[8, 20]


def chained(steps: list[np.ndarray]) -> np.ndarray:
    chain = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    for step in steps:
        chain = extend_chain(chain, step, np.zeros((HEIGHT, WIDTH), bool))
    return chain


@given(st.lists(st.tuples(st.floats(-1.5, 1.5, width=32), st.floats(-0.5, 0.5, width=32)), min_size=1, max_size=4))
def test_constant_steps_add_up_and_break_where_they_leave(steps: list[tuple[float, float]]) -> None:
    chain = chained([constant(x, y) for x, y in steps])

    known = np.isfinite(chain[..., 0])
    total = np.sum(np.array(steps, np.float32), axis=0)
    np.testing.assert_allclose(chain[known], np.tile(total, (known.sum(), 1)), atol=1e-5)
    # The newest step is walked first. A way that stays a pixel inside the frame is known; one that leaves it is not.
    ways = pixel_grid(HEIGHT, WIDTH)[None] + np.cumsum(np.array(steps[::-1], np.float32), axis=0)[:, None, None]
    deep = (ways >= 1).all(axis=(0, 3)) & (ways <= [WIDTH - 2, HEIGHT - 2]).all(axis=(0, 3))
    assert known[deep].all()
    assert not known[leaves_frame(ways[0], height=HEIGHT, width=WIDTH)].any()


def test_a_chain_is_read_where_its_step_arrives() -> None:
    # Zooming steps differ from pixel to pixel, so order and place matter: x -> 0.9 x, twice, is x -> 0.81 x.
    grid = pixel_grid(HEIGHT, WIDTH)
    step = (grid * np.array([-0.1, -0.2], np.float32)).astype(np.float32)

    chain = chained([step, step])

    np.testing.assert_allclose(chain, grid * np.array([0.81 - 1, 0.64 - 1], np.float32), atol=1e-4)


def test_hidden_pixels_break_the_chain_and_stay_broken() -> None:
    hidden = np.zeros((HEIGHT, WIDTH), bool)
    hidden[2:6, 10:20] = True
    none = np.zeros_like(hidden)

    broken = extend_chain(np.zeros((HEIGHT, WIDTH, 2), np.float32), constant(0, 0), hidden)
    later = extend_chain(broken, constant(3, 1), none)

    np.testing.assert_array_equal(np.isnan(broken[..., 0]), hidden)
    # What was hidden at x in 10..19, y in 2..5 lies three pixels left and one up in the later frame.
    assert np.isnan(later[1:5, 7:17]).all()
    assert np.isfinite(later[2:8, 18:26]).all()


def test_a_break_does_not_grow_under_fractional_motion() -> None:
    hidden = np.zeros((HEIGHT, WIDTH), bool)
    hidden[4:8, 12:18] = True
    none = np.zeros_like(hidden)
    chain = extend_chain(np.zeros((HEIGHT, WIDTH, 2), np.float32), constant(0, 0), hidden)

    for step in (0.4, -0.4) * 10:
        chain = extend_chain(chain, constant(step, 0), none)

    # Only the column where steps leave the frame is lost beside the hidden block.
    assert np.isnan(chain[:, 2:-2, 0]).sum() == hidden.sum()


def test_two_surfaces_are_not_averaged() -> None:
    chain = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    chain[:, 15:] = (8, -4)
    step = constant(0.25, 0)

    extended = extend_chain(chain, step, np.zeros((HEIGHT, WIDTH), bool))

    # Pixel 14 reads 14.25, nearer to 14: the left surface; a mean would be 2.25.
    assert extended[5, 14].tolist() == [0.25, 0]
    assert extended[5, 15].tolist() == [8.25, -4]


def test_a_smooth_chain_is_averaged() -> None:
    chain = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    chain[..., 1] = 0.5 * np.arange(WIDTH)

    extended = extend_chain(chain, constant(0.25, 0), np.zeros((HEIGHT, WIDTH), bool))

    np.testing.assert_allclose(extended[5, 10], [0.25, 0.5 * 10.25])


def test_warping_a_frame_by_its_flow_gives_the_frame_before() -> None:
    # I_t(p) = I_{t+1}(p + F): the picture moves by (+3, -2), so F = (3, -2).
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    first = np.stack((x * 1.0, y * 5.0), axis=-1).astype(np.float32)
    second = np.stack((x - 3.0, (y + 2) * 5.0), axis=-1).astype(np.float32)

    back = sample(second, pixel_grid(HEIGHT, WIDTH) + constant(3, -2))

    inside = ~leaves_frame(pixel_grid(HEIGHT, WIDTH) + constant(3, -2), height=HEIGHT, width=WIDTH)
    np.testing.assert_allclose(back[inside], first[inside], atol=1e-5)
    swapped = sample(second, pixel_grid(HEIGHT, WIDTH) + constant(-2, 3))
    assert np.abs(swapped - first)[4:8, 8:20].min() > 1
