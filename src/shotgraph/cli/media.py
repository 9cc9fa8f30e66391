"""Looking at media for commands: a movie or a sequence, whichever a path means."""

from __future__ import annotations

from shotgraph.api.frames import FrameRange
from shotgraph.api.stream import StreamInfo
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.probe import probe
from shotgraph.io.probesequence import probe_sequence
from shotgraph.io.sequences import find_sequence, is_sequence


def look_at(path: str, *, first_frame: int = 1001) -> ClipInfo:
    """What is known of the movie or sequence at `path`; `first_frame` numbers a still without a number of its own."""
    if is_sequence(path):
        return probe_sequence(find_sequence(path, still_frame=first_frame))
    return probe(path)


def span(info: StreamInfo, frames: FrameRange) -> str:
    """Frames with their timecode: ``1001-1024 (01:00:00:00-01:00:00:23)``."""
    if info.start_timecode is None:
        return f"{frames} (no timecode)"
    return f"{frames} ({info.timecode_of(frames.first)}-{info.timecode_of(frames.last)})"
