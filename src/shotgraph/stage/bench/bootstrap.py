"""Intervals over clips: the unit is the clip, whatever number of seeds and edits was averaged inside it.

Follows B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3 (percentile interval of a paired
statistic). A claim with a negative least effect is one of non-inferiority, as in G. Piaggio et al., JAMA 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import ShapeError

Effect = Literal["difference", "ratio"]
Verdict = Literal["PASS", "TIE", "FAIL", "UNINFORMATIVE"]
Values = NDArray[np.float64]

RESAMPLES = 4000
# The value of an effect that is none.
NEUTRAL: dict[Effect, float] = {"difference": 0.0, "ratio": 1.0}
# Ratios lie between 1 / MOST_RATIO and MOST_RATIO: the means of a resample may reach 0 or less, and their ratio anything.
MOST_RATIO = 100.0
_LEAST = 1e-9
_KEY = 0x57A6E


@dataclass(frozen=True, slots=True)
class Interval:
    """A paired effect with its bootstrap interval.

    Attributes:
        effect: over all clips.
        low: lower end.
        high: upper end.
        clips: how many there were.
        kind: what `effect` is.
    """

    effect: float
    low: float
    high: float
    clips: int
    kind: Effect


def paired_interval(more: Values, less: Values, *, kind: Effect = "difference", confidence: float) -> Interval:
    """How much `more` exceeds `less`, clip by clip.

    Args:
        more: (clips,) what is expected to be the larger.
        less: (clips,) the same clips in the same order.
        kind: difference of the means, or ratio of the means: a mean of ratios would be ruled by the clip with least to see.
            A ratio needs two positive means.
        confidence: how often the interval shall hold the truth, in (0, 1).

    Returns:
        The effect and its interval, ratios in [1 / `MOST_RATIO`, `MOST_RATIO`]; the same numbers give the same bits.

    Raises:
        ShapeError: the two are not of the same clips, or there are none.
    """
    if more.shape != less.shape or more.ndim != 1 or not len(more):
        raise ShapeError(
            f"bootstrap: paired values must be (clips,) with at least 1 clip, got {more.shape} and {less.shape}"
        )
    weights = _resamples(len(more))
    effects = _effect(weights @ more, weights @ less, kind)
    tail = (1 - confidence) / 2
    low, high = np.quantile(effects, (tail, 1 - tail))
    effect = float(_effect(np.asarray(more.mean()), np.asarray(less.mean()), kind))
    return Interval(effect, float(low), float(high), len(more), kind)


@lru_cache(maxsize=8)
def _resamples(clips: int) -> Values:
    """(resamples, clips): how much each clip counts in each resample; every row adds up to 1."""
    rng = np.random.Generator(np.random.Philox(key=[_KEY, clips]))
    return rng.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES) / clips


def _effect(more: Values, less: Values, kind: Effect) -> Values:
    if kind == "difference":
        return more - less
    return np.clip(np.maximum(more, _LEAST) / np.maximum(less, _LEAST), 1 / MOST_RATIO, MOST_RATIO)


def effect_text(value: float, kind: Effect) -> str:
    """As printed: three digits; a ratio at its cap says that it may be anything beyond."""
    if kind == "ratio" and not 1 / MOST_RATIO < value < MOST_RATIO:
        return f">{MOST_RATIO:g}" if value > 1 else f"<{1 / MOST_RATIO:g}"
    return f"{value:.3g}"


def verdict_of(interval: Interval, *, minimum: float) -> Verdict:
    """What an interval says to a claim.

    Args:
        interval: of the effect.
        minimum: the least effect that counts; below 0, how much may be lost at most.

    Returns:
        PASS when the interval lies beyond no effect and the effect reaches `minimum`, FAIL when it lies on the other side. Where
        something may be lost: PASS when the interval lies above that, FAIL when below.
    """
    if interval.kind == "difference" and minimum < 0:
        return "PASS" if interval.low > minimum else "FAIL" if interval.high < minimum else "TIE"
    neutral = NEUTRAL[interval.kind]
    if interval.low > neutral and interval.effect >= minimum:
        return "PASS"
    return "FAIL" if interval.high < neutral else "TIE"
