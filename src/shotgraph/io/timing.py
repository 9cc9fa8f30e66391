"""Frame rate from time stamps: constant or variable, and which rate."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from shotgraph.api import Rate
from shotgraph.errors import MediaError
from shotgraph.io.clipinfo import Timing


def _fits(pts: Sequence[int], time_base: Fraction, fps: Fraction) -> bool:
    """Whether frame n is shown at n / fps, as closely as the container's clock can say."""
    # Rounding moves either end by half a tick. A tick may be as long as a frame (time base 1/25): then nothing may move.
    tolerance = min(time_base, 1 / (4 * fps))
    return all(abs((tick - pts[0]) * time_base - n / fps) <= tolerance for n, tick in enumerate(pts))


def _commonest_step(pts: Sequence[int], time_base: Fraction) -> Fraction:
    """Frames per second at the step that occurs most often."""
    steps = Counter(later - earlier for earlier, later in itertools.pairwise(pts))
    step = max(steps, key=lambda ticks: (steps[ticks], -ticks))
    return 1 / (step * time_base)


def timing_of(
    pts: Iterable[int | None], *, time_base: Fraction, stated: Iterable[Fraction | None], counted: bool, who: str
) -> tuple[Timing, tuple[str, ...]]:
    """The timing of a stream.

    Args:
        pts: presentation times in any order; None for none.
        time_base: seconds per tick.
        stated: rates that the container names, most trusted first.
        counted: the stamps are known to be useless.
        who: file name, for messages.

    Returns:
        The timing, and what was noticed: a snapped or assumed rate, missing or repeated stamps, a variable rate.

    Raises:
        MediaError: no frames, or nothing to tell a rate from.
    """
    stamps = list(pts)
    if not stamps:
        raise MediaError(f"{who}: the video stream must have at least one frame, got none; export it again")
    known = sorted(stamp for stamp in stamps if stamp is not None)
    notes = _unusable(stamps, known)
    counted = counted or bool(notes)
    rates = [fps for fps in stated if fps is not None and fps > 0]
    # A clock with one tick a frame leaves the stated rates as the only candidates of a single frame.
    if len(known) > 1 and not counted:
        rates.append(Fraction(len(known) - 1) / ((known[-1] - known[0]) * time_base))
    if not rates:
        raise MediaError(f"{who}: frame rate must be stated by the file, got none; pass the rate explicitly")
    if counted:
        return _constant(rates[0], (), time_base, len(stamps), notes)
    for fps in rates:
        if _fits(known, time_base, Rate(fps).snapped().fps):
            return _constant(fps, tuple(known), time_base, len(stamps), notes)
    measured = _commonest_step(known, time_base)
    rate = Rate(measured).snapped()
    notes.append(f"frame rate is variable: time stamps are kept, {rate} fps is only the commonest step")
    return Timing(rate, measured, True, False, tuple(known), time_base, len(stamps)), tuple(notes)


def _unusable(stamps: Sequence[int | None], known: Sequence[int]) -> list[str]:
    """Why stamps cannot tell frames apart, if so."""
    if len(set(known)) == len(stamps):
        return []
    kind = "lack" if len(known) < len(stamps) else "repeat"
    return [f"frames {kind} time stamps: frames are counted and the stated rate is taken as constant"]


def _constant(
    fps: Fraction, pts: tuple[int, ...], time_base: Fraction, count: int, notes: list[str]
) -> tuple[Timing, tuple[str, ...]]:
    rate = Rate(fps).snapped()
    if rate.fps != fps:
        notes.append(f"frame rate {fps} was snapped to {rate.fps}")
    return Timing(rate, fps, False, not pts, pts, time_base, count), tuple(notes)
