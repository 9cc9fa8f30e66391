"""Transforms of a plane, fitted to flow and chained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import FlowFrame
from shotgraph.maths.flow import occlusion
from shotgraph.maths.planar import chained, fit_step, layer_motion, moved
from shotgraph.maths.warp import pixel_grid

HEIGHT, WIDTH = 60, 80
EVERYWHERE = np.ones((HEIGHT, WIDTH), np.float32)


def affine(angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """About the middle of the frame."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = (-WIDTH / 2, -HEIGHT / 2), (WIDTH / 2 + shift[0], HEIGHT / 2 + shift[1])
    return back @ turn @ to


def flow_under(step: np.ndarray) -> FlowFrame:
    """Exact flow of a plane that covers everything."""
    here = pixel_grid(HEIGHT, WIDTH).astype(np.float64)
    forward = (moved(step, here) - here).astype(np.float32)
    backward = (moved(np.linalg.inv(step), here) - here).astype(np.float32)
    return FlowFrame(forward, backward, occlusion(forward, backward).astype(np.float32))


def apart_px(found: np.ndarray, wanted: np.ndarray) -> float:
    here = pixel_grid(HEIGHT, WIDTH).astype(np.float64)
    return float(np.abs(moved(found, here) - moved(wanted, here)).max())


@given(st.floats(-0.1, 0.1), st.floats(0.9, 1.1), st.tuples(st.floats(-4, 4), st.floats(-4, 4)))
def test_an_affine_step_is_found_from_its_flow(angle: float, scale: float, shift: tuple[float, float]) -> None:
    step = affine(angle, scale, shift)

    found = fit_step(flow_under(step), EVERYWHERE, EVERYWHERE)

    assert found is not None
    assert apart_px(found, step) < 1e-3


def test_vectors_of_another_surface_do_not_bend_it() -> None:
    step, pair = affine(shift=(2, 1)), flow_under(affine(shift=(2, 1)))
    forward, backward = pair.forward.copy(), pair.backward.copy()
    forward[10:40, 10:40] += (3, -5)
    backward[10:40, 10:40] -= (3, -5)

    found = fit_step(FlowFrame(forward, backward, np.zeros((HEIGHT, WIDTH), np.float32)), EVERYWHERE, EVERYWHERE)

    assert found is not None
    assert apart_px(found, step) < 1e-3


def test_only_the_matte_counts() -> None:
    pair, other = flow_under(affine(shift=(2, 1))), flow_under(affine(shift=(-3, 0)))
    matte = EVERYWHERE.copy()
    matte[:, 30:] = 0
    mixed = FlowFrame(
        np.where(matte[..., None] > 0, pair.forward, other.forward),
        np.where(matte[..., None] > 0, pair.backward, other.backward),
        np.zeros((HEIGHT, WIDTH), np.float32),
    )

    found = fit_step(mixed, matte, matte)

    assert found is not None
    assert apart_px(found, affine(shift=(2, 1))) < 1e-3


def test_a_perspective_is_taken_where_an_affine_map_does_not_do() -> None:
    step = np.array([[1.0, 0.02, 1], [0.01, 1.0, 0], [4e-3, 2e-3, 1]])

    found = fit_step(flow_under(step), EVERYWHERE, EVERYWHERE)

    assert found is not None
    assert abs(found[2, 0]) > 1e-4
    assert apart_px(found, step) < 1


def test_too_few_vectors_give_nothing() -> None:
    tiny = np.zeros((HEIGHT, WIDTH), np.float32)
    tiny[:3, :3] = 1

    assert fit_step(flow_under(affine()), tiny, tiny) is None


@pytest.mark.parametrize("reference", [0, 2, 4])
def test_a_chain_ends_at_the_frame_of_reference(reference: int) -> None:
    steps = [affine(0.02 * n, 1 + 0.01 * n, (n, -n)) for n in range(1, 5)]

    maps = chained(steps, reference)

    np.testing.assert_allclose(maps[reference], np.eye(3), atol=1e-12)
    here = pixel_grid(HEIGHT, WIDTH).astype(np.float64)
    for time, step in enumerate(steps):
        # A point and where it goes lie at one place of the frame of reference.
        np.testing.assert_allclose(moved(maps[time], here), moved(maps[time + 1], moved(step, here)), atol=1e-8)


def test_the_frame_that_sees_most_is_the_reference_and_what_vanishes_moves_on() -> None:
    step = affine(shift=(1.5, 0))
    small, large, gone = EVERYWHERE * 0, EVERYWHERE, EVERYWHERE * 0
    small[:20] = 1

    motion = layer_motion([small, large, gone, gone], [flow_under(step)] * 3)

    assert motion.reference == 1
    # From 1 to 2 the vectors of frame 1 still say it; behind that nobody does.
    assert motion.carried == (2,)
    assert apart_px(motion.maps[3], np.linalg.inv(step) @ np.linalg.inv(step)) < 1e-3


def test_steps_are_made_exact_on_the_pictures() -> None:
    step = affine(0.02, shift=(1.5, -0.5))
    wrong = flow_under(affine(0.01, shift=(1.25, -0.25)))
    grid = pixel_grid(HEIGHT, WIDTH).astype(np.float64)

    def picture(time: int) -> np.ndarray:
        x, y = np.moveaxis(moved(np.linalg.inv(np.linalg.matrix_power(step, time)), grid), -1, 0)
        return (np.sin(x / 4) + np.cos(y / 3) + np.sin((x + 2 * y) / 7)).astype(np.float32)

    mattes, pairs = [EVERYWHERE] * 4, [wrong] * 3

    by_flow = layer_motion(mattes, pairs)
    on_pictures = layer_motion(mattes, pairs, [picture(time) for time in range(4)])

    truth = np.linalg.inv(np.linalg.matrix_power(step, 3))
    assert apart_px(on_pictures.maps[3], truth) < 0.1
    assert apart_px(by_flow.maps[3], truth) > 1
