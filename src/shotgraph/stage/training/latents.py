"""Latents of a bank, encoded once: a denoiser's training then never runs the VAE."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shotgraph.diffusion.autoencoding import encode
from shotgraph.diffusion.parts import load_part
from shotgraph.digests import file_digest
from shotgraph.stage.training.banks import Bank
from shotgraph.stage.training.recipe import WEIGHTS

_AT_ONCE = 32


def open_vae(folder: Path) -> Any:
    """The VAE in a folder, for use: float32, frozen."""
    return load_part(folder, "vae", torch.float32)


def displayed(codes: np.ndarray) -> Tensor:
    """Display codes (N, H, W, 3) to display values in [0, 1]."""
    # A copy: banks are mapped read-only, which torch warns of.
    return torch.from_numpy(np.array(codes)).float() / 255


def open_latents(bank: Bank, folder: Path) -> Tensor:
    """(clips, frames, C, h, w), half precision, of all frames of a bank.

    Args:
        bank: the frames; the latents are kept beside them.
        folder: of the VAE.

    Returns:
        Latents with a standard deviation near 1.
    """
    vae = open_vae(folder)
    path = bank.place / f"latents-{file_digest(folder / WEIGHTS).hex()}-{vae.config.scaling_factor:.8g}.npy"
    if not path.exists():
        clips, frames = bank.frames.shape[:2]
        flat = bank.frames.reshape(clips * frames, *bank.frames.shape[2:])
        parts = [encode(vae, displayed(flat[at : at + _AT_ONCE])).half() for at in range(0, len(flat), _AT_ONCE)]
        whole = torch.cat(parts).contiguous().numpy()
        part = path.with_suffix(".part.npy")
        np.save(part, whole.reshape(clips, frames, *whole.shape[1:]))
        part.replace(path)
    return torch.from_numpy(np.load(path))
