"""Time, memory and evaluations: of what, since when, and what happens when they cannot be counted."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.controlnets import controlnet
from diffusers.models.unets import unet_2d_condition

from shotgraph.stage.bench.cost import measured
from shotgraph.stage.bench.counting import counted


class UNet2DConditionModel(torch.nn.Module):
    """Called like the real one: by place or by name."""

    def forward(self, sample: torch.Tensor, *, fails: bool = False) -> torch.Tensor:
        if fails:
            raise ValueError("out of luck")
        return sample


class TinyTransformer3DModel(torch.nn.Module):
    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return hidden_states


class Transformer2DModel(torch.nn.Module):
    """Both a network of its own and a block of a U-Net, in diffusers as here."""

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return hidden_states


class UNetMotionModel(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Transformer2DModel()

    def forward(self, sample: torch.Tensor) -> torch.Tensor:
        return self.block(sample.flatten(0, 1)).reshape(sample.shape)


class ControlNetModel(UNetMotionModel):
    """Its blocks are those of a U-Net; it has no predictor around it."""


class Decoder(UNet2DConditionModel):
    """A network that predicts no noise."""


class FakeGpus:
    """Two GPUs of which the second holds what an earlier method left."""

    def __init__(self) -> None:
        self.peaks = [0, 10**12]
        self.reset: list[int] = []

    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def device_count(self) -> int:
        return 2

    def reset_peak_memory_stats(self, device: int) -> None:
        self.reset.append(device)
        self.peaks[device] = 0

    def max_memory_allocated(self, device: int) -> int:
        return self.peaks[device]


def latents(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape, 2, 2)


def test_evaluations_are_counted_by_who_is_called_and_not_by_who_says_so() -> None:
    net, other = UNet2DConditionModel(), Decoder()

    with counted() as found:
        net(latents(4, 4))
        net(latents(2, 4, 3))
        other(latents(9, 4))
    net(latents(50, 4))

    assert found.frames == 4 + 6


def test_calls_by_name_are_counted_too() -> None:
    with counted() as found:
        UNet2DConditionModel()(sample=latents(3, 4))
        TinyTransformer3DModel()(hidden_states=latents(1, 4, 5))
        Transformer2DModel()(hidden_states=latents(2, 4))

    assert found.frames == 3 + 5 + 2


def test_a_block_inside_a_predictor_is_no_evaluation_of_its_own() -> None:
    with counted() as found:
        UNetMotionModel()(latents(1, 4, 7))

    assert found.frames == 7


def test_what_runs_beside_a_predictor_is_no_evaluation_and_hides_none() -> None:
    beside, net = ControlNetModel(), UNetMotionModel()

    with counted() as found:
        for _ in range(2):
            beside(latents(1, 4, 7))
            net(latents(1, 4, 7))

    assert found.frames == 2 * 7


def test_a_real_control_network_does_not_count_its_blocks() -> None:
    size: dict[str, Any] = {"block_out_channels": (8, 16), "layers_per_block": 1, "cross_attention_dim": 8}
    size |= {"attention_head_dim": 4, "norm_num_groups": 4}
    down, up = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
    net = unet_2d_condition.UNet2DConditionModel(sample_size=8, down_block_types=down, up_block_types=up, **size)
    beside = controlnet.ControlNetModel(
        down_block_types=down, conditioning_embedding_out_channels=(8, 8), only_cross_attention=False, **size
    )
    blocks = [module for module in beside.modules() if type(module).__name__ == "Transformer2DModel"]
    sample, words, condition = torch.zeros(3, 4, 8, 8), torch.zeros(3, 5, 8), torch.zeros(3, 3, 16, 16)

    with torch.no_grad(), counted() as found:
        more, middle = beside(sample, 0, words, condition, return_dict=False)
        net(sample, 0, words, down_block_additional_residuals=more, mid_block_additional_residual=middle)

    assert blocks
    assert found.frames == 3


@pytest.mark.parametrize("tokens", [torch.zeros(2, 64, 8), None])
def test_a_call_that_cannot_be_counted_leaves_no_count(tokens: torch.Tensor | None) -> None:
    net, model = UNet2DConditionModel(), TinyTransformer3DModel()

    with counted() as found:
        net(latents(4, 4))
        model(tokens)
        net(latents(4, 4))

    assert found.frames is None


def test_a_call_that_failed_was_paid_for_and_breaks_no_later_count() -> None:
    net = UNet2DConditionModel()

    with counted() as found:
        with pytest.raises(ValueError, match="out of luck"):
            net(latents(2, 4), fails=True)
        net(latents(3, 4))

    assert found.frames == 2 + 3


def test_time_and_resident_memory_are_those_of_what_happens_inside() -> None:
    with measured() as cost:
        held = np.ones(60_000_000, np.uint8)
        total = int(held.sum())

    assert total == 60_000_000
    assert cost.seconds > 0
    assert 60_000_000 < cost.peak_bytes < 64 * 2**30


def test_a_gpu_counts_its_own_peak_from_the_start_on_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = FakeGpus()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=gpus))

    with measured() as cost:
        gpus.peaks = [300, 40]

    assert gpus.reset == [0, 1]
    assert cost.peak_bytes == 340


def test_a_gpu_that_is_not_used_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=FakeGpus()))

    with measured() as cost:
        pass

    # What the process holds: more than any number that the GPUs were given.
    assert cost.peak_bytes > 10_000_000
