"""stage-pose."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_banks import first_and_last_loss, fixed_weights, tiny_bank
from transformers.models.auto.image_processing_auto import AutoImageProcessor
from transformers.models.vitpose.modeling_vitpose import VitPoseForPoseEstimation

from shotgraph.stage.figure import joints
from shotgraph.stage.training import pose
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.loop import noise_of
from shotgraph.stage.training.pose import PoseTrainee, box_of, gates, heat_maps, key_points, new_processor, save_pose


@pytest.fixture(scope="module")
def bank() -> Bank:
    return tiny_bank(BankPlan(split="train", clips=4, purpose="figure"))


@pytest.fixture
def trainee(bank: Bank) -> PoseTrainee:
    with fixed_weights():
        return PoseTrainee(bank, pose.new_pose(), batch=4)


def places_of(bank: Bank, clip: int) -> np.ndarray:
    return np.array(joints(bank.plan.spec(clip), bank.plan.times(clip)[0]))


def test_the_loss_of_a_batch_falls_when_it_is_trained_on(trainee: PoseTrainee) -> None:
    first, last = first_and_last_loss(trainee.module(), lambda: trainee.loss(0, noise_of(0, 0))[0], steps=12, rate=2e-3)

    assert last < 0.7 * first


def test_a_batch_is_a_function_of_its_step_alone(trainee: PoseTrainee, bank: Bank) -> None:
    other = PoseTrainee(bank, trainee.model, batch=4)
    other.batch_of(1)

    crops, maps = trainee.batch_of(2)

    assert crops.shape == (4, 3, 96, 72)
    assert maps.shape == (4, 17, 48, 36)
    assert torch.equal(crops, other.batch_of(2)[0])
    assert torch.equal(maps, other.batch_of(2)[1])
    assert not torch.equal(crops, other.batch_of(3)[0])


@pytest.mark.parametrize("stretch", [(1.0, 1.0), (2.2, 1.0)])
def test_true_heat_maps_are_read_back_as_the_joints(bank: Bank, stretch: tuple[float, float]) -> None:
    places = places_of(bank, 1) * np.array(stretch)
    box = box_of(places)
    answer = SimpleNamespace(heatmaps=torch.from_numpy(heat_maps(places, box))[None])

    told = new_processor().post_process_pose_estimation(answer, boxes=[[box.tolist()]])
    moved = new_processor().post_process_pose_estimation(answer, boxes=[[(box + np.array([9, 0, 0, 0])).tolist()]])

    found, elsewhere = (result[0][0]["keypoints"].numpy() for result in (told, moved))
    assert np.linalg.norm(found - places, axis=-1).max() < 0.5
    assert np.linalg.norm(elsewhere - places, axis=-1).min() > 8


def test_crops_show_what_the_heat_maps_say() -> None:
    # A bright dot instead of a person: the crop's brightest pixel must lie where the map's does.
    processor = new_processor()
    picture = torch.zeros(3, 128, 128)
    picture[:, 40, 71] = 1
    places, box = np.tile([71.0, 40.0], (17, 1)), np.array([50.0, 20.0, 40.0, 60.0])

    crop = processor([picture], boxes=[[box.tolist()]], do_rescale=False, return_tensors="pt").pixel_values[0, 0]
    row, column = divmod(int(crop.argmax()), crop.shape[1])
    peak = divmod(int(heat_maps(places, box)[0].argmax()), 36)

    assert abs(row * 47 / 95 - peak[0]) <= 1
    assert abs(column * 35 / 71 - peak[1]) <= 1


def test_a_box_holds_all_joints_with_room_for_limbs() -> None:
    places = np.array([[10.0, 20.0], [22.0, 80.0], [16.0, 44.0]])

    assert np.allclose(box_of(places), [5, 15, 22, 70])


def test_the_folder_loads_with_plain_calls_and_gives_the_same_maps(trainee: PoseTrainee, tmp_path: Path) -> None:
    trainee.model.eval()
    crops = torch.rand(2, 3, 96, 72, generator=torch.Generator().manual_seed(0)) * 2 - 1

    save_pose(trainee.model, tmp_path)

    again = VitPoseForPoseEstimation.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        # Stored in half precision.
        assert again.dtype == torch.float32
        assert torch.allclose(again(crops).heatmaps, trainee.model(crops).heatmaps, atol=2e-3)
    assert AutoImageProcessor.from_pretrained(tmp_path).size["height"] == 96


def test_key_points_come_in_pixels_of_the_frame(trainee: PoseTrainee, tmp_path: Path) -> None:
    save_pose(trainee.model, tmp_path)
    frames = np.random.Generator(np.random.Philox(0)).random((2, 96, 160, 3), np.float32)

    found = key_points(tmp_path, frames, np.array([[100.0, 10.0, 30.0, 60.0]] * 2))

    assert found.shape == (2, 17, 2)
    assert np.isfinite(found).all()


def test_gates_of_random_weights_fail(trainee: PoseTrainee, tmp_path: Path) -> None:
    save_pose(trainee.model, tmp_path)

    (row,) = gates(tmp_path, 0, clips=3)

    assert (row.name, row.bound.threshold, row.passed) == ("pose.pck@0.1", 0.90, False)
    assert row.value < 0.5
