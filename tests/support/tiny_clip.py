"""A CLIP of a few thousand random weights that reads the stage's words: for code that loads models, not for what they know."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers.models.clip import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

from shotgraph.metrics.folder_clip import INSTANCE_HEAD
from shotgraph.stage.training.tokens import LENGTH, new_tokenizer, save_tokenizer

__all__ = ["LENGTH", "WIDTH", "save_tiny_clip"]

WIDTH = 16
_HIDDEN = 32


def save_tiny_clip(place: Path, *, head: bool = True) -> Path:
    """Write the folder, with or without a second head that tells instances apart."""
    tokenizer = new_tokenizer()
    layers = {"hidden_size": _HIDDEN, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config={**layers, **ends, "vocab_size": len(tokenizer), "max_position_embeddings": LENGTH},
        vision_config={**layers, "image_size": 32, "patch_size": 8},
        projection_dim=WIDTH,
    )
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(3)
        model = CLIPModel(config)
        weight = torch.randn(8, _HIDDEN)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    model.save_pretrained(place)
    CLIPProcessor(image_processor=pictures, tokenizer=tokenizer).save_pretrained(place)
    save_tokenizer(tokenizer, place)
    if head:
        save_file({"weight": weight}, place / INSTANCE_HEAD)
    return place
