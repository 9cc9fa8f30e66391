"""Noise has an address: whoever asks for a frame's noise gets the same, in whatever company."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.diffusion.noise import PhiloxNoise

SHAPE = (4, 3, 5)


@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(st.integers(-5, 100_000), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 2**63),
    data=st.data(),
)
def test_a_frame_has_the_same_noise_in_any_window_and_order(frames: list[int], seed: int, data: st.DataObject) -> None:
    noise = PhiloxNoise(seed)
    together = noise.draw("x_T", frames, SHAPE)

    order = data.draw(st.permutations(range(len(frames))))
    shuffled = noise.draw("x_T", [frames[i] for i in order], SHAPE)
    alone = torch.cat([noise.draw("x_T", [frame], SHAPE) for frame in frames])

    assert torch.equal(shuffled, together[list(order)])
    assert torch.equal(alone, together)


def test_seed_stream_and_frame_each_change_the_noise() -> None:
    drawn = [
        PhiloxNoise(seed).draw(stream, [frame], SHAPE)
        for seed, stream, frame in ((7, "a", 1001), (8, "a", 1001), (7, "b", 1001), (7, "a", 1002), (7, "a", -1))
    ]

    assert len({part.numpy().tobytes() for part in drawn}) == 5
    pairs = np.corrcoef(np.stack([part.numpy().ravel() for part in drawn]))
    assert np.abs(pairs - np.eye(5)).max() < 0.5


def test_seeds_above_53_bits_keep_their_last_bit() -> None:
    one, other = (PhiloxNoise(2**60 + last).draw("a", [1], SHAPE) for last in (0, 1))

    assert not torch.equal(one, other)


def test_streams_whose_names_begin_alike_do_not_overlap() -> None:
    names = [f"step {index}" for index in range(50)]

    drawn = {PhiloxNoise(0).draw(name, [1], (2,)).numpy().tobytes() for name in names}

    assert len(drawn) == 50


def test_the_numbers_are_standard_normal_and_never_change() -> None:
    noise = PhiloxNoise(3).draw("x_T", range(1001, 1033), (4, 16, 16))

    assert noise.shape == (32, 4, 16, 16)
    assert noise.dtype == torch.float32
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    # Written down once: other numbers would change every edit ever rendered.
    assert PhiloxNoise(3).draw("x_T", [1001], (3,)).tolist()[0] == [
        0.19998551905155182,
        1.151508092880249,
        0.39685341715812683,
    ]


def test_the_global_generators_are_not_touched() -> None:
    before = torch.random.get_rng_state()

    PhiloxNoise(0).draw("x_T", [1, 2], SHAPE)

    assert torch.equal(torch.random.get_rng_state(), before)
