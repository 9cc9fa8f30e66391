"""Gates of inversion: what comes back is measured against the VAE, what it was turned into against white noise."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from shotgraph.diffusion.grid import DdimGrid
from shotgraph.stage.training.folders import new_scheduler
from shotgraph.stage.training.gates import PROBES
from shotgraph.stage.training.inversiongates import inversion_of, neighbour_correlation


@dataclass
class Pixels:
    """A bundle whose latents are the pictures, and whose noise is always the same.

    Attributes:
        noise: predicted, (1, 3, H, W).
        forgets: added to the noise after so many calls, so that the way back is another one.
    """

    noise: Tensor
    forgets: float = 0.0

    def encode(self, frames: Tensor) -> Tensor:
        return frames.permute(0, 3, 1, 2)

    def decode(self, z: Tensor) -> Tensor:
        return z.permute(0, 2, 3, 1)

    def grid(self, steps: int) -> DdimGrid:
        return DdimGrid.of(new_scheduler().config, steps)

    def words(self, prompts: list[str]) -> Tensor:
        return torch.zeros(len(prompts), 1, 1)

    def denoiser(self, grid: DdimGrid, words: Tensor) -> Any:
        calls: list[int] = []

        def denoise(_: Tensor, index: int) -> Tensor:
            calls.append(index)
            return self.noise + (self.forgets if len(calls) > len(grid.times) else 0.0)

        return denoise


def measured(noise: Tensor, **given: float) -> dict[str, tuple[float, bool]]:
    bundle: Any = Pixels(noise, **given)
    return {row.name: (row.value, row.passed) for row in inversion_of(bundle, 0, side_px=64, pictures=2, steps=10)}


def white() -> Tensor:
    return torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(5))


def test_a_model_that_finds_the_same_noise_both_ways_passes() -> None:
    rows = measured(white())

    assert rows["inversion.gap_db"] == (pytest.approx(0, abs=1.0), True)
    assert all(passed for _, passed in rows.values())
    assert list(rows) == [name for probe in PROBES if probe.name == "inversion" for name in probe.bounds]


def test_a_model_that_finds_another_noise_on_the_way_back_loses_the_frame() -> None:
    gap, passed = measured(white(), forgets=0.05)["inversion.gap_db"]

    assert gap > 20
    assert not passed


def test_a_model_that_leaves_the_picture_in_its_noise_is_seen() -> None:
    rows = measured(torch.zeros(1, 3, 64, 64))

    assert rows["inversion.deviation_error"][0] > 0.9
    assert rows["inversion.neighbour_correlation"][0] > 0.8
    assert not rows["inversion.deviation_error"][1]
    assert not rows["inversion.neighbour_correlation"][1]


def test_neighbours_of_white_noise_know_nothing_of_each_other_and_those_of_a_ramp_everything() -> None:
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)

    assert abs(neighbour_correlation(white())) < 0.03
    assert neighbour_correlation(ramp) > 0.95
    assert neighbour_correlation(ramp.transpose(2, 3)) == pytest.approx(neighbour_correlation(ramp))
