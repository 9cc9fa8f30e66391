"""Trained parts as ordinary diffusers folders."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_3d_condition import UNet3DConditionModel
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.stage.training.latents import open_vae
from shotgraph.stage.training.tokens import new_tokenizer, save_tokenizer


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


def as_dtype(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """`module` in `dtype`, by torch's own method: diffusers' warns of parts that it then lists none of."""
    return nn.Module.to(module, dtype)


def save_part(module: nn.Module, folder: Path, dtype: torch.dtype) -> None:
    """Write `module` with `save_pretrained` in `dtype`; the module itself stays as it is."""
    part: Any = _unplaced(as_dtype(copy.deepcopy(module), dtype))
    part.save_pretrained(folder, safe_serialization=True)


def _unplaced(module: nn.Module) -> nn.Module:
    """`module` without the folder it was loaded from, which its configuration would carry into everybody's files."""
    if isinstance(module, ConfigMixin):
        module.register_to_config(_name_or_path="")
    return module


def save_small(module: nn.Module, folder: Path) -> None:
    """Write a transformers model half as large as it is: every loader computes in what the configuration names, float32."""
    save_part(module, folder, torch.float16)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        if "dtype" in part:
            part["dtype"] = "float32"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def save_sd(folder: Path, unet: UNet2DConditionModel, text: CLIPTextModel) -> None:
    """Make `folder`, which holds a ``vae``, a whole Stable Diffusion folder.

    Weights are half precision but the text encoder's: libraries load that in the dtype it is stored in, and the rest in float32.

    Args:
        folder: with a ``vae``.
        unet: of Stable Diffusion's layout.
        text: the tower that `unet` was trained with.
    """
    _save(StableDiffusionPipeline, folder, unet, text, safety_checker=None, feature_extractor=None)


def save_t2v(folder: Path, sd: Path, unet: UNet3DConditionModel, text: CLIPTextModel) -> None:
    """Write a whole text-to-video folder.

    Args:
        folder: created when absent.
        sd: whose VAE it has.
        unet: of ModelScope's layout.
        text: the tower that `unet` was trained with.
    """
    save_part(open_vae(sd / "vae"), folder / "vae", torch.float16)
    _save(TextToVideoSDPipeline, folder, unet, text)


def _save(kind: Any, folder: Path, unet: nn.Module, text: CLIPTextModel, **absent: None) -> None:
    settings: dict[str, Any] = {"requires_safety_checker": False} if absent else {}
    tokenizer = new_tokenizer()
    pipeline = kind(
        vae=_unplaced(as_dtype(open_vae(folder / "vae"), torch.float16)),
        text_encoder=copy.deepcopy(text).float(),
        tokenizer=tokenizer,
        unet=_unplaced(as_dtype(copy.deepcopy(unet), torch.float16)),
        scheduler=new_scheduler(),
        **absent,
        **settings,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(tokenizer, folder / "tokenizer")
