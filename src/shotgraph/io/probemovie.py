"""Look at a movie once and copy everything worth knowing into a frozen `ClipInfo`."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shotgraph.api import PixelFormat
from shotgraph.api.stream import FieldOrder
from shotgraph.errors import MediaError
from shotgraph.io.carriers import Carriers
from shotgraph.io.clipinfo import AudioInfo, ChapterInfo, ClipInfo, OtherInfo, Timing, VideoInfo
from shotgraph.io.decoders import decode, decoder_of
from shotgraph.io.labels import choose_timecode, sorted_tags, tag
from shotgraph.io.opening import opened, picture_streams
from shotgraph.io.planes import planar_name
from shotgraph.io.tags import colour_of, field_order_of, settled_colour
from shotgraph.io.timing import timing_of

_HDR = (
    "MASTERING_DISPLAY_METADATA",
    "CONTENT_LIGHT_LEVEL",
    "DYNAMIC_HDR_PLUS",
    "DYNAMIC_HDR_VIVID",
    "DOVI_METADATA",
    "DOVI_RPU_BUFFER",
    "AMBIENT_VIEWING_ENVIRONMENT",
)
# Packets looked at for a first frame that tells what only frames know (HDR side data, rotation, interlacing).
_FIRST_FRAME_PACKETS = 64
# A Matroska header may round, or count a subtitle that nobody sees.
_MISSING_SECONDS = Fraction(1, 4)


@dataclass(slots=True)
class _Packets:
    """What demuxing says about one stream."""

    pts: list[int | None] = field(default_factory=list[int | None])
    keyframes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    end: int = 0
    total: int = 0
    last_dts: int | None = None
    restarts_at: int | None = None


def probe_movie(path: str | Path) -> ClipInfo:
    """Everything known of a movie; every frame is counted, so the file is read once from end to end.

    Args:
        path: a movie file.

    Returns:
        Plain data; nothing of it needs the file to stay open.

    Raises:
        MediaError: a folder, an empty or cut file, no movie, or a movie without video.
    """
    path = Path(path)
    with opened(path) as container:
        if not picture_streams(container):
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "none"
            raise MediaError(f"{path}: media must have a video stream, got only {kinds}; choose another file")
        packets = _demuxed(container, path)
        firsts = _first_frames(container, path)
        return _clip(container, path, packets, firsts)


def _demuxed(container: InputContainer, path: Path) -> dict[int, _Packets]:
    """Time stamps of every packet, by stream."""
    found: dict[int, _Packets] = defaultdict(_Packets)
    try:
        for packet in container.demux():
            if packet.size == 0 and packet.dts is None and packet.pts is None:
                continue
            entry = found[packet.stream_index]
            if packet.dts is not None:
                if entry.last_dts is not None and packet.dts < entry.last_dts and entry.restarts_at is None:
                    entry.restarts_at = entry.total
                entry.last_dts = packet.dts
            entry.total += 1
            if packet.is_keyframe and packet.pts is not None:
                entry.keyframes.append((packet.pts, packet.pts if packet.dts is None else packet.dts))
            # An edit list hides these: they are decoded for others' sake and never shown.
            if packet.is_discard:
                continue
            entry.pts.append(packet.pts)
            stamp = packet.pts if packet.pts is not None else packet.dts
            entry.end = max(entry.end, (stamp or 0) + (packet.duration or 0))
    except FFmpegError as error:
        intact = max((found[stream.index].total for stream in picture_streams(container)), default=0)
        promised = max(stream.frames for stream in picture_streams(container))
        raise _cut_short(path, intact, promised) from error
    _check_complete(container, path, found)
    return found


def _check_complete(container: InputContainer, path: Path, found: dict[int, _Packets]) -> None:
    """Refuse a file that ends before its own index or header says; demuxing it just stops, without an error."""
    size_bytes = path.stat().st_size
    for stream in container.streams:
        if any(entry.pos + entry.size > size_bytes for entry in stream.index_entries):
            video = picture_streams(container)[0]
            raise _cut_short(path, found[video.index].total, video.frames)
    if container.format.name.startswith("matroska") and container.duration:
        end = max((found[s.index].end * s.time_base for s in container.streams if s.time_base), default=Fraction(0))
        promised = Fraction(container.duration, 1_000_000)
        if promised - end > _MISSING_SECONDS:
            raise MediaError(
                f"{path}: movie must be complete, got {float(end):.2f} of {float(promised):.2f} seconds; copy it again"
            )


def _cut_short(path: Path, intact: int, promised: int) -> MediaError:
    of = f" of {promised}" if promised else ""
    return MediaError(f"{path}: movie must be complete, got {intact}{of} frames before it breaks off; copy it again")


def _first_frames(container: InputContainer, path: Path) -> dict[int, VideoFrame]:
    """The first frame of each video stream that decodes."""
    firsts: dict[int, VideoFrame] = {}
    for stream in picture_streams(container):
        try:
            container.seek(0, backward=True)
        except FFmpegError:
            # Raw streams cannot seek by time; opening them anew is the only way back to the start.
            with opened(path) as again:
                frame = _first_frame(again, cast(VideoStream, again.streams[stream.index]))
        else:
            frame = _first_frame(container, stream)
        if frame is not None:
            firsts[stream.index] = frame
    return firsts


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    decoder = decoder_of(stream)
    for number, packet in enumerate(container.demux(stream)):
        try:
            frames = decode(decoder, packet)
        except FFmpegError:
            continue
        if frames:
            return frames[0]
        if number > _FIRST_FRAME_PACKETS:
            break
    return None


def _clip(
    container: InputContainer, path: Path, packets: dict[int, _Packets], firsts: dict[int, VideoFrame]
) -> ClipInfo:
    warnings: list[str] = []
    videos: list[VideoInfo] = []
    for stream in picture_streams(container):
        info, notes = _video(stream, packets[stream.index], firsts.get(stream.index), container.format.name, path)
        videos.append(info)
        prefix = f"video stream {stream.index}: " if len(picture_streams(container)) > 1 else ""
        warnings += [prefix + note for note in notes]
    others = tuple(
        _other(stream, packets[stream.index])
        for stream in container.streams
        if stream.type not in ("video", "audio") or (stream.type == "video" and stream.index not in _indices(videos))
    )
    tags = sorted_tags(container.metadata)
    first = firsts.get(videos[0].index)
    gop = first.metadata.get("timecode", "") if first is not None else ""
    carriers = Carriers(container.format.name, tags, videos, others, gop)
    candidates = carriers.timecodes()
    timecode, source, notes = choose_timecode(candidates, videos[0].timing.rate)
    return ClipInfo(
        path=str(path),
        container=container.format.name,
        videos=tuple(videos),
        audios=tuple(_audio(stream, packets[stream.index]) for stream in container.streams.audio),
        others=others,
        chapters=_chapters(container),
        tags=tags,
        timecode=timecode,
        timecode_source=source,
        candidates=tuple(candidates),
        reel=carriers.reel(),
        warnings=(*warnings, *notes),
    )


def _indices(videos: list[VideoInfo]) -> set[int]:
    return {video.index for video in videos}


def _common(stream: Stream) -> dict[str, Any]:
    """What every kind of stream has."""
    tags = sorted_tags(stream.metadata)
    return {
        "index": stream.index,
        "language": stream.language or "",
        "title": tag(tags, "title") or tag(tags, "handler_name"),
        "disposition": tuple(flag.name for flag in Disposition if flag.name and flag in stream.disposition),
        "tags": tags,
    }


def _video(
    stream: VideoStream, packets: _Packets, first: VideoFrame | None, container: str, path: Path
) -> tuple[VideoInfo, list[str]]:
    """One video stream and what was noticed about it."""
    context = stream.codec_context
    timing, notes = _timing(stream, packets, container, path)
    coded = first.format.name if first is not None else context.pix_fmt or ""
    if not coded:
        raise MediaError(f"{path}: video must decode, got no frame from {stream.codec.name}; export it again")
    native = PixelFormat.parse(planar_name(coded))
    stream_tags = colour_of(context)
    colour, colour_notes = settled_colour(stream_tags, colour_of(first) if first is not None else stream_tags, coded)
    side_data, side_notes = _side_data(first)
    matrix = side_data.get("DISPLAYMATRIX")
    info = VideoInfo(
        **_common(stream),
        codec=stream.codec.name,
        profile=stream.profile or "",
        pixel_format=coded,
        native_format=native.name,
        width=first.width if first is not None else stream.width,
        height=first.height if first is not None else stream.height,
        sar=stream.sample_aspect_ratio or Fraction(1),
        rotation=int(first.rotation) if first is not None else 0,
        display_matrix=None if matrix is None else struct.unpack("=9i", matrix[:36]),
        field_order=_field_order(context.field_order, first),
        colour=colour,
        alpha="straight" if native.has_alpha else "none",
        hdr=tuple(name for name in _HDR if name in side_data),
        timing=timing,
        duration_seconds=_duration(timing, packets),
    )
    return info, [*notes, *colour_notes, *side_notes]


def _timing(stream: VideoStream, packets: _Packets, container: str, path: Path) -> tuple[Timing, tuple[str, ...]]:
    """When its frames are shown."""
    if packets.restarts_at is not None:
        raise MediaError(
            f"{path}: time stamps must ascend, got frame {packets.restarts_at} earlier than the one before it; "
            f"split the movie where its time restarts, or remux it"
        )
    time_base = stream.time_base or Fraction(1, 90_000)
    # AVI numbers packets in the order they are stored, which for B-frames is not the order they are shown in.
    counted = container == "avi" and stream.codec_context.reorder_depth > 0
    stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    timing, notes = timing_of(packets.pts, time_base=time_base, stated=stated, counted=counted, who=str(path))
    return replace(timing, keyframes=() if timing.counted else tuple(sorted(packets.keyframes))), notes


def _field_order(number: int, first: VideoFrame | None) -> FieldOrder:
    order = field_order_of(number)
    interlaced = first is not None and first.interlaced_frame
    if order == "unknown" and not interlaced:
        return "progressive"
    return "unknown" if order == "progressive" and interlaced else order


def _side_data(first: VideoFrame | None) -> tuple[dict[str, bytes], list[str]]:
    """Side data by name, and a note where it cannot be read."""
    if first is None:
        return {}, []
    try:
        # PyAV's stub calls the container a TypedDict; it is a mapping that iterates over its items.
        items = cast(Iterable[SideData], first.side_data)
    except ValueError as error:
        # One kind that PyAV has no name for (EXIF) makes all of it unreadable.
        return {}, [f"side data of the frames cannot be read ({error}): HDR data and display matrix are unknown"]
    return {item.type.name: bytes(item) for item in items}, []


def _duration(timing: Timing, packets: _Packets) -> Fraction:
    if not timing.variable:
        return timing.count * timing.rate.frame_seconds
    return (packets.end - timing.pts[0]) * timing.time_base


def _audio(stream: Any, packets: _Packets) -> AudioInfo:
    time_base = stream.time_base or Fraction(1, stream.rate or 1)
    known = [stamp for stamp in packets.pts if stamp is not None]
    start = min(known, default=0)
    return AudioInfo(
        **_common(stream),
        codec=stream.codec.name if stream.codec else "",
        sample_rate=stream.rate or 0,
        sample_format=stream.format.name if stream.format else "",
        channels=stream.channels,
        layout=stream.layout.name,
        time_base=time_base,
        packets=packets.total,
        start_seconds=start * time_base,
        duration_seconds=max(packets.end - start, 0) * time_base,
    )


def _other(stream: Any, packets: _Packets) -> OtherInfo:
    context = getattr(stream, "codec_context", None)
    name = context.name if context is not None else str(getattr(stream, "codec_tag", "")).strip("\0")
    return OtherInfo(**_common(stream), type=stream.type, codec=name or "", packets=packets.total)


def _chapters(container: InputContainer) -> tuple[ChapterInfo, ...]:
    return tuple(
        ChapterInfo(
            chapter["start"] * (chapter["time_base"] or Fraction(1)),
            chapter["end"] * (chapter["time_base"] or Fraction(1)),
            chapter["metadata"].get("title", ""),
        )
        for chapter in container.chapters()
    )
