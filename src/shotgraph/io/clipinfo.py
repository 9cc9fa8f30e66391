"""What is known of a movie or sequence, as plain frozen data.

PyAV crashes the process when a stream is looked at after its container closed, so nothing here points into libav.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from shotgraph.api import Colour, FrameSet, MediaRef, Rate, StreamInfo, Timecode
from shotgraph.api.stream import Alpha, FieldOrder, TimecodeSource
from shotgraph.errors import MediaError
from shotgraph.io.labels import TimecodeCandidate, choose_timecode

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """When the frames of a video stream are shown.

    Attributes:
        rate: frames per second, snapped to the standard table; the commonest step of a variable stream.
        measured: the rate before snapping.
        variable: steps differ by more than the container's clock can explain.
        counted: there are no usable time stamps; frames are told apart by counting them.
        pts: presentation time of every frame, ascending, in `time_base`; empty where `counted`.
        time_base: seconds per tick.
        count: frames, counted by demuxing.
        keyframes: (presentation, decoding) time of every packet that decoding can start at, ascending.
    """

    rate: Rate
    measured: Fraction
    variable: bool
    counted: bool
    pts: tuple[int, ...]
    time_base: Fraction
    count: int
    keyframes: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoInfo:
    """One video stream, or a whole image sequence.

    Attributes:
        index: stream index in the container.
        codec: libav's name, or the image format.
        profile: codec profile; empty when unknown.
        pixel_format: as coded, libav's name with byte order.
        native_format: what it is read as.
        width: pixels.
        height: pixels.
        sar: width of a pixel over its height.
        rotation: display rotation in degrees counter-clockwise.
        display_matrix: the nine 16.16 fixed-point numbers behind it; None without one.
        field_order: scan order.
        colour: tags.
        alpha: how alpha multiplies colour.
        hdr: names of HDR side data, e.g. ``MASTERING_DISPLAY_METADATA``.
        timing: when frames are shown.
        duration_seconds: from the first frame's start to the last one's end.
        language: ISO 639 code; empty when unknown.
        title: handler or track title; empty when unknown.
        disposition: names of the flags set.
        tags: its metadata, sorted by key.
    """

    index: int
    codec: str
    profile: str = ""
    pixel_format: str
    native_format: str
    width: int
    height: int
    sar: Fraction = Fraction(1)
    rotation: int = 0
    display_matrix: tuple[int, ...] | None = None
    field_order: FieldOrder = "progressive"
    colour: Colour = field(default_factory=Colour)
    alpha: Alpha = "none"
    hdr: tuple[str, ...] = ()
    timing: Timing
    duration_seconds: Fraction
    language: str = ""
    title: str = ""
    disposition: tuple[str, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """One audio stream.

    Attributes:
        index: stream index in the container.
        codec: libav's name.
        sample_rate: samples per second.
        sample_format: libav's name, e.g. ``s32``.
        channels: number of channels.
        layout: libav's name of the channel layout.
        time_base: seconds per tick.
        packets: number of packets, counted by demuxing.
        start_seconds: presentation time of the first packet.
        duration_seconds: from the first packet's start to the last one's end.
        language: ISO 639 code; empty when unknown.
        title: handler or track title; empty when unknown.
        disposition: names of the flags set.
        tags: its metadata, sorted by key.
    """

    index: int
    codec: str
    sample_rate: int
    sample_format: str
    channels: int
    layout: str
    time_base: Fraction
    packets: int
    start_seconds: Fraction
    duration_seconds: Fraction
    language: str = ""
    title: str = ""
    disposition: tuple[str, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    """A subtitle, data or attachment stream.

    Attributes:
        index: stream index in the container.
        type: ``subtitle``, ``data`` or ``attachment``.
        codec: libav's name, or the codec tag (``tmcd``) where there is none.
        packets: number of packets, counted by demuxing.
        language: ISO 639 code; empty when unknown.
        title: handler or track title; empty when unknown.
        disposition: names of the flags set.
        tags: its metadata, sorted by key.
    """

    index: int
    type: str
    codec: str
    packets: int = 0
    language: str = ""
    title: str = ""
    disposition: tuple[str, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ChapterInfo:
    """One chapter.

    Attributes:
        start_seconds: its start.
        end_seconds: its end.
        title: its title; may be empty.
    """

    start_seconds: Fraction
    end_seconds: Fraction
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipInfo:
    """A movie or an image sequence.

    Attributes:
        path: the file, or the pattern with ``####``.
        container: libav's format name; ``sequence`` for images.
        videos: video streams, in container order; at least one.
        audios: audio streams.
        others: subtitle, data and attachment streams.
        chapters: chapters.
        tags: container metadata, sorted by key.
        timecode: start timecode; None when nothing valid says one.
        timecode_source: which carrier said so.
        candidates: every start timecode found, the preferred one first.
        reel: reel or tape name; empty when unknown.
        frames: frame numbers on disk, for a sequence; None for a movie.
        missing: frame numbers of a sequence's range that have no file.
        unreadable: frame numbers of a sequence whose file has no readable header.
        warnings: what a person should know, one sentence each.
    """

    path: str
    container: str
    videos: tuple[VideoInfo, ...]
    audios: tuple[AudioInfo, ...] = ()
    others: tuple[OtherInfo, ...] = ()
    chapters: tuple[ChapterInfo, ...] = ()
    tags: Tags = ()
    timecode: Timecode | None = None
    timecode_source: TimecodeSource = "none"
    candidates: tuple[TimecodeCandidate, ...] = ()
    reel: str = ""
    frames: FrameSet | None = None
    missing: FrameSet = field(default_factory=FrameSet)
    unreadable: FrameSet = field(default_factory=FrameSet)
    warnings: tuple[str, ...] = ()

    @property
    def is_sequence(self) -> bool:
        """Whether it is a folder of images."""
        return self.frames is not None

    @property
    def subtitles(self) -> tuple[OtherInfo, ...]:
        """The subtitle streams."""
        return tuple(other for other in self.others if other.type == "subtitle")

    def video(self, stream: int = 0) -> VideoInfo:
        """The video stream number `stream`, counted among video streams; MediaError when there are fewer."""
        if not 0 <= stream < len(self.videos):
            raise MediaError(
                f"{self.path}: stream must be in [0, {len(self.videos)}), got {stream}; choose one that probe lists"
            )
        return self.videos[stream]

    def stream_info(self, stream: int = 0, first_frame: int = 1001) -> StreamInfo:
        """The header that frames of a video stream travel with.

        Args:
            stream: number among the video streams.
            first_frame: number of a movie's first frame; a sequence keeps its own numbers.

        Returns:
            A header of kind ``native``; PTS only where the rate is variable.
        """
        video = self.video(stream)
        timing = video.timing
        bounds = (self.frames | self.missing).bounds if self.frames is not None else None
        # Streams of one movie may differ in rate, and a label names another frame count at another rate.
        timecode, source, _ = choose_timecode(self.candidates, timing.rate)
        at_start = self.timecode is not None and self.timecode.rate == timing.rate
        return StreamInfo(
            first_frame=first_frame if bounds is None else bounds.first,
            count=timing.count,
            rate=timing.rate,
            width=video.width,
            height=video.height,
            pixel_format=video.native_format,
            start_timecode=self.timecode if at_start else timecode,
            timecode_source=self.timecode_source if at_start else source,
            reel=self.reel,
            sar=video.sar,
            rotation=video.rotation,
            field_order=video.field_order,
            colour=video.colour,
            alpha=video.alpha,
            media=MediaRef(self.path, stream),
            time_base=timing.time_base if timing.variable else None,
            pts=tuple(tick - timing.pts[0] for tick in timing.pts) if timing.variable else None,
            tags=self.tags,
        )
