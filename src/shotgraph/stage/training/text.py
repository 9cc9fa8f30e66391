"""The stage's text tower: CLIPTextModel, first taught by contrast which pictures its captions belong to.

A tower that starts from chance learns colours of backgrounds from denoising only slowly; three minutes of contrast save an hour.
The picture side is thrown away: stage-clip is trained apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.models.clip.configuration_clip import CLIPTextConfig
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.diffusion.parts import load_part
from shotgraph.stage.captions import check_caption
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.contrast import contrast
from shotgraph.stage.training.folders import save_part
from shotgraph.stage.training.latents import open_latents
from shotgraph.stage.training.loop import Schedule, Trainee
from shotgraph.stage.training.recipe import WEIGHTS, Recipe, Workshop
from shotgraph.stage.training.tokens import LENGTH, new_tokenizer
from shotgraph.stage.training.truth import batch_rng

WIDTH, BATCH = 96, 128
PLAN = BankPlan(split="train", clips=24_000, side_px=64, sprites=1)
SCHEDULE = Schedule(steps=1_500, learning_rate=1e-3, warmup=100, average=0.99)


def new_text_model(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The architecture, untrained: 0.3 M parameters, stored as float32 so that other tools load one dtype throughout."""
    kind: Any = CLIPTextConfig
    config = kind(
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
    speak: Any = tokenizer
    return speak(texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt").input_ids


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
        batch: pictures a step.
        seed: of the order of data.
    """

    latents: Tensor
    ids: Tensor
    text: CLIPTextModel
    picture: PictureTower = field(default_factory=PictureTower)
    batch: int = BATCH
    seed: int = 0
    name: str = "text"

    def __post_init__(self) -> None:
        self._scale = nn.Parameter(torch.tensor(2.0))
        self._module = nn.ModuleDict({"text": self.text, "picture": self.picture})
        self._module.register_parameter("scale", self._scale)

    def module(self) -> nn.Module:
        """Both towers and their temperature."""
        return self._module

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:  # noqa: ARG002
        """Loss of one batch; full captions only, so that two pictures rarely share one."""
        rng = batch_rng(self.seed, step)
        chosen = torch.from_numpy(rng.choice(len(self.latents), self.batch, replace=False))
        ids = self.ids[chosen, 0]
        pictures = self.picture(self.latents[chosen].float())
        speak: Any = self.text
        texts = functional.normalize(speak(ids).pooler_output, dim=-1)
        loss, hits = contrast(self._scale.exp() * texts @ pictures.T, ids)
        return loss, {"retrieval": hits}


def bank_ids(bank: Bank, tokenizer: CLIPTokenizer) -> Tensor:
    """(N, forms, 32) token ids of a bank's captions; `UsageError` names a word that is none of the stage's."""
    flat = [text for forms in bank.captions for text in forms]
    check_caption(
        " ".join(sorted({word for text in flat for word in text.split()})), who=f"training on {bank.plan.name}"
    )
    return token_ids(tokenizer, flat).reshape(len(bank.captions), -1, LENGTH)


def open_text(folder: Path) -> CLIPTextModel:
    """The text tower in a folder, to be trained on: float32."""
    return load_part(folder, "text_encoder", torch.float32).requires_grad_(True)


def _inputs(workshop: Workshop) -> Mapping[str, Path]:
    return {"vae": workshop.sd / "vae" / WEIGHTS}


def _prepare(workshop: Workshop, schedule: Schedule) -> Trainee:
    bank, tokenizer = workshop.bank(PLAN), new_tokenizer()
    latents = open_latents(bank, workshop.sd / "vae")[:, 0]
    return TextTrainee(latents, bank_ids(bank, tokenizer), new_text_model(tokenizer), batch=BATCH, seed=schedule.seed)


def _publish(workshop: Workshop, trainee: Trainee) -> None:
    if isinstance(trainee, TextTrainee):
        save_part(trainee.text, workshop.masters("text") / "text_encoder", torch.float32)


RECIPE = Recipe(
    name="text",
    model="stage-sd",
    schedule=SCHEDULE,
    batch=BATCH,
    banks=(PLAN,),
    minutes=5,
    data="latents and captions of 24 000 frames of 64 px with one object",
    inputs=_inputs,
    prepare=_prepare,
    publish=_publish,
)
