"""Choosing one guidance for all methods, on clips that are never ranked, and writing down how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from shotgraph.errors import UsageError

# A tiny model saturates where a large one is used to 7.5.
CANDIDATES = (1.5, 2.0, 3.0, 4.0, 5.0, 7.5)
DEFAULT = 3.0

# (guidance, clip number) to metric values.
Trial = Callable[[float, int], Mapping[str, float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """A guidance and where it comes from.

    Attributes:
        value: used for every method.
        origin: ``given``, ``tuned``, or ``profile default`` with the reason.
        method: that it was tuned with.
        clips: numbers of the clips it was tuned on.
        trials: guidance to (mean success, mean PSNR to the true edit).
    """

    value: float
    origin: str
    method: str = ""
    clips: tuple[int, ...] = ()
    trials: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])


def tuned(trial: Trial, clips: Sequence[int], *, method: str, candidates: Sequence[float] = CANDIDATES) -> Guidance:
    """The candidate that succeeds most often; of equals the one closest to the true edit; the default when none succeeds.

    Args:
        trial: runs the method on a clip.
        clips: none of those that are ranked.
        method: name, to be written down.
        candidates: to choose from.

    Returns:
        The choice with all trials.

    Raises:
        UsageError: there are no clips to choose on.
    """
    if not clips:
        raise UsageError(f"bench: guidance must be tuned on at least 1 clip, got {clips!r}; give it with --guidance")
    trials: dict[float, tuple[float, float]] = {}
    for candidate in candidates:
        results = [trial(candidate, clip) for clip in clips]
        trials[candidate] = (_mean(results, "success"), _mean(results, "psnr_to_truth_db"))
    best = max(trials, key=lambda candidate: trials[candidate])
    told = {f"{candidate:g}": pair for candidate, pair in trials.items()}
    # Where nothing succeeds, the weakest guidance leaves most of the clip as it was, and would win for that.
    value, origin = (best, "tuned") if trials[best][0] > 0 else (DEFAULT, "profile default: no trial succeeded")
    return Guidance(value=value, origin=origin, method=method, clips=tuple(clips), trials=told)


def _mean(results: Sequence[Mapping[str, float | None]], name: str) -> float:
    """What was not measured counts as nothing achieved."""
    return float(np.mean([result.get(name) or 0.0 for result in results]))
