"""The MotionAdapter starts as nothing, and all of it learns."""

import pytest
import torch
from tiny_banks import silent_behind_a_step
from torch import nn

from shotgraph.stage.training.loop import seeded
from shotgraph.stage.training.motion import new_adapter, with_motion
from shotgraph.stage.training.t2i import new_unet


@pytest.fixture(scope="module")
def unet() -> nn.Module:
    with seeded(1):
        net = new_unet()
        for parameter in net.parameters():
            parameter.data += 0.02 * torch.randn(parameter.shape)
    return net.eval()


@torch.no_grad()
def test_an_untrained_adapter_leaves_every_frame_as_the_flat_net_has_it(unet) -> None:
    generator = torch.Generator().manual_seed(2)
    frames, words = torch.randn((3, 4, 8, 16), generator=generator), torch.randn((3, 32, 96), generator=generator)
    flat = unet(frames, 321, encoder_hidden_states=words).sample

    net = with_motion(unet, new_adapter(unet)).eval()
    moving = net(frames.transpose(0, 1)[None], 321, encoder_hidden_states=words).sample[0].transpose(0, 1)

    assert flat.std() > 0.05
    assert (moving - flat).abs().max() <= 1e-5 * max(1.0, float(flat.abs().max()))


def test_behind_one_step_every_parameter_of_the_adapter_learns(unet) -> None:
    net = with_motion(unet, new_adapter(unet)).train()

    silent = silent_behind_a_step(
        net, lambda noise, times, words: net(noise, times, encoder_hidden_states=words).sample, words_per_frame=True
    )

    # Keys' biases shift every score alike, which a softmax does not see.
    assert [name for name in silent if not name.endswith("to_k.bias")] == []
