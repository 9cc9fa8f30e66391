"""Where a movie may keep its start timecode and reel name, in order of trust."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shotgraph.api.stream import TimecodeSource
from shotgraph.io.clipinfo import OtherInfo, VideoInfo
from shotgraph.io.labels import TimecodeCandidate, tag

# Editors and facilities trust the track made for it over any text tag.
_PREFERENCE: tuple[TimecodeSource, ...] = ("tmcd", "mxf", "stream", "container", "gop")


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
