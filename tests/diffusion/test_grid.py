"""The grid is diffusers' own schedule, and what it does to latents is what diffusers' schedulers do."""

from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import SCHEDULE
from torch import Tensor

from shotgraph.diffusion.grid import DdimGrid, guard, guided
from shotgraph.errors import UnavailableError, UsageError

TOLERANCE = 1e-6
LEADING = [1, 3, 7, 30, 50, 500]


def latents(seed: int = 0, *, scale: float = 1.0) -> Tensor:
    return scale * torch.randn((2, 4, 3, 5), generator=torch.Generator().manual_seed(seed))


def inverse_scheduler(steps: int, **changes: Any) -> Any:
    settings = {k: v for k, v in SCHEDULE.items() if k != "timestep_spacing"} | changes
    scheduler = DDIMInverseScheduler(**settings, timestep_spacing="leading")
    scheduler.set_timesteps(steps)
    return scheduler


def test_fifty_steps_visit_981_to_1_and_end_at_the_first_alpha() -> None:
    grid = DdimGrid.of(SCHEDULE, 50)

    assert grid.times == tuple(range(981, 0, -20))
    assert grid.alpha(0) == pytest.approx(0.0057755, rel=1e-4)
    assert grid.alpha(50) == grid.final == pytest.approx(0.99915, rel=1e-6)


@pytest.mark.parametrize("steps", LEADING)
def test_a_step_down_is_diffusers_ddim_step(steps: int) -> None:
    grid = DdimGrid.of(SCHEDULE, steps)
    scheduler: Any = DDIMScheduler(**SCHEDULE)
    scheduler.set_timesteps(steps)
    x, eps = latents(1), latents(2)

    for index, time in enumerate(scheduler.timesteps):
        expected = scheduler.step(eps, time, x).prev_sample
        # Relative to the largest value: at time 981, x_0 is 13 times larger than x.
        assert float((grid.down(x, eps, index) - expected).abs().max() / expected.abs().max()) < TOLERANCE


@pytest.mark.parametrize("steps", [3, 7, 30, 50, 500])
def test_a_step_up_is_diffusers_inverse_step(steps: int) -> None:
    grid = DdimGrid.of(SCHEDULE, steps)
    scheduler = inverse_scheduler(steps, clip_sample=False)
    x, eps = latents(1), latents(2)

    times = [int(time) for time in scheduler.timesteps]
    assert times == list(reversed(grid.times))
    for place, time in enumerate(times):
        expected = scheduler.step(eps, time, x).prev_sample
        assert float((grid.up(x, eps, steps - 1 - place) - expected).abs().max()) < 2e-7 * 13


def test_diffusers_default_of_clipping_gives_something_else() -> None:
    grid = DdimGrid.of(SCHEDULE, 50)
    changes = {k: v for k, v in SCHEDULE.items() if k not in ("clip_sample", "timestep_spacing")}
    scheduler = DDIMInverseScheduler(**changes)
    scheduler.set_timesteps(50)
    x, eps = latents(1, scale=2), latents(2)

    clipped = scheduler.step(eps, 1, x)

    assert scheduler.config["clip_sample"] is True
    assert float((grid.up(x, eps, 49) - clipped.prev_sample).abs().max()) > 0.5


def test_a_model_whose_scheduler_clips_is_sampled_without() -> None:
    clipping = DdimGrid.of(SCHEDULE | {"clip_sample": True}, 10)
    plain = DdimGrid.of(SCHEDULE, 10)
    x, eps = latents(1, scale=3), latents(2)

    assert torch.equal(clipping.down(x, eps, 0), plain.down(x, eps, 0))


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_noise_drawn_anew_is_diffusers_eta(eta: float) -> None:
    grid = DdimGrid.of(SCHEDULE, 20)
    scheduler: Any = DDIMScheduler(**SCHEDULE)
    scheduler.set_timesteps(20)
    x, eps, fresh = latents(1), latents(2), latents(3)

    for index in (0, 7, 19):
        expected = scheduler.step(eps, scheduler.timesteps[index], x, eta=eta, variance_noise=fresh).prev_sample
        found = grid.down_with_noise(x, eps, index, eta=eta, fresh=fresh)
        assert float((found - expected).abs().max() / expected.abs().max()) < TOLERANCE


def test_no_eta_is_the_plain_step() -> None:
    grid = DdimGrid.of(SCHEDULE, 20)
    x, eps = latents(1), latents(2)

    assert torch.equal(grid.down_with_noise(x, eps, 4, eta=0.0, fresh=latents(3)), grid.down(x, eps, 4))


@settings(max_examples=30, deadline=None)
@given(steps=st.integers(1, 120), data=st.data())
def test_up_undoes_down_along_the_same_noise(steps: int, data: st.DataObject) -> None:
    grid = DdimGrid.of(SCHEDULE, steps)
    index = data.draw(st.integers(0, steps - 1))
    x, eps = latents(1).double(), latents(2).double()

    back = grid.up(grid.down(x, eps, index), eps, index)

    assert float((back - x).abs().max()) < 1e-11


def test_v_prediction_is_converted_as_diffusers_does() -> None:
    config = SCHEDULE | {"prediction_type": "v_prediction"}
    grid = DdimGrid.of(config, 10)
    scheduler: Any = DDIMScheduler(**config)
    scheduler.set_timesteps(10)
    x, v = latents(1), latents(2)

    for index, time in enumerate(scheduler.timesteps):
        expected = scheduler.step(v, time, x)
        eps = grid.noise_from(v, x, index)
        assert float((grid.down(x, eps, index) - expected.prev_sample).abs().max()) < 3e-6
        assert float((grid.clean(x, eps, index) - expected.pred_original_sample).abs().max()) < 2e-5
        assert float((eps - v).abs().max()) > 0.1


def test_noise_is_left_alone_where_the_model_predicts_it() -> None:
    eps = latents(2)

    assert DdimGrid.of(SCHEDULE, 10).noise_from(eps, latents(1), 3) is eps


def test_noised_is_diffusers_add_noise_and_clean_undoes_it() -> None:
    grid = DdimGrid.of(SCHEDULE, 10)
    scheduler: Any = DDIMScheduler(**SCHEDULE)
    clean, eps = latents(1), latents(2)

    x = grid.noised(clean, eps, 2)

    expected = scheduler.add_noise(clean, eps, torch.tensor([grid.times[2]] * 2))
    assert float((x - expected).abs().max()) < TOLERANCE
    assert float((grid.clean(x, eps, 2) - clean).abs().max()) < 1e-5


@pytest.mark.parametrize(("strength", "start"), [(0, 10), (1e-6, 9), (0.04, 9), (0.26, 7), (0.5, 5), (0.96, 0), (1, 0)])
def test_strength_is_the_share_of_steps_that_is_done(strength: float, start: int) -> None:
    assert DdimGrid.of(SCHEDULE, 10).start_of(strength) == start


@pytest.mark.parametrize(("inversion", "steps"), [(50, 25), (500, 50), (998, 1), (50, 50), (100, 10)])
def test_more_inversion_steps_visit_the_samplers_times(inversion: int, steps: int) -> None:
    up, down = DdimGrid.of(SCHEDULE, inversion), DdimGrid.of(SCHEDULE, steps)

    assert [up.times[up.index_of(time)] for time in down.times] == list(down.times)


def test_inversion_steps_that_miss_a_time_are_refused() -> None:
    with pytest.raises(
        UsageError,
        match=r"inversion_steps: must visit the sampler's time 901, got 30 steps that do not; use a multiple",
    ):
        DdimGrid.of(SCHEDULE, 30).index_of(DdimGrid.of(SCHEDULE, 10).times[0])


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_a_number_of_steps_that_no_grid_has_is_refused(steps: int) -> None:
    with pytest.raises(UsageError, match=rf"steps: must lie in \[1, 1000\], got {steps}; change steps"):
        DdimGrid.of(SCHEDULE, steps)


def test_steps_whose_first_time_lies_beyond_the_training_are_refused() -> None:
    with pytest.raises(
        UsageError, match="steps: must keep every time below 1000, got time 1000 with 1000 steps; use fewer"
    ):
        DdimGrid.of(SCHEDULE, 1000)


@pytest.mark.parametrize(("steps", "first", "near"), [(600, 600, 998), (501, 501, 998), (350, 699, 997)])
def test_steps_that_would_start_far_from_noise_are_refused(steps: int, first: int, near: int) -> None:
    with pytest.raises(
        UsageError,
        match=f"steps: must start near time {near}, got time {first} with {steps} steps; use a divisor of 1000",
    ):
        DdimGrid.of(SCHEDULE, steps)
    assert DdimGrid.of(SCHEDULE, 333).times[0] > 0.85 * 996


def test_a_model_that_predicts_the_picture_is_refused() -> None:
    with pytest.raises(
        UnavailableError,
        match="prediction_type must be epsilon or v_prediction, got 'sample'; use a model of either kind",
    ):
        DdimGrid.of(SCHEDULE | {"prediction_type": "sample"}, 10)


def test_a_start_from_pure_noise_is_refused() -> None:
    zero = SCHEDULE | {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}

    with pytest.raises(UnavailableError, match=r"a_t at time 999 must be above 0, got 0 \(zero terminal SNR\)"):
        DdimGrid.of(zero, 10)


def test_guidance_runs_from_one_prediction_through_the_other() -> None:
    without, with_words = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 1.0])

    assert guided(without, with_words, 0).tolist() == [1, 2]
    assert guided(without, with_words, 1).tolist() == [3, 1]
    assert guided(without, with_words, 7.5).tolist() == [16, -5.5]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_overflow_is_said_with_its_step_and_its_cure(value: float) -> None:
    x = latents()
    x[1, 2, 0, 3] = value

    with pytest.raises(
        UnavailableError,
        match="inverter: latents at step 17 must be finite, got NaN or infinity; run with --dtype fp32",
    ):
        guard(x, who="inverter", what="latents at step 17")


def test_the_guard_lets_sound_latents_through() -> None:
    x = latents()

    assert guard(x, who="sampler", what="latents at step 0") is x
