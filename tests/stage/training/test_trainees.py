"""What single recipes do with their data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shotgraph.diffusion.autoencoding import decode, encode, to_model
from shotgraph.errors import UsageError
from shotgraph.stage.training.banks import Bank, BankPlan, open_bank
from shotgraph.stage.training.latents import displayed
from shotgraph.stage.training.loop import seeded
from shotgraph.stage.training.moving import Clips, ClipTrainee
from shotgraph.stage.training.text import TextTrainee, bank_ids, new_text_model, token_ids
from shotgraph.stage.training.tokens import new_tokenizer
from shotgraph.stage.training.vae import VaeTrainee, new_vae, set_scale
from shotgraph.stage.training.wording import MotionWords, motion_ids


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return open_bank(BankPlan(split="train", clips=4, side_px=64), tmp_path_factory.mktemp("banks"), processes=1)


@pytest.fixture(scope="module")
def vae() -> nn.Module:
    with seeded(0):
        return new_vae()


def test_the_vae_has_the_planned_size_and_factor(vae) -> None:
    with torch.no_grad():
        latents = encode(vae, torch.zeros((1, 32, 64, 3)))

    assert latents.shape == (1, 4, 8, 16)
    assert sum(parameter.numel() for parameter in vae.parameters()) == pytest.approx(0.78e6, rel=0.03)


def test_crops_are_a_function_of_the_step_and_turn_and_mirror_frames(bank: Bank, vae) -> None:
    trainee = VaeTrainee(bank, vae, batch=24)

    crops = trainee.crops(5)

    assert torch.equal(crops, trainee.crops(5))
    assert not torch.equal(crops, trainee.crops(6))
    assert crops.shape == (24, 3, 64, 64)
    views = [to_model(displayed(np.rot90(frame, k, (1, 2)))) for frame in bank.frames[:, 0][:, None] for k in range(4)]
    plain = [any(torch.equal(crop, view[0]) for view in views) for crop in crops]
    mirrored = [any(torch.equal(crop.flip(2), view[0]) for view in views) for crop in crops]
    assert all(a or b for a, b in zip(plain, mirrored, strict=True))
    assert any(plain)
    assert any(mirrored)


def test_the_scale_makes_latents_deviate_by_one_whatever_it_was(bank: Bank, vae) -> None:
    pictures = displayed(bank.frames[:, 0])
    vae.register_to_config(scaling_factor=17.0)

    set_scale(vae, pictures)

    latents = encode(vae, pictures)
    assert float(latents.std()) == pytest.approx(1, rel=1e-4)
    unscaled = vae.decode(vae.encode(to_model(pictures)).latent_dist.mean).sample
    assert torch.allclose(to_model(decode(vae, latents)), unscaled, atol=1e-4)


def test_pictures_with_one_caption_are_no_negatives_of_each_other() -> None:
    tokenizer = new_tokenizer()
    with seeded(0):
        text = new_text_model(tokenizer)
        latents = torch.randn((6, 4, 8, 8))
    same = token_ids(tokenizer, ["a red star over a gray plain background"] * 6)[:, None]
    trainee = TextTrainee(latents, same, text, batch=6)

    loss, told = trainee.loss(0, torch.Generator())

    # Every other picture is left out, so that the right one is the only answer.
    assert float(loss.detach()) == pytest.approx(0, abs=1e-4)
    assert told["retrieval"] == 1


def test_a_word_that_is_none_of_the_stages_is_an_error_in_training(bank: Bank) -> None:
    spoken = [["a red star over a gray plain background"], ["a mauve star over a gray plain background"]]

    with pytest.raises(
        UsageError, match=r"training on general-train-64px-.*: a caption must hold words of the stage only, got 'mauve'"
    ):
        bank_ids(replace(bank, captions=spoken), new_tokenizer())


class Recorder(nn.Module):
    """Guesses nothing, and keeps the shapes it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def forward(self, noisy: Tensor, times: Tensor, *, encoder_hidden_states: Tensor) -> object:
        self.seen.append((tuple(noisy.shape), tuple(encoder_hidden_states.shape)))
        return type("Guess", (), {"sample": noisy * self.weight})()


@pytest.mark.parametrize(("per_frame", "captions"), [(True, (9, 3)), (False, (3, 1))])
def test_captions_go_to_every_frame_or_to_the_clip_and_small_clips_come_first(
    per_frame: bool, captions: tuple[int, int]
) -> None:
    tokenizer = new_tokenizer()
    with seeded(0):
        text = new_text_model(tokenizer)
    ids = token_ids(tokenizer, ["a red star drifts left over a gray plain background"])[None].expand(5, 1, -1)
    small, full = Clips(torch.zeros((5, 3, 4, 8, 8)), ids, 3), Clips(torch.zeros((5, 3, 4, 16, 8)), ids, 1)
    net = Recorder()
    words = MotionWords(text, motion_ids(tokenizer))
    trainee = ClipTrainee(net, text, words, small, full, ids[0, 0], "motion", words_per_frame=per_frame, small_steps=3)

    for step in range(4):
        trainee.loss(step, torch.Generator().manual_seed(step))

    clips = [(3, 4, 3, 8, 8)] * 3 + [(1, 4, 3, 16, 8)]
    counts = [captions[0]] * 3 + [captions[1]]
    assert net.seen == [(clip, (count, 32, 96)) for clip, count in zip(clips, counts, strict=True)]
    assert not any(parameter.requires_grad for parameter in text.parameters())
