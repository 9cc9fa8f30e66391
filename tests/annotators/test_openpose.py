"""OpenPose of controlnet-aux: the package's own search, around a network that answers what the test tells it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_poses import Person, Told, write_openpose

from shotgraph.annotators.openpose import OpenPose, load_openpose
from shotgraph.annotators.quiet import quietly
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]

# OpenPose's parts: nose, neck, right arm, left arm, right leg, left leg, eyes, ears; right before left.
SOMEBODY: Person = {
    0: (0.50, 0.15, 0.90), 1: (0.50, 0.25, 0.80), 2: (0.40, 0.26, 0.70), 3: (0.35, 0.40, 0.60), 4: (0.30, 0.55, 0.50),
    5: (0.60, 0.27, 0.95), 6: (0.66, 0.42, 0.85), 7: (0.70, 0.50, 0.75), 8: (0.45, 0.55, 0.65), 9: (0.44, 0.70, 0.55),
    10: (0.43, 0.90, 0.45), 11: (0.55, 0.56, 0.90), 12: (0.56, 0.72, 0.80), 13: (0.57, 0.92, 0.70), 14: (0.47, 0.12, 0.60),
    15: (0.53, 0.11, 0.50), 16: (0.45, 0.14, 0.95), 17: (0.56, 0.13, 0.85),
}  # fmt: skip
# Nose, left eye, right eye, left ear ...: the same parts in COCO's order, which has left before right and no neck.
COCO = (0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10)


def moved(person: Person, right: float, scale: float = 1.0) -> Person:
    """The same person elsewhere."""
    return {part: (x * scale + right, y * scale, score) for part, (x, y, score) in person.items()}


def columns_of(height: int, width: int) -> int:
    """How wide the network sees a picture: 184 rows of it."""
    return round(width * 368 / height) // 2


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).random((height, width, 3)).astype(np.float32)


@pytest.mark.parametrize(("height", "width"), [(92, 120), (736, 960), (100, 77)], ids=["smaller", "larger", "padded"])
def test_joints_are_found_where_they_are_in_cocos_order_with_their_scores(height: int, width: int) -> None:
    pose = OpenPose.of(Told([SOMEBODY], columns_px=columns_of(height, width)))

    points, scores = pose(noise(height, width))

    expected = np.array([SOMEBODY[part][:2] for part in COCO]) * (width, height) - 0.5
    # Half a pixel of what the network sees.
    np.testing.assert_allclose(points, expected[None], atol=0.5 * height / 184)
    np.testing.assert_allclose(scores, [[SOMEBODY[part][2] for part in COCO]], atol=0.02)
    mirrored = np.array([SOMEBODY[part][:2] for part in (0, *range(2, 18))]) * (width, height)
    assert np.abs(points - mirrored).max() > 0.1 * height


def test_a_frame_that_is_too_narrow_is_widened_and_joints_brought_back() -> None:
    # One above the other: nose, neck, right hip, knee and ankle.
    upright = {part: (0.5, y, 0.9) for part, y in ((0, 0.1), (1, 0.25), (8, 0.5), (9, 0.7), (10, 0.9))}
    pose = OpenPose.of(Told([upright], columns_px=16))

    points, _ = pose(noise(100, 4))

    found = points[0, [COCO.index(part) for part in (0, 8, 9, 10)]]
    np.testing.assert_allclose(found[:, 1], [9.5, 49.5, 69.5, 89.5], atol=0.3)
    # Two cells of the answer are all there is of its width.
    np.testing.assert_allclose(found[:, 0], 1.5, atol=1.5)


def test_the_packages_own_call_finds_the_same_places_and_loses_the_scores() -> None:
    with quietly():
        from controlnet_aux.open_pose import OpenposeDetector
    codes = (noise(368, 480) * 255).astype(np.uint8)
    pose = OpenPose.of(Told([SOMEBODY], columns_px=240))

    points, scores = pose(codes / np.float32(255))
    ((body, *_),) = OpenposeDetector(pose.body).detect_poses(codes)

    theirs = np.array([(body.keypoints[part].x * 480, body.keypoints[part].y * 368) for part in COCO])
    np.testing.assert_allclose(points[0], theirs, atol=1e-3)
    assert {keypoint.score for keypoint in body.keypoints} == {1.0}
    assert scores.std() > 0.1
    ours, their_input = pose.body.model.shown
    np.testing.assert_allclose(ours.numpy(), their_input.numpy(), atol=1 / 256)


def test_the_network_is_shown_blue_first_about_0() -> None:
    told = Told([], columns_px=240)
    # Red beyond white, and alpha.
    picture = np.full((92, 120, 4), (1.5, 0.5, 0.25, 0.1), np.float32)

    OpenPose.of(told)(picture)

    (shown,) = told.shown
    assert shown.shape == (1, 3, 184, 240)
    expected = torch.tensor([0.25, 0.5, 1.0]) * 255 / 256 - 0.5
    torch.testing.assert_close(shown[0].mean(dim=(1, 2)), expected, atol=1e-5, rtol=0)


def test_two_persons_keep_their_own_joints() -> None:
    left, right = moved(SOMEBODY, -0.15, 0.8), moved(SOMEBODY, 0.3, 0.8)
    pose = OpenPose.of(Told([left, right], columns_px=480))

    points, scores = pose(noise(92, 240))

    assert points.shape == (2, 17, 2)
    first, second = sorted(points, key=lambda joints: joints[0, 0])
    for person, found in ((left, first), (right, second)):
        expected = np.array([person[part][:2] for part in COCO]) * (240, 92) - 0.5
        np.testing.assert_allclose(found, expected, atol=0.5)
    assert (scores > 0.4).all()


def test_a_joint_that_is_not_seen_scores_0_and_the_others_stay() -> None:
    without = {part: place for part, place in SOMEBODY.items() if part not in (4, 16)}
    pose = OpenPose.of(Told([without], columns_px=240))

    points, scores = pose(noise(92, 120))

    lost = [COCO.index(4), COCO.index(16)]
    np.testing.assert_array_equal(scores[0, lost], 0)
    np.testing.assert_array_equal(points[0, lost], 0)
    assert (np.delete(scores[0], lost) > 0.4).all()


def test_scores_never_pass_1() -> None:
    pose = OpenPose.of(Told([{part: (x, y, 1.3) for part, (x, y, _) in SOMEBODY.items()}], columns_px=240))

    _, scores = pose(noise(92, 120))

    np.testing.assert_array_equal(scores, 1)


@pytest.mark.parametrize("size", [(92, 120), (1, 1), (300, 2), (2, 9)], ids=str)
def test_nobody_is_found_in_a_picture_of_any_size(size: tuple[int, int]) -> None:
    points, scores = OpenPose.of(Told([], columns_px=8))(np.full((*size, 3), 0.5, np.float32))

    assert (points.shape, points.dtype) == ((0, 17, 2), np.float32)
    assert (scores.shape, scores.dtype) == ((0, 17), np.float32)


def test_the_whole_network_is_loaded_by_the_names_of_the_published_file(checkpoint: Checkpoint) -> None:
    weights = checkpoint(write_openpose, suffix=".pth")

    pose = load_openpose(weights, device="cpu")

    assert len(torch.load(weights, weights_only=True)) == len(pose.body.model.state_dict()) == 184
    assert not pose.body.model.training
    assert all(not value.any() for value in pose.body.model.state_dict().values())
    # A narrow picture, as the network is large.
    assert pose(noise(64, 10))[0].shape == (0, 17, 2)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "hand_pose_model.pth"
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3), "conv6_2_CPM.bias": torch.zeros(22)}, weights)

    with pytest.raises(
        UnavailableError,
        match=rf"model: {weights} must hold the 184 tensors of openpose, got 2, 1 of them alike; choose the file that belongs to it",
    ):
        load_openpose(weights, device="cpu")
