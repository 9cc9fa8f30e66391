"""Gates of the VAE, on held-out frames of 128 px."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from torch import Tensor

from shotgraph.diffusion.autoencoding import decode, encode
from shotgraph.metrics.warp import warp_error
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.latents import open_vae
from shotgraph.stage.worlds import draw_clip

_PICTURES, _PLAIN, _CLIPS, _FRAMES = 128, 64, 8, 6
# Held-out clips of one seed; the next seed has the next ones.
CLIPS_OF_A_SEED = 1000


def measure(models: Path, seed: int) -> list[Gate]:
    """The rows of the VAE in ``stage-sd``."""
    return codec_gates(open_vae(models / "stage-sd" / "vae"), seed)


def codec_gates(vae: AutoencoderKL, seed: int, *, pictures: int = _PICTURES, clips: int = _CLIPS) -> list[Gate]:
    """Reconstruction, temporal stability and scale.

    Args:
        vae: with its scaling factor set.
        seed: which held-out clips.
        pictures: for PSNR, whose mean over pictures counts; half as many of them plain.
        clips: for the warp error.

    Returns:
        Six rows.
    """
    specs = [draw_clip(CLIPS_OF_A_SEED * seed + number, "held-out") for number in range(pictures)]
    frames = np.stack([Scene(spec).picture(number % spec.frames) for number, spec in enumerate(specs)])
    plain = np.stack(
        [Scene(_plain(spec, number)).picture(0) for number, spec in enumerate(specs[: pictures // 2 or 1])]
    )
    latents = encode(vae, torch.from_numpy(frames))
    deviations = latents.std(dim=(0, 2, 3))
    excess = np.mean([_excess(vae, spec) for spec in specs[:clips]])
    values = {
        "vae.psnr_db": psnr_db(frames, _written(decode(vae, latents))),
        "vae.psnr_plain_db": psnr_db(plain, through(vae, plain)),
        "vae.excess_warp_error_e3": 1e3 * float(excess),
        "vae.latent_std.least": float(deviations.min()),
        "vae.latent_std.most": float(deviations.max()),
        "vae.scale_error": abs(float(latents.std()) - 1),
    }
    return gates_of(values)


def through(vae: AutoencoderKL, frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, H, W, 3) display values through the VAE and back."""
    return _written(decode(vae, encode(vae, torch.from_numpy(frames))))


def _plain(spec: ClipSpec, number: int) -> ClipSpec:
    """The same clip with nothing in it that is finer than its objects."""
    looks = [sprite.look.model_copy(update={"texture": "plain"}) for sprite in spec.sprites]
    sprites = [sprite.model_copy(update={"look": look}) for sprite, look in zip(spec.sprites, looks, strict=True)]
    ground = spec.ground.model_copy(update={"texture": ("plain", "gradient")[number % 2]})
    return spec.model_copy(update={"sprites": tuple(sprites), "ground": ground, "style": "none"})


def _excess(vae: AutoencoderKL, spec: ClipSpec) -> float:
    """Warp error of a clip through the VAE, less that of the clip."""
    scene, pairs = Scene(spec), range(_FRAMES - 1)
    frames = np.stack([scene.picture(time) for time in range(_FRAMES)])
    flow = np.stack([scene.flow(time, time + 1) for time in pairs])
    visible = np.stack([scene.visible(time, time + 1, pure=True) for time in pairs])
    lossy, exact = warp_error(through(vae, frames), flow, visible).value, warp_error(frames, flow, visible).value
    return float("nan") if lossy is None or exact is None else lossy - exact


def psnr_db(truth: NDArray[np.float32], result: NDArray[np.float32]) -> float:
    """Mean over pictures of (N, H, W, 3)."""
    errors = np.square(truth - result).mean(axis=(1, 2, 3))
    return float(-10 * np.log10(np.maximum(errors, 1e-12)).mean())


def _written(pictures: Tensor) -> NDArray[np.float32]:
    """Clamped, as what is written to a file is."""
    return pictures.clamp(0, 1).contiguous().numpy()
