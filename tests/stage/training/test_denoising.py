"""Batches, noise and loss of every denoiser."""

import pytest
import torch
from torch import Tensor

from shotgraph.stage.training.denoising import denoising_loss, draw_batch, offset_noise
from shotgraph.stage.training.folders import new_scheduler

EMPTY = torch.full((5,), 99)
# Example e in form f is called 10 e + f.
IDS = (10 * torch.arange(7)[:, None] + torch.arange(4))[..., None].expand(7, 4, 5)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    first = draw_batch(IDS, EMPTY, size=64, address=(1, 20), dropped=0.1)

    assert all(map(torch.equal, first, draw_batch(IDS, EMPTY, size=64, address=(1, 20), dropped=0.1)))
    for other in ((1, 21), (2, 20)):
        assert not torch.equal(first[0], draw_batch(IDS, EMPTY, size=64, address=other, dropped=0.1)[0])


def test_captions_belong_to_their_examples_in_every_form() -> None:
    chosen, spoken = draw_batch(IDS, EMPTY, size=400, address=(0, 0), dropped=0.0)

    assert torch.equal(spoken[:, 0] // 10, chosen)
    assert set((spoken[:, 0] % 10).tolist()) == {0, 1, 2, 3}
    assert set(chosen.tolist()) == set(range(7))


def test_a_tenth_of_the_captions_is_dropped_and_no_original_is_touched() -> None:
    before = IDS.clone()

    _, spoken = draw_batch(IDS, EMPTY, size=4000, address=(0, 0), dropped=0.1)

    assert float((spoken[:, 0] == 99).float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(before, IDS)


def test_noise_has_an_offset_of_a_tenth_by_example_and_channel() -> None:
    noise = offset_noise((64, 8, 32, 16), generator())

    means = noise.mean(dim=(2, 3))
    # 0.1, and what the mean of 512 numbers varies by itself.
    assert float(means.std()) == pytest.approx((0.1**2 + 1 / 512) ** 0.5, rel=0.1)
    assert float((noise - means[..., None, None]).std()) == pytest.approx(1, rel=0.02)


def test_all_frames_of_a_clip_share_their_offset() -> None:
    noise = offset_noise((16, 4, 6, 32, 32), generator())

    by_frame = noise.mean(dim=(3, 4))
    assert float(by_frame.std(dim=2).mean()) < 0.05 < float(by_frame.mean(dim=2).std())


def test_a_guess_of_the_noise_itself_costs_nothing() -> None:
    clean = torch.randn((6, 4, 8, 5), generator=generator(1))
    alphas = new_scheduler().alphas_cumprod

    def perfect(noisy: Tensor, times: Tensor) -> Tensor:
        alpha = alphas[times].view(-1, 1, 1, 1)
        return (noisy.float() - alpha.sqrt() * clean) / (1 - alpha).sqrt()

    loss, told = denoising_loss(perfect, clean, generator(2))

    assert float(loss) < 1e-5
    assert told["plain"] < 1e-5


def test_the_loss_weighs_by_the_signal_clipped_at_five() -> None:
    clean = torch.zeros((512, 1, 4, 4))
    seen: list[Tensor] = []

    def nothing(noisy: Tensor, times: Tensor) -> Tensor:
        seen.append(times)
        return torch.zeros_like(noisy)

    loss, told = denoising_loss(nothing, clean, generator(3))

    alpha = new_scheduler().alphas_cumprod[seen[0]].double()
    ratio = alpha / (1 - alpha)
    weight = torch.where(ratio > 5, 5 / ratio, torch.ones_like(ratio))
    # A guess of nothing is off by the noise: 1.01 on average.
    assert float(loss) == pytest.approx(1.01 * float(weight.mean()), rel=0.03)
    assert told["plain"] == pytest.approx(1.01, rel=0.03)
    assert float(weight.mean()) < 0.93


def test_where_asked_for_noisier_times_come_more_often_and_weigh_up_to_64_times_more() -> None:
    seen: list[Tensor] = []

    def nothing(noisy: Tensor, times: Tensor) -> Tensor:
        seen.append(times)
        return torch.zeros_like(noisy)

    loss, told = denoising_loss(nothing, torch.zeros((2048, 1, 4, 4)), generator(3), noisier=True)

    times = seen[0]
    assert int(times.min()) >= 0
    assert int(times.max()) <= 999
    # In proportion to themselves: a quarter lies below half of the way, and the mean at two thirds.
    assert float((times < 500).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(times.float().mean()) == pytest.approx(667, abs=15)
    alpha = new_scheduler().alphas_cumprod[times].double()
    ratio = alpha / (1 - alpha)
    weight = (5 / ratio).clamp(max=1) * (1 / ratio).clamp(1, 64)
    assert float(loss) == pytest.approx(1.01 * float(weight.mean()), rel=0.03)
    assert told["plain"] == pytest.approx(1.01, rel=0.03)
