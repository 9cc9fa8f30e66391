"""Paint as a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.maths.flow import no_chain
from shotgraph.maths.paint import (
    Edit,
    apply_edit,
    apply_paint,
    blend,
    carried,
    edit_between,
    fill_holes,
    painted_over,
)
from shotgraph.maths.warp import pixel_grid

HEIGHT, WIDTH = 24, 40
ONES = np.ones((HEIGHT, WIDTH), np.float32)
STILL = no_chain(HEIGHT, WIDTH)


def plate() -> np.ndarray:
    return np.random.default_rng(5).random((HEIGHT, WIDTH, 3), dtype=np.float32)


def edit_of(difference: float, *, seen: np.ndarray | None = None, alpha: np.ndarray | None = None) -> Edit:
    opacity = ONES if alpha is None else alpha
    known = np.ones((HEIGHT, WIDTH), bool) if seen is None else seen
    opacity = np.where(known, opacity, 0).astype(np.float32)
    return Edit(np.repeat(opacity[..., None] * np.float32(difference), 3, axis=2), opacity, known)


def test_a_difference_within_the_tolerance_is_not_paint() -> None:
    before = np.zeros((1, 3, 3), np.float32)
    after = before.copy()
    after[0, :, 1] = (0.5 / 255, 1.5 / 255, -1.5 / 255)

    edit = edit_between(before, after, np.ones((1, 3), np.float32), tolerance=1 / 255)

    assert edit.alpha.tolist() == [[0, 1, 1]]
    assert edit.difference[0, 0].tolist() == [0, 0, 0]


def test_the_difference_is_weighted_by_the_paints_alpha() -> None:
    before = np.full((1, 3, 3), 0.25, np.float32)
    after = np.full((1, 3, 3), 0.75, np.float32)

    edit = edit_between(before, after, np.array([[0, 0.5, 1]], np.float32), tolerance=0.0)

    assert edit.alpha.tolist() == [[0, 0.5, 1]]
    assert edit.difference[0, :, 0].tolist() == [0, 0.25, 0.5]


def test_what_integers_clipped_is_not_paint() -> None:
    before = np.array([[[1.08, -0.05, 0.5], [1.08, -0.05, 0.5]]], np.float32)
    saved = np.clip(before, 0, 1)

    assert painted_over(before, saved, coded=True, tolerance=0.004).edit.alpha.max() == 0
    assert painted_over(before, saved, coded=False, tolerance=0.004).edit.alpha.min() == 1


def test_without_alpha_the_whole_picture_may_be_paint() -> None:
    before = plate()

    painted = painted_over(before, before + np.float32(0.1), coded=False, tolerance=0.004)

    assert painted.edit.alpha.min() == 1


@given(st.integers(0, 2**16))
def test_the_painted_frame_is_the_paint_bit_for_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.random((2, HEIGHT, WIDTH, 3), dtype=np.float32)
    painted = painted_over(before, after, coded=False, tolerance=0.0)

    np.testing.assert_array_equal(apply_paint(before, painted), after)


def test_adding_the_difference_alone_is_not_exact() -> None:
    before = np.full((HEIGHT, WIDTH, 3), 1000, np.float32)
    after = plate()
    painted = painted_over(before, after, coded=False, tolerance=0.0)

    assert (apply_edit(before, painted.edit) != after).any()
    np.testing.assert_array_equal(apply_paint(before, painted), after)


def test_a_limit_scales_the_paint() -> None:
    before, after = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.ones((HEIGHT, WIDTH, 3), np.float32)
    limit = np.tile(np.linspace(0, 1, WIDTH, dtype=np.float32), (HEIGHT, 1))
    painted = painted_over(before, after, coded=False, tolerance=0.0)

    np.testing.assert_allclose(apply_paint(before, painted, limit=limit)[..., 2], limit)
    np.testing.assert_allclose(apply_edit(before, painted.edit, limit=limit)[..., 0], limit)


def test_paint_moves_with_the_surface_x_and_y_apart() -> None:
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[8:12, 20:26] = 1
    edit = edit_of(0.5, alpha=alpha)
    # A pixel of the new frame was 3 to the right and 2 up in the painted one.
    chain = STILL + np.array([3, -2, 0], np.float32)

    moved = carried(edit, chain)

    expected = np.zeros((HEIGHT, WIDTH), np.float32)
    expected[10:14, 17:23] = 1
    np.testing.assert_array_equal(moved.alpha, expected)
    np.testing.assert_allclose(moved.difference[..., 1], 0.5 * expected)


def test_between_pixels_the_difference_is_cubic_and_alpha_linear() -> None:
    ramp = (pixel_grid(HEIGHT, WIDTH)[..., 0] / 10).astype(np.float32)
    edit = Edit(np.repeat((ramp * ramp)[..., None], 3, axis=2), ONES, np.ones((HEIGHT, WIDTH), bool))

    moved = carried(edit, STILL + np.array([0.5, 0, 0], np.float32))

    assert moved.difference[10, 20, 0] == pytest.approx(2.05**2, rel=1e-6)


def test_no_overshoot_reaches_beyond_the_paint() -> None:
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[8:14, 20:28] = 1

    moved = carried(edit_of(1, alpha=alpha), STILL + np.array([0.5, 0.5, 0], np.float32))

    outside = moved.alpha == 0
    assert (moved.difference[outside] == 0).all()
    assert outside[:7].all()
    assert moved.alpha[7, 20] == pytest.approx(0.5)


def test_a_broken_chain_carries_nothing() -> None:
    chain = STILL.copy()
    chain[5:9, 10:20, 2] = 0.49
    chain[9, 10:20, 2] = 0.5

    moved = carried(edit_of(0.25), chain)

    broken = chain[..., 2] < 0.5
    np.testing.assert_array_equal(moved.seen, ~broken)
    assert (moved.alpha[broken] == 0).all()
    assert (moved.difference[broken] == 0).all()
    assert (moved.alpha[~broken] == 1).all()


def test_edits_blend_by_nearness() -> None:
    mixed = blend([edit_of(1), edit_of(3)], [0.75, 0.25], feather_px=0.0)

    np.testing.assert_allclose(mixed.difference, 1.5, rtol=1e-6)
    np.testing.assert_allclose(mixed.alpha, 1, rtol=1e-6)


def test_where_one_edit_is_hidden_the_other_counts_in_full() -> None:
    left, right = np.zeros((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), bool)
    left[:, :25], right[:, 15:] = True, True
    left[0], right[0] = False, False

    mixed = blend([edit_of(1, seen=left), edit_of(3, seen=right)], [0.9, 0.1], feather_px=0.0)

    np.testing.assert_allclose(mixed.difference[1:, :15], 1, rtol=1e-6)
    np.testing.assert_allclose(mixed.difference[1:, 15:25], 1.2, rtol=1e-6)
    np.testing.assert_allclose(mixed.difference[1:, 25:], 3, rtol=1e-6)
    assert not mixed.seen[0].any()
    assert (mixed.difference[0] == 0).all()


def test_a_takeover_is_soft_over_the_feather() -> None:
    seen = np.ones((HEIGHT, WIDTH), bool)
    seen[:, :20] = False

    mixed = blend([edit_of(1, seen=seen), edit_of(0)], [0.5, 0.5], feather_px=4.0)

    # Confidence of the first is 1/4, 2/4, 3/4, 1 from the break on: its share is c / (c + 1).
    np.testing.assert_allclose(mixed.difference[12, 19:25, 0], [0, 1 / 5, 1 / 3, 3 / 7, 1 / 2, 1 / 2], rtol=1e-5)


def test_a_small_break_inside_the_paint_is_closed() -> None:
    seen = np.ones((HEIGHT, WIDTH), bool)
    seen[10:12, 20:24] = False

    filled = fill_holes(edit_of(0.5, seen=seen), radius_px=2.0)

    assert filled.seen.all()
    np.testing.assert_allclose(filled.difference[10:12, 20:24], 0.5, rtol=1e-6)
    np.testing.assert_allclose(filled.alpha, 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "columns", "painted_columns"),
    [
        pytest.param(slice(8, 14), slice(18, 26), slice(0, 40), id="too deep for the radius"),
        pytest.param(slice(10, 12), slice(20, 24), slice(0, 22), id="touches what nobody painted"),
    ],
)
def test_a_large_or_open_break_is_an_object_in_front(rows: slice, columns: slice, painted_columns: slice) -> None:
    seen, alpha = np.ones((HEIGHT, WIDTH), bool), np.zeros((HEIGHT, WIDTH), np.float32)
    seen[rows, columns] = False
    alpha[:, painted_columns] = 1
    edit = edit_of(0.5, seen=seen, alpha=alpha)

    filled = fill_holes(edit, radius_px=2.0)

    assert filled is edit


def test_unpainted_pixels_keep_their_bits_and_alpha_is_kept() -> None:
    before = np.random.default_rng(6).random((HEIGHT, WIDTH, 4), dtype=np.float32)
    alpha = np.zeros((HEIGHT, WIDTH), np.float32)
    alpha[8:12, 20:26] = 0.5

    after = apply_edit(before, edit_of(0.25, alpha=alpha))

    np.testing.assert_array_equal(after[alpha == 0], before[alpha == 0])
    np.testing.assert_array_equal(after[..., 3], before[..., 3])
    np.testing.assert_allclose(after[9, 22, :3], before[9, 22, :3] + 0.125)
