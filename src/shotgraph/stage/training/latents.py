"""Latents of a bank, encoded once: a denoiser's training then never runs the VAE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor

from shotgraph.stage.training.banks import Bank
from shotgraph.stage.training.recipe import CONFIG, WEIGHTS, file_digest

_AT_ONCE = 32


def open_vae(folder: Path) -> AutoencoderKL:
    """The VAE in a folder, for use: float32, frozen."""
    kind: Any = AutoencoderKL
    vae = kind.from_pretrained(folder, torch_dtype=torch.float32, use_safetensors=True, local_files_only=True)
    return vae.eval().requires_grad_(False)


def to_model(codes: np.ndarray) -> Tensor:
    """Display codes (N, H, W, 3) to (N, 3, H, W) in [-1, 1]."""
    # A copy: banks are mapped read-only, which torch warns of.
    stacked = torch.from_numpy(np.array(codes)).permute(0, 3, 1, 2)
    return stacked.float().div(127.5).sub(1).contiguous()


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1] to scaled latents (N, C, h, w): means, so that nothing is drawn."""
    net: Any = vae
    parts = [net.encode(part).latent_dist.mean for part in pictures.split(_AT_ONCE)]
    return torch.cat(parts) * net.config.scaling_factor


@torch.no_grad()
def decode(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    """Scaled latents (N, C, h, w) to (N, 3, H, W) in [-1, 1], not clamped."""
    net: Any = vae
    parts = [net.decode(part).sample for part in (latents / net.config.scaling_factor).split(_AT_ONCE)]
    return torch.cat(parts)


def open_latents(bank: Bank, folder: Path) -> Tensor:
    """(clips, frames, C, h, w), half precision, of all frames of a bank.

    Args:
        bank: the frames; the latents are kept beside them.
        folder: of the VAE.

    Returns:
        Latents with a standard deviation near 1.
    """
    # The configuration holds the scale.
    path = bank.place / f"latents-{file_digest(folder / WEIGHTS)}-{file_digest(folder / CONFIG)}.npy"
    if not path.exists():
        vae = open_vae(folder)
        clips, frames = bank.frames.shape[:2]
        flat = bank.frames.reshape(clips * frames, *bank.frames.shape[2:])
        parts = [encode(vae, to_model(flat[at : at + _AT_ONCE])).half() for at in range(0, len(flat), _AT_ONCE)]
        whole = torch.cat(parts).contiguous().numpy()
        part = path.with_suffix(".part.npy")
        np.save(part, whole.reshape(clips, frames, *whole.shape[1:]))
        part.replace(path)
    return torch.from_numpy(np.load(path))
