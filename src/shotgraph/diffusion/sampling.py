"""The sampler and the inverter: two loops over one grid, with a place for a method to step in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shotgraph.diffusion.grid import DdimGrid, guard

# (x, step index) to predicted noise, guidance included.
Denoiser = Callable[[Tensor, int], Tensor]
# (x, predicted noise, step index) to the noise to step with; where methods correct their prediction.
Correction = Callable[[Tensor, Tensor, int], Tensor]


@torch.no_grad()
def sample(
    x: Tensor,
    denoise: Denoiser,
    grid: DdimGrid,
    *,
    start: int = 0,
    correct: Correction | None = None,
    after_step: Callable[[int], None] | None = None,
    who: str = "sample",
) -> Tensor:
    """From noise to a clean latent (DDIM, eta = 0).

    Args:
        x: (frames, C, h, w) at the start of step `start`.
        denoise: the model, guidance included.
        grid: the times.
        start: first step; later ones keep more of what `x` was made of.
        correct: steps in between prediction and step.
        after_step: told of every step done, for progress and cancelling.
        who: names the caller in messages.

    Returns:
        (frames, C, h, w), clean.
    """
    for index in range(start, len(grid.times)):
        eps = denoise(x, index)
        if correct is not None:
            eps = correct(x, eps, index)
        x = guard(grid.down(x, eps, index), who=who, index=index)
        if after_step is not None:
            after_step(index)
    return x


@torch.no_grad()
def invert(
    x: Tensor,
    denoise: Denoiser,
    grid: DdimGrid,
    *,
    refinements: int = 0,
    after_step: Callable[[int], None] | None = None,
    who: str = "invert",
) -> list[Tensor]:
    """From a clean latent to the noise that gives it (DDIM inversion, Song et al. 2021, section 4.3).

    The noise is predicted at the target's time for the state before it, which is what makes this an approximation; each
    refinement predicts it again for the state just reached (fixed point; Pan et al. 2023, AIDI).

    Args:
        x: (frames, C, h, w), clean.
        denoise: the model with the source prompt and without guidance.
        grid: the times.
        refinements: extra evaluations per step.
        after_step: told of every step done.
        who: names the caller in messages.

    Returns:
        ``states[index]`` is x at the start of step `index`; the last one is `x` itself.
    """
    states = [x]
    for index in range(len(grid.times) - 1, -1, -1):
        before = states[-1]
        reached = grid.up(before, denoise(before, index), index)
        for _ in range(refinements):
            reached = grid.up(before, denoise(reached, index), index)
        states.append(guard(reached, who=who, index=index))
        if after_step is not None:
            after_step(index)
    return states[::-1]
