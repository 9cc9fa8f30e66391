"""Start timecode and reel name: which of several carriers to believe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shotgraph.api import Rate, Timecode
from shotgraph.api.stream import TimecodeSource
from shotgraph.errors import TimecodeError


@dataclass(frozen=True, slots=True)
class TimecodeCandidate:
    """One start timecode that some carrier states.

    Attributes:
        source: the carrier.
        label: as written there.
        stream: index of the stream that holds it; None for the container.
    """

    source: TimecodeSource
    label: str
    stream: int | None = None


def tag(tags: Iterable[tuple[str, str]], key: str) -> str:
    """The value of `key`, whatever its case (Matroska writes upper case); empty when absent."""
    return next((value for name, value in tags if name.lower() == key), "")


def sorted_tags(metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Metadata as frozen data."""
    return tuple(sorted(metadata.items()))


def choose_timecode(
    candidates: Sequence[TimecodeCandidate], rate: Rate
) -> tuple[Timecode | None, TimecodeSource, tuple[str, ...]]:
    """The start timecode to believe.

    Args:
        candidates: preferred first.
        rate: frames per second, which decides what labels exist.

    Returns:
        Timecode (None without a valid one), its carrier, and warnings: an invalid label, or carriers that disagree.
    """
    if not candidates:
        return None, "none", ()
    chosen = candidates[0]
    try:
        timecode = Timecode.parse(chosen.label, rate)
    except TimecodeError as error:
        return None, "none", (f"start timecode of the {chosen.source} is unusable, so there is none: {error}",)
    warnings: list[str] = []
    for other in candidates[1:]:
        # MPEG-2 encoders count GOPs from zero when nobody gave them a start.
        unset = other.source == "gop" and other.label.startswith("00:00:00")
        if not unset and _parsed(other.label, rate) != timecode:
            warnings.append(
                f"start timecodes disagree: {chosen.source} says {chosen.label}, {other.source} says {other.label}; "
                f"{chosen.source} is used"
            )
    return timecode, chosen.source, tuple(dict.fromkeys(warnings))


def _parsed(label: str, rate: Rate) -> Timecode | None:
    try:
        return Timecode.parse(label, rate)
    except TimecodeError:
        return None
