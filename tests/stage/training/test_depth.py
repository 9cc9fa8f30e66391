"""stage-depth."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_banks import first_and_last_loss, fixed_weights, tiny_bank
from transformers.models.auto.image_processing_auto import AutoImageProcessor
from transformers.models.auto.modeling_auto import AutoModelForDepthEstimation

from shotgraph.stage.scene import Scene
from shotgraph.stage.training import depth
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.depth import DepthTrainee, gates, inverse_depths, save_depth
from shotgraph.stage.training.loop import noise_of
from shotgraph.stage.worlds import draw_clip


@pytest.fixture(scope="module")
def bank() -> Bank:
    return tiny_bank(BankPlan(split="train", clips=4, purpose="depth"))


@pytest.fixture
def trainee(bank: Bank) -> DepthTrainee:
    with fixed_weights():
        return DepthTrainee(bank, depth.new_depth(), batch=4)


def test_the_loss_of_a_batch_falls_when_it_is_trained_on(trainee: DepthTrainee) -> None:
    first, last = first_and_last_loss(trainee.module(), lambda: trainee.loss(0, noise_of(0, 0))[0], steps=24, rate=2e-3)

    assert last < 0.7 * first


def test_a_batch_is_a_function_of_its_step_alone(trainee: DepthTrainee, bank: Bank) -> None:
    other = DepthTrainee(bank, trainee.model, batch=4)
    other.batch_of(1)

    pictures, truth = trainee.batch_of(2)

    assert torch.equal(pictures, other.batch_of(2)[0])
    assert torch.equal(truth, other.batch_of(2)[1])
    assert not torch.equal(pictures, other.batch_of(3)[0])


def test_depth_is_mirrored_with_its_picture(trainee: DepthTrainee, bank: Bank) -> None:
    pictures, truth = trainee.batch_of(0)
    mirrored: list[bool] = []

    # All four clips are in the batch, in order.
    for clip in range(4):
        exact = Scene(bank.plan.spec(clip)).depth(bank.plan.times(clip)[0])
        seen = pictures[clip].permute(1, 2, 0).numpy()
        plain = bank.frames[clip, 0] / 127.5 - 1
        turned = np.abs(seen - plain[:, ::-1]).mean() < np.abs(seen - plain).mean()
        mirrored.append(bool(turned))
        assert np.allclose(truth[clip].numpy(), exact[:, ::-1] if turned else exact, rtol=1e-3)

    assert len(set(mirrored)) == 2


def test_pairs_in_the_right_order_cost_less() -> None:
    truth = torch.linspace(1, 4, 50).reshape(1, 5, 10)
    right, wrong = 1 / truth, -1 / truth

    cheap, all_right = depth._ranking(right, truth, noise_of(0, 0))
    dear, none_right = depth._ranking(wrong, truth, noise_of(0, 0))

    assert cheap < 0.3 * dear
    assert (all_right, none_right) == (1.0, 0.0)


def test_pairs_nearly_as_far_are_left_out() -> None:
    truth = torch.tensor([[[2.0, 2.08]]])

    loss, _ = depth._ranking(torch.tensor([[[0.0, 9.0]]]), truth, noise_of(0, 0))

    assert loss == 0
    assert depth._ranking(torch.tensor([[[0.0, 9.0]]]), truth * torch.tensor([1.0, 1.2]), noise_of(0, 0))[0] > 1


def test_the_folder_loads_with_plain_calls_and_gives_the_same_depth(trainee: DepthTrainee, tmp_path: Path) -> None:
    trainee.model.eval()
    pictures = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1

    save_depth(trainee.model, tmp_path)

    again = AutoModelForDepthEstimation.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        # Stored in half precision.
        assert again.dtype == torch.float32
        assert torch.allclose(again(pictures).predicted_depth, trainee.model(pictures).predicted_depth, atol=2e-3)
    assert AutoImageProcessor.from_pretrained(tmp_path).size["height"] == 128


def test_frames_of_any_aspect_come_back_at_their_size(trainee: DepthTrainee, tmp_path: Path) -> None:
    save_depth(trainee.model, tmp_path)
    frames = np.random.Generator(np.random.Philox(0)).random((2, 96, 160, 3), np.float32)

    result = inverse_depths(tmp_path, frames)

    assert result.shape == (2, 96, 160)
    assert np.isfinite(result).all()


def test_a_ramp_that_saw_no_picture_fails_within_rows() -> None:
    specs = [draw_clip(number, "held-out", purpose="depth") for number in range(4)]
    truth = np.stack([Scene(spec).depth(0) for spec in specs])
    ramp = np.broadcast_to(np.arange(128, dtype=np.float32)[:, None], truth.shape)
    rng = np.random.Generator(np.random.Philox(0))

    blind, exact = depth.ordinal_gates(ramp, truth, rng), depth.ordinal_gates(1 / truth, truth, rng)

    assert blind[0].passed
    assert (blind[1].value, blind[1].passed) == (0.0, False)
    assert [row.value for row in exact] == [1.0, 1.0]


def test_gates_of_random_weights_fail(trainee: DepthTrainee, tmp_path: Path) -> None:
    save_depth(trainee.model, tmp_path)

    rows = gates(tmp_path, 0, clips=3)

    assert [(row.name, row.bound.threshold, row.passed) for row in rows] == [
        ("depth.ordinal", 0.90, False),
        ("depth.ordinal_in_rows", 0.90, False),
    ]
