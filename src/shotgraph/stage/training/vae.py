"""The stage's VAE: AutoencoderKL, four times smaller a side, trained on crops of rendered frames.

Loss: L1 + 0.5 x L1 of the image gradients + 1e-6 x KL. No perceptual term: that would need somebody's weights.
The latents' scale is measured at the end, so that their standard deviation is 1 as a diffusion model expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from shotgraph.diffusion.autoencoding import encode, to_model
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.folders import save_part
from shotgraph.stage.training.latents import displayed
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import Recipe, Workshop, no_inputs
from shotgraph.stage.training.truth import batch_rng

CROP_PX, BATCH = 64, 16
PLAN = BankPlan(split="train", clips=10_000)
SCHEDULE = Schedule(steps=5_000, learning_rate=1.2e-3, warmup=200, average=0.998)
# Frames that the scale of the latents is measured on.
_MEASURED = 2048


def new_vae() -> AutoencoderKL:
    """The architecture, untrained: 0.77 M parameters."""
    kind: Any = AutoencoderKL
    return kind(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 48, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
        mid_block_add_attention=False,
    )


@dataclass
class VaeTrainee:
    """The recipe.

    Attributes:
        bank: frames of 128 px.
        vae: what is trained.
        seed: of the order of data.
        batch: crops a step.
    """

    bank: Bank
    vae: AutoencoderKL
    seed: int = 0
    batch: int = BATCH
    name: str = "vae"

    def module(self) -> nn.Module:
        """The VAE."""
        return self.vae

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of crops."""
        pictures = self.crops(step)
        net: Any = self.vae
        with torch.autocast("cpu", torch.bfloat16):
            latents = net.encode(pictures).latent_dist
            drawn = latents.mean + latents.std * torch.randn(latents.mean.shape, generator=noise)
            result = net.decode(drawn).sample.float()
        error = (result - pictures).abs().mean()
        slope = sum((_slope(result, axis) - _slope(pictures, axis)).abs().mean() for axis in (2, 3))
        divergence = latents.kl().float().mean()
        loss = error + 0.5 * slope + 1e-6 * divergence
        psnr = -10 * torch.log10(((result - pictures) / 2).square().mean())
        return loss, {"psnr": float(psnr.detach()), "kl": float(divergence.detach())}

    def crops(self, step: int) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1]: crops of the batch of `step`, turned and mirrored."""
        rng = batch_rng(self.seed, step)
        frames = self.bank.frames
        room = frames.shape[2] - CROP_PX
        crops: list[np.ndarray] = []
        for _ in range(self.batch):
            clip, frame = rng.integers(frames.shape[0]), rng.integers(frames.shape[1])
            x, y, turn, mirror = rng.integers(room + 1), rng.integers(room + 1), rng.integers(4), rng.integers(2)
            crop = np.rot90(np.asarray(frames[clip, frame, y : y + CROP_PX, x : x + CROP_PX]), int(turn))
            crops.append(crop[:, ::-1] if mirror else crop)
        return to_model(displayed(np.stack(crops))).contiguous()


def _slope(picture: Tensor, axis: int) -> Tensor:
    return picture.diff(dim=axis)


def set_scale(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Measure the latents of (N, H, W, 3) `pictures` in [0, 1] and make their deviation 1 by the scaling factor."""
    net: Any = vae
    net.register_to_config(scaling_factor=1.0)
    net.register_to_config(scaling_factor=float(1 / encode(vae, pictures).std()))


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    return VaeTrainee(workshop.bank(PLAN), new_vae(), batch=BATCH, seed=schedule.seed)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, VaeTrainee):
        set_scale(trainee.vae, displayed(trainee.bank.frames[:_MEASURED, 0]))
        save_part(trainee.vae, workshop.sd / "vae", torch.float16)


RECIPE = Recipe(
    name="vae",
    model="stage-sd",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=25,
    data="64 px crops of 10 000 frames of 128 px, one a clip",
    inputs=no_inputs,
    prepare=_prepare,
    publish=_publish,
)
