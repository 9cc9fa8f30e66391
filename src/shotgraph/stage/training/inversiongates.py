"""Gates of inversion: whether held-out frames come back, and whether what they are turned into is noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.diffusion.sampling import invert, sample
from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.cards import read_card
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.vaegates import CLIPS_OF_A_SEED, psnr_db
from shotgraph.stage.worlds import draw_clip

_PICTURES, _STEPS = 16, 50


def measure(models: Path, seed: int) -> list[Gate]:
    """The rows of ``stage-sd``: there and back under the frame's own caption, without guidance, in 50 steps."""
    sd = models / "stage-sd"
    return inversion_of(ModelBundle.load(sd), seed, side_px=read_card(sd).side_px)


@torch.no_grad()
def inversion_of(
    bundle: ModelBundle, seed: int, *, side_px: int, pictures: int = _PICTURES, steps: int = _STEPS
) -> list[Gate]:
    """What inversion loses beyond the VAE, and how far its noise is from white.

    Args:
        bundle: the model.
        seed: which held-out clips.
        side_px: of the frames.
        pictures: how many.
        steps: there, and back.

    Returns:
        Three rows.
    """
    specs = [draw_clip(CLIPS_OF_A_SEED * seed + n, "held-out", side_px=side_px) for n in range(pictures)]
    frames = np.stack([Scene(spec).picture(0) for spec in specs])
    grid, clean = bundle.grid(steps), bundle.encode(torch.from_numpy(frames))
    denoise = bundle.denoiser(grid, bundle.words([caption(spec, motion=False) for spec in specs]))
    noise = invert(clean, denoise, grid)[0]
    back = sample(noise, denoise, grid)
    floor, inverted = (psnr_db(frames, bundle.decode(z).clamp(0, 1).numpy()) for z in (clean, back))
    values = {
        "inversion.gap_db": floor - inverted,
        "inversion.deviation_error": abs(float(noise.std()) - 1),
        "inversion.neighbour_correlation": neighbour_correlation(noise),
    }
    return gates_of(values)


def neighbour_correlation(noise: Tensor) -> float:
    """Of values of (N, C, h, w) one apart, along both axes: 0 for white noise, near 1 for a picture."""
    white = noise - noise.mean(dim=(2, 3), keepdim=True)
    across = (white[..., 1:] * white[..., :-1]).mean() + (white[..., 1:, :] * white[..., :-1, :]).mean()
    return float(across / (2 * white.square().mean()))
