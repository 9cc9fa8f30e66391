"""The sampler and the inverter: two loops over one grid, with places for a method to step in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from shotgraph.diffusion.grid import DdimGrid, guard
from shotgraph.errors import UsageError

# (x, step index) to predicted noise, guidance included.
Denoiser = Callable[[Tensor, int], Tensor]
# (x, predicted noise, step index) to the noise to step with; where methods correct their prediction.
Correction = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class Hooks:
    """Where a method or a node steps into a loop.

    Attributes:
        correct: between prediction and step.
        after_step: told of every step done, for progress and cancelling.
        eta: share of noise drawn anew at every step; 0 is deterministic. The sampler alone reads it.
        fresh: (step index) to noise shaped like x; needed where `eta` is above 0.
    """

    correct: Correction | None = None
    after_step: Callable[[int], None] | None = None
    eta: float = 0.0
    fresh: Callable[[int], Tensor] | None = None

    def __post_init__(self) -> None:
        """Refuse fresh noise that nobody draws."""
        if self.eta and self.fresh is None:
            raise UsageError(f"sampler: fresh must be given with eta {self.eta:g}, got None; pass what draws the noise")

    def corrected(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """The noise to step with."""
        return eps if self.correct is None else self.correct(x, eps, index)

    def stepped(self, index: int) -> None:
        """Tell of a step."""
        if self.after_step is not None:
            self.after_step(index)


PLAIN = Hooks()


@torch.no_grad()
def sample(x: Tensor, denoise: Denoiser, grid: DdimGrid, *, start: int = 0, hooks: Hooks = PLAIN) -> Tensor:
    """From noise to a clean latent (DDIM).

    Args:
        x: (frames, C, h, w) at the start of step `start`.
        denoise: the model, guidance included.
        grid: the times.
        start: first step; later ones keep more of what `x` was made of.
        hooks: where a method steps in.

    Returns:
        (frames, C, h, w), clean.
    """
    for index in range(start, len(grid.times)):
        eps = hooks.corrected(x, denoise(x, index), index)
        if hooks.fresh is not None and hooks.eta:
            x = grid.down_with_noise(x, eps, index, eta=hooks.eta, fresh=hooks.fresh(index).to(x))
        else:
            x = grid.down(x, eps, index)
        guard(x, who="sampler", what=f"latents at step {index}")
        hooks.stepped(index)
    return x


@torch.no_grad()
def invert(
    x: Tensor, denoise: Denoiser, grid: DdimGrid, *, stop: int = 0, refinements: int = 0, hooks: Hooks = PLAIN
) -> list[Tensor]:
    """From a clean latent to the noise that gives it (DDIM inversion, Song et al. 2021, section 4.3).

    The noise is predicted at the target's time for the state before it, which is what makes this an approximation; each
    refinement predicts it again for the state just reached (fixed point; Pan et al. 2023, AIDI).

    Args:
        x: (frames, C, h, w), clean.
        denoise: the model with the source prompt and without guidance.
        grid: the times.
        stop: the step to go up to; 0 goes all the way.
        refinements: extra evaluations per step.
        hooks: where a method steps in.

    Returns:
        One state per step and `x` itself behind them: ``states[k]`` is x at the start of step ``stop + k``.
    """
    states = [x]
    for index in range(len(grid.times) - 1, stop - 1, -1):
        before = reached = states[-1]
        for _ in range(1 + refinements):
            eps = hooks.corrected(reached, denoise(reached, index), index)
            reached = grid.up(before, eps, index)
        states.append(guard(reached, who="inverter", what=f"latents at step {index}"))
        hooks.stepped(index)
    return states[::-1]
