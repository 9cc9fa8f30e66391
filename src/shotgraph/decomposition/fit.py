"""Fitting layers to a clip: random pixels, a handful of losses, and checkpoints that resume bit for bit.

The losses are those of layered neural atlases (Kasten et al. 2021) and CoDeF (Ouyang et al. 2024) on the representation of
`layers`; weights are ours, in the units of `layers`.

Symbols: c composite, c* clip; m_k matte of layer k, a_k its alpha; F flow to the next frame; w_k weight; R_k residual; p' the
pixel beside p.

    L = |c - c*|^2  +  0.1 sum_k w_k |uv_k(p + F, t + 1) - uv_k(p, t)|_1  +  0.5 BCE(a, m)
      + 0.1 |(c(p') - c(p)) - (c*(p') - c*(p))|_1  +  |dR/dp|^2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from shotgraph.decomposition.layers import Layers, Sampled, asked_of, frame_points

# Flow errs more than the chain, which is aligned on the pictures: it holds the residual and must not lead it.
_FLOW, _MATTE, _GRADIENT, _BEND = 0.1, 0.5, 0.1, 1.0
_RATES = {"residual": 2e-4, "atlas": 3e-2, "alpha": 3e-2}
# A network learns at a tenth of what a bare grid does.
_HASHED = 0.1
_LAST_RATE = 0.05
# Of all steps: until there is an atlas, what disagrees is not where a pixel lies.
_HELD = 0.2
_BETAS = (0.9, 0.99)
_WINDOW, _PLATEAU_DB = 100, 0.1


@dataclass(frozen=True, slots=True)
class Clip:
    """What is fitted.

    Attributes:
        video: (N, H, W, 3).
        mattes: (K - 1, N, H, W) of every layer but the back one, back to front.
        flow: (N - 1, H, W, 2) px to the next frame; 0 where it is not known.
        valid: (N - 1, H, W) where it is.
    """

    video: NDArray[np.float32]
    mattes: NDArray[np.float32]
    flow: NDArray[np.float32]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitting:
    """How.

    Attributes:
        steps: at most.
        batch: pixels a step.
        seed: of which pixels.
    """

    steps: int = 700
    batch: int = 8192
    seed: int = 0


class Fit:
    """One fit, step by step.

    Attributes:
        layers: what is fitted.
        step: next one.
        curve: mean square error of every `_WINDOW` steps so far.
    """

    def __init__(self, layers: Layers, clip: Clip, how: Fitting) -> None:
        """A fit of `layers` to `clip` that has taken no step yet."""
        self.layers, self.step = layers, 0
        self.curve: list[float] = []
        self._clip, self._how = clip, how
        self._optimiser = torch.optim.Adam(_parameters(layers), betas=_BETAS, fused=True)
        self._device = layers[0].maps.device
        self._error, self._seen = 0.0, 0

    @property
    def done(self) -> bool:
        """Whether all steps are taken, or the last hundred brought nothing while the rate was falling."""
        if self.step >= self._how.steps:
            return True
        falling = self.step >= self._how.steps // 2 + _WINDOW
        return falling and len(self.curve) > 1 and _db(self.curve[-1]) - _db(self.curve[-2]) < _PLATEAU_DB

    def advance(self) -> None:
        """Take one step."""
        share = rate_at(self.step, self._how.steps)
        for group in self._optimiser.param_groups:
            held = group["holds"] and self.step < _HELD * self._how.steps
            group["lr"] = 0.0 if held else group["rate"] * share
        self._optimiser.zero_grad(set_to_none=True)
        loss, error = self._loss()
        loss.backward()
        self._optimiser.step()
        self._error, self._seen = self._error + error, self._seen + 1
        self.step += 1
        if self.step % _WINDOW == 0:
            self.curve.append(self._error / self._seen)
            self._error, self._seen = 0.0, 0

    def _loss(self) -> tuple[Tensor, float]:
        """The sum of all terms over one batch, and the mean square error in it."""
        clip = self._clip
        times, rows, columns = draw(self.step, self._how, clip.video.shape[:3])
        said: Sampled = self.layers(self._given(times), self._points(columns, rows))
        wanted = self._given(clip.video[times, rows, columns])
        half = len(times) // 2
        error = functional.mse_loss(said.colour, wanted)
        slope = (said.colour[half:] - said.colour[:half]) - (wanted[half:] - wanted[:half])
        bend = (said.residuals[:, half:] - said.residuals[:, :half]) * (max(self.layers.frame) / 2)
        total = error + _GRADIENT * slope.abs().mean() + _BEND * bend.square().mean()
        if len(clip.mattes):
            matte = self._given(clip.mattes[:, times, rows, columns])
            # What the matte asks for, not 0 and 1 themselves: those no logit reaches, and the pull towards them would move edges.
            total = total + _MATTE * functional.binary_cross_entropy_with_logits(said.alphas, asked_of(matte).sigmoid())
        return total + self._flow_loss(said, times, rows, columns), float(error.detach())

    def _flow_loss(
        self, said: Sampled, times: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> Tensor:
        """Neighbouring frames agree on where a surface point lies, for every layer by its share."""
        clip = self._clip
        known = np.nonzero(times < len(clip.video) - 1)[0]
        known = known[clip.valid[times[known], rows[known], columns[known]]]
        if not len(known):
            return said.colour.new_zeros(())
        vectors = clip.flow[times[known], rows[known], columns[known]]
        there = self._points(columns[known] + vectors[:, 0], rows[known] + vectors[:, 1])
        later, chosen = self._given(times[known] + 1), self._given(known)
        total = said.colour.new_zeros(())
        for index in range(len(self.layers)):
            moved = self.layers[index].place(later, there)[0]
            apart = (moved - said.places[index, chosen]).abs().sum(dim=1)
            total = total + (said.weights[index, chosen].detach() * apart).sum() / len(times)
        return _FLOW * total

    def _given(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self._device)

    def _points(self, columns: NDArray[Any], rows: NDArray[Any]) -> Tensor:
        x, y = (self._given(edge.astype(np.float32)) for edge in (columns, rows))
        return frame_points(x, y, self.layers.frame)

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that the rest of the fit depends on, beside `step` and `curve`."""
        kept = {
            f"layers.{name}": value.detach().cpu().numpy().copy() for name, value in self.layers.state_dict().items()
        }
        for number, parameter in enumerate(self._each()):
            for name, value in self._optimiser.state.get(parameter, {}).items():
                kept[f"adam.{number}.{name}"] = torch.as_tensor(value).cpu().numpy().copy()
        kept["error"] = np.array([self._error, self._seen], np.float64)
        return kept

    def restore(self, step: int, curve: Sequence[float], kept: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a `state`."""
        self.step, self.curve = step, list(curve)
        prefix = "layers."
        parts = {name: value for name, value in kept.items() if name.startswith(prefix)}
        self.layers.load_state_dict(
            {name[len(prefix) :]: torch.from_numpy(value.copy()) for name, value in parts.items()}
        )
        for number, parameter in enumerate(self._each()):
            mine = f"adam.{number}."
            found = {name[len(mine) :]: value for name, value in kept.items() if name.startswith(mine)}
            self._optimiser.state[parameter] = {name: self._given(value.copy()) for name, value in found.items()}
        self._error, seen = (float(value) for value in kept["error"])
        self._seen = int(seen)

    def _each(self) -> list[torch.nn.Parameter]:
        return [parameter for group in self._optimiser.param_groups for parameter in group["params"]]


def fitted(fit: Fit, *, after_step: Callable[[Fit], None]) -> None:
    """Run a fit to its end, with a call after every step: for progress, cancelling and checkpoints."""
    while not fit.done:
        fit.advance()
        after_step(fit)


def rate_at(step: int, steps: int) -> float:
    """Share of the learning rate: constant for half of the steps, then falling exponentially to a twentieth."""
    behind = max(0.0, step / max(1, steps) - 0.5) * 2
    return float(_LAST_RATE**behind)


def draw(
    step: int, how: Fitting, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Which pixels a step looks at: half at random, and of each the one beside it; along x and along y in turn.

    Args:
        step: its number, which with the seed decides all.
        how: seed and size of a batch.
        shape: (N, H, W, ...).

    Returns:
        Frame indices, rows and columns of a batch, the second half beside the first.
    """
    random = np.random.Generator(np.random.Philox(key=[how.seed, step]))
    frames, height, width = shape[:3]
    across = int(step % 2 == 0 and width > 1)
    down = int(not across and height > 1)
    half = how.batch // 2
    times = random.integers(0, frames, half)
    rows = random.integers(0, height - down, half)
    columns = random.integers(0, width - across, half)
    return (
        np.concatenate((times, times)),
        np.concatenate((rows, rows + down)),
        np.concatenate((columns, columns + across)),
    )


def _parameters(layers: Layers) -> list[dict[str, object]]:
    """Groups of parameters with their rates."""
    groups: list[dict[str, object]] = []
    for index in range(len(layers)):
        for name, rate in _RATES.items():
            field = getattr(layers[index], name)
            if field is not None:
                is_hashed = hasattr(field, "network")
                groups.append(
                    {
                        "params": list(field.parameters()),
                        "rate": rate * (_HASHED if is_hashed else 1),
                        "holds": name == "residual",
                    }
                )
    return groups


def _db(error: float) -> float:
    return -10 * float(np.log10(max(error, 1e-12)))
