"""The header that travels with every stream of frames."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from shotgraph.api.frames import FrameRange
from shotgraph.api.rates import Rate
from shotgraph.api.timecode import Timecode
from shotgraph.errors import FrameRangeError

TimecodeSource = Literal["tmcd", "mxf", "stream", "container", "exr", "dpx", "gop", "preset", "filename", "none"]
FieldOrder = Literal["progressive", "tt", "bb", "tb", "bt", "unknown"]
Alpha = Literal["none", "straight", "premultiplied"]

UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class Colour:
    """Colour tags under FFmpeg's names; ``unspecified`` where the media says nothing.

    Attributes:
        primaries: e.g. ``bt709``, ``bt2020``.
        transfer: e.g. ``bt709``, ``smpte2084``, ``linear``, ``iec61966-2-1``.
        matrix: YUV coefficients, e.g. ``bt709``, ``smpte170m``, ``bt2020nc``; ``rgb`` for RGB media.
        range: ``limited`` (luma 16-235 at 8 bits), ``full`` or ``unspecified``.
    """

    primaries: str = UNSPECIFIED
    transfer: str = UNSPECIFIED
    matrix: str = UNSPECIFIED
    range: str = UNSPECIFIED


@dataclass(frozen=True, slots=True)
class MediaRef:
    """Where a stream's pixels, audio and tags came from.

    Attributes:
        path: a file, or a sequence pattern with ``####``.
        stream: index of the video stream inside a movie; 0 for a sequence.
    """

    path: str
    stream: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """What is known of a stream before its first frame is computed.

    Attributes:
        first_frame: number of the first frame.
        count: number of frames, >= 1.
        rate: frames per second.
        width: pixels.
        height: pixels.
        kind: the port type of its frames (``native``, ``rgb``, ``flow`` ...).
        pixel_format: FFmpeg name of native planes (no byte order); of the media behind it for converted streams.
        start_timecode: timecode of `first_frame`; None when nothing says one.
        timecode_source: which carrier said so.
        reel: reel or tape name; empty when unknown.
        sar: width of a pixel over its height.
        rotation: display rotation in degrees counter-clockwise; pixels are never rotated by us.
        field_order: scan order.
        colour: tags of the pixels.
        alpha: how alpha multiplies colour.
        media: the media it came from; None for generated streams.
        time_base: seconds per tick of `pts`; None where the rate is constant.
        pts: presentation time of each frame, first = 0, only where the rate is variable.
        tags: container metadata worth carrying (title, artist ...), sorted by key.
    """

    first_frame: int
    count: int
    rate: Rate
    width: int
    height: int
    kind: str = "native"
    pixel_format: str = ""
    start_timecode: Timecode | None = None
    timecode_source: TimecodeSource = "none"
    reel: str = ""
    sar: Fraction = Fraction(1)
    rotation: int = 0
    field_order: FieldOrder = "progressive"
    colour: Colour = field(default_factory=Colour)
    alpha: Alpha = "none"
    media: MediaRef | None = None
    time_base: Fraction | None = None
    pts: tuple[int, ...] | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def range(self) -> FrameRange:
        """Its frames."""
        return FrameRange(self.first_frame, self.first_frame + self.count - 1)

    def timecode_of(self, frame: int) -> Timecode | None:
        """Timecode of `frame`: start plus the distance in frames."""
        return None if self.start_timecode is None else self.start_timecode.plus(frame - self.first_frame)

    def sliced(self, frames: FrameRange) -> StreamInfo:
        """This header for a part of the stream, timecode and PTS advanced.

        Args:
            frames: inside `range`.

        Returns:
            A header whose first frame is ``frames.first``.

        Raises:
            FrameRangeError: `frames` reaches outside.
        """
        if frames.first not in self.range or frames.last not in self.range:
            raise FrameRangeError(f"stream: a part must lie inside {self.range}, got {frames}")
        offset = frames.first - self.first_frame
        pts = self.pts
        if pts is not None:
            part = pts[offset : offset + len(frames)]
            pts = tuple(p - part[0] for p in part)
        return replace(
            self,
            first_frame=frames.first,
            count=len(frames),
            start_timecode=self.timecode_of(frames.first),
            pts=pts,
        )
