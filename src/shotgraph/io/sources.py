"""One way to open footage, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from shotgraph.api import Colour, FrameSet, Media, NativeFrame, Rate, StreamInfo, Timecode
from shotgraph.api.stream import UNSPECIFIED
from shotgraph.errors import UsageError
from shotgraph.io.avsource import AvSource
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.fills import CorruptPolicy, HolesPolicy
from shotgraph.io.labels import choose_timecode
from shotgraph.io.probed import look_at
from shotgraph.io.sequencesource import SequenceSource
from shotgraph.io.tags import MATRICES, PRIMARIES, RANGES, TRANSFERS


class FrameSource(Protocol):
    """Frames of a movie or sequence by number. Reading forward is cheap; one thread at a time."""

    @property
    def info(self) -> StreamInfo:
        """Header of the stream."""
        ...

    @property
    def clip(self) -> ClipInfo:
        """Everything probing found."""
        ...

    @property
    def media(self) -> Media:
        """Files, decoder and warnings, for keys and reports."""
        ...

    @property
    def damaged(self) -> FrameSet:
        """Frames met so far that a policy had to fill because they did not decode."""
        ...

    def read(self, frame: int) -> NativeFrame:
        """The planes of the frame with that shot number, read-only."""
        ...

    def close(self) -> None:
        """Release files and threads; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(  # noqa: PLR0913
    path: str | Path,
    *,
    first_frame: int = 1001,
    stream: int = 0,
    holes: HolesPolicy = "error",
    corrupt: CorruptPolicy = "error",
    colour: Colour | None = None,
    timecode: str | None = None,
    rate: Rate | None = None,
    known: object = None,
) -> FrameSource:
    """Open footage for reading.

    MediaMissingError when there is nothing or a sequence has holes, MediaError when it cannot be read.

    Args:
        path: a movie, a pattern such as ``shot.####.exr``, or one image of a sequence.
        first_frame: number of a movie's first frame, or of a still; sequences keep their own.
        stream: which video stream of a movie.
        holes: what a frame of a sequence without a file becomes.
        corrupt: what a frame that does not decode becomes.
        colour: tags to believe instead of the file's; unspecified ones stay as they are.
        timecode: label of the first frame, instead of the file's.
        rate: frames per second, instead of the file's; the picture count stays.
        known: ``media.probed`` of an earlier opening, so that unchanged files are not probed again.

    Returns:
        A source that decodes nothing before its first `read`.
    """
    probed = look_at(path, still_frame=first_frame, rate=rate, known=known)
    sequence = probed.sequence
    clip = probed.clip if sequence is not None else _at_rate(probed.clip, stream, rate)
    info = clip.stream_info(stream, first_frame)
    if colour is not None:
        info = replace(info, colour=_merged(info.colour, colour))
    if timecode is not None:
        start = Timecode.parse(timecode, info.rate)
        info = replace(info, start_timecode=start, timecode_source="preset")
    source: SequenceSource | AvSource
    if sequence is not None:
        source = SequenceSource(clip, sequence, info, holes=holes, corrupt=corrupt)
    else:
        source = AvSource(clip, info, corrupt=corrupt)
    source.media = replace(source.media, probed=probed)
    return source


def _at_rate(clip: ClipInfo, stream: int, rate: Rate | None) -> ClipInfo:
    """`clip` played at another rate: same frames, and the start label read at that rate."""
    video = clip.video(stream)
    if rate is None or rate == video.timing.rate:
        return clip
    timing = replace(video.timing, rate=rate, variable=False)
    videos = tuple(replace(other, timing=timing) if other is video else other for other in clip.videos)
    start, source, notes = choose_timecode(clip.candidates, rate)
    note = f"frame rate is taken as {rate}; the file says {video.timing.rate}"
    return replace(clip, videos=videos, timecode=start, timecode_source=source, warnings=(*clip.warnings, note, *notes))


def _merged(colour: Colour, wanted: Colour) -> Colour:
    """`colour` with every tag that `wanted` states; UsageError for one that no file can hold."""
    tables = {"primaries": PRIMARIES, "transfer": TRANSFERS, "matrix": MATRICES, "range": RANGES}
    stated = {name: getattr(wanted, name) for name in tables if getattr(wanted, name) != UNSPECIFIED}
    for name, value in stated.items():
        if value not in tables[name].values():
            known = ", ".join(tables[name].values())
            raise UsageError(f"read: {name} must be one of {known}, got {value!r}; use one of FFmpeg's names")
    return replace(colour, **stated)
