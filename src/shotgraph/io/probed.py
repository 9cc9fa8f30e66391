"""Footage looked at once: what was found, for as long as its files stay as they were.

Probing reads a movie from end to end and every header of a sequence. A run opens its footage several times, so the plan's
finding is passed along; a file that changed meanwhile is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shotgraph.api import Rate
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.probemovie import probe_movie
from shotgraph.io.probesequence import probe_sequence
from shotgraph.io.sequences import ImageSequence, find_sequence, is_sequence

# Path, inode, size, time of change: a file that was replaced, rewritten or touched differs in one of them.
FileState = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What probing found.

    Attributes:
        clip: the finding, as the files say.
        sequence: the images; None for a movie.
        asked: what was asked for.
        states: of the files, just before they were read.
    """

    clip: ClipInfo
    sequence: ImageSequence | None
    asked: tuple[object, ...]
    states: tuple[FileState, ...]


def look_at(path: str | Path, *, still_frame: int, rate: Rate | None, known: object = None) -> Probed:
    """The finding about `path`: `known` where it still holds, else a new one.

    Args:
        path: a movie, a pattern, or one image of a sequence.
        still_frame: number of an image whose name holds none.
        rate: frames per second, where images do not state it.
        known: an earlier finding, or anything else.

    Returns:
        A frozen record that needs no open file.
    """
    sequence = find_sequence(path, still_frame=still_frame) if is_sequence(path) else None

    def probe() -> ClipInfo:
        return probe_movie(path) if sequence is None else probe_sequence(sequence, rate=rate)

    files = sequence.files.values() if sequence is not None else [Path(path)]
    return _known_or_new(known, sequence, files, (str(path), still_frame, rate), probe)


def look_at_channels(
    sequence: ImageSequence, channels: tuple[str, ...], *, rate: Rate | None, known: object = None
) -> Probed:
    """`look_at` for named channels of images, whatever they hold.

    Args:
        sequence: the images, under the numbers they shall have.
        channels: names in every image.
        rate: frames per second, where images do not state it.
        known: an earlier finding, or anything else.

    Returns:
        A frozen record that needs no open file.
    """
    asked = (sequence.pattern, str(sequence.range), channels, rate)
    return _known_or_new(
        known, sequence, sequence.files.values(), asked, lambda: probe_sequence(sequence, rate=rate, channels=channels)
    )


def _known_or_new(
    known: object,
    sequence: ImageSequence | None,
    files: Iterable[Path],
    asked: tuple[object, ...],
    probe: Callable[[], ClipInfo],
) -> Probed:
    states = _states(files)
    if isinstance(known, Probed) and (known.asked, known.states) == (asked, states):
        return known
    return Probed(clip=probe(), sequence=sequence, asked=asked, states=states)


def _states(files: Iterable[Path]) -> tuple[FileState, ...]:
    """How the files that exist look now; what does not is the reader's to report."""
    found: list[FileState] = []
    for file in files:
        if file.exists():
            status = file.stat()
            found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)
