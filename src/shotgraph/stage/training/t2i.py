"""stage-sd: a UNet2DConditionModel in Stable Diffusion's layout, predicting noise, trained on latents of rendered frames.

Noise schedule, prediction type and block layout are Stable Diffusion's, so that every method written for it runs unchanged. The
noise has an offset of 0.1 per channel: with plain noise the mean colour survives to the last step, and a model learns to read
the background from the noise instead of from the prompt. Loss: min-SNR-5 weighted (Hang et al. 2023, eq. 5 for noise prediction).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel

from shotgraph.stage.training.loop import Schedule
from shotgraph.stage.training.text import WIDTH

BATCH, DROPPED = 64, 0.1
NOISE_OFFSET, MIN_SNR = 0.1, 5.0
SCHEDULE = Schedule(steps=5_000, learning_rate=1e-3, warmup=200, average=0.999)


def new_unet() -> UNet2DConditionModel:
    """The architecture, untrained: 2.9 M parameters."""
    return UNet2DConditionModel(
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


def new_scheduler() -> DDIMScheduler:
    """Stable Diffusion's."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
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
        self._alphas = new_scheduler().alphas_cumprod

    def module(self) -> nn.Module:
        """U-Net and text tower."""
        return self._module

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Weighted error of the predicted noise over one batch."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        chosen = torch.from_numpy(rng.integers(len(self.latents), size=self.batch))
        forms = torch.from_numpy(rng.integers(self.ids.shape[1], size=self.batch))
        ids = self.ids[chosen, forms].clone()
        ids[torch.from_numpy(rng.random(self.batch) < DROPPED)] = self.empty
        clean = self.latents[chosen].float()
        drawn = torch.randn(clean.shape, generator=noise)
        drawn += NOISE_OFFSET * torch.randn((*clean.shape[:2], 1, 1), generator=noise)
        times = torch.randint(0, 1000, (self.batch,), generator=noise)
        alpha = self._alphas[times].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * drawn
        words = self.text(ids).last_hidden_state
        guess = self.unet(
            noisy.contiguous(memory_format=torch.channels_last), times, encoder_hidden_states=words
        ).sample
        ratio = (alpha / (1 - alpha)).flatten()
        weight = ratio.clamp(max=MIN_SNR) / ratio
        error = (guess.float() - drawn).square().mean(dim=(1, 2, 3))
        return (weight * error).mean(), {"plain": float(error.detach().mean())}
