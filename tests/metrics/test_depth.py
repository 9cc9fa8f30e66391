import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.depth import depth_consistency, depth_scores, ordinal_accuracy, scale_and_shift


def depths(frames: int = 4) -> np.ndarray:
    """(T, 10, 14) from 1 to 4."""
    return np.random.default_rng(0).uniform(1, 4, (frames, 10, 14))


@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_one_scale_and_shift_of_the_inverse_costs_nothing(scale: float, shift: float) -> None:
    found = depth_scores(scale / depths() + shift, depths())

    assert found.abs_rel == pytest.approx(0, abs=1e-6)
    assert found.silog == pytest.approx(0, abs=1e-4)
    assert found.delta_1 == 1
    assert found.rmse == pytest.approx(0, abs=1e-5)


def test_the_fit_is_least_squares() -> None:
    inverse = np.array([0.0, 1, 2, 4])
    truth = np.array([1.0, 2, 4, 6])

    assert scale_and_shift(inverse, truth) == pytest.approx(tuple(np.polyfit(inverse, truth, 1)))
    assert scale_and_shift(np.ones(4), truth) == (0, 3.25)


def test_near_taken_for_far_does_not_fit() -> None:
    backwards = depth_scores(-1 / depths(), depths())
    constant = depth_scores(np.ones_like(depths()), depths())

    assert backwards == constant
    assert backwards.abs_rel > 0.2
    assert backwards.scale_flicker is None


def test_errors_worked_by_hand() -> None:
    """Inverse depths 1, 1, 0.5, 0.5 seen as 1.25, 0.75, 0.5, 0.5: the best fit is 2/3 times it plus 1/4."""
    truth = np.array([1.0, 1.0, 2.0, 2.0]).reshape(1, 1, 4)
    inverse = np.array([1.25, 0.75, 0.5, 0.5]).reshape(1, 1, 4)

    found = depth_scores(inverse, truth)

    assert scale_and_shift(inverse.ravel(), 1 / truth.ravel()) == pytest.approx((2 / 3, 0.25))
    aligned = inverse.ravel() * 2 / 3 + 0.25
    error, logs = 1 / aligned - truth.ravel(), -np.log(aligned) - np.log(truth.ravel())
    assert found.abs_rel == pytest.approx(np.abs(error / truth.ravel()).mean())
    assert found.rmse == pytest.approx(np.sqrt((error**2).mean()))
    assert found.silog == pytest.approx(100 * np.sqrt((logs**2).mean() - logs.mean() ** 2))
    assert (found.delta_1, found.delta_2, found.delta_3) == (0.75, 1, 1)


def test_the_deltas_are_powers_of_five_quarters() -> None:
    """One of many pixels is wrong by a factor; the fit of the rest hardly moves."""
    truth = np.tile(np.array([1.0, 2.0, 4.0]), (1, 4000, 1))
    for factor, passed in ((1.2, (1, 1, 1)), (1.4, (0, 1, 1)), (1.8, (0, 0, 1)), (2.2, (0, 0, 0))):
        inverse = 1 / truth
        inverse[0, 0, 0] /= factor

        found = depth_scores(inverse, truth)

        shares = (found.delta_1, found.delta_2, found.delta_3)
        assert shares == pytest.approx([1 - (1 - ok) / truth.size for ok in passed])


def test_an_inverse_that_comes_out_negative_is_far_and_not_a_negative_depth() -> None:
    """It counts as ten times the largest depth: 40 where 1 is true, in one of many pixels."""
    truth = np.tile(np.array([1.0, 2.0, 4.0]), (1, 4000, 1))
    inverse = 1 / truth
    inverse[0, 0, 0] = -0.5

    found = depth_scores(inverse, truth)

    assert found.rmse == pytest.approx(39 / np.sqrt(truth.size), rel=0.02)


def test_flicker_is_the_gap_between_a_fit_per_clip_and_one_per_frame() -> None:
    gains = np.array([1, 1.2, 0.8, 1.1])[:, None, None]
    steady, flickering = depth_scores(1 / depths(), depths()), depth_scores(gains / depths() + gains, depths())

    assert flickering.abs_rel_per_frame == pytest.approx(0, abs=1e-6)
    assert flickering.abs_rel > 0.05
    assert flickering.scale_flicker == pytest.approx((1 / gains).std() / scale_of(gains), rel=1e-3)
    assert steady.scale_flicker == pytest.approx(0, abs=1e-9)
    assert flickering.shift_flicker < 1e-6


def scale_of(gains: np.ndarray) -> float:
    return scale_and_shift((gains / depths() + gains).ravel(), (1 / depths()).ravel())[0]


def test_order_is_judged_over_pairs_that_are_apart() -> None:
    rng = np.random.default_rng(1)

    assert ordinal_accuracy(1 / depths(), depths(), rng=rng) == 1
    assert ordinal_accuracy(-1 / depths(), depths(), rng=rng) == 0
    assert ordinal_accuracy(np.exp(5 / depths()), depths(), rng=rng) == 1
    assert ordinal_accuracy(np.ones_like(depths()), depths(), rng=rng) == 0
    random = ordinal_accuracy(rng.random(depths().shape), depths(), rng=rng)
    assert random == pytest.approx(0.5, abs=0.05)


def test_planes_within_five_percent_are_not_ordered() -> None:
    truth = np.ones((1, 4, 6))
    truth[..., 3:] = 1.04

    assert ordinal_accuracy(truth, truth, rng=np.random.default_rng(0)) is None
    truth[..., 3:] = 1.06
    assert ordinal_accuracy(truth, truth, rng=np.random.default_rng(0)) == 0


def test_only_valid_pixels_count() -> None:
    truth, inverse = depths(), 1 / depths()
    valid = np.ones(truth.shape, np.bool_)
    valid[1, :5], valid[2] = False, False
    truth[~valid], inverse[~valid] = -1, 999

    assert depth_scores(inverse, truth, valid=valid).abs_rel == pytest.approx(0, abs=1e-9)
    assert ordinal_accuracy(inverse, truth, rng=np.random.default_rng(0), valid=valid) == 1
    with pytest.raises(UsageError, match="depth: true depth must be above 0, got -1; mask pixels without a depth"):
        depth_scores(inverse, truth)


def test_depth_that_moves_with_its_object_is_consistent() -> None:
    world = np.random.default_rng(3).uniform(1, 3, (10, 40))
    depth = np.stack([world[:, 10 - 2 * t : 30 - 2 * t] for t in range(3)])
    flow = np.zeros((2, 10, 20, 2), np.float32)
    flow[..., 0] = 2
    visible = np.ones((2, 10, 20), np.bool_)
    visible[:, :, 18:] = False

    assert depth_consistency(depth, flow, visible) == pytest.approx(0, abs=1e-6)
    assert depth_consistency(depth * np.array([1, 1.1, 1.21])[:, None, None], flow, visible) == pytest.approx(0.1)
    assert (depth_consistency(depth, -flow, visible) or 0) > 0.1
    assert depth_consistency(depth, flow, np.zeros_like(visible)) is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"depth: inverse depth must be \(4, 10, 14\), got \(3, 10, 14\)"):
        depth_scores(depths(3), depths())


def test_a_prediction_that_is_no_number_is_refused_where_it_counts() -> None:
    inverse, valid = 1 / depths(), np.ones((4, 10, 14), np.bool_)
    inverse[1, 2, 3] = np.nan
    with pytest.raises(
        ShapeError, match="depth: inverse depth must be finite, got 1 values that are not; paint or mask"
    ):
        depth_scores(inverse, depths())

    valid[1, 2, 3] = False
    assert depth_scores(inverse, depths(), valid=valid).abs_rel == pytest.approx(0, abs=1e-6)
