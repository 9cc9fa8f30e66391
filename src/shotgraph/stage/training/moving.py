"""Training on clips: what motion adapters and video U-Nets have in common."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.denoising import denoising_loss, draw_batch, plain_attention
from shotgraph.stage.training.latents import open_latents
from shotgraph.stage.training.loop import Schedule
from shotgraph.stage.training.recipe import Workshop
from shotgraph.stage.training.t2i import LAST
from shotgraph.stage.training.text import bank_ids, open_text, token_ids
from shotgraph.stage.training.tokens import new_tokenizer
from shotgraph.stage.training.wording import MotionWords, motion_ids

FRAMES, DROPPED = 8, 0.1
# Small clips are eight times cheaper: motion is learnt there first, and then made right at the size that counts.
PLANS = (
    BankPlan(split="train", clips=4_000, frames=FRAMES, side_px=64, sprites=1, length=FRAMES, crossing=True),
    BankPlan(split="train", clips=1_000, frames=FRAMES, sprites=1, length=FRAMES, crossing=True),
)
BATCHES, SMALL_SHARE = (6, 2), 0.6
SCHEDULE = Schedule(steps=2_500, learning_rate=1e-3, warmup=100, average=0.995)


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
    """The recipe of a net over (B, 4, frames, h, w) of which the temporal layers learn, and with them the words of motion.

    Attributes:
        net: its other parameters are frozen.
        text: frozen but for `words`.
        words: of motion.
        small: clips of the first steps.
        full: clips of the steps behind them.
        empty: (32) token ids of no caption.
        name: of the recipe.
        words_per_frame: whether the net takes captions (B x frames, ...) or (B, ...).
        seed: of the order of data.
        small_steps: how many those first steps are.
    """

    net: nn.Module
    text: CLIPTextModel
    words: MotionWords
    small: Clips
    full: Clips
    empty: Tensor
    name: str
    words_per_frame: bool
    seed: int = 0
    small_steps: int = 0

    def __post_init__(self) -> None:
        self.text.requires_grad_(False)
        self._module = nn.ModuleDict({"net": self.net, "words": self.words})

    def module(self) -> nn.Module:
        """The net and the words; frozen parameters are no part of a checkpoint."""
        return self._module

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Weighted error of the predicted noise over one batch of clips."""
        clips = self.small if step < self.small_steps else self.full
        chosen, ids = draw_batch(clips.ids, self.empty, size=clips.batch, address=(self.seed, step), dropped=DROPPED)
        clean = clips.latents[chosen].float().transpose(1, 2)
        words = self.words.said(self.text, ids)
        if self.words_per_frame:
            words = words.repeat_interleave(clean.shape[2], dim=0)

        def guess(noisy: Tensor, times: Tensor) -> Tensor:
            return self.net(noisy, times, encoder_hidden_states=words).sample

        return denoising_loss(guess, clean, noise, noisier=True)


def clip_trainee(
    workshop: Workshop, schedule: Schedule, net: nn.Module, *, name: str, words_per_frame: bool
) -> ClipTrainee:
    """The recipe of `net` over the banks of clips, from stage-sd's text tower as pictures taught it."""
    tokenizer = new_tokenizer()
    text = open_text(workshop.masters(LAST) / "text_encoder")
    found: list[Clips] = []
    for plan, batch in zip(PLANS, BATCHES, strict=True):
        bank = workshop.bank(plan)
        found.append(Clips(open_latents(bank, workshop.sd / "vae"), bank_ids(bank, tokenizer), batch))
    return ClipTrainee(
        net=plain_attention(net),
        text=text,
        words=MotionWords(text, motion_ids(tokenizer)),
        small=found[0],
        full=found[1],
        empty=token_ids(tokenizer, [""])[0],
        name=name,
        words_per_frame=words_per_frame,
        seed=schedule.seed,
        small_steps=round(SMALL_SHARE * schedule.steps),
    )
