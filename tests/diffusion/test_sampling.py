"""The two loops: exact where theory says so, and open at the places where methods step in."""

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from tiny_models import SCHEDULE
from torch import Tensor

from shotgraph.diffusion.grid import DdimGrid
from shotgraph.diffusion.sampling import Denoiser, Hooks, invert, sample
from shotgraph.errors import UnavailableError, UsageError


def latents(seed: int = 0) -> Tensor:
    return torch.randn((2, 4, 3, 5), generator=torch.Generator().manual_seed(seed))


def constant(eps: Tensor) -> Denoiser:
    return lambda x, _index: eps.to(x)


def linear(slope: float) -> Denoiser:
    return lambda x, _index: slope * x


def error_of(steps: int, *, refinements: int = 0, slope: float = 0.4) -> float:
    """Largest difference after going up and down again under a linear model."""
    grid, x = DdimGrid.of(SCHEDULE, steps), latents().double()
    states = invert(x, linear(slope), grid, refinements=refinements)
    return float((sample(states[0], linear(slope), grid) - x).abs().max())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_constant_noise_comes_back_exactly(dtype: torch.dtype, tolerance: float) -> None:
    grid, x, eps = DdimGrid.of(SCHEDULE, 50), latents(1).to(dtype), latents(2).to(dtype)
    a, b = grid.final, grid.alpha(0)

    states = invert(x, constant(eps), grid)
    back = sample(states[0], constant(eps), grid)

    # All 50 steps are one step from the picture's signal level to the noisiest one.
    far = (b / a) ** 0.5 * (x - (1 - a) ** 0.5 * eps) + (1 - b) ** 0.5 * eps
    assert len(states) == 51
    assert torch.equal(states[-1], x)
    assert float((states[0] - far).abs().max()) < tolerance
    assert float((back - x).abs().max()) < tolerance


def test_a_linear_model_follows_its_closed_form() -> None:
    grid, x = DdimGrid.of(SCHEDULE, 10), latents(1).double()
    factor = 1.0
    for index in range(10):
        a, b = grid.alpha(index), grid.alpha(index + 1)
        factor *= (b / a) ** 0.5 * (1 - 0.4 * (1 - a) ** 0.5) + 0.4 * (1 - b) ** 0.5

    found = sample(x, linear(0.4), grid)

    assert float((found - factor * x).abs().max()) < 1e-12


def test_a_linear_model_comes_back_the_better_the_more_steps() -> None:
    errors = [error_of(steps) for steps in (10, 50, 250)]

    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.05


def test_fixed_point_refinement_closes_the_round_trip() -> None:
    plain, once, often = (error_of(50, refinements=n) for n in (0, 1, 12))

    assert plain > 5 * once
    assert often < 1e-6 < once


def test_a_random_sampling_of_diffusers_is_ours() -> None:
    grid = DdimGrid.of(SCHEDULE, 7)
    scheduler = DDIMScheduler(**SCHEDULE)
    scheduler.set_timesteps(7)
    x = expected = latents(4)

    def denoise(x: Tensor, _index: int) -> Tensor:
        return torch.tanh(x.roll(1, dims=-1)) - 0.3 * x

    for index, time in enumerate(scheduler.timesteps):
        expected = scheduler.step(denoise(expected, index), int(time), expected, return_dict=False)[0]

    assert float((sample(x, denoise, grid) - expected).abs().max()) < 1e-5


def test_a_part_of_the_way_up_meets_the_same_states() -> None:
    grid, x = DdimGrid.of(SCHEDULE, 10), latents(1)

    whole = invert(x, linear(0.4), grid)
    part = invert(x, linear(0.4), grid, stop=6)

    assert len(part) == 5
    assert all(torch.equal(one, other) for one, other in zip(part, whole[6:], strict=True))
    assert torch.equal(sample(whole[6], linear(0.4), grid, start=6), sample(part[0], linear(0.4), grid, start=6))


def test_no_way_at_all_gives_the_latents_themselves() -> None:
    grid, x = DdimGrid.of(SCHEDULE, 10), latents(1)

    assert invert(x, linear(0.4), grid, stop=10)[0] is x
    assert sample(x, linear(0.4), grid, start=10) is x


def test_frames_do_not_see_each_other() -> None:
    grid, x = DdimGrid.of(SCHEDULE, 5), latents(1)

    together = invert(x, linear(0.4), grid)[0]
    alone = torch.cat([invert(frame[None], linear(0.4), grid)[0] for frame in x])

    assert torch.equal(together, alone)


def test_a_correction_sees_the_state_and_replaces_the_noise() -> None:
    grid, x, eps = DdimGrid.of(SCHEDULE, 3), latents(1), latents(2)
    seen: list[tuple[int, bool]] = []

    def correct(state: Tensor, predicted: Tensor, index: int) -> Tensor:
        seen.append((index, torch.equal(state, x) if index == 0 else True))
        return predicted - predicted + eps

    found = sample(x, linear(9.0), grid, hooks=Hooks(correct=correct))

    assert seen == [(0, True), (1, True), (2, True)]
    assert torch.equal(found, sample(x, constant(eps), grid))


def test_every_step_is_told_in_order_both_ways() -> None:
    grid, told = DdimGrid.of(SCHEDULE, 4), list[int]()

    invert(latents(), linear(0.1), grid, stop=1, hooks=Hooks(after_step=told.append))
    sample(latents(), linear(0.1), grid, start=2, hooks=Hooks(after_step=told.append))

    assert told == [3, 2, 1, 2, 3]


def test_fresh_noise_is_taken_at_every_step_only_with_eta() -> None:
    grid, x = DdimGrid.of(SCHEDULE, 4), latents(1)
    asked: list[int] = []

    def fresh(index: int) -> Tensor:
        asked.append(index)
        return latents(10 + index)

    still = sample(x, linear(0.1), grid, hooks=Hooks(eta=0.0, fresh=fresh))
    assert asked == []
    moved = sample(x, linear(0.1), grid, hooks=Hooks(eta=1.0, fresh=fresh))

    assert asked == [0, 1, 2, 3]
    assert torch.equal(still, sample(x, linear(0.1), grid))
    assert float((moved - still).abs().max()) > 0.1


@pytest.mark.parametrize("loop", [sample, invert])
def test_an_overflow_stops_the_loop_at_its_step(loop: object) -> None:
    grid = DdimGrid.of(SCHEDULE, 5)

    def denoise(x: Tensor, index: int) -> Tensor:
        return x * (float("nan") if index == 3 else 1.0)

    with pytest.raises(UnavailableError, match="latents at step 3 must be finite, got NaN or infinity"):
        loop(latents(), denoise, grid)  # type: ignore[operator]


def test_noise_that_nobody_draws_is_refused() -> None:
    with pytest.raises(UsageError, match=r"sampler: fresh must be given with eta 0\.5, got None; pass what draws"):
        Hooks(eta=0.5)


def test_neither_loop_keeps_gradients() -> None:
    x = latents().requires_grad_()

    assert not sample(x, linear(0.1), DdimGrid.of(SCHEDULE, 2)).requires_grad
    assert not invert(x, linear(0.1), DdimGrid.of(SCHEDULE, 2))[0].requires_grad
