"""Persons by RT-DETR and joints by ViTPose, tiny, through the real loaders."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_depths import write_dpt
from tiny_poses import write_rt_detr, write_vitpose

from shotgraph.annotators.pose import PersonDetector, PoseNetwork
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]
BOXES = np.array([[6, 4, 18, 30], [30, 2, 15, 20]], np.float32)


def test_joints_of_every_box_come_in_pixels_with_scores(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose), device="cpu")

    points, scores = network(pictures[0], BOXES)

    assert (points.shape, points.dtype) == ((2, 17, 2), np.float32)
    assert (scores.shape, scores.dtype) == ((2, 17), np.float32)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.std() > 1e-3
    # About the boxes they were asked for.
    middles = BOXES[:, :2] + BOXES[:, 2:] / 2
    assert (np.abs(np.median(points, axis=1) - middles) < BOXES[:, 2:]).all()


def test_joints_move_with_the_picture_and_its_box(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose), device="cpu")
    wide = np.pad(pictures[0], ((20, 20), (20, 20), (0, 0)), mode="edge")
    box = np.array([[30, 28, 18, 24]], np.float32)

    here, _ = network(wide, box)
    there, _ = network(np.roll(wide, (3, 7), axis=(0, 1)), box + np.array([7, 3, 0, 0], np.float32))

    np.testing.assert_allclose(there, here + np.array([7, 3]), atol=1e-2)


def test_boxes_are_answered_one_by_one_as_together(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose), device="cpu")

    points, scores = network(pictures[0], BOXES)

    for number, box in enumerate(BOXES):
        alone, alone_scores = network(pictures[0], box[None])
        np.testing.assert_allclose(alone[0], points[number], atol=1e-3)
        np.testing.assert_allclose(alone_scores[0], scores[number], atol=1e-5)


def test_without_a_box_there_is_nobody(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose), device="cpu")

    points, scores = network(pictures[0], np.zeros((0, 4), np.float32))

    assert (points.shape, scores.shape) == ((0, 17, 2), (0, 17))


@pytest.mark.parametrize("size", [(1, 1), (2, 9)])
def test_frames_smaller_than_a_patch_are_answered(size: tuple[int, int], checkpoint: Checkpoint) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose), device="cpu")

    points, _ = network(np.full((*size, 3), 0.3, np.float32), np.array([[0, 0, size[1], size[0]]], np.float32))

    assert np.isfinite(points).all()


def test_a_mixture_of_experts_is_asked_for_the_one_of_coco(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = PoseNetwork.load(checkpoint(write_vitpose, experts=3), device="cpu")
    asked: list[torch.Tensor] = []
    network.network.register_forward_pre_hook(
        lambda _, __, given: asked.append(given.get("dataset_index")), with_kwargs=True
    )

    network(pictures[0], BOXES)

    assert [index.tolist() for index in asked] == [[0, 0]]
    # Unasked, it answers nothing at all.
    with pytest.raises(ValueError, match="dataset_index must be provided"):
        network.network(pixel_values=torch.zeros(1, 3, 64, 48))


def test_other_joints_than_cocos_are_refused(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_vitpose, joints=21)

    with pytest.raises(
        UnavailableError, match=rf"model: {folder} must know COCO's 17 joints, got 21; choose another ViTPose"
    ):
        PoseNetwork.load(folder, device="cpu")


def test_a_network_of_depth_is_no_network_of_poses(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_dpt)

    with pytest.raises(
        UnavailableError,
        match=rf"model: {folder} must be a VitPoseForPoseEstimation, got DPTForDepthEstimation; choose stage-pose or",
    ):
        PoseNetwork.load(folder, device="cpu")
    with pytest.raises(
        UnavailableError,
        match="must be a RTDetrForObjectDetection, got DPTForDepthEstimation; choose an RT-DETR folder",
    ):
        PersonDetector.load(folder, device="cpu")


def test_only_persons_count_and_their_boxes_are_corner_and_size(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    detector = PersonDetector.load(checkpoint(write_rt_detr), device="cpu")
    given = detector.processor([torch.from_numpy(pictures[0]).permute(2, 0, 1)], do_rescale=False, return_tensors="pt")
    with torch.no_grad():
        answer = detector.network(**given)
    (told,) = detector.processor.post_process_object_detection(answer, threshold=0, target_sizes=[(40, 56)])
    persons = told["boxes"][told["labels"] == 1].numpy()

    boxes = detector(pictures[0], least=0.0)

    assert detector.person == 1
    assert 0 < len(boxes) < len(told["boxes"])
    np.testing.assert_allclose(boxes[:, :2], persons[:, :2], atol=1e-4)
    np.testing.assert_allclose(boxes[:, 2:], persons[:, 2:] - persons[:, :2], atol=1e-4)
    assert not np.allclose(boxes[:, 2:], persons[:, 2:], atol=1)


def test_the_surest_persons_come_first_and_the_unsure_are_left_out(
    checkpoint: Checkpoint, pictures: np.ndarray
) -> None:
    detector = PersonDetector.load(checkpoint(write_rt_detr), device="cpu")
    everybody = detector(pictures[0], least=0.0)
    with torch.no_grad():
        planes = torch.from_numpy(pictures[0]).permute(2, 0, 1)
        given = detector.processor([planes], do_rescale=False, return_tensors="pt")
        sure = detector.network(**given).logits.sigmoid()[0, :, 1].sort(descending=True).values
    between = float(sure[1] + sure[2]) / 2

    np.testing.assert_array_equal(detector(pictures[0], least=between), everybody[:2])
    assert detector(pictures[0], least=1.0).shape == (0, 4)


def test_a_detector_that_knows_no_persons_is_refused(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_rt_detr, classes=("cat", "dog", "cow"))

    with pytest.raises(
        UnavailableError,
        match=rf"model: {folder} must know the class person, got 3 others \(cat, dog, cow\); choose an RT-DETR trained on COCO",
    ):
        PersonDetector.load(folder, device="cpu")
