"""One training loop, which a kill at any step does not change."""

from itertools import count
from pathlib import Path

import pytest
import torch
from tiny_training import SHORT, TinyTrainee, tiny_net
from torch import Tensor

from shotgraph.stage.training import loop
from shotgraph.stage.training.banks import BankPlan, open_bank
from shotgraph.stage.training.checkpoints import latest, read
from shotgraph.stage.training.loop import Leg, Schedule, fit, seeded
from shotgraph.stage.training.t2i import T2iTrainee, new_unet
from shotgraph.stage.training.text import new_text_model, token_ids
from shotgraph.stage.training.tokens import new_tokenizer
from shotgraph.stage.training.vae import VaeTrainee, new_vae


def quiet(_: str) -> None:
    pass


def kept(folder: Path) -> dict[str, Tensor]:
    """Weights, averages and moments of the last checkpoint."""
    path = latest(folder)
    assert path is not None
    return read(path).tensors


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("cut", [1, 7, 29])
def test_a_training_stopped_at_any_step_ends_at_the_weights_of_one_that_was_not(tmp_path: Path, cut: int) -> None:
    fit(TinyTrainee(), SHORT, tmp_path / "whole", tell=quiet)

    fit(TinyTrainee(), SHORT, tmp_path / "cut", leg=Leg(until=cut), tell=quiet)
    with seeded(99):
        reached = fit(TinyTrainee(tiny_net(seed=5)), SHORT, tmp_path / "cut", tell=quiet)

    assert reached == 30
    assert same(kept(tmp_path / "whole"), kept(tmp_path / "cut"))


@pytest.mark.parametrize("dies_at", [3, 13, 28])
def test_a_training_killed_between_checkpoints_goes_on_from_the_last_one_to_the_same_weights(
    tmp_path: Path, dies_at: int
) -> None:
    fit(TinyTrainee(), SHORT, tmp_path / "whole", tell=quiet)

    with pytest.raises(KeyboardInterrupt):
        fit(TinyTrainee(dies_at=dies_at), SHORT, tmp_path / "killed", save_every=5, tell=quiet)
    fit(TinyTrainee(), SHORT, tmp_path / "killed", save_every=5, tell=quiet)

    assert same(kept(tmp_path / "whole"), kept(tmp_path / "killed"))


def test_another_seed_ends_at_other_weights(tmp_path: Path) -> None:
    fit(TinyTrainee(), SHORT, tmp_path / "one", tell=quiet)
    fit(
        TinyTrainee(),
        Schedule(steps=30, learning_rate=0.05, warmup=4, average=0.9, seed=1),
        tmp_path / "two",
        tell=quiet,
    )

    assert not same(kept(tmp_path / "one"), kept(tmp_path / "two"))


def test_the_vae_recipe_resumes_to_the_same_bits(tmp_path: Path) -> None:
    bank = open_bank(BankPlan(split="train", clips=3, side_px=64), tmp_path / "banks", processes=1)
    schedule = Schedule(steps=3, learning_rate=1e-3, warmup=1)

    def trainee() -> VaeTrainee:
        with seeded(0):
            return VaeTrainee(bank, new_vae(), batch=2)

    fit(trainee(), schedule, tmp_path / "whole", tell=quiet)
    fit(trainee(), schedule, tmp_path / "cut", leg=Leg(until=1), tell=quiet)
    fit(trainee(), schedule, tmp_path / "cut", tell=quiet)

    assert same(kept(tmp_path / "whole"), kept(tmp_path / "cut"))


def test_the_denoiser_in_mixed_precision_resumes_to_the_same_bits(tmp_path: Path) -> None:
    tokenizer = new_tokenizer()
    ids = token_ids(tokenizer, ["a red star over a gray plain background", ""])[:, None]
    latents = torch.randn((2, 4, 8, 16), generator=torch.Generator().manual_seed(1))
    schedule = Schedule(steps=3, learning_rate=1e-3, warmup=1)

    def trainee() -> T2iTrainee:
        with seeded(0):
            return T2iTrainee(latents, ids, ids[1, 0], new_unet(), new_text_model(tokenizer), batch=2)

    fit(trainee(), schedule, tmp_path / "whole", tell=quiet)
    fit(trainee(), schedule, tmp_path / "cut", leg=Leg(until=1), tell=quiet)
    fit(trainee(), schedule, tmp_path / "cut", tell=quiet)

    assert same(kept(tmp_path / "whole"), kept(tmp_path / "cut"))


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    schedule = Schedule(steps=10, learning_rate=0.8, warmup=2)

    rates = [schedule.rate(step) for step in range(10)]

    assert rates == pytest.approx([0.4, 0.8, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_the_average_forgets_the_first_weights_before_it_settles() -> None:
    schedule = Schedule(steps=10, learning_rate=0.8, average=0.5)

    assert [schedule.decay(step) for step in (0, 2, 8, 100)] == pytest.approx([0.1, 0.25, 0.5, 0.5])


def test_the_fit_gets_better_and_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    schedule = Schedule(steps=200, learning_rate=0.02, warmup=4, average=0.9)

    fit(TinyTrainee(), schedule, tmp_path, tell=lines.append)

    first, second = (float(line.split()[3]) for line in lines)
    assert [line.split()[1] for line in lines] == ["100", "200"]
    assert "twice" in lines[0]
    assert second < 0.8 * first


def test_time_that_is_up_leaves_a_checkpoint(tmp_path: Path) -> None:
    reached = fit(TinyTrainee(), SHORT, tmp_path, leg=Leg(minutes=1e-9), tell=quiet)

    assert reached == 1
    assert latest(tmp_path) == tmp_path / "step-000001.safetensors"


def test_seconds_add_up_over_legs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0, 0.5)
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks))
    fit(TinyTrainee(), SHORT, tmp_path, leg=Leg(until=10), tell=quiet)
    before = read(tmp_path / "step-000010.safetensors").seconds
    fit(TinyTrainee(), SHORT, tmp_path, tell=quiet)
    after = read(tmp_path / "step-000030.safetensors").seconds

    assert before is not None
    assert after is not None
    assert before > 5
    assert after > before + 5


def test_modules_get_the_same_first_weights_and_the_global_generator_is_left_alone() -> None:
    state = torch.random.get_rng_state()

    one, two, other = tiny_net(3), tiny_net(3), tiny_net(4)

    assert torch.equal(one[0].weight, two[0].weight)
    assert not torch.equal(one[0].weight, other[0].weight)
    assert torch.equal(torch.random.get_rng_state(), state)
