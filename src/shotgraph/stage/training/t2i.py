"""stage-sd: a UNet2DConditionModel in Stable Diffusion's layout, predicting noise, trained on latents of rendered frames.

Noise schedule, prediction type and block layout are Stable Diffusion's, so that every method written for it runs unchanged. The
noise has an offset of 0.1 per channel: with plain noise the mean colour survives to the last step, and a model learns to read
the background from the noise instead of from the prompt. Loss: min-SNR-5 weighted (Hang et al. 2023, eq. 5 for noise prediction).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.diffusion.parts import load_part
from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.denoising import denoising_loss, draw_batch, plain_attention
from shotgraph.stage.training.folders import save_part, save_sd
from shotgraph.stage.training.latents import open_latents
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import WEIGHTS, Recipe, Workshop
from shotgraph.stage.training.text import WIDTH, bank_ids, open_text, token_ids
from shotgraph.stage.training.tokens import new_tokenizer

BATCH, DROPPED = 64, 0.1
# Some grounds without anything: what is left when an object is taken away.
SMALL = (
    BankPlan(split="train", clips=24_000, side_px=64, sprites=1),
    BankPlan(split="train", clips=1_500, side_px=64, sprites=0),
)
FULL = (BankPlan(split="train", clips=10_000), BankPlan(split="train", clips=500, sprites=0))
# Mostly single objects: where half of all pictures hold two, a prompt for one is often drawn twice.
FINE = (
    BankPlan(split="train", clips=8_000, start=20_000, sprites=1),
    BankPlan(split="train", clips=4_000, start=30_000),
    FULL[1],
)
SMALL_SCHEDULE = Schedule(steps=5_000, learning_rate=1e-3, warmup=200, average=0.999)
# Four times the rate that a fine-tuning would get: objects are half as large to the frame as at 64 px, and steps are few.
FULL_SCHEDULE = Schedule(steps=2_500, learning_rate=4e-4, warmup=100, average=0.998)
FINE_SCHEDULE = Schedule(steps=1_500, learning_rate=2e-4, warmup=50, average=0.998)
FULL_BATCH = 32
# Each goes on from the one before; the last one's masters are what others are made for.
PASSES = ("t2i-64", "t2i", "t2i-fine")
LAST = PASSES[-1]


def new_unet() -> UNet2DConditionModel:
    """The architecture, untrained: 2.9 M parameters."""
    kind: Any = UNet2DConditionModel
    return kind(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=(32, 48, 64, 64),
        layers_per_block=2,
        cross_attention_dim=WIDTH,
        # Named so for history's sake: these are numbers of heads.
        attention_head_dim=(2, 3, 4, 4),
        norm_num_groups=16,
    )


@dataclass
class T2iTrainee:
    """The recipe.

    Attributes:
        latents: (N, 4, h, w), scaled to deviation 1.
        ids: (N, forms, 32) token ids of captions.
        empty: (32) token ids of no caption.
        unet: trained.
        text: trained along.
        batch: pictures a step.
        seed: of the order of data.
        name: of the recipe.
    """

    latents: Tensor
    ids: Tensor
    empty: Tensor
    unet: UNet2DConditionModel
    text: CLIPTextModel
    batch: int = BATCH
    seed: int = 0
    name: str = "t2i"

    def __post_init__(self) -> None:
        self._module = nn.ModuleDict({"unet": self.unet, "text": self.text})

    def module(self) -> nn.Module:
        """U-Net and text tower."""
        return self._module

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Weighted error of the predicted noise over one batch."""
        chosen, ids = draw_batch(self.ids, self.empty, size=self.batch, address=(self.seed, step), dropped=DROPPED)
        net: Any = self.unet
        speak: Any = self.text
        words = speak(ids).last_hidden_state

        def guess(noisy: Tensor, times: Tensor) -> Tensor:
            return net(noisy, times, encoder_hidden_states=words).sample

        return denoising_loss(guess, self.latents[chosen].float(), noise)


def open_unet(folder: Path) -> UNet2DConditionModel:
    """The U-Net in a folder, to be trained on: float32."""
    return load_part(folder, "unet", torch.float32).requires_grad_(True)


def _data(workshop: Workshop, plans: tuple[BankPlan, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """(latents, ids, ids of no caption) of some banks."""
    tokenizer = new_tokenizer()
    banks = [workshop.bank(plan) for plan in plans]
    latents = torch.cat([open_latents(bank, workshop.sd / "vae")[:, 0] for bank in banks])
    ids = torch.cat([bank_ids(bank, tokenizer) for bank in banks])
    return latents, ids, token_ids(tokenizer, [""])[0]


def _prepare_small(workshop: Workshop, schedule: Schedule) -> Trainee:
    text = open_text(workshop.masters("text") / "text_encoder")
    unet = plain_attention(new_unet())
    return T2iTrainee(*_data(workshop, SMALL), unet, text, batch=BATCH, seed=schedule.seed, name="t2i-64")


def _prepare_full(workshop: Workshop, schedule: Schedule) -> Trainee:
    return _gone_on(workshop, schedule, PASSES[1], FULL)


def _prepare_fine(workshop: Workshop, schedule: Schedule) -> Trainee:
    return _gone_on(workshop, schedule, PASSES[2], FINE)


def _gone_on(workshop: Workshop, schedule: Schedule, name: str, plans: tuple[BankPlan, ...]) -> Trainee:
    """The pass called `name` from the masters of the one before."""
    masters = workshop.masters(_before(name))
    text, unet = open_text(masters / "text_encoder"), plain_attention(open_unet(masters / "unet"))
    return T2iTrainee(*_data(workshop, plans), unet, text, batch=FULL_BATCH, seed=schedule.seed, name=name)


def _before(name: str) -> str:
    return PASSES[PASSES.index(name) - 1]


def _publish(workshop: Workshop, trainee: Trainee, *, side: int) -> None:
    """The masters, and stage-sd unless a later pass made it."""
    if not isinstance(trainee, T2iTrainee):
        return
    net: Any = trainee.unet
    net.register_to_config(sample_size=side)
    masters = workshop.masters(trainee.name)
    save_part(trainee.unet, masters / "unet", torch.float32)
    save_part(trainee.text, masters / "text_encoder", torch.float32)
    later = PASSES[PASSES.index(trainee.name) + 1 :]
    if not any((workshop.masters(name) / "unet").exists() for name in later):
        save_sd(workshop.sd, trainee.unet, trainee.text)
        _drop_motion(workshop)


def _drop_motion(workshop: Workshop) -> None:
    """Take away an adapter whose words were in the text encoder that was just replaced."""
    adapter = workshop.sd / "motion_adapter"
    if adapter.is_dir():
        shutil.rmtree(adapter)
        workshop.tell(
            "the motion adapter's words are gone with the text encoder: run `shotgraph stage train motion` again"
        )


def _small_inputs(workshop: Workshop) -> Mapping[str, Path]:
    text = workshop.masters("text") / "text_encoder" / "model.safetensors"
    return {"vae": workshop.sd / "vae" / WEIGHTS, "text": text}


def _later_inputs(workshop: Workshop, *, name: str) -> Mapping[str, Path]:
    before = _before(name)
    return {"vae": workshop.sd / "vae" / WEIGHTS, before: workshop.masters(before) / "unet" / WEIGHTS}


SMALL_RECIPE = Recipe(
    name="t2i-64",
    model="stage-sd",
    schedule=SMALL_SCHEDULE,
    batch=BATCH,
    banks=SMALL,
    side_px=64,
    minutes=60,
    data="latents and captions of 24 000 frames of 64 px with one object and 1 500 with none",
    inputs=_small_inputs,
    prepare=_prepare_small,
    publish=partial(_publish, side=16),
)
RECIPE = Recipe(
    name="t2i",
    model="stage-sd",
    schedule=FULL_SCHEDULE,
    batch=FULL_BATCH,
    banks=FULL,
    side_px=128,
    minutes=75,
    data="from t2i-64: latents and captions of 10 000 frames of 128 px with one or two objects and 500 with none",
    inputs=partial(_later_inputs, name="t2i"),
    prepare=_prepare_full,
    publish=partial(_publish, side=32),
)
FINE_RECIPE = Recipe(
    name="t2i-fine",
    model="stage-sd",
    schedule=FINE_SCHEDULE,
    batch=FULL_BATCH,
    banks=FINE,
    side_px=128,
    minutes=45,
    data="from t2i: latents and captions of 12 000 other frames of 128 px, most with one object, and 500 with none",
    inputs=partial(_later_inputs, name="t2i-fine"),
    prepare=_prepare_fine,
    publish=partial(_publish, side=32),
)
