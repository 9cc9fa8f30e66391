"""The times of a sampler and the signal they leave: one definition for sampling and for inversion.

Symbols: t a training step in [0, 1000), a_t the cumulative product of alphas at t; x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps.
Source: Song et al. 2021 (DDIM), eq. 12 with eta = 0; spacing and offset as Stable Diffusion's scheduler configuration has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from shotgraph.errors import UnavailableError, UsageError


@dataclass(frozen=True)
class DdimGrid:
    """The times that a sampler of some steps visits.

    Attributes:
        times: visited, from noisy to clean.
        alphas: a_t for every training step.
        final: a at the end of the last step.
        prediction: what the model's output means, ``epsilon`` or ``v_prediction``.
    """

    times: tuple[int, ...]
    alphas: Tensor
    final: float
    prediction: str

    @classmethod
    def of(cls, config: Mapping[str, Any], steps: int) -> DdimGrid:
        """The grid of `steps` steps for a model's scheduler configuration.

        Args:
            config: as in ``scheduler_config.json``.
            steps: from 1 to the number of training steps.

        Returns:
            The grid.

        Raises:
            UsageError: too many or too few steps.
            UnavailableError: the model predicts something no method here knows.
        """
        scheduler = DDIMScheduler.from_config(config)
        trained = int(scheduler.config["num_train_timesteps"])
        if not 1 <= steps <= trained:
            raise UsageError(f"steps: must lie in [1, {trained}], got {steps}")
        prediction = str(scheduler.config["prediction_type"])
        if prediction not in ("epsilon", "v_prediction"):
            raise UnavailableError(
                f"model: prediction_type must be epsilon or v_prediction, got {prediction!r}; use a model of either kind"
            )
        scheduler.set_timesteps(steps)
        times = tuple(int(t) for t in scheduler.timesteps)
        return cls(times, scheduler.alphas_cumprod.double(), float(scheduler.final_alpha_cumprod), prediction)

    def alpha(self, index: int) -> float:
        """a at the start of step `index`; behind the last step, the final one."""
        return float(self.alphas[self.times[index]]) if index < len(self.times) else self.final

    def noise_from(self, output: Tensor, x: Tensor, index: int) -> Tensor:
        """The predicted noise, from what the model gave for `x` at step `index` (Salimans & Ho 2022, eq. 13 for v)."""
        if self.prediction == "epsilon":
            return output
        a = self.alpha(index)
        return a**0.5 * output + (1 - a) ** 0.5 * x

    def clean(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """x_0 as predicted at step `index`."""
        a = self.alpha(index)
        return (x - (1 - a) ** 0.5 * eps) / a**0.5

    def down(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """One step towards the picture: from step `index` to the next."""
        return self.between(x, eps, self.alpha(index), self.alpha(index + 1))

    def up(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """One step towards noise: from behind step `index` to its start."""
        return self.between(x, eps, self.alpha(index + 1), self.alpha(index))

    @staticmethod
    def between(x: Tensor, eps: Tensor, a_from: float, a_to: float) -> Tensor:
        """x carried from one signal level to another along constant noise `eps`."""
        x0 = (x - (1 - a_from) ** 0.5 * eps) / a_from**0.5
        return a_to**0.5 * x0 + (1 - a_to) ** 0.5 * eps

    def noised(self, clean: Tensor, noise: Tensor, index: int) -> Tensor:
        """x at the start of step `index`, for a clean latent and its noise."""
        a = self.alpha(index)
        return a**0.5 * clean + (1 - a) ** 0.5 * noise

    def start_of(self, strength: float) -> int:
        """The step to start from so that `strength` in [0, 1] of the way is denoised; all of it at 1, nothing at 0."""
        return len(self.times) - round(strength * len(self.times))


def guided(unconditional: Tensor, conditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022, eq. 6, with the weight counted from 1 as everyone does)."""
    return unconditional + guidance * (conditional - unconditional)


def guard(x: Tensor, *, who: str, index: int) -> Tensor:
    """`x`, unless half precision has overflowed; `UnavailableError` then says what to change."""
    if not bool(torch.isfinite(x).all()):
        raise UnavailableError(
            f"{who}: latents must be finite, got NaN or infinity at step {index}; run with dtype fp32, or bf16 where the card has it"
        )
    return x
