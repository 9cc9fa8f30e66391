"""The stage's VAE: AutoencoderKL, four times smaller a side, trained on crops of rendered frames.

Loss: L1 + 0.5 x L1 of the image gradients + 1e-6 x KL. No perceptual term: that would need somebody's weights.
The latents' scale is measured at the end, so that their standard deviation is 1 as a diffusion model expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from shotgraph.stage.training.banks import Bank
from shotgraph.stage.training.loop import Schedule

CROP_PX, BATCH = 64, 16
SCHEDULE = Schedule(steps=12_000, learning_rate=1.5e-3, warmup=200, average=0.999)


def new_vae() -> AutoencoderKL:
    """The architecture, untrained: 0.77 M parameters."""
    return AutoencoderKL(
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
    """

    bank: Bank
    vae: AutoencoderKL
    seed: int = 0
    name: str = "vae"

    def module(self) -> nn.Module:
        """The VAE."""
        return self.vae

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of crops."""
        pictures = self.crops(step)
        latents = self.vae.encode(pictures).latent_dist
        drawn = latents.mean + latents.std * torch.randn(latents.mean.shape, generator=noise)
        result = self.vae.decode(drawn).sample
        error = (result - pictures).abs().mean()
        slope = sum((_slope(result, axis) - _slope(pictures, axis)).abs().mean() for axis in (2, 3))
        divergence = latents.kl().mean()
        loss = error + 0.5 * slope + 1e-6 * divergence
        psnr = -10 * torch.log10(((result - pictures) / 2).square().mean())
        return loss, {"psnr": float(psnr.detach()), "kl": float(divergence.detach())}

    def crops(self, step: int) -> Tensor:
        """(B, 3, 64, 64) in [-1, 1]: crops of the batch of `step`, turned and mirrored."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        frames = self.bank.frames
        room = frames.shape[2] - CROP_PX
        crops: list[np.ndarray] = []
        for _ in range(BATCH):
            clip, frame = rng.integers(frames.shape[0]), rng.integers(frames.shape[1])
            x, y, turn, mirror = rng.integers(room + 1), rng.integers(room + 1), rng.integers(4), rng.integers(2)
            crop = np.rot90(frames[clip, frame, y : y + CROP_PX, x : x + CROP_PX], turn)
            crops.append(crop[:, ::-1] if mirror else crop)
        stacked = torch.from_numpy(np.ascontiguousarray(np.stack(crops))).permute(0, 3, 1, 2)
        return stacked.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def _slope(picture: Tensor, axis: int) -> Tensor:
    return picture.diff(dim=axis)


def set_scale(vae: AutoencoderKL, pictures: Tensor) -> list[float]:
    """Measure the latents of (N, 3, H, W) `pictures` in [-1, 1] and set the scaling factor; returns the deviation by channel."""
    with torch.no_grad():
        latents = torch.cat([vae.encode(part).latent_dist.mean for part in pictures.split(8)])
    vae.register_to_config(scaling_factor=float(1 / latents.std()))
    return [float(latents[:, channel].std()) for channel in range(latents.shape[1])]


def save_vae(vae: AutoencoderKL, folder: Path) -> None:
    """An ordinary diffusers folder, half precision."""
    vae.to(torch.float16).save_pretrained(folder, safe_serialization=True)
