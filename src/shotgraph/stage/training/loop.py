"""The one training loop, which a kill at any step does not change.

Learning rate, averaging, order of data and noise are functions of the step alone; the checkpoint holds weights, their average,
the optimiser's moments and the step. So a run resumed with the same libraries and threads ends at the same bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from shotgraph.stage.training.checkpoints import Checkpoint, kept_tensors, latest, load, save

Tell = Callable[[str], None]


class Trainee(Protocol):
    """What a recipe gives the loop."""

    @property
    def name(self) -> str:
        """Of the recipe; part of the checkpoint's identity."""
        ...

    def module(self) -> nn.Module:
        """Everything that is trained, as one module."""
        ...

    def loss(self, step: int, noise: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """The loss of the batch of `step`, a function of the step and of what `noise` draws, and numbers for the log."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast.

    Attributes:
        steps: of the whole training.
        learning_rate: at its peak.
        warmup: steps over which it rises from 0; behind them it falls linearly to 0 at `steps`.
        average: decay of the exponential moving average of weights.
        weight_decay: of AdamW.
        clip_norm: largest norm of a gradient.
        seed: of everything random: initial weights, order of data, noise, dropout.
    """

    steps: int
    learning_rate: float
    warmup: int = 100
    average: float = 0.999
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    seed: int = 0

    def rate(self, step: int) -> float:
        """Learning rate of `step`, counted from 0."""
        rising = (step + 1) / max(self.warmup, 1)
        falling = (self.steps - step) / max(self.steps - self.warmup, 1)
        return self.learning_rate * min(rising, falling, 1.0)

    def decay(self, step: int) -> float:
        """Decay of the average at `step`: short at first, so that the average forgets the initial weights."""
        return min(self.average, (1 + step) / (10 + step))


def noise_of(seed: int, step: int) -> torch.Generator:
    """The generator of one step."""
    return torch.Generator().manual_seed(_address(seed, step))


def _address(seed: int, step: int) -> int:
    return (seed * 1_000_003 + step) & 0x7FFF_FFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """How far one call goes.

    Attributes:
        until: stop before this step; None for the end.
        minutes: stop after as long, with a checkpoint; None for no limit.
    """

    until: int | None = None
    minutes: float | None = None


_WHOLE = Leg()


def fit(
    trainee: Trainee,
    schedule: Schedule,
    folder: Path,
    *,
    leg: Leg = _WHOLE,
    save_every: int = 500,
    tell: Tell = print,
) -> int:
    """Train, from the last checkpoint in `folder` when there is one.

    Args:
        trainee: the recipe.
        schedule: how long and how fast.
        folder: for checkpoints.
        leg: how far to go; the weights reached do not depend on where the legs were cut.
        save_every: steps between checkpoints.
        tell: takes a line of progress now and then.

    Returns:
        The step reached; `schedule.steps` when the training is complete.
    """
    module = trainee.module()
    state = Checkpoint.fresh(trainee.name, schedule, module)
    found = latest(folder)
    if found is not None:
        load(found, state)
    end = schedule.steps if leg.until is None else min(leg.until, schedule.steps)
    started, log = time.monotonic(), _Log(tell, every=100)
    before = state.seconds
    module.train()
    while state.step < end:
        log.add(state.step, _step(trainee, schedule, state))
        state.seconds = None if before is None else before + time.monotonic() - started
        expired = leg.minutes is not None and time.monotonic() - started > 60 * leg.minutes
        if state.step % save_every == 0 or state.step == end or expired:
            save(folder, state)
        if expired:
            break
    return state.step


def _step(trainee: Trainee, schedule: Schedule, state: Checkpoint) -> dict[str, float]:
    """One step of AdamW; what it has to say."""
    # Dropout inside a library's layers draws from the global generator.
    with seeded(_address(schedule.seed, state.step)):
        loss, told = trainee.loss(state.step, noise_of(schedule.seed, state.step))
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    norm = nn.utils.clip_grad_norm_((p for p in state.module.parameters() if p.requires_grad), schedule.clip_norm)
    for group in state.optimiser.param_groups:
        group["lr"] = schedule.rate(state.step)
    state.optimiser.step()
    decay = schedule.decay(state.step)
    with torch.no_grad():
        for name, value in kept_tensors(state.module).items():
            average = state.average[name]
            if value.dtype.is_floating_point:
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
    state.step += 1
    return {"loss": float(loss.detach()), "norm": float(norm), **told}


class _Log:
    """Means over some steps, told in a line."""

    def __init__(self, tell: Tell, *, every: int) -> None:
        self._tell, self._every = tell, every
        self._sums: dict[str, float] = {}
        self._count, self._since = 0, time.monotonic()

    def add(self, step: int, told: dict[str, float]) -> None:
        """Take the numbers of one step."""
        for name, value in told.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if (step + 1) % self._every == 0:
            seconds = (time.monotonic() - self._since) / self._count
            means = "  ".join(f"{name} {total / self._count:.4f}" for name, total in self._sums.items())
            self._tell(f"step {step + 1}  {means}  {1000 * seconds:.0f} ms")
            self._sums, self._count, self._since = {}, 0, time.monotonic()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Modules built inside the block get the same initial weights every time; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
