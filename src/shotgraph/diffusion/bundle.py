"""A text-to-image model as edit methods use it: pictures to latents and back, words to embeddings, latents to predicted noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from shotgraph.diffusion.grid import DdimGrid, guided
from shotgraph.errors import UnavailableError

# Pictures through the VAE at once: more saves little time and costs memory that the U-Net needs.
_FRAMES_AT_ONCE = 8


@dataclass(frozen=True)
class ModelBundle:
    """The parts of a Stable Diffusion layout, on one device in one dtype.

    Attributes:
        vae: pictures to latents.
        unet: predicts noise.
        text: words to embeddings.
        tokenizer: of `text`.
        scheduler: configuration of the noise schedule.
        device: where all of it lies.
        dtype: of all weights.
    """

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> ModelBundle:
        """The model in a diffusers folder.

        Args:
            folder: with ``vae``, ``unet``, ``text_encoder``, ``tokenizer`` and ``scheduler``.
            device: where it goes.
            dtype: given to every part: left to themselves, the libraries choose different ones from one folder.

        Returns:
            The bundle, in evaluation mode, without gradients.

        Raises:
            UnavailableError: a part is missing or of another kind.
        """
        loaded: dict[str, Any] = {}
        parts: dict[str, Any] = {"vae": AutoencoderKL, "unet": UNet2DConditionModel, "text_encoder": CLIPTextModel}
        for name, kind in parts.items():
            loaded[name] = _part(folder, name, kind, dtype).to(device).eval().requires_grad_(False)
        return cls(
            vae=loaded["vae"],
            unet=loaded["unet"],
            text=loaded["text_encoder"],
            tokenizer=_config(folder, "tokenizer", CLIPTokenizer),
            scheduler=_config(folder, "scheduler", DDIMScheduler).config,
            device=torch.device(device),
            dtype=_agreed(loaded, dtype, folder),
        )

    @property
    def factor(self) -> int:
        """Pixels of a picture to one of its latent, along a side."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    def grid(self, steps: int) -> DdimGrid:
        """The sampler's times."""
        return DdimGrid.of(self.scheduler, steps)

    @torch.no_grad()
    def encode(self, pictures: Tensor) -> Tensor:
        """Display values (frames, H, W, 3) in [0, 1] to latents (frames, C, h, w): the mean, so that nothing is drawn."""
        given = pictures.permute(0, 3, 1, 2).to(self.device, self.dtype) * 2 - 1
        parts = [self.vae.encode(part).latent_dist.mean for part in given.split(_FRAMES_AT_ONCE)]
        return torch.cat(parts) * self.vae.config["scaling_factor"]

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (frames, C, h, w) to display values (frames, H, W, 3), float32, not clamped."""
        given = latents.to(self.device, self.dtype) / self.vae.config["scaling_factor"]
        parts = [self.vae.decode(part).sample for part in given.split(_FRAMES_AT_ONCE)]
        return (torch.cat(parts).float() / 2 + 0.5).permute(0, 2, 3, 1)

    @torch.no_grad()
    def words(self, prompts: Sequence[str]) -> Tensor:
        """(prompts, tokens, width): what the U-Net attends to."""
        ids = self.tokenizer(
            list(prompts),
            padding="max_length",
            max_length=self.text.config.max_position_embeddings,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        return self.text(ids.to(self.device)).last_hidden_state

    @torch.no_grad()
    def noise(self, x: Tensor, time: int, words: Tensor) -> Tensor:
        """The U-Net's output for latents (frames, C, h, w) and embeddings (frames or 1, tokens, width)."""
        given = words.expand(len(x), -1, -1) if len(words) == 1 else words
        return self.unet(x.to(self.dtype), time, encoder_hidden_states=given).sample.to(x.dtype)

    @torch.no_grad()
    def guided_noise(self, x: Tensor, time: int, unconditional: Tensor, conditional: Tensor, guidance: float) -> Tensor:
        """The same under classifier-free guidance; one evaluation where guidance is 1."""
        if guidance == 1.0:
            return self.noise(x, time, conditional)
        both = torch.cat((unconditional.expand(len(x), -1, -1), conditional.expand(len(x), -1, -1)))
        without, with_words = self.noise(torch.cat((x, x)), time, both).chunk(2)
        return guided(without, with_words, guidance)


def _part(folder: Path, name: str, kind: Any, dtype: torch.dtype) -> nn.Module:
    try:
        return kind.from_pretrained(
            folder / name, torch_dtype=dtype, use_safetensors=True, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UnavailableError(_missing(folder, name, error)) from error


def _config(folder: Path, name: str, kind: Any) -> Any:
    try:
        return kind.from_pretrained(folder / name, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise UnavailableError(_missing(folder, name, error)) from error


def _missing(folder: Path, name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"model: {folder / name} must be a whole part of a diffusers folder, got: {reason}; copy or pull the model again"


def _agreed(parts: Mapping[str, nn.Module], dtype: torch.dtype, folder: Path) -> torch.dtype:
    """`dtype`, which every weight must have by now."""
    for name, part in parts.items():
        found = {parameter.dtype for parameter in part.parameters()}
        if found != {dtype}:
            kinds = ", ".join(sorted(str(kind) for kind in found))
            raise UnavailableError(f"model: {folder / name} must load as {dtype}, got {kinds}; store it in one dtype")
    return dtype
