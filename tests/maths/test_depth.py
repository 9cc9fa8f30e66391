"""One scale for all frames of a clip, and one range."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import FlowFrame
from shotgraph.maths.depth import Scale, aligned_scale, clip_range, is_cut, seen_before
from shotgraph.maths.flow import last_pair, pair_of

RNG = np.random.default_rng(5)
VALUES = RNG.random((20, 30)).astype(np.float32)
EVERYWHERE = np.ones((20, 30), np.bool_)


@given(st.floats(0.2, 5), st.floats(-3, 3))
def test_scale_and_shift_of_a_frame_are_found(scale: float, shift: float) -> None:
    answer = (VALUES - np.float32(shift)) / np.float32(scale)

    found = aligned_scale(answer, VALUES, EVERYWHERE, Scale())

    # Drawn back by two per cent towards doing nothing.
    assert found.scale == pytest.approx(0.98 * scale + 0.02, rel=1e-3)
    assert found.shift == pytest.approx(0.98 * shift, rel=1e-3, abs=1e-3)


def test_noise_of_a_frame_does_not_draw_its_scale_to_nothing() -> None:
    rng = np.random.default_rng(3)
    surface = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[None], 200, axis=0)
    noisy, before = (surface + rng.normal(0, 0.1, surface.shape).astype(np.float32) for _ in range(2))

    found = aligned_scale(noisy, before, np.ones(surface.shape, np.bool_), Scale())
    least_squares = np.polyfit(noisy.ravel(), before.ravel(), 1)[0]

    assert found.scale == pytest.approx(1, abs=0.01)
    assert least_squares < 0.95


def test_edges_of_depth_do_not_count_where_there_is_something_else() -> None:
    before = np.repeat(np.linspace(0, 1, 60, dtype=np.float32)[None], 40, axis=0)
    before[:, 30:] += 2
    answer = np.roll(before, 1, axis=1)
    answer[:, 0] = before[:, 0]
    known = np.ones(before.shape, np.bool_)
    beside = known.copy()
    beside[:, 28:33] = False

    assert aligned_scale(answer, before, known, Scale()).scale == pytest.approx(
        aligned_scale(answer, before, beside, Scale()).scale, rel=5e-3
    )


def test_only_what_both_frames_see_counts() -> None:
    wrong = VALUES.copy()
    wrong[:10] = 100
    known = EVERYWHERE.copy()
    known[:10] = False

    assert aligned_scale(VALUES, wrong, known, Scale()).scale == pytest.approx(1, rel=1e-4)
    assert aligned_scale(VALUES, wrong, EVERYWHERE, Scale()).scale != pytest.approx(1, rel=0.1)


@pytest.mark.parametrize(
    ("values", "before", "known"),
    [
        (np.full_like(VALUES, 0.5), VALUES, EVERYWHERE),
        (VALUES, -VALUES, EVERYWHERE),
        (VALUES, VALUES, np.zeros_like(EVERYWHERE)),
    ],
    ids=["flat", "turned over", "nothing in common"],
)
def test_what_says_nothing_keeps_the_last_scale(values: np.ndarray, before: np.ndarray, known: np.ndarray) -> None:
    last = Scale(1.7, -0.3)

    assert aligned_scale(values, before, known, last) == last


def test_the_frame_before_is_read_where_its_surface_lies_now() -> None:
    step = np.zeros((20, 30, 2), np.float32)
    step[..., 0] = 3
    pair = pair_of(step, -step)

    seen, known = seen_before(VALUES, pair)

    np.testing.assert_allclose(seen[:, 3:27], VALUES[:, :24], atol=1e-5)
    assert not known[:, :3].any()
    assert known[:, 3:27].all()


@pytest.mark.parametrize(("seen", "is_one"), [(0, True), (89, True), (90, False), (600, False)])
def test_frames_with_less_than_fifteen_per_cent_in_common_are_cut(seen: int, is_one: bool) -> None:
    known = np.zeros((20, 30), np.bool_)
    known.ravel()[:seen] = True

    assert is_cut(known) is is_one


def test_without_a_next_frame_nothing_is_known() -> None:
    assert not seen_before(VALUES, last_pair(20, 30))[1].any()
    hidden = FlowFrame(
        np.zeros((20, 30, 2), np.float32), np.zeros((20, 30, 2), np.float32), np.ones((20, 30), np.float32)
    )
    assert not seen_before(VALUES, hidden)[1].any()


def test_the_range_is_of_the_whole_clip_and_not_of_a_frame() -> None:
    frames = [np.full((10, 10), value, np.float32) for value in (0.0, 1.0, 2.0, 3.0)]
    frames[0][0, 0] = np.nan

    low, high = clip_range(frames, low=0, high=100)

    assert (low, high) == (0, 3)
    assert clip_range(frames[1:2], low=1, high=99) == (1, 1)
    assert clip_range([np.full((2, 2), np.nan, np.float32)], low=1, high=99) == (0, 0)
