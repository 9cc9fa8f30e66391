"""What an output will be, decided once before the first frame: codec, planes, tags, what is carried along and what is lost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from shotgraph.api import Colour, PixelFormat, StreamInfo
from shotgraph.api.stream import UNSPECIFIED, FieldOrder
from shotgraph.errors import MediaError, UsageError
from shotgraph.io.beside import Carried, accepted_indexes, survey
from shotgraph.io.capability import Case, Loss, losses, refuse
from shotgraph.io.carry import CarryPlan, TimeRange
from shotgraph.io.codecs import (
    EXR_COMPRESSIONS,
    MUXERS,
    Codec,
    Container,
    WriteSettings,
    choose_format,
    codec_for,
    container_of,
)
from shotgraph.io.hdr import Hdr10, read_hdr
from shotgraph.io.sequences import is_sequence
from shotgraph.maths.yuv import LUMA_WEIGHTS, coding_of

# Kinds that are pictures; the others are data, which only EXR channels hold.
_PICTURES = ("native", "rgb", "rgb_linear", "mask")
_DATA = ("flow", "depth")
# How many channels data takes, those of `passnames`.
_DATA_CHANNELS = {"flow": 5, "depth": 1}
# Lossless codecs of moving pictures leave about two thirds of the raw bytes.
_LOSSLESS_RATIO = Fraction(2, 3)
_MARKS = re.compile("#+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPlan:
    """An output before its first frame.

    Attributes:
        path: the movie, or a sequence pattern with ``####``.
        info: header of the frames that will arrive.
        written: header of what the file will hold: pixel format, colour tags, scan order and alpha as encoded.
        codec: the codec.
        container: the container.
        format: planes the encoder takes; None for EXR channels of data.
        settings: what the user said.
        carry: packets to copy; None copies nothing.
        carried: what the source of `carry` holds.
        hdr: static HDR metadata to write.
        losses: what will not survive.
        notes: what was assumed because the source does not say it.
    """

    path: Path
    info: StreamInfo
    written: StreamInfo
    codec: Codec
    container: Container
    format: PixelFormat | None
    settings: WriteSettings
    carry: CarryPlan | None = None
    carried: Carried | None = None
    hdr: Hdr10 = Hdr10()  # noqa: RUF009
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimated_bytes(self) -> int:
        """Size of the finished pictures, for the disk check; a guess, on the high side from 1920x1080 upwards."""
        info = self.info
        if self.codec.pixel_bytes is not None:
            return round(self.codec.pixel_bytes * info.width * info.height * info.count)
        if self.format is None:
            raw = 4 * _DATA_CHANNELS[info.kind] * info.width * info.height
        else:
            raw = self.format.frame_bytes(width=info.width, height=info.height)
        packed = self.container != "exr" or self.settings.compression != "none"
        return round(raw * info.count * (_LOSSLESS_RATIO if packed else 1))

    @property
    def lost(self) -> frozenset[str]:
        """Properties that verify must not expect to survive."""
        return frozenset(loss.property for loss in self.losses)


def plan_output(
    path: str | Path, info: StreamInfo, settings: WriteSettings, audio_from: StreamInfo | None = None
) -> OutputPlan:
    """Decide everything about writing `info` to `path`.

    UsageError for settings that do not fit together, MediaError for frame times that no container can hold, LossError under
    `strict` when something would be lost.

    Args:
        path: a movie (mov, mp4, mkv) or a pattern of images (``name.####.exr``, ``name.####.png``).
        info: header of exactly the frames that will be written.
        settings: what the user said.
        audio_from: whole header of the stream whose movie gives sound, subtitles and chapters; None carries nothing.

    Returns:
        The plan, with its losses.
    """
    path = Path(path)
    container = container_of(path)
    codec = codec_for(container, settings.codec)
    _check(path, info, codec, settings)
    target = None if info.kind in _DATA else choose_format(codec, info, settings)
    written = _written(info, target, codec)
    carried, carry = _carriage(info, container, settings, audio_from)
    case = Case(
        info=info,
        written=written,
        codec=codec,
        container=container,
        format=target,
        carried=carried,
        accepted=carry.indexes if carry is not None else (),
        hdr=_plate_hdr(info),
    )
    found = losses(case)
    if settings.strict:
        refuse(found, path=str(path))
    return OutputPlan(
        path=path,
        info=info,
        written=written,
        codec=codec,
        container=container,
        format=target,
        settings=settings,
        carry=carry,
        carried=carried,
        hdr=case.hdr,
        losses=found,
        notes=() if target is None else _conversion_notes(info, written, target, path),
    )


def _check(path: Path, info: StreamInfo, codec: Codec, settings: WriteSettings) -> None:
    if info.kind not in (*_PICTURES, *_DATA) or (info.kind in _DATA and codec.name != "exr"):
        allowed = ", ".join((*_PICTURES, *(_DATA if codec.name == "exr" else ())))
        raise UsageError(f"{path}: frames must be {allowed}, got {info.kind}; write flow and depth to .exr")
    if info.kind == "rgb_linear" and codec.name != "exr":
        raise UsageError(f"{path}: frames must be display-encoded, got rgb_linear; convert it to rgb, or write .exr")
    if not codec.is_movie and len(_MARKS.findall(path.name)) != 1:
        raise UsageError(
            f"{path}: file must hold one run of # for the frame number, got {path.name!r}; name it like a.####{path.suffix}"
        )
    if codec.name == "exr" and settings.compression not in EXR_COMPRESSIONS:
        known = ", ".join(EXR_COMPRESSIONS)
        raise UsageError(f"{path}: compression must be one of {known}, got {settings.compression!r}")
    timecode = info.start_timecode
    if timecode is not None and timecode.rate != info.rate:
        raise UsageError(
            f"{path}: start timecode must count at the stream's {info.rate} fps, got {timecode} at {timecode.rate}; "
            f"restate it at the new rate"
        )
    if info.pts is not None:
        _check_times(path, info.pts, info)


def _check_times(path: Path, pts: Sequence[int], info: StreamInfo) -> None:
    if len(pts) != info.count or info.time_base is None:
        raise MediaError(
            f"{path}: frame times must be {info.count} with a time base, got {len(pts)} and {info.time_base}"
        )
    for index in range(1, len(pts)):
        if pts[index] <= pts[index - 1]:
            raise MediaError(
                f"{path}: frame times must ascend, got {pts[index]} after {pts[index - 1]} at frame "
                f"{info.first_frame + index}; conform the source to a constant rate first"
            )


def _written(info: StreamInfo, target: PixelFormat | None, codec: Codec) -> StreamInfo:
    """Header of what the file will hold; `target` is None for EXR channels of data."""
    return replace(
        info,
        pixel_format="" if target is None else target.name,
        colour=info.colour if target is None else _written_colour(info, target, codec),
        alpha=info.alpha if target is not None and target.has_alpha else "none",
        field_order=_written_order(info, codec),
        # mov hides pictures that are shown before 0 from readers.
        pts=None if info.pts is None else tuple(tick - info.pts[0] for tick in info.pts),
    )


def _written_order(info: StreamInfo, codec: Codec) -> FieldOrder:
    """The scan order the codec stores: which field is shown first, where it cannot also tell which is coded first."""
    order = info.field_order
    if order in codec.field_orders or order not in ("tb", "bt"):
        return order
    # FFmpeg: "tb" is coded top first but shown bottom first.
    return "bb" if order == "tb" else "tt"


def _written_colour(info: StreamInfo, target: PixelFormat, codec: Codec) -> Colour:
    """Tags of the file: the stream's own, except where another family of pixels makes them untrue."""
    colour = info.colour
    if target.family == "rgb":
        keeps_range = info.kind == "native" and info.pixel_format.startswith("gbr") and codec.is_movie
        return replace(colour, matrix="rgb", range=colour.range if keeps_range else "full")
    if target.family == "gray":
        is_gray = info.kind == "native" and info.pixel_format.startswith("gray")
        return colour if is_gray else replace(colour, matrix=UNSPECIFIED, range="full")
    was_yuv = info.pixel_format.startswith("yuv") and info.kind != "mask"
    if not was_yuv:
        # Gray planes become luma as they are; RGB is coded the way broadcast expects it.
        stays_full = info.kind == "native" and info.pixel_format.startswith("gray") and "full" in codec.ranges
        code_range = "full" if stays_full and colour.range != "limited" else "limited"
        return replace(colour, matrix="bt2020nc" if colour.primaries == "bt2020" else "bt709", range=code_range)
    holds = (*codec.ranges, UNSPECIFIED) if "full" in codec.ranges else codec.ranges
    return colour if colour.range in holds else replace(colour, range="limited")


def _conversion_notes(info: StreamInfo, written: StreamInfo, target: PixelFormat, path: Path) -> tuple[str, ...]:
    """What a conversion has to assume; nothing where planes pass through or keep their family."""
    native = PixelFormat.parse(info.pixel_format) if info.kind == "native" else None
    if native is not None and native.family == target.family:
        return ()
    guessed: list[str] = []
    sides = [(written, target)] if native is None else [(info, native), (written, target)]
    for header, pixels in sides:
        coding = coding_of(header.colour, pixels, width=info.width, height=info.height)
        if pixels.family == "yuv" and coding.matrix not in LUMA_WEIGHTS:
            raise UsageError(
                f"{path}: matrix must be one of {', '.join(LUMA_WEIGHTS)} to convert, got {coding.matrix!r}; "
                f"override the plate's tag"
            )
        guessed.extend(coding.guessed)
    return tuple(dict.fromkeys(guessed))


def _carriage(
    info: StreamInfo, container: Container, settings: WriteSettings, source: StreamInfo | None
) -> tuple[Carried | None, CarryPlan | None]:
    """What the source of sound holds, and what of it is copied."""
    # Images have nothing beside the picture: a preset that names its plate works with either.
    if source is None or source.media is None or not settings.keep_audio or is_sequence(source.media.path):
        return None, None
    carried = survey(source.media.path)
    indexes = accepted_indexes(carried, container) if container in MUXERS else ()
    if not indexes and not (carried.chapters and container in MUXERS):
        return carried, None
    return carried, CarryPlan(
        path=carried.path,
        container=container,
        indexes=indexes,
        picture=source.media.stream,
        cut=_cut(info, source),
    )


def _cut(info: StreamInfo, source: StreamInfo) -> TimeRange | None:
    """The part of `source` that `info` covers; None for all of it."""
    if info.range == source.range:
        return None
    return TimeRange(start=_shown_at(source, info.first_frame), end=_shown_at(source, info.range.last + 1))


def _shown_at(info: StreamInfo, frame: int) -> Fraction:
    """Seconds from the first picture of `info` to `frame`, also past its end."""
    index = frame - info.first_frame
    if info.pts is not None and info.time_base is not None and 0 <= index < len(info.pts):
        return info.pts[index] * info.time_base
    return index * info.rate.frame_seconds


def _plate_hdr(info: StreamInfo) -> Hdr10:
    if info.media is None or is_sequence(info.media.path):
        return Hdr10()
    return read_hdr(info.media.path, info.media.stream)
