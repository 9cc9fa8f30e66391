"""The stage's text tower: CLIPTextModel, first taught by contrast which pictures its captions belong to.

A tower that starts from chance learns colours of backgrounds from denoising only slowly; three minutes of contrast save an hour.
The picture side is thrown away: stage-clip is trained apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from shotgraph.stage.training.banks import Bank
from shotgraph.stage.training.loop import Schedule
from shotgraph.stage.training.tokens import LENGTH

WIDTH, BATCH = 96, 128
SCHEDULE = Schedule(steps=1_500, learning_rate=1e-3, warmup=100, average=0.99)


def new_text_model(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The architecture, untrained: 0.3 M parameters, stored as float32 so that other tools load one dtype throughout."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        projection_dim=WIDTH,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """(N, 32) padded to the model's length."""
    return tokenizer(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids


class PictureTower(nn.Module):
    """Latents (B, 4, h, w) to unit vectors (B, 96)."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        widths = (48, 96, 128)
        layers: list[nn.Module] = []
        for before, after in zip((channels, *widths), widths, strict=False):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.SiLU()]
            layers += [nn.Conv2d(after, after, 3, stride=2, padding=1), nn.SiLU()]
        self.features = nn.Sequential(*layers)
        self.out = nn.Linear(2 * widths[-1], WIDTH)

    def forward(self, latents: Tensor) -> Tensor:
        """Mean and maximum over places: what there is, wherever it is."""
        features = self.features(latents)
        pooled = torch.cat((features.mean(dim=(2, 3)), features.amax(dim=(2, 3))), dim=1)
        return functional.normalize(self.out(pooled), dim=-1)


@dataclass
class TextTrainee:
    """The recipe: symmetric InfoNCE between captions and latents.

    Attributes:
        latents: (N, 4, h, w) of the bank's pictures.
        ids: (N, forms, 32) token ids of its captions.
        text: what is kept.
        picture: what is thrown away.
        seed: of the order of data.
    """

    latents: Tensor
    ids: Tensor
    text: CLIPTextModel
    picture: PictureTower = field(default_factory=PictureTower)
    seed: int = 0
    name: str = "text"

    def __post_init__(self) -> None:
        self._scale = nn.Parameter(torch.tensor(2.0))
        self._module = nn.ModuleDict({"text": self.text, "picture": self.picture})
        self._module.register_parameter("scale", self._scale)

    def module(self) -> nn.Module:
        """Both towers and their temperature."""
        return self._module

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch; full captions only, so that two pictures rarely share one."""
        rng = np.random.Generator(np.random.Philox(key=[self.seed, step]))
        chosen = torch.from_numpy(rng.choice(len(self.latents), BATCH, replace=False))
        ids = self.ids[chosen, 0]
        pictures = self.picture(self.latents[chosen].float())
        texts = functional.normalize(self.text(ids).pooler_output, dim=-1)
        similarity = self._scale.exp() * texts @ pictures.T
        # Equal captions are no negatives of each other.
        same = (ids[:, None] == ids[None]).all(dim=-1) & ~torch.eye(BATCH, dtype=torch.bool)
        similarity = similarity.masked_fill(same, -1e4)
        target = torch.arange(BATCH)
        loss = (functional.cross_entropy(similarity, target) + functional.cross_entropy(similarity.T, target)) / 2
        hits = (similarity.detach().argmax(dim=1) == target).float().mean()
        return loss, {"retrieval": float(hits)}


def bank_ids(bank: Bank, tokenizer: CLIPTokenizer) -> Tensor:
    """(N, forms, 32) token ids of a bank's captions."""
    flat = [text for forms in bank.captions for text in forms]
    return token_ids(tokenizer, flat).reshape(len(bank.captions), -1, LENGTH)
