"""Start timecode and reel name: which of several carriers to believe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shotgraph.api import Rate, Timecode
from shotgraph.api.stream import TimecodeSource
from shotgraph.errors import TimecodeError
from shotgraph.io.clipinfo import OtherInfo, TimecodeCandidate, VideoInfo

# Editors and facilities trust the track made for it over any text tag.
_PREFERENCE: tuple[TimecodeSource, ...] = ("tmcd", "mxf", "stream", "container", "exr", "dpx", "gop")


def tag(tags: Iterable[tuple[str, str]], key: str) -> str:
    """The value of `key`, whatever its case (Matroska writes upper case); empty when absent."""
    return next((value for name, value in tags if name.lower() == key), "")


def sorted_tags(metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Metadata as frozen data."""
    return tuple(sorted(metadata.items()))


@dataclass(frozen=True, slots=True)
class Carriers:
    """Everything in a movie that may state a timecode or a reel.

    Attributes:
        container: libav's format name.
        tags: container metadata.
        videos: video streams.
        others: other streams.
        gop: label in the first frame's GOP header; empty when there is none.
    """

    container: str
    tags: tuple[tuple[str, str], ...]
    videos: Sequence[VideoInfo]
    others: Sequence[OtherInfo]
    gop: str = ""

    def values(self, key: str) -> list[TimecodeCandidate]:
        """Every non-empty value of `key` with its carrier, preferred first."""
        data = [stream for stream in self.others if stream.type == "data"]
        found = [TimecodeCandidate("tmcd", tag(stream.tags, key), stream.index) for stream in data]
        found += [TimecodeCandidate("stream", tag(stream.tags, key), stream.index) for stream in self.videos]
        source: TimecodeSource = "mxf" if self.container.startswith("mxf") else "container"
        found.append(TimecodeCandidate(source, tag(self.tags, key)))
        found = [candidate for candidate in found if candidate.label]
        return sorted(found, key=lambda candidate: _PREFERENCE.index(candidate.source))

    def timecodes(self) -> list[TimecodeCandidate]:
        """Every stated start timecode, preferred first."""
        found = self.values("timecode")
        return [*found, TimecodeCandidate("gop", self.gop)] if self.gop else found

    def reel(self) -> str:
        """The preferred reel name; empty when there is none."""
        return next((candidate.label for candidate in self.values("reel_name")), "")


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
