"""A CLIP model in a transformers folder as an embedder: the stage's own, or any other on this disk.

Follows A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021. Nothing is ever
downloaded, and only safetensors are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers.models.clip import CLIPModel, CLIPProcessor

from shotgraph.errors import UnavailableError, UsageError
from shotgraph.metrics.arrays import Floats, Singles, require_shape
from shotgraph.models.loading import load_network

# A second head of the vision tower, trained to tell instances apart: what measures consistency must see flicker, and a
# model that was taught by captions is taught to ignore it. One tensor, "weight" (D, hidden size).
INSTANCE_HEAD = "instance_head.safetensors"


@dataclass(frozen=True, eq=False)
class FolderClip:
    """A CLIP model and its processor, on one device in float32.

    Attributes:
        name: the folder's, with the head when it is not the model's own.
        model: a `CLIPModel`.
        processor: a `CLIPProcessor`.
        head: (D, hidden) projection of the vision tower's pooled output.
        device: where all of it lies.
    """

    name: str
    model: Any
    processor: Any
    head: Tensor
    device: torch.device

    @classmethod
    def load(cls, folder: Path, *, head: str | None = None, device: str = "cpu") -> FolderClip:
        """The model in a folder.

        Args:
            folder: as written by ``CLIPModel.save_pretrained`` and ``CLIPProcessor.save_pretrained``.
            head: file in it that replaces the projection of images, such as `INSTANCE_HEAD`; prompts then mean nothing to it.
            device: where it goes.

        Returns:
            The embedder.

        Raises:
            UnavailableError: a part is missing or of another kind.
        """
        try:
            model = _model(folder)
            processor = CLIPProcessor.from_pretrained(folder, local_files_only=True)
            weight = model.visual_projection.weight.detach() if head is None else _head(folder / head, model)
        except UnavailableError:
            raise
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UnavailableError(_unusable(folder, reason)) from error
        place = torch.device(device)
        model = model.to(place)
        name = folder.name if head is None else f"{folder.name} ({head})"
        return cls(name, model, processor, weight.to(place, torch.float32), place)

    @torch.no_grad()
    def image(self, frames: Floats) -> Singles:
        """(T, D) unit vectors of frames (T, H, W, 3) in [0, 1]; values outside are clipped, as 8 bits would."""
        require_shape(frames, ("T", "H", "W", 3), who="embedder", name="frames")
        pictures = torch.from_numpy(np.clip(frames, 0, 1).astype(np.float32)).permute(0, 3, 1, 2)
        given = self.processor.image_processor(list(pictures), do_rescale=False, return_tensors="pt")
        pooled = self.model.vision_model(pixel_values=given["pixel_values"].to(self.device)).pooler_output
        return _units(pooled @ self.head.T)

    @torch.no_grad()
    def text(self, prompts: Sequence[str]) -> Singles:
        """(N, D) unit vectors of prompts.

        Args:
            prompts: at most as many tokens each as the model reads.

        Returns:
            Unit vectors.

        Raises:
            UsageError: a prompt is longer: its end would be ignored.
        """
        limit = self.model.config.text_config.max_position_embeddings
        tokens = self.processor.tokenizer(list(prompts), padding=True, return_tensors="pt")
        for prompt, mask in zip(prompts, tokens["attention_mask"], strict=True):
            if int(mask.sum()) > limit:
                raise UsageError(
                    f"embedder: prompt must be at most {limit} tokens, got {int(mask.sum())} in {prompt!r}; shorten it"
                )
        on_device = {key: tokens[key].to(self.device) for key in ("input_ids", "attention_mask")}
        pooled = self.model.text_model(**on_device).pooler_output
        return _units(self.model.text_projection(pooled))


def _model(folder: Path) -> Any:
    """The whole model; `UnavailableError` for one of another kind, and what `load_network` refuses."""
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind != "clip":
        raise UnavailableError(_unusable(folder, f"config.json of model_type {kind!r}"))
    return load_network(CLIPModel, folder, torch.float32)


def _head(file: Path, model: Any) -> Tensor:
    """A projection in a file of its own; `UnavailableError` where it was made for another tower."""
    weight, width = load_file(file)["weight"], model.config.vision_config.hidden_size
    if weight.ndim != 2 or weight.shape[1] != width:
        raise UnavailableError(
            _unusable(file.parent, f"{file.name} of shape {tuple(weight.shape)} for vectors {width} wide")
        )
    return weight


def _unusable(folder: Path, reason: str) -> str:
    return (
        f"embedder: {folder} must be a transformers folder with a CLIP model, its processor and safetensors, got: {reason}; "
        "download the whole model there"
    )


def _units(vectors: Tensor) -> Singles:
    return functional.normalize(vectors.float(), dim=-1).cpu().numpy()
