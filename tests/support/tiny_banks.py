"""Banks of a few frames in memory, and modules with fixed first weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from shotgraph.stage.scene import Scene
from shotgraph.stage.training.banks import FORMS, Bank, BankPlan


def tiny_bank(plan: BankPlan) -> Bank:
    """The frames that `open_bank` would give, without a folder."""
    specs = [plan.spec(clip) for clip in range(plan.clips)]
    frames = [[Scene(spec).picture(time) for time in plan.times(clip)] for clip, spec in enumerate(specs)]
    codes = np.rint(np.array(frames) * 255).astype(np.uint8)
    return Bank(plan, codes, [[form(spec) for form in FORMS] for spec in specs], Path("/nowhere"))


@contextmanager
def fixed_weights(seed: int = 0) -> Iterator[None]:
    """Modules made inside have the same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield


def first_and_last_loss(module: nn.Module, loss: Callable[[], torch.Tensor], *, steps: int, rate: float) -> list[float]:
    """Losses of the same batch before and behind some steps."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate)
    told: list[float] = []
    for _ in range(steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        told.append(float(value.detach()))
    return [told[0], told[-1]]


def silent_behind_a_step(
    net: nn.Module, guess: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor], *, words_per_frame: bool
) -> list[str]:
    """Trained parameters of a video net that have no gradient behind one step: those that would never learn."""
    generator = torch.Generator().manual_seed(7)
    noise = torch.randn((2, 4, 3, 8, 8), generator=generator)
    words = torch.randn((6 if words_per_frame else 2, 32, 96), generator=generator)
    trained = {name: parameter for name, parameter in net.named_parameters() if parameter.requires_grad}
    optimiser = torch.optim.SGD(trained.values(), lr=1.0)
    for _ in range(2):
        optimiser.zero_grad()
        guess(noise, torch.tensor([100, 500]), words).square().mean().backward()
        optimiser.step()
    return [name for name, parameter in trained.items() if parameter.grad is None or not parameter.grad.any()]
