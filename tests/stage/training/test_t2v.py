"""stage-t2v starts as exactly stage-sd on every frame."""

import pytest
import torch
from tiny_banks import silent_behind_a_step
from torch import Tensor

from shotgraph.errors import ShapeError
from shotgraph.stage.training.loop import seeded
from shotgraph.stage.training.t2i import new_unet
from shotgraph.stage.training.t2v import inflated, is_temporal, on_clip

TIME = 321


@pytest.fixture(scope="module")
def unet() -> torch.nn.Module:
    with seeded(1):
        net = new_unet()
        # Untrained output layers are next to zero and would hide a difference.
        for parameter in net.parameters():
            parameter.data += 0.02 * torch.randn(parameter.shape)
    return net.eval()


@pytest.fixture(scope="module")
def given() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn((3, 4, 8, 16), generator=generator), torch.randn((1, 32, 96), generator=generator)


@torch.no_grad()
def test_the_inflated_net_equals_the_flat_one_on_every_frame(unet, given) -> None:
    frames, words = given
    flat = unet(frames, TIME, encoder_hidden_states=words.expand(3, -1, -1)).sample

    net = inflated(unet).eval()

    assert flat.std() > 0.05
    assert (on_clip(net, frames, TIME, words) - flat).abs().max() <= 1e-6 * max(1.0, float(flat.abs().max()))


@torch.no_grad()
def test_a_temporal_layer_that_says_something_is_heard(unet, given) -> None:
    frames, words = given
    net = inflated(unet).eval()
    before = on_clip(net, frames, TIME, words)
    projection = net.transformer_in.proj_out.weight
    projection.data += 0.1

    assert (on_clip(net, frames, TIME, words) - before).abs().max() > 1e-3


def test_behind_one_step_every_temporal_parameter_learns(unet) -> None:
    net = inflated(unet).train()

    silent = silent_behind_a_step(
        net, lambda noise, times, words: net(noise, times, encoder_hidden_states=words).sample, words_per_frame=False
    )

    assert silent == []


def test_every_parameter_of_the_flat_net_has_its_place_and_only_time_is_trained(unet) -> None:
    net = inflated(unet)

    own = dict(net.named_parameters())
    assert {name for name, _ in unet.named_parameters()} <= own.keys()
    trained = {name for name, parameter in own.items() if parameter.requires_grad}
    assert trained == {name for name in own if is_temporal(name)}
    assert not trained & {name for name, _ in unet.named_parameters()}
    assert sum(own[name].numel() for name in trained) == pytest.approx(2.1e6, rel=0.05)


def test_a_net_with_a_layer_that_has_no_place_is_refused(unet) -> None:
    state = unet.state_dict() | {"odd.weight": torch.ones(2, 3)}

    class Odd:
        config = unet.config

        def state_dict(self) -> dict[str, Tensor]:
            return state

    with pytest.raises(
        ShapeError, match=r"odd\.weight must be a parameter of the video net too, got \(2, 3\); keep to"
    ):
        inflated(Odd())


def test_heads_of_several_widths_are_refused(unet) -> None:
    class Odd:
        config = dict(unet.config) | {"attention_head_dim": (2, 3, 4, 8)}

    with pytest.raises(ShapeError, match=r"heads must all have one width, got \[8, 16\]; choose heads"):
        inflated(Odd())
