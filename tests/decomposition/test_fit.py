"""Fitting: what it reaches, that it can be stopped anywhere, and what it looks at."""

import numpy as np
import pytest
import torch

from shotgraph.decomposition.build import clip_of, layers_of
from shotgraph.decomposition.fit import Fit, Fitting, draw, fitted, rate_at
from shotgraph.decomposition.layers import Backend
from shotgraph.decomposition.render import frame_layers
from tests.decomposition.conftest import FRAMES, Known

SHORT = Fitting(steps=160, batch=2048, seed=1)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def psnr_db(fit: Fit, known: Known) -> float:
    frames = [frame_layers(fit.layers, time).colour for time in range(FRAMES)]
    error = np.mean([np.square(a - b).mean() for a, b in zip(frames, known.video, strict=True)])
    return float(-10 * np.log10(error))


def new_fit(known: Known, how: Fitting = SHORT, *, backend: Backend = "grid") -> Fit:
    return Fit(layers_of(known.clip, known.pairs, backend=backend)[0], known.clip, how)


def test_two_motions_fit_two_layers_and_not_one(known: Known) -> None:
    two = new_fit(known)
    single = clip_of(known.video, [], known.pairs)
    one = Fit(layers_of(single, known.pairs)[0], single, SHORT)

    fitted(two, after_step=lambda _: None)
    fitted(one, after_step=lambda _: None)

    assert psnr_db(two, known) > 36
    assert psnr_db(one, known) < psnr_db(two, known) - 6


def test_the_hashed_backend_fits_too(known: Known) -> None:
    fit = new_fit(known, Fitting(steps=40, batch=1024), backend="hash")
    before = psnr_db(fit, known)

    fitted(fit, after_step=lambda _: None)

    assert psnr_db(fit, known) > before + 5


def test_a_right_matte_stays_where_it_is(known: Known) -> None:
    fit = new_fit(known)

    fitted(fit, after_step=lambda _: None)

    # A pull towards 0 and 1 themselves gives 0.1.
    weights = np.stack([frame_layers(fit.layers, time).weights[1] for time in range(FRAMES)])
    assert np.abs(weights - known.mattes).max() < 0.02


@pytest.mark.parametrize(("backend", "stop"), [("grid", 1), ("grid", 37), ("grid", 100), ("hash", 7)])
def test_a_fit_that_was_stopped_ends_at_the_same_bits(known: Known, backend: Backend, stop: int) -> None:
    how = Fitting(steps=110 if backend == "grid" else 12, batch=256)
    whole, first = new_fit(known, how, backend=backend), new_fit(known, how, backend=backend)
    fitted(whole, after_step=lambda _: None)
    while first.step < stop:
        first.advance()

    second = new_fit(known, how, backend=backend)
    second.restore(first.step, first.curve, first.state())
    fitted(second, after_step=lambda _: None)

    assert (second.step, second.curve) == (whole.step, whole.curve)
    for name, value in whole.layers.state_dict().items():
        assert torch.equal(value, second.layers.state_dict()[name]), name


def test_a_fit_stops_where_nothing_is_gained(known: Known) -> None:
    fit = new_fit(known, Fitting(steps=1000, batch=16))
    fit.step, fit.curve = 700, [1e-3, 1e-3]
    assert fit.done

    fit.curve = [2e-3, 1e-3]
    assert not fit.done
    # While the rate is high, the error falls later.
    fit.step, fit.curve = 300, [1e-3, 1e-3]
    assert not fit.done


def test_the_rate_is_constant_for_half_of_the_steps_and_ends_at_a_twentieth() -> None:
    assert [rate_at(step, 100) for step in (0, 50)] == [1, 1]
    assert rate_at(75, 100) == pytest.approx(0.05**0.5)
    assert rate_at(100, 100) == pytest.approx(0.05)


@pytest.mark.parametrize("shape", [(5, 7, 9), (1, 1, 4), (2, 3, 1)])
@pytest.mark.parametrize("step", [0, 1])
def test_what_a_step_looks_at_lies_in_the_clip_pairs_beside_each_other(shape: tuple[int, int, int], step: int) -> None:
    times, rows, columns = draw(step, Fitting(batch=64), shape)

    for values, size in zip((times, rows, columns), shape, strict=True):
        assert values.min() >= 0
        assert values.max() < size
    apart = [int(np.abs(values[32:] - values[:32]).max()) for values in (times, rows, columns)]
    assert apart[0] == 0
    # Along x and along y in turn, where there is room.
    assert sum(apart) <= 1
    assert apart[1] == (step == 1 or shape[2] == 1) * (shape[1] > 1)


def test_other_seeds_and_steps_look_elsewhere() -> None:
    shape = (8, 100, 100)
    first = draw(3, Fitting(seed=0), shape)

    assert all(np.array_equal(a, b) for a, b in zip(first, draw(3, Fitting(seed=0), shape), strict=True))
    assert not np.array_equal(first[1], draw(3, Fitting(seed=1), shape)[1])
    assert not np.array_equal(first[1], draw(4, Fitting(seed=0), shape)[1])
