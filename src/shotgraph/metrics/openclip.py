"""An OpenCLIP model as an embedder. The library is an extra of its own; its weights are a file on this disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shotgraph.errors import UnavailableError, UsageError
from shotgraph.metrics.arrays import Floats, Singles, require_shape

_FORM = "open_clip:ARCHITECTURE:FILE.safetensors"


@dataclass(frozen=True, eq=False)
class OpenClip:
    """An OpenCLIP model, its tokenizer and what its pictures must look like.

    Attributes:
        name: architecture and weights.
        model: from ``open_clip.create_model``.
        tokenizer: from ``open_clip.get_tokenizer``.
        side_px: of the square it sees.
        mean: of its training pictures, per channel.
        std: of its training pictures, per channel.
    """

    name: str
    model: Any
    tokenizer: Any
    side_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def load(cls, name: str, *, device: str = "cpu") -> OpenClip:
        """The model that ``open_clip:ARCHITECTURE:FILE`` names.

        Args:
            name: such as ``open_clip:ViT-B-32:/models/laion2b.safetensors``.
            device: where it goes.

        Returns:
            The embedder.

        Raises:
            UsageError: `name` has another form, or the architecture is unknown.
            UnavailableError: the library or the file is not there.
        """
        parts = name.split(":", 2)
        if len(parts) != 3 or parts[0] != "open_clip" or not parts[1] or not parts[2].endswith(".safetensors"):
            raise UsageError(f"embedder: open_clip must be given as {_FORM}, got {name!r}; nothing is downloaded")
        try:
            library: Any = import_module("open_clip")
        except ImportError as error:
            raise UnavailableError(
                f"embedder: open_clip must be installed, got {error}; run pip install open_clip_torch"
            ) from error
        if not Path(parts[2]).is_file():
            raise UnavailableError(f"embedder: weights must exist, got nothing at {parts[2]}; check the path")
        if parts[1] not in library.list_models():
            raise UsageError(
                f"embedder: architecture must be one that open_clip lists, got {parts[1]!r}; check its case"
            )
        model: Any = library.create_model(parts[1], pretrained=parts[2], device=device).eval().requires_grad_(False)
        wanted = library.get_model_preprocess_cfg(model)
        side = wanted["size"] if isinstance(wanted["size"], int) else max(wanted["size"])
        tokenizer = library.get_tokenizer(parts[1])
        return cls(f"{parts[1]} {Path(parts[2]).stem}", model, tokenizer, side, wanted["mean"], wanted["std"])

    @torch.no_grad()
    def image(self, frames: Floats) -> Singles:
        """(T, D) unit vectors of frames (T, H, W, 3) in [0, 1]."""
        require_shape(frames, ("T", "H", "W", 3), who="embedder", name="frames")
        pictures = squared(torch.from_numpy(np.clip(frames, 0, 1).astype(np.float32)), self.side_px)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        given = ((pictures - mean) / std).to(next(self.model.parameters()).device)
        return functional.normalize(self.model.encode_image(given).float(), dim=-1).cpu().numpy()

    @torch.no_grad()
    def text(self, prompts: Sequence[str]) -> Singles:
        """(N, D) unit vectors of prompts.

        Args:
            prompts: at most as long each as the model reads.

        Returns:
            Unit vectors.

        Raises:
            UsageError: a prompt is longer: its end would be ignored.
        """
        tokens = self.tokenizer(list(prompts))
        for prompt, row in zip(prompts, tokens, strict=True):
            # The tokenizers cut in silence; one that does not notice a missing last letter has cut it off.
            shorter = prompt.strip()[:-1]
            if shorter and bool((self.tokenizer([shorter])[0] == row).all()):
                raise UsageError(
                    f"embedder: prompt must be at most {len(row)} tokens, got more in {prompt!r}; shorten it"
                )
        on_device = tokens.to(next(self.model.parameters()).device)
        return functional.normalize(self.model.encode_text(on_device).float(), dim=-1).cpu().numpy()


def squared(frames: Tensor, side_px: int) -> Tensor:
    """(T, 3, side, side): frames (T, H, W, 3) with the shorter side at `side_px`, cut to the middle square."""
    height, width = frames.shape[1:3]
    scale = side_px / min(height, width)
    size = (max(side_px, round(height * scale)), max(side_px, round(width * scale)))
    pictures = functional.interpolate(
        frames.permute(0, 3, 1, 2), size=size, mode="bicubic", align_corners=False, antialias=True
    )
    top, left = (size[0] - side_px) // 2, (size[1] - side_px) // 2
    return pictures[..., top : top + side_px, left : left + side_px].clamp(0, 1)
