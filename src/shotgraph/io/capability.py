"""What a codec or container cannot keep, said before the render.

One rule per property, each a function of the whole case. The facts behind them were measured with PyAV 18.1 (FFmpeg 8.1) and
checked with ffprobe and mediainfo; `io.verify` reopens every output and proves them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shotgraph.api import STANDARD_RATES, PixelFormat, StreamInfo
from shotgraph.errors import LossError
from shotgraph.io.beside import Carried, CarriedStream
from shotgraph.io.codecs import INTERLACED, Codec, Container, bits_to_keep, wanted_format
from shotgraph.io.hdr import Hdr10
from shotgraph.io.languages import spelled

# tmcd counts frames of a second in one byte.
_TMCD_MAX_FPS = 255


@dataclass(frozen=True, slots=True)
class Loss:
    """One property that an output will not keep.

    Attributes:
        property: name of the check in `io.verify` that would fail.
        message: one sentence: what is lost and what keeps it.
        chosen: it follows from naming a lossy codec, so `strict` accepts it.
    """

    property: str
    message: str
    chosen: bool = False

    def __str__(self) -> str:
        """``property: message``."""
        return f"{self.property}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that decides what is lost.

    Attributes:
        info: header of the stream that arrives.
        written: header of what the file will hold.
        codec: the codec.
        container: the container.
        format: pixel format of the encoder; None for EXR channels of data (flow, depth).
        carried: what `audio_from` holds beside its picture; None carries nothing.
        accepted: indexes of its streams that the container takes.
        hdr: static HDR metadata of the plate.
    """

    info: StreamInfo
    written: StreamInfo
    codec: Codec
    container: Container
    format: PixelFormat | None
    carried: Carried | None = None
    accepted: tuple[int, ...] = ()
    hdr: Hdr10 = Hdr10()  # noqa: RUF009


def losses(case: Case) -> tuple[Loss, ...]:
    """Everything that `case` loses, in the order of the rules."""
    return tuple(loss for rule in _RULES for loss in rule(case))


def refuse(found: tuple[Loss, ...], *, path: str) -> None:
    """Stop a strict run whose losses are not all chosen: a LossError that lists the others."""
    unwanted = [loss for loss in found if not loss.chosen]
    if unwanted:
        listed = "\n".join(f"  {loss}" for loss in unwanted)
        raise LossError(
            f"{path}: the output must keep everything under strict, got {len(unwanted)} losses; "
            f"choose another codec or container, or leave strict out\n{listed}"
        )


def _compression(case: Case) -> Iterator[Loss]:
    if not case.codec.lossless:
        yield Loss(
            "pixels", f"{case.codec.name} is a lossy codec; ffv1 or h264_lossless keep every sample", chosen=True
        )


def _samples(case: Case) -> Iterator[Loss]:
    wanted, target = wanted_format(case.info), case.format
    if wanted is None or target is None:
        return
    name = case.codec.name
    if wanted.has_alpha and not target.has_alpha:
        yield Loss("alpha", f"{name} as {target.name} has no alpha; prores_4444, ffv1, exr and png do")
    coarser = [target.chroma_shift[axis] > wanted.chroma_shift[axis] for axis in (0, 1)]
    if any(coarser):
        yield Loss("chroma", f"chroma of {wanted.name} is averaged down to {target.name}")
    if wanted.family != "gray" and target.family == "gray":
        yield Loss("chroma", f"colour of {wanted.name} is dropped by {target.name}")
    yield from _precision(case, wanted, target)
    across_fields = wanted.chroma_shift[1] != target.chroma_shift[1]
    if case.info.field_order in INTERLACED and across_fields:
        yield Loss("chroma", f"interlaced chroma of {wanted.name} is resampled across fields for {target.name}")


def _precision(case: Case, wanted: PixelFormat, target: PixelFormat) -> Iterator[Loss]:
    if wanted.is_float and not target.is_float:
        yield Loss(
            "bit_depth",
            f"float samples are clipped and rounded to {target.bits}-bit codes of {target.name}; exr keeps them",
        )
        return
    if target.is_float:
        significant = 24 if target.bits == 32 else 11
        needed = {32: 24, 16: 11}[wanted.bits] if wanted.is_float else wanted.bits
        if needed > significant and case.info.kind != "mask":
            yield Loss("bit_depth", f"{wanted.name} is rounded to half float; bit_depth 32 keeps it")
        return
    needed_bits = bits_to_keep(target, wanted, exactly=case.codec.lossless)
    if needed_bits > target.bits:
        yield Loss("bit_depth", f"{wanted.bits}-bit {wanted.name} is rounded to {target.bits}-bit {target.name}")
    if wanted.family == "yuv" and target.family == "rgb":
        yield Loss(
            "pixels", f"values of {wanted.name} outside black and white are clipped by {target.name}; exr keeps them"
        )


def _code_range(case: Case) -> Iterator[Loss]:
    before = case.info.colour.range
    # YUV that becomes RGB leaves its range behind: RGB files are full by definition.
    stays_yuv = case.info.pixel_format.startswith("yuv") and case.format is not None and case.format.family == "yuv"
    if before not in ("unspecified", *case.codec.ranges) and stays_yuv:
        yield Loss(
            "range", f"{case.codec.name} cannot be tagged {before}; samples are scaled to {case.written.colour.range}"
        )


def _aspect(case: Case) -> Iterator[Loss]:
    if case.info.sar != 1 and case.container == "mkv" and not case.codec.states_sar:
        yield Loss("sar", f"pixel aspect {case.info.sar} of {case.codec.name} is not written to mkv; mov keeps it")


def _scan(case: Case) -> Iterator[Loss]:
    order = case.info.field_order
    if order in ("tb", "bt") and order not in case.codec.field_orders:
        yield Loss(
            "field_order",
            f"{case.codec.name} stores field order {order} as {case.written.field_order}; prores keeps it",
        )


def _time(case: Case) -> Iterator[Loss]:
    info, container = case.info, case.container
    too_fast = container in ("mov", "mp4") and info.rate.nominal > _TMCD_MAX_FPS
    if info.start_timecode is not None and too_fast:
        yield Loss(
            "timecode", f"a {container} timecode track holds at most 255 fps, not {info.rate}; mkv keeps the label"
        )
    if info.pts is not None and container not in ("mov", "mp4"):
        what = "rounded to milliseconds by mkv" if container == "mkv" else "dropped by image files"
        yield Loss("pts", f"variable frame times are {what}; mov and mp4 keep them")
    odd_rate = info.rate.fps not in STANDARD_RATES and info.rate.fps.denominator != 1
    if container == "mkv" and info.pts is None and odd_rate:
        yield Loss("rate", f"{info.rate} fps is rounded to nanoseconds a frame by mkv; mov and mp4 keep it")


def _image_files(case: Case) -> Iterator[Loss]:
    """What a file of one picture has no place for."""
    info, name = case.info, case.container
    if case.codec.is_movie:
        return
    if info.rotation:
        yield Loss("rotation", f"display rotation of {info.rotation} degrees has no place in {name}; mov keeps it")
    if info.field_order in INTERLACED:
        yield Loss("field_order", f"scan order {info.field_order} has no place in {name}; prores in mov keeps it")
    is_picture = case.format is not None and info.kind != "mask"
    if name == "exr" and is_picture and info.colour.transfer not in ("unspecified", "linear"):
        yield Loss(
            "transfer", f"exr readers take samples as scene-linear, not {info.colour.transfer}; convert them first"
        )
    if name == "png" and (info.colour.primaries == "unspecified") != (info.colour.transfer == "unspecified"):
        yield Loss("primaries", "png tags colour only where both primaries and transfer are known; mov tags either")
    misread = {"exr": "straight", "png": "premultiplied"}[name]
    if case.written.alpha == misread:
        yield Loss("alpha", f"{misread} alpha is stored as it is, which {name} readers do not expect")
    if info.tags:
        yield Loss("tags", f"{len(info.tags)} tags of the source have no place in {name}; movies keep them")


def _hdr(case: Case) -> Iterator[Loss]:
    if case.hdr and not case.codec.keeps_hdr:
        yield Loss("hdr", f"HDR mastering data cannot be written with {case.codec.name}; h264 keeps it")


def _streams(case: Case) -> Iterator[Loss]:
    if case.carried is None:
        return
    for stream in case.carried.streams:
        if stream.index not in case.accepted:
            yield _dropped(stream, case)
            continue
        if case.container == "mkv" and stream.is_pcm and stream.channels > 2 and not stream.lacks_layout:
            yield Loss(
                "audio_layout", f"{stream}: mkv keeps {stream.channels} PCM channels but not their layout; mov does"
            )
        if spelled(stream.language, case.container) is None:
            yield Loss("languages", f"{stream}: mov has no code for language {stream.language!r}; mp4 and mkv keep it")
    if case.carried.chapters and not case.codec.is_movie:
        yield Loss("chapters", f"{len(case.carried.chapters)} chapters have no place in image files and are dropped")
    if case.carried.other_video:
        yield Loss(
            "streams", f"{case.carried.other_video} further video streams of the source are not copied", chosen=True
        )


def _dropped(stream: CarriedStream, case: Case) -> Loss:
    """What is said of a stream that the container does not take."""
    name = "audio" if stream.kind == "audio" else "subtitles"
    if not case.codec.is_movie:
        return Loss(name, f"{stream} does not fit into image files and is dropped")
    if case.container == "mp4" and stream.is_pcm and stream.lacks_layout:
        return Loss(name, f"{stream} has no channel layout, which mp4 needs for PCM, and is dropped; mov keeps it")
    return Loss(name, f"{stream} does not fit into {case.container} and is dropped")


_RULES: tuple[Callable[[Case], Iterator[Loss]], ...] = (
    _compression,
    _samples,
    _code_range,
    _aspect,
    _scan,
    _time,
    _image_files,
    _hdr,
    _streams,
)
