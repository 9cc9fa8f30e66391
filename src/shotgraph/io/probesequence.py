"""Look at every header of an image sequence and make the same `ClipInfo` as for a movie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from shotgraph.api import FrameSet, Rate, Timecode
from shotgraph.api.stream import TimecodeSource
from shotgraph.errors import MediaError, TimecodeError
from shotgraph.io import smpte
from shotgraph.io.clipinfo import ClipInfo, TimecodeCandidate, Timing, VideoInfo
from shotgraph.io.sequences import ImageSequence
from shotgraph.io.stills import StillHeader, read_header

_SOURCES: dict[str, TimecodeSource] = {"openexr": "exr", "dpx": "dpx"}
_ASSUMED_RATE = Rate(Fraction(24))


@dataclass(frozen=True, slots=True)
class _Labels:
    """Timecodes of the frames that state one.

    Attributes:
        by_frame: label by frame number.
        notes: what was odd.
    """

    by_frame: Mapping[int, str]
    notes: tuple[str, ...]


def probe_sequence(sequence: ImageSequence, *, rate: Rate | None = None, channels: Sequence[str] = ()) -> ClipInfo:
    """Everything known of a sequence; every header is read, no pixel is.

    Args:
        sequence: its files.
        rate: frames per second, where the files do not state it or are wrong.
        channels: names of those that will be read; left out, those that make a picture.

    Returns:
        Plain data, with one video stream.

    Raises:
        MediaError: images differ in size, format or channels, or none can be read.
    """
    headers, unreadable = _headers(sequence, channels)
    first = next(iter(headers.values()))
    for frame, header in headers.items():
        if (header.size, header.format, header.channels) != (first.size, first.format, first.channels):
            raise MediaError(
                f"{sequence.files[frame]}: image must be {_look(first)} like the first of its sequence, got "
                f"{_look(header)}; render it again, or read the parts as two sequences"
            )
    chosen, warnings = _rate(headers, rate)
    labels = _labels(headers, chosen)
    start, candidates, notes = _start(labels.by_frame, sequence, chosen, _SOURCES.get(first.codec, "container"))
    missing = sequence.missing
    if missing:
        warnings.append(f"sequence has holes: {missing}")
    return ClipInfo(
        path=sequence.pattern,
        container="sequence",
        videos=(_video(first, chosen, len(sequence.range)),),
        timecode=start,
        timecode_source=candidates[0].source if start is not None else "none",
        candidates=candidates,
        reel=first.reel,
        frames=FrameSet.of(sequence.files),
        missing=missing,
        unreadable=FrameSet.of(unreadable),
        warnings=(*unreadable.values(), *warnings, *labels.notes, *notes, *_windows(headers)),
    )


def _headers(sequence: ImageSequence, channels: Sequence[str]) -> tuple[dict[int, StillHeader], dict[int, str]]:
    """(headers, what is wrong with those that cannot be read), both by frame number; at least one header."""
    headers: dict[int, StillHeader] = {}
    unreadable: dict[int, MediaError] = {}
    for frame, path in sequence.files.items():
        try:
            headers[frame] = read_header(path, channels)
        except MediaError as error:
            unreadable[frame] = error
    if not headers:
        raise next(iter(unreadable.values()))
    return headers, {frame: str(error) for frame, error in unreadable.items()}


def _look(header: StillHeader) -> str:
    return f"{header.size[0]}x{header.size[1]} {header.format.name} ({', '.join(header.channels)})"


def _video(first: StillHeader, rate: Rate, count: int) -> VideoInfo:
    alpha = "none"
    if first.format.has_alpha:
        # EXR colour is premultiplied by definition; the others are read as stored.
        alpha = "premultiplied" if first.codec == "openexr" else "straight"
    return VideoInfo(
        index=0,
        codec=first.codec,
        pixel_format=first.format.name,
        native_format=first.format.name,
        width=first.size[0],
        height=first.size[1],
        sar=first.sar,
        colour=first.colour,
        alpha=alpha,
        timing=Timing(rate, rate.fps, False, True, (), rate.frame_seconds, count),
        duration_seconds=count * rate.frame_seconds,
    )


def _rate(headers: Mapping[int, StillHeader], asked: Rate | None) -> tuple[Rate, list[str]]:
    """The rate to use, and what to say about it."""
    stated = sorted({Rate(header.rate).snapped() for header in headers.values() if header.rate is not None})
    if asked is not None:
        differs = [str(rate) for rate in stated if rate != asked]
        return asked, [f"frame rate is taken as {asked}; the files say {', '.join(differs)}"] if differs else []
    if not stated:
        return _ASSUMED_RATE, [f"frame rate is not stated by the images: {_ASSUMED_RATE} assumed; set it explicitly"]
    first = next(Rate(header.rate).snapped() for header in headers.values() if header.rate is not None)
    if len(stated) > 1:
        return first, [f"frame rates of the images disagree: {', '.join(map(str, stated))}; {first} is used"]
    return first, []


def _labels(headers: Mapping[int, StillHeader], rate: Rate) -> _Labels:
    """The label of each frame: its text, else its SMPTE word, which cannot hold every frame number."""
    labels: dict[int, str] = {}
    notes: list[str] = []
    for frame, header in headers.items():
        word, text = header.timecode_word, header.timecode_text
        if text and word is not None and not _agree(word, text, rate):
            notes.append(
                f"frame {frame}: header timecode {smpte.label_of(word)} and text timecode {text} disagree; "
                f"the header is used"
            )
            text = ""
        label = text or (smpte.label_of(word) if word is not None else "")
        if label:
            labels[frame] = label
    return _Labels(labels, tuple(notes[:1]))


def _agree(word: int, text: str, rate: Rate) -> bool:
    try:
        return smpte.agrees(word, text, rate)
    except TimecodeError:
        return False


def _start(
    labels: Mapping[int, str], sequence: ImageSequence, rate: Rate, source: TimecodeSource
) -> tuple[Timecode | None, tuple[TimecodeCandidate, ...], tuple[str, ...]]:
    """Timecode of the range's first frame, from the first image that states one; the others are a cross-check."""
    if not labels:
        return None, (), ()
    frame, label = next(iter(labels.items()))
    candidates = (TimecodeCandidate(source, label),)
    try:
        start = Timecode.parse(label, rate).plus(sequence.range.first - frame)
    except TimecodeError as error:
        return None, candidates, (f"timecode of frame {frame} is unusable, so there is none: {error}",)
    odd = [(n, text) for n, text in labels.items() if text != str(start.plus(n - sequence.range.first))]
    if not odd:
        return start, candidates, ()
    number, text = odd[0]
    expected = start.plus(number - sequence.range.first)
    others = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
    return (
        start,
        candidates,
        (
            f"timecode of frame {number} is {text}, expected {expected} from the first frame{others}; "
            f"frames are numbered from the first",
        ),
    )


def _windows(headers: Mapping[int, StillHeader]) -> list[str]:
    """What of the images is not read or had to be placed."""
    notes: list[str] = []
    first = next(iter(headers.values()))
    if first.unread:
        notes.append(f"channels are not read: {', '.join(first.unread)}")
    cut = FrameSet.of(frame for frame, header in headers.items() if header.overscan)
    if cut:
        notes.append(f"pixels outside the display window are cut off in frames {cut}")
    whole = replace(first, window=(0, 0, *first.size)).window
    placed = FrameSet.of(frame for frame, header in headers.items() if header.window != whole) - cut
    if placed:
        notes.append(f"data window is smaller than the display window in frames {placed}: the rest is black")
    return notes
