"""Pictures to latents and back, the same way for whoever asks a VAE: the mean is taken, so that nothing is drawn."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# Pictures through the VAE at once: more saves little time and costs memory that the U-Net needs.
FRAMES_AT_ONCE = 8


def to_model(pictures: Tensor) -> Tensor:
    """Display values (N, H, W, 3) in [0, 1] to what networks take: (N, 3, H, W) in [-1, 1]."""
    return pictures.permute(0, 3, 1, 2) * 2 - 1


def to_display(pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] to display values (N, H, W, 3), not clamped."""
    return (pictures / 2 + 0.5).permute(0, 2, 3, 1)


@torch.no_grad()
def encode(vae: Any, pictures: Tensor) -> Tensor:
    """Latents of pictures.

    Args:
        vae: AutoencoderKL, anywhere and of any dtype.
        pictures: (N, H, W, 3) display values in [0, 1]; sides are multiples of the VAE's factor.

    Returns:
        (N, C, h, w) float32 where the VAE lies, scaled to a deviation near 1.
    """
    parts = [vae.encode(part).latent_dist.mean for part in _given(vae, to_model(pictures)).split(FRAMES_AT_ONCE)]
    return torch.cat(parts).float() * vae.config.scaling_factor


@torch.no_grad()
def decode(vae: Any, latents: Tensor) -> Tensor:
    """Pictures of latents.

    Args:
        vae: AutoencoderKL, anywhere and of any dtype.
        latents: (N, C, h, w), as `encode` gives them.

    Returns:
        (N, H, W, 3) float32 display values, not clamped.
    """
    given = _given(vae, latents / vae.config.scaling_factor)
    return to_display(torch.cat([vae.decode(part).sample for part in given.split(FRAMES_AT_ONCE)]).float())


def _given(vae: Any, values: Tensor) -> Tensor:
    """`values` where the VAE lies, in its dtype."""
    weight = next(vae.parameters(), None)
    return values if weight is None else values.to(weight)
