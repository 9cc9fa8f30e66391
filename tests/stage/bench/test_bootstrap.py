"""Intervals over clips: sign, coverage, and what each verdict takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shotgraph.errors import ShapeError
from shotgraph.stage.bench.bootstrap import (
    MOST_RATIO,
    Effect,
    Interval,
    _resamples,
    effect_text,
    paired_interval,
    verdict_of,
)

CONFIDENCE = 0.95
VALUES = arrays(np.float64, st.integers(2, 12), elements=st.floats(0.01, 100))


def samples(number: int, *, clips: int, mean: float, shared: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Two methods on the same clips: what the clips share is much larger than what the methods differ by."""
    rng = np.random.Generator(np.random.Philox(key=[number, 11]))
    base = shared * rng.standard_normal(clips)
    return base + mean + 0.5 * rng.standard_normal(clips), base + 0.5 * rng.standard_normal(clips)


def interval_of(number: int, *, clips: int, mean: float) -> Interval:
    return paired_interval(*samples(number, clips=clips, mean=mean), confidence=CONFIDENCE)


@given(VALUES)
def test_the_effect_lies_in_its_interval_and_swapping_sides_turns_the_sign(values: np.ndarray) -> None:
    other = values[::-1] * 1.5 + 0.25

    there, back = (
        paired_interval(values, other, confidence=CONFIDENCE),
        paired_interval(other, values, confidence=CONFIDENCE),
    )

    assert there.effect == pytest.approx(-back.effect)
    assert there.low == pytest.approx(-back.high, abs=1e-9)
    # Quantiles of means of equal values differ from the mean by its rounding.
    assert there.low - 1e-9 <= there.effect <= there.high + 1e-9
    assert there.clips == len(values)


@given(VALUES)
def test_a_ratio_turns_to_its_inverse(values: np.ndarray) -> None:
    other = values[::-1] * 3.0

    there, back = (
        paired_interval(other, values, kind="ratio", confidence=CONFIDENCE),
        paired_interval(values, other, kind="ratio", confidence=CONFIDENCE),
    )

    assert there.effect == pytest.approx(3.0)
    assert back.effect == pytest.approx(1 / 3)


def test_a_ratio_whose_resamples_reach_nothing_or_less_ends_at_a_cap() -> None:
    """A floor taken off leaves negative numbers on some clips, and a mean of resamples that is one."""
    large, around_0 = np.full(8, 2.0), np.array([0.9, -0.4, -0.5, 0.8, -0.3, 0.7, -0.6, 0.1])

    up, down = (
        paired_interval(*sides, kind="ratio", confidence=CONFIDENCE) for sides in ((large, around_0), (around_0, large))
    )

    # The mean is 0.0875; about a third of the resamples have one below 0.
    assert up.effect == pytest.approx(2 / 0.0875)
    assert up.high == MOST_RATIO == 100.0
    assert 1 < up.low < up.effect
    assert down.low == pytest.approx(0.01)
    assert down.effect == pytest.approx(0.0875 / 2)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (100.0, "ratio", ">100"),
        (99.94, "ratio", "99.9"),
        (0.01, "ratio", "<0.01"),
        (0.0123, "ratio", "0.0123"),
        (1.0, "ratio", "1"),
        (100.0, "difference", "100"),
        (-250.0, "difference", "-250"),
        (0.0, "difference", "0"),
    ],
)
def test_a_ratio_at_its_cap_is_printed_as_more(value: float, kind: Effect, text: str) -> None:
    assert effect_text(value, kind) == text


def test_the_same_numbers_give_the_same_bits() -> None:
    more, less = samples(3, clips=9, mean=1.0)

    first = paired_interval(more, less, confidence=CONFIDENCE)
    # Kept resamples would hide a generator that is not seeded.
    _resamples.cache_clear()

    assert first == paired_interval(more.copy(), less.copy(), confidence=CONFIDENCE)


def test_pairing_takes_out_what_clips_share() -> None:
    more, less = samples(4, clips=20, mean=1.0, shared=50.0)

    paired = paired_interval(more, less, confidence=CONFIDENCE)
    unpaired = paired_interval(more, np.roll(less, 1), confidence=CONFIDENCE)

    assert verdict_of(paired, minimum=0.5) == "PASS"
    assert unpaired.high - unpaired.low > 20 * (paired.high - paired.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    intervals = [interval_of(number, clips=24, mean=0.3) for number in range(300)]

    covered = np.mean([interval.low <= 0.3 <= interval.high for interval in intervals])

    # Percentile intervals are a little short for 24 clips; one of 80 % or of 100 % would fail here.
    assert 0.89 <= covered <= 0.98


def test_a_bolder_interval_is_a_shorter_one() -> None:
    more, less = samples(5, clips=24, mean=0.3)

    bold, careful = (paired_interval(more, less, confidence=confidence) for confidence in (0.5, 0.95))

    # A normal distribution's half widths: 0.67 and 1.96 deviations.
    assert (careful.high - careful.low) / (bold.high - bold.low) == pytest.approx(1.96 / 0.674, rel=0.1)


def test_no_effect_seldom_passes_and_a_large_one_nearly_always() -> None:
    nothing = [verdict_of(interval_of(n, clips=24, mean=0.0), minimum=0.0) for n in range(200)]
    much = [verdict_of(interval_of(n, clips=24, mean=1.0), minimum=0.5) for n in range(100)]

    assert nothing.count("PASS") <= 14
    assert nothing.count("FAIL") <= 14
    assert nothing.count("TIE") >= 172
    assert much.count("PASS") >= 97


@pytest.mark.parametrize(
    ("effect", "low", "high", "minimum", "verdict"),
    [
        (2.0, 1.0, 3.0, 1.5, "PASS"),
        (2.0, 1.0, 3.0, 2.5, "TIE"),
        (2.0, -0.1, 3.0, 1.5, "TIE"),
        (-2.0, -3.0, -0.1, 1.5, "FAIL"),
        (-0.1, -1.0, 0.5, 0.0, "TIE"),
    ],
)
def test_a_verdict_needs_both_the_interval_and_the_effect(
    effect: float, low: float, high: float, minimum: float, verdict: str
) -> None:
    assert verdict_of(Interval(effect, low, high, 20, "difference"), minimum=minimum) == verdict


@pytest.mark.parametrize(
    ("effect", "low", "high", "verdict"),
    [
        (0.01, -0.04, 0.06, "PASS"),
        (-0.03, -0.04, -0.02, "PASS"),
        (-0.04, -0.06, -0.02, "TIE"),
        (-0.04, -0.05, -0.03, "TIE"),
        (-0.08, -0.10, -0.06, "FAIL"),
    ],
)
def test_a_negative_minimum_says_how_much_may_be_lost(effect: float, low: float, high: float, verdict: str) -> None:
    assert verdict_of(Interval(effect, low, high, 20, "difference"), minimum=-0.05) == verdict


def test_no_effect_of_a_ratio_is_one() -> None:
    assert verdict_of(Interval(1.4, 1.1, 1.6, 20, "ratio"), minimum=1.25) == "PASS"
    assert verdict_of(Interval(1.4, 0.9, 1.6, 20, "ratio"), minimum=1.25) == "TIE"
    assert verdict_of(Interval(0.7, 0.5, 0.9, 20, "ratio"), minimum=1.25) == "FAIL"


def test_values_of_other_clips_are_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"paired values must be \(clips,\) with at least 1 clip, got \(3,\) and \(2,\)"
    ):
        paired_interval(np.ones(3), np.ones(2), confidence=CONFIDENCE)
    with pytest.raises(ShapeError, match=r"got \(0,\) and \(0,\)"):
        paired_interval(np.ones(0), np.ones(0), confidence=CONFIDENCE)
