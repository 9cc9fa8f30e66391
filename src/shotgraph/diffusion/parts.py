"""Parts of a diffusers folder, loaded by the libraries but on our terms: local, safetensors, one explicit dtype."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.errors import UnavailableError
from shotgraph.models.loading import FAILURES, broken, check_there, load_network

_KINDS: dict[str, Any] = {
    "vae": AutoencoderKL,
    "unet": UNet2DConditionModel,
    "text_encoder": CLIPTextModel,
    "tokenizer": CLIPTokenizer,
    "scheduler": DDIMScheduler,
}


def load_part(folder: Path, part: str, dtype: torch.dtype) -> Any:
    """A network in evaluation mode, without gradients.

    Args:
        folder: its own, with ``config.json`` and safetensors.
        part: ``vae``, ``unet`` or ``text_encoder``.
        dtype: of its weights, whatever they are stored as.

    Returns:
        The module, on the CPU; fails as `load_network` does.
    """
    return load_network(_KINDS[part], folder, dtype)


def load_config(folder: Path, part: str) -> Any:
    """A tokenizer or a scheduler.

    Args:
        folder: its own.
        part: ``tokenizer`` or ``scheduler``.

    Returns:
        The object.

    Raises:
        UnavailableError: missing or damaged.
    """
    check_there(folder, "scheduler_config.json" if part == "scheduler" else "tokenizer_config.json")
    try:
        return _KINDS[part].from_pretrained(str(folder), local_files_only=True)
    except FAILURES as error:
        raise UnavailableError(broken(folder, error)) from error
