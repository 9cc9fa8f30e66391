"""A trainee small enough to train in a test."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from shotgraph.stage.training import clip, controlnet, depth, judge, moving, pose, t2i, text, vae
from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.loop import Schedule, seeded
from shotgraph.stage.training.recipe import Workshop

SHORT = Schedule(steps=30, learning_rate=0.05, warmup=4, average=0.9)


def tiny_net(seed: int = 0) -> nn.Sequential:
    """With a dropout, which draws from the global generator, and a normalisation, which has buffers."""
    with seeded(seed):
        return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 2))


@dataclass
class TinyTrainee:
    """Fits a random plane; dies at the steps it is told to."""

    net: nn.Module = field(default_factory=tiny_net)
    dies_at: int | None = None
    name: str = "tiny"

    def module(self) -> nn.Module:
        return self.net

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if step == self.dies_at:
            raise KeyboardInterrupt
        given = torch.randn((8, 3), generator=noise)
        loss = (self.net(given) - given @ torch.tensor([[1.0, -2.0], [0.5, 3.0], [2.0, 0.0]])).square().mean()
        return loss, {"twice": 2 * float(loss.detach())}


def small_workshop(folder: Path, patch: pytest.MonkeyPatch) -> Workshop:
    """Real recipes on a handful of small frames; one process, lines kept to itself."""
    small = BankPlan(split="train", clips=16, side_px=32, sprites=1)
    few = BankPlan(split="train", clips=12, side_px=32)
    patch.setattr(vae, "PLAN", BankPlan(split="train", clips=3, side_px=64))
    patch.setattr(text, "PLAN", small)
    patch.setattr(t2i, "SMALL", (small, BankPlan(split="train", clips=5, side_px=32, sprites=0)))
    patch.setattr(t2i, "FULL", (few,))
    patch.setattr(t2i, "FINE", (few,))
    patch.setattr(controlnet, "PLAN", few)
    for module, batch in ((vae, 2), (text, 8), (t2i, 2), (controlnet, 2), (judge, 2), (depth, 2), (pose, 2)):
        patch.setattr(module, "BATCH", batch)
    patch.setattr(t2i, "FULL_BATCH", 2)
    patch.setattr(judge, "PLAN", BankPlan(split="held-out", clips=4))
    patch.setattr(judge, "_GROUNDS", 2)
    patch.setattr(judge, "_DECODED", 2)
    patch.setattr(clip, "PLAN", few)
    patch.setattr(clip, "PAIRS", BankPlan(split="train", clips=3, frames=4, side_px=32))
    patch.setattr(clip, "SPOKEN", 4)
    patch.setattr(clip, "CLIPS", 2)
    patch.setattr(depth, "PLAN", BankPlan(split="train", clips=3, purpose="depth"))
    patch.setattr(pose, "PLAN", BankPlan(split="train", clips=3, purpose="figure"))
    patch.setattr(moving, "BATCHES", (1, 1))
    moves = BankPlan(split="train", clips=6, frames=8, side_px=32, sprites=1, length=8)
    patch.setattr(moving, "PLANS", (moves, moves))
    return Workshop(
        training=folder / "training",
        banks=folder / "banks",
        models=folder / "models",
        processes=1,
        tell=lambda _: None,
    )
