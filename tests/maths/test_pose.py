"""Who is who, and joints that do not shake."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.maths.pose import Tracker, coco_17, likeness, openpose_18, smoothed
from shotgraph.maths.skeleton import LIMBS, drawn

RNG = np.random.default_rng(9)
SURE = np.ones(17, np.float32)


def person(x: float, y: float, size: float = 40.0) -> np.ndarray:
    """(17, 2) about a place."""
    shape = np.random.default_rng(3).random((17, 2)) - 0.5
    return (shape * size + (x, y)).astype(np.float32)


def test_a_pose_is_like_itself_and_less_so_the_further_it_is() -> None:
    here = person(50, 50)
    alike = [likeness(here, here + shift, SURE, SURE, least=0.3) for shift in (0, 1, 4, 40)]

    assert alike[0] == 1
    assert alike == sorted(alike, reverse=True)
    assert alike[-1] < 0.05


def test_joints_that_nobody_is_sure_of_do_not_count() -> None:
    here, there = person(50, 50), person(50, 50)
    there[3] += 100
    unsure = SURE.copy()
    unsure[3] = 0.1

    assert likeness(here, there, SURE, SURE, least=0.3) < 1
    assert likeness(here, there, SURE, unsure, least=0.3) == 1
    assert likeness(here, there, SURE, SURE * 0, least=0.3) == 0


def test_two_persons_keep_their_numbers_whatever_the_order_they_come_in() -> None:
    tracker = Tracker()
    named: list[list[int]] = []
    for frame in range(6):
        left, right = person(30 + 2 * frame, 50), person(120 - 2 * frame, 60)
        poses = np.stack([left, right] if frame % 2 == 0 else [right, left])
        named.append(tracker.name(frame, poses, np.stack([SURE, SURE])).tolist())

    assert named == [[0, 1], [1, 0]] * 3


def test_a_person_that_was_away_for_long_is_another_one() -> None:
    tracker, one, score = Tracker(), person(50, 50)[None], SURE[None]

    names = [int(tracker.name(frame, one, score)[0]) for frame in (0, 1, 5, 10)]

    assert names == [0, 0, 0, 1]
    assert tracker.name(11, np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32)).shape == (0,)


def test_behind_a_cut_everybody_is_another_one() -> None:
    tracker, one, score = Tracker(), person(50, 50)[None], SURE[None]

    before = tracker.name(0, one, score)
    tracker.begin_anew()

    assert (int(before[0]), int(tracker.name(1, one, score)[0])) == (0, 1)


def test_smoothing_takes_noise_away_and_leaves_a_steady_motion() -> None:
    path = [person(50 + 2 * frame, 50) for frame in range(30)]
    noisy = [(frame, pose + RNG.normal(0, 1.5, pose.shape).astype(np.float32), SURE) for frame, pose in enumerate(path)]

    steady = smoothed(noisy, sigma_frames=1.5, least=0.3)

    def error(poses: list[tuple[int, np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([np.abs(pose - path[frame]).mean() for frame, pose, _ in poses[5:25]]))

    assert error(steady) < 0.6 * error(noisy)
    assert smoothed(noisy, sigma_frames=0, least=0.3) == noisy


def test_a_joint_nobody_saw_stays_where_it_is_and_pulls_at_no_other() -> None:
    poses = [(frame, person(50, 50), SURE.copy()) for frame in range(5)]
    poses[2][1][4] = (999, 999)
    poses[2][2][4] = 0.05

    steady = smoothed(poses, sigma_frames=1, least=0.3)

    np.testing.assert_array_equal(steady[2][1][4], (999, 999))
    np.testing.assert_allclose(steady[1][1][4], person(50, 50)[4], atol=1e-3)


def test_frames_too_far_apart_do_not_reach_each_other() -> None:
    poses = [(0, person(0, 0), SURE), (1, person(0, 0), SURE), (9, person(100, 0), SURE)]

    steady = smoothed(poses, sigma_frames=50, least=0.3)

    np.testing.assert_allclose(steady[1][1], person(0, 0), atol=1e-3)
    np.testing.assert_allclose(steady[2][1], person(100, 0), atol=1e-3)


def test_the_neck_is_between_the_shoulders_and_needs_both() -> None:
    pose, score = person(50, 50)[None], SURE[None].copy()

    points, scores = openpose_18(pose, score, least=0.3)

    assert points.shape == (1, 18, 2)
    np.testing.assert_allclose(points[0, 1], pose[0, [5, 6]].mean(axis=0), atol=1e-5)
    # Right before left, where COCO has left before right.
    np.testing.assert_array_equal(points[0, 2], pose[0, 6])
    np.testing.assert_array_equal(points[0, 5], pose[0, 5])
    score[0, 5] = 0.1
    assert openpose_18(pose, score, least=0.3)[1][0, 1] == 0
    assert scores[0, 1] == 1


@given(st.integers(0, 2**16), st.integers(0, 4))
def test_openposes_joints_are_cocos_in_another_order(seed: int, persons: int) -> None:
    rng = np.random.default_rng(seed)
    points, scores = rng.random((persons, 17, 2), np.float32), rng.random((persons, 17), np.float32)

    again, scores_again = coco_17(*openpose_18(points, scores, least=0.3))

    np.testing.assert_array_equal(again, points)
    np.testing.assert_array_equal(scores_again, scores)


def test_the_neck_is_no_joint_of_coco() -> None:
    points = np.arange(36, dtype=np.float32).reshape(1, 18, 2)

    joints, scores = coco_17(points, np.arange(18, dtype=np.float32)[None])

    # Nose, left eye before right, left ear before right, then left and right by turns.
    assert scores[0].tolist() == [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
    np.testing.assert_array_equal(joints[0, :, 0], 2 * scores[0])


@pytest.mark.parametrize(("height", "width"), [(64, 48), (200, 300)])
def test_skeletons_are_drawn_at_the_frames_own_size(height: int, width: int) -> None:
    points, scores = openpose_18(person(width / 2, height / 2, height / 2)[None], SURE[None], least=0.3)

    picture = drawn(points, scores, height=height, width=width, least=0.3)

    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.float32
    x, y = np.rint(points[0, 0]).astype(int)
    # The nose: red, on top of its limbs.
    np.testing.assert_allclose(picture[y, x], (1, 0, 0), atol=0.05)
    assert picture[0, 0].max() == 0
    assert not drawn(points, scores * 0, height=height, width=width, least=0.3).any()
    assert not drawn(points[:0], scores[:0], height=height, width=width, least=0.3).any()


def test_every_limb_joins_two_joints_and_all_joints_are_joined() -> None:
    assert len(LIMBS) == 17
    assert {joint for limb in LIMBS for joint in limb} == set(range(18))
