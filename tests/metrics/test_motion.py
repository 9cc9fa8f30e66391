import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.motion import (
    centroids,
    follow,
    motion_alignment,
    motion_fidelity,
    rotation_error,
    trajectory_error,
)

Tracks = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6).map(lambda s: (*s, 2)),
                    elements=st.floats(-50, 50))  # fmt: skip


def line(x: float, y: float, frames: int = 5) -> np.ndarray:
    """One track that moves by (x, y) a frame."""
    return (np.arange(frames)[:, None] * np.array([x, y], np.float64))[None]


@given(Tracks)
def test_a_clip_is_perfectly_faithful_to_itself(tracks: np.ndarray) -> None:
    assert motion_fidelity(tracks, tracks) == pytest.approx(1)


@given(Tracks, st.integers(0, 10))
def test_fidelity_is_symmetric_and_bounded(tracks: np.ndarray, seed: int) -> None:
    others = np.random.default_rng(seed).uniform(-9, 9, (3, tracks.shape[1], 2))

    value = motion_fidelity(tracks, others)

    assert value == pytest.approx(motion_fidelity(others, tracks))
    assert -1 - 1e-9 <= value <= 1 + 1e-9


@pytest.mark.parametrize(
    ("other", "expected"),
    [((3, 0), 1), ((0, 2), 0), ((-1, 0), -1), ((1, 1), math.sqrt(0.5)), ((0, 0), 0), ((0.09, 0), 0), ((0.11, 0), 1)],
)
def test_only_the_direction_of_steps_counts_and_none_is_no_direction(
    other: tuple[float, float], expected: float
) -> None:
    assert motion_fidelity(line(*other), line(2, 0)) == pytest.approx(expected)


def test_a_repeated_frame_is_not_faithful_to_a_moving_shot_but_to_a_still_one() -> None:
    still = np.repeat(np.random.default_rng(0).uniform(0, 99, (7, 1, 2)), 5, axis=1)

    assert motion_fidelity(still, line(1, 2)) == 0
    assert motion_fidelity(still, still + 1) == 1


def test_steps_in_which_both_stand_still_say_nothing() -> None:
    waits = np.concatenate([np.zeros((1, 4, 2)), line(2, 0)], axis=1)
    turns = np.concatenate([np.zeros((1, 4, 2)), line(0, 2)], axis=1)

    assert motion_fidelity(waits, waits * 3) == pytest.approx(1)
    assert motion_fidelity(waits, turns) == pytest.approx(0)


def test_both_directions_count() -> None:
    """One track of the result matches; the source has a second one that nothing in the result is like."""
    result, source = line(2, 0), np.concatenate([line(1, 0), line(-1, 0)])

    assert motion_fidelity(result, source) == pytest.approx((1 + (1 - 1) / 2) / 2)


def test_steps_out_of_sight_are_left_out() -> None:
    result, seen = line(2, 0, 6), np.ones((1, 6), np.bool_)
    result[0, 3:] = np.nan
    seen[0, 3:] = False

    assert motion_fidelity(result, line(1, 0, 6), seen=seen) == pytest.approx(1)


def test_a_point_seen_for_a_moment_does_not_stand_for_the_shot() -> None:
    """The source goes right; the result goes up once, like a point of the source that is lost at once, then left."""
    source = np.concatenate([line(1, 0, 11), line(0, 1, 11)])
    seen = np.ones((2, 11), np.bool_)
    seen[1, 2:] = False
    result = np.concatenate(
        [np.zeros((1, 1, 2)), [[[0, 1]]], [0, 1] + np.arange(1, 10)[None, :, None] * [-1.0, 0]], axis=1
    )

    assert motion_fidelity(result, source[:1]) == pytest.approx(-0.9)
    # The lost point finds its like in that one step, and weighs one step in eleven.
    assert motion_fidelity(result, source, source_seen=seen) == pytest.approx((-0.9 + (-9 + 1) / 11) / 2)


def test_tracks_that_share_no_step_are_refused() -> None:
    early, late = np.ones((1, 5), np.bool_), np.ones((1, 5), np.bool_)
    early[0, 2:], late[0, :2] = False, False

    with pytest.raises(UsageError, match="two tracks seen over the same step must be true somewhere, got 1 times"):
        motion_fidelity(line(1, 0), line(1, 0), seen=early, source_seen=late)
    with pytest.raises(UsageError, match=r"tracks must be at least one in each clip.*got \(0, 5, 2\) and \(1, 5, 2\)"):
        motion_fidelity(line(1, 0)[:0], line(1, 0))
    with pytest.raises(ShapeError, match=r"motion fidelity: source tracks must be \(N, 5, 2\), got \(1, 4, 2\)"):
        motion_fidelity(line(1, 0), line(1, 0, 4))


def test_motion_alignment_is_minus_the_mean_length_of_the_difference() -> None:
    source = np.random.default_rng(1).normal(0, 3, (2, 5, 7, 2))
    visible = np.zeros((2, 5, 7), np.bool_)
    visible[0, :2] = True
    flow = source + np.where(visible[..., None], (3.0, 4.0), (0.0, 100.0))

    assert motion_alignment(flow, source, visible=visible) == pytest.approx(-5)
    assert motion_alignment(source, source) == 0
    assert motion_alignment(flow, source) < -50
    with pytest.raises(UsageError, match="motion alignment: visible must be true somewhere, got 70 times false"):
        motion_alignment(flow, source, visible=np.zeros_like(visible))


def test_points_follow_the_flow_read_between_pixels() -> None:
    """u grows with x: 0.1 px per px; v is 1 on the lower half."""
    flow = np.zeros((12, 20, 2), np.float32)
    flow[..., 0], flow[6:, :, 1] = np.arange(20) * 0.1, 1
    points = np.array([[4.5, 2.0], [10.0, 8.0], [19.0, 3.0], [3.0, 11.0]])
    occluded = np.zeros((12, 20), np.bool_)
    occluded[8, 10] = True

    moved, known = follow(points, flow, occluded=occluded)

    assert np.allclose(moved, [[4.95, 2], [11, 9], [20.9, 3], [3.3, 12]], atol=1e-5)
    assert known.tolist() == [True, False, False, False]


def test_centroids_are_weighted_and_x_comes_first() -> None:
    mattes = np.zeros((3, 8, 12), np.float32)
    mattes[0, 2:4, 7:10] = 1
    mattes[1, 1, 2], mattes[1, 1, 6] = 0.25, 0.75

    found = centroids(mattes)

    assert np.allclose(found[:2], [[8, 2.5], [5, 1]])
    assert np.isnan(found[2]).all()


def test_trajectory_error_is_a_mean_distance_over_known_frames() -> None:
    truth = np.array([[1.0, 2], [3, 4], [5, 6]])
    path = truth + np.array([[3, 4], [0, 1], [np.nan, 0]])

    assert trajectory_error(path, truth) == pytest.approx(3)
    assert trajectory_error(np.full((3, 2), np.nan), truth) is None


@given(st.floats(-20, 20), st.integers(-3, 3), st.integers(1, 6))
def test_a_turn_by_its_symmetry_is_no_error(angle: float, turns: int, fold: int) -> None:
    truth = np.array([angle, angle + 0.5])

    assert rotation_error(truth + turns * 2 * math.pi / fold, truth, fold=fold) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("fold", "expected"), [(1, 3.0), (2, math.pi - 3.0), (4, math.pi - 3.0)])
def test_rotation_error_is_the_shorter_way_round(fold: int, expected: float) -> None:
    assert rotation_error(np.array([3.2]), np.array([0.2]), fold=fold) == pytest.approx(expected)


def test_a_fold_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="trajectory: fold must be at least 1, got 0; 1 is no symmetry"):
        rotation_error(np.zeros(2), np.zeros(2), fold=0)
