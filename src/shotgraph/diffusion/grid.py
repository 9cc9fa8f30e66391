"""The times of a sampler and the signal they leave: one definition for sampling and for inversion.

Symbols: t a training step in [0, 1000), a_t the cumulative product of alphas at t; x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps.
Source: Song et al. 2021 (DDIM), eq. 12 and 16; spacing and offset as Stable Diffusion's scheduler configuration has them.
Departure: nothing is clipped, whatever the configuration says; a clipped x_0 cannot be inverted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from shotgraph.errors import UnavailableError, UsageError

PREDICTIONS = ("epsilon", "v_prediction")
# Of the way to noise that a grid covers at least: leading spacing of 600 steps would start at time 600 of 1000.
_LEAST_REACH = 0.85


@dataclass(frozen=True)
class DdimGrid:
    """The times that a sampler of some steps visits.

    Attributes:
        times: visited, from noisy to clean.
        alphas: a_t for every training step, float64.
        final: a_t at the end of the last step.
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
            UsageError: too many or too few steps, or so many that the first is far from noise.
            UnavailableError: the model predicts something no method here knows, or starts from pure noise.
        """
        scheduler: Any = DDIMScheduler.from_config(dict(config))
        trained = int(scheduler.config["num_train_timesteps"])
        if not 1 <= steps <= trained:
            raise UsageError(f"steps: must lie in [1, {trained}], got {steps}; change steps or inversion_steps")
        prediction = str(scheduler.config["prediction_type"])
        if prediction not in PREDICTIONS:
            raise UnavailableError(
                f"model: prediction_type must be {' or '.join(PREDICTIONS)}, got {prediction!r}; use a model of either kind"
            )
        scheduler.set_timesteps(steps)
        times = tuple(int(t) for t in scheduler.timesteps)
        if times[0] >= trained:
            raise UsageError(
                f"steps: must keep every time below {trained}, got time {times[0]} with {steps} steps; use fewer"
            )
        reach = trained * (steps - 1) // steps
        if times[0] < _LEAST_REACH * reach:
            raise UsageError(
                f"steps: must start near time {reach}, got time {times[0]} with {steps} steps; use a divisor of {trained}"
            )
        alphas = scheduler.alphas_cumprod.double()
        if float(alphas[times[0]]) <= 0:
            raise UnavailableError(
                f"model: a_t at time {times[0]} must be above 0, got 0 (zero terminal SNR); set timestep_spacing: leading "
                "in its scheduler_config.json"
            )
        return cls(times, alphas, float(scheduler.final_alpha_cumprod), prediction)

    def alpha(self, index: int) -> float:
        """What a_t is at the start of step `index`; behind the last step, the final one."""
        return float(self.alphas[self.times[index]]) if index < len(self.times) else self.final

    def index_of(self, time: int) -> int:
        """The step that starts at `time`.

        Args:
            time: a training step.

        Returns:
            Its index.

        Raises:
            UsageError: the grid does not visit it.
        """
        if time not in self.times:
            raise UsageError(
                f"inversion_steps: must visit the sampler's time {time}, got {len(self.times)} steps that do not; "
                "use a multiple of steps that divides 1000, or as many as steps"
            )
        return self.times.index(time)

    def start_of(self, strength: float) -> int:
        """The step to start from so that `strength` in [0, 1] of the way is denoised: all at 1, nothing at 0, else a step or more."""
        steps = max(1, round(strength * len(self.times))) if strength > 0 else 0
        return len(self.times) - steps

    def noise_from(self, output: Tensor, x: Tensor, index: int) -> Tensor:
        """The predicted noise, from what the model gave for `x` at step `index` (Salimans & Ho 2022, eq. 13 for v)."""
        if self.prediction == "epsilon":
            return output
        a = self.alpha(index)
        return a**0.5 * output + (1 - a) ** 0.5 * x

    def clean(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """The x_0 that noise `eps` at step `index` means."""
        a = self.alpha(index)
        return (x - (1 - a) ** 0.5 * eps) / a**0.5

    def down(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """One step towards the picture: from the start of step `index` to the next."""
        return between(x, eps, self.alpha(index), self.alpha(index + 1))

    def up(self, x: Tensor, eps: Tensor, index: int) -> Tensor:
        """One step towards noise: from the end of step `index` to its start."""
        return between(x, eps, self.alpha(index + 1), self.alpha(index))

    def down_with_noise(self, x: Tensor, eps: Tensor, index: int, *, eta: float, fresh: Tensor) -> Tensor:
        """`down`, with part of the noise drawn anew: none of it at `eta` 0, DDPM at 1 (eq. 12, sigma from eq. 16)."""
        a, a_next = self.alpha(index), self.alpha(index + 1)
        sigma = eta * ((1 - a_next) / (1 - a)) ** 0.5 * (1 - a / a_next) ** 0.5
        x0 = (x - (1 - a) ** 0.5 * eps) / a**0.5
        return a_next**0.5 * x0 + (1 - a_next - sigma**2) ** 0.5 * eps + sigma * fresh

    def noised(self, clean: Tensor, noise: Tensor, index: int) -> Tensor:
        """A clean latent with noise, as it is at the start of step `index`."""
        a = self.alpha(index)
        return a**0.5 * clean + (1 - a) ** 0.5 * noise


def between(x: Tensor, eps: Tensor, a_from: float, a_to: float) -> Tensor:
    """Latents `x` carried from one signal level to another along constant noise `eps` (eq. 12 with sigma 0)."""
    x0 = (x - (1 - a_from) ** 0.5 * eps) / a_from**0.5
    return a_to**0.5 * x0 + (1 - a_to) ** 0.5 * eps


def guided(unconditional: Tensor, conditional: Tensor, guidance: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022, eq. 6, with the weight counted from 1 as everyone does)."""
    return unconditional + guidance * (conditional - unconditional)


def guard(x: Tensor, *, who: str, what: str) -> Tensor:
    """`x`, unless it overflowed.

    Args:
        x: latents or pictures.
        who: names the loop in the message.
        what: ``latents at step 3``.

    Returns:
        `x` itself.

    Raises:
        UnavailableError: a value is NaN or infinite.
    """
    if not bool(torch.isfinite(x).all()):
        raise UnavailableError(
            f"{who}: {what} must be finite, got NaN or infinity; run with --dtype fp32, or bf16 where the card has it"
        )
    return x
