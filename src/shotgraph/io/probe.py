"""Look at footage once and keep everything worth knowing as plain frozen data."""

from __future__ import annotations

from pathlib import Path

from shotgraph.api import Rate
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.probemovie import probe_movie
from shotgraph.io.probesequence import probe_sequence
from shotgraph.io.sequences import find_sequence, is_sequence


def probe(path: str | Path, *, rate: Rate | None = None) -> ClipInfo:
    """Everything known of a movie or image sequence.

    MediaMissingError when there is nothing, MediaError when it cannot be read or has no video.

    Args:
        path: a movie, a pattern such as ``shot.####.exr``, or one image of a sequence.
        rate: frames per second, where images do not state it.

    Returns:
        A frozen record that needs no open file.
    """
    if is_sequence(path):
        return probe_sequence(find_sequence(path), rate=rate)
    return probe_movie(path)
