"""Training on clips: what motion adapters and video U-Nets have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.denoising import denoising_loss, draw_batch
from shotgraph.stage.training.latents import open_latents
from shotgraph.stage.training.recipe import Workshop
from shotgraph.stage.training.text import bank_ids, token_ids
from shotgraph.stage.training.tokens import new_tokenizer

FRAMES, DROPPED = 8, 0.1
# Small clips are eight times cheaper: most steps learn motion there, every fourth keeps it right at full size.
PLANS = (
    BankPlan(split="train", clips=4_000, frames=FRAMES, side_px=64, sprites=1, length=FRAMES),
    BankPlan(split="train", clips=1_000, frames=FRAMES, sprites=1, length=FRAMES),
)
BATCHES, FULL_EVERY = (6, 2), 4


@dataclass(frozen=True)
class Clips:
    """Clips of one size.

    Attributes:
        latents: (N, frames, 4, h, w), scaled.
        ids: (N, forms, 32) token ids of captions with motion.
        batch: clips a step.
    """

    latents: Tensor
    ids: Tensor
    batch: int


@dataclass
class ClipTrainee:
    """The recipe of a net over (B, 4, frames, h, w) of which the temporal layers learn.

    Attributes:
        net: its other parameters are frozen.
        text: frozen.
        small: clips of most steps.
        full: clips of every fourth step.
        empty: (32) token ids of no caption.
        name: of the recipe.
        words_per_frame: whether the net takes captions (B x frames, ...) or (B, ...).
        seed: of the order of data.
    """

    net: nn.Module
    text: CLIPTextModel
    small: Clips
    full: Clips
    empty: Tensor
    name: str
    words_per_frame: bool
    seed: int = 0

    def __post_init__(self) -> None:
        self.text.requires_grad_(False)

    def module(self) -> nn.Module:
        """The net; frozen parameters are no part of a checkpoint."""
        return self.net

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Weighted error of the predicted noise over one batch of clips."""
        clips = self.full if step % FULL_EVERY == FULL_EVERY - 1 else self.small
        chosen, ids = draw_batch(clips.ids, self.empty, size=clips.batch, address=(self.seed, step), dropped=DROPPED)
        clean = clips.latents[chosen].float().transpose(1, 2)
        speak: Any = self.text
        words = speak(ids).last_hidden_state
        if self.words_per_frame:
            words = words.repeat_interleave(clean.shape[2], dim=0)

        def guess(noisy: Tensor, times: Tensor) -> Tensor:
            return self.net(noisy, times, encoder_hidden_states=words).sample

        return denoising_loss(guess, clean, noise)


def open_clips(workshop: Workshop) -> tuple[Clips, Clips, Tensor]:
    """Small and full clips, and the ids of no caption."""
    tokenizer = new_tokenizer()
    found: list[Clips] = []
    for plan, batch in zip(PLANS, BATCHES, strict=True):
        bank = workshop.bank(plan)
        found.append(Clips(open_latents(bank, workshop.sd / "vae"), bank_ids(bank, tokenizer), batch))
    return found[0], found[1], token_ids(tokenizer, [""])[0]
