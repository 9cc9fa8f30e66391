"""Steps made exact on the pictures, and left alone where those say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.maths.aligning import aligned
from shotgraph.maths.planar import moved
from shotgraph.maths.warp import pixel_grid

HEIGHT, WIDTH = 48, 64
EVERYWHERE = np.ones((HEIGHT, WIDTH), np.float32)


def affine(angle: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """About the middle of the frame."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    matrix = np.eye(3)
    matrix[:2, :2] = [[cos, -sin], [sin, cos]]
    matrix[:2, 2] = middle + shift - matrix[:2, :2] @ middle
    return matrix


def texture(points: np.ndarray, seed: int = 1) -> np.ndarray:
    """(...) of waves no shorter than 8 pixels."""
    rng = np.random.default_rng(seed)
    total = np.zeros(points.shape[:-1])
    for _ in range(8):
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.03, 0.12)
        along = points @ np.array([np.cos(angle), np.sin(angle)]) * frequency
        total += np.cos(2 * np.pi * (along + rng.uniform(0, 1)))
    return 0.5 + 0.05 * total


def pictures(step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture, and the one that `step` makes of it."""
    grid = pixel_grid(HEIGHT, WIDTH).astype(np.float64)
    return texture(grid).astype(np.float32), texture(moved(np.linalg.inv(step), grid)).astype(np.float32)


def apart_px(one: np.ndarray, other: np.ndarray) -> float:
    grid = pixel_grid(HEIGHT, WIDTH).astype(np.float64)
    return float(np.abs(moved(one, grid) - moved(other, grid)).max())


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.12, 0.12), st.floats(0.95, 1.05), st.tuples(st.floats(-2, 2), st.floats(-2, 2)))
def test_a_step_that_flow_got_half_of_is_found(angle: float, scale: float, shift: tuple[float, float]) -> None:
    step = affine(angle, scale, shift)
    half = affine(angle / 2, (scale + 1) / 2, (shift[0] / 2, shift[1] / 2))

    found = aligned(half, *pictures(step), EVERYWHERE, EVERYWHERE)

    assert apart_px(found, step) < max(0.05, 0.1 * apart_px(half, step))


def test_an_exact_step_keeps_its_bits() -> None:
    step = affine(0.05, 1.02, (1.5, -0.75))

    assert aligned(step, *pictures(step), EVERYWHERE, EVERYWHERE) is step


def test_another_gain_and_offset_are_no_motion() -> None:
    step = affine(0.03, 1.0, (1.0, 0.5))
    first, second = pictures(step)

    found = aligned(
        affine(0.0, 1.0, (0.5, 0.5)), first, np.float32(0.6) * second + np.float32(0.2), EVERYWHERE, EVERYWHERE
    )

    assert apart_px(found, step) < 0.05


def test_what_lies_outside_the_mattes_has_no_say() -> None:
    step = affine(0.02, 1.0, (1.25, -0.5))
    first, second = pictures(step)
    inside = np.zeros((HEIGHT, WIDTH), np.float32)
    inside[10:40, 15:50] = 1
    other = texture(pixel_grid(HEIGHT, WIDTH).astype(np.float64), 9).astype(np.float32)
    first, second = np.where(inside > 0, first, other), np.where(inside > 0, second, other)

    found = aligned(np.eye(3), first, second, inside, inside)

    assert apart_px(found, step) < 0.1
    # Without the mattes what stands still beside it draws the step towards nothing.
    assert apart_px(aligned(np.eye(3), first, second, EVERYWHERE, EVERYWHERE), step) > 0.5


def test_grain_alone_moves_nothing() -> None:
    rng = np.random.default_rng(4)
    first, second = (0.5 + 0.02 * rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32) for _ in range(2))
    step = affine(0.01, 1.0, (0.3, 0.2))

    assert aligned(step, first, second, EVERYWHERE, EVERYWHERE) is step


@pytest.mark.parametrize("case", ["plain", "stripes", "small", "gone", "far"])
def test_a_step_stays_where_pictures_leave_it_open(case: str) -> None:
    truth = affine(shift=(20, 0)) if case == "far" else affine(shift=(1, 0))
    first, second = pictures(truth)
    inside, inside_next = EVERYWHERE, EVERYWHERE
    if case == "plain":
        first = second = np.full_like(first, 0.5)
    if case == "stripes":
        first, second = (
            np.tile(np.sin(np.arange(WIDTH) / 3 - by).astype(np.float32), (HEIGHT, 1)) for by in (0, 1 / 3)
        )
    if case == "small":
        inside = np.zeros_like(EVERYWHERE)
        inside[20:30, 20:30] = 1
    if case == "gone":
        inside_next = np.zeros_like(EVERYWHERE)
    step = np.eye(3)

    assert aligned(step, first, second, inside, inside_next) is step
