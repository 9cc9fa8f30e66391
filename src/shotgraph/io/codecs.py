"""The codecs we write, as data; what a user may set about them; and how the pixel format for one is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal

from shotgraph.api import PixelFormat, StreamInfo
from shotgraph.errors import UsageError

Container = Literal["mov", "mp4", "mkv", "exr", "png"]

# FFmpeg's muxer for each movie container; image files are written by OpenImageIO.
MUXERS: dict[Container, str] = {"mov": "mov", "mp4": "mp4", "mkv": "matroska"}

_FFV1_YUV = tuple(f"yuv{chroma}p{bits}" for chroma in ("420", "422", "444") for bits in ("", 9, 10, 12, 14, 16))
_FFV1_YUVA = (
    *(f"yuva{chroma}p{bits}" for chroma in ("420", "422", "444") for bits in ("", 9, 10, 16)),
    *("yuva422p12", "yuva444p12"),
)
_FFV1_SPARSE = ("yuv440p", "yuv440p10", "yuv440p12", "yuv411p", "yuv410p")
_FFV1_RGB = tuple(f"gbr{alpha}p{bits}" for alpha in ("", "a") for bits in ("", 10, 12, 14, 16))
_GRAY = tuple(f"gray{bits}" for bits in ("", 9, 10, 12, 14, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """One codec as users name it.

    Attributes:
        name: what users type.
        encoder: FFmpeg's encoder; empty for image files.
        containers: extensions it may be written to.
        formats: native pixel formats it takes, preferred first.
        lossless: the decoded planes equal the encoded ones.
        options: encoder options, before the user's.
        ranges: code ranges a reader will find tagged as written.
        field_orders: scan orders that survive.
        states_sar: its bitstream names the pixel aspect, whatever the container does.
        keeps_hdr: mastering display and content light level can be written.
        profile: FFmpeg's name of the profile a reader finds; empty where it says nothing.
        decodes_as: formats that come back under another name, encoded to decoded.
        whole_blocks: formats it takes only where the picture is a whole number of chroma blocks.
        takes_quality: `WriteSettings.quality` and `preset` mean something.
        pixel_bytes: of the file per pixel and frame at 1920x1080, for estimates (small pictures take up to 1.7 times as
            much); None takes two thirds of the raw planes.
    """

    name: str
    encoder: str
    containers: tuple[Container, ...]
    formats: tuple[str, ...]
    lossless: bool = False
    options: tuple[tuple[str, str], ...] = ()
    ranges: tuple[str, ...] = ("limited", "full")
    field_orders: tuple[str, ...] = ("progressive", "tt", "bb", "tb", "bt")
    states_sar: bool = False
    keeps_hdr: bool = False
    profile: str = ""
    decodes_as: tuple[tuple[str, str], ...] = ()
    whole_blocks: tuple[str, ...] = ()
    takes_quality: bool = False
    pixel_bytes: float | None = None

    @property
    def is_movie(self) -> bool:
        """Whether it goes into one file, with sound and timecode track, rather than one file a frame."""
        return bool(self.encoder)


_H264_FORMATS = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10", "yuv422p10", "yuv444p10")

_H264 = Codec(
    name="h264",
    encoder="libx264",
    containers=("mov", "mp4", "mkv"),
    # No gray: decoders give monochrome H.264 back as 4:2:0.
    formats=_H264_FORMATS,
    # x264 has one interlaced mode: coded order and display order cannot differ.
    field_orders=("progressive", "tt", "bb"),
    states_sar=True,
    keeps_hdr=True,
    whole_blocks=_H264_FORMATS,
    takes_quality=True,
    pixel_bytes=0.15,
)


_PRORES_PROFILES = {
    "proxy": "Proxy",
    "lt": "LT",
    "standard": "Standard",
    "hq": "HQ",
    "4444": "4444",
    "4444xq": "XQ",
}


def _prores(name: str, profile: str, formats: tuple[str, ...], pixel_bytes: float) -> Codec:
    return Codec(
        name=name,
        encoder="prores_ks",
        containers=("mov", "mkv"),
        formats=formats,
        options=(("profile", profile), ("vendor", "apl0")),
        profile=_PRORES_PROFILES[profile],
        # The bitstream does not say how many bits were encoded; FFmpeg decodes 4444 at 12.
        decodes_as=(("yuv444p10", "yuv444p12"), ("yuva444p10", "yuva444p12")),
        # Decoders report limited range whatever was written.
        ranges=("limited",),
        pixel_bytes=pixel_bytes,
    )


_PRORES_422 = ("yuv422p10",)
_PRORES_4444 = ("yuv444p10", "yuva444p10")

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        _H264,
        replace(_H264, name="h264_lossless", lossless=True, options=(("qp", "0"),), pixel_bytes=None),
        _prores("prores_proxy", "proxy", _PRORES_422, 0.10),
        _prores("prores_lt", "lt", _PRORES_422, 0.22),
        _prores("prores_422", "standard", _PRORES_422, 0.31),
        _prores("prores_hq", "hq", _PRORES_422, 0.47),
        _prores("prores_4444", "4444", _PRORES_4444, 0.70),
        _prores("prores_4444xq", "4444xq", _PRORES_4444, 1.05),
        Codec(
            name="ffv1",
            encoder="ffv1",
            # In mp4 it loses colour tags unless all of them are set: it has no header of its own to hold them.
            containers=("mkv",),
            formats=(*_FFV1_YUV, *_FFV1_YUVA, *_FFV1_SPARSE, *_FFV1_RGB, *_GRAY),
            lossless=True,
            # libav cuts pictures into slices; of an incomplete block of four it drops the last chroma samples.
            whole_blocks=("yuv411p", "yuv410p"),
            # CRCs let a damaged slice be named.
            options=(("level", "3"), ("slicecrc", "1"), ("g", "1")),
        ),
        Codec(
            name="exr",
            encoder="",
            containers=("exr",),
            formats=("gbrpf16", "gbrapf16", "grayf16", "gbrpf32", "gbrapf32", "grayf32"),
            lossless=True,
        ),
        Codec(
            name="png",
            encoder="",
            containers=("png",),
            formats=("gbrp", "gbrap", "gray", "gbrp16", "gbrap16", "gray16"),
            lossless=True,
            ranges=("full",),
        ),
    )
}
# What an extension means when no codec is named: the delivery codec of mov and mp4, the lossless one of mkv.
DEFAULT_CODECS: dict[Container, str] = {
    "mov": "prores_hq",
    "mp4": "h264",
    "mkv": "ffv1",
    "exr": "exr",
    "png": "png",
}
INTERLACED = ("tt", "bb", "tb", "bt")
EXR_COMPRESSIONS = ("none", "rle", "zip", "zips", "piz")
# CRF at which differences to the source stop being visible at normal viewing distance.
VISUALLY_LOSSLESS_CRF = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteSettings:
    """What a user may say about an output; every default is "whatever loses least".

    Attributes:
        codec: a key of `CODECS`; empty for the extension's own.
        quality: x264's CRF, 0-51, lower is better.
        preset: x264's speed preset.
        pixel_format: forces an encoder pixel format (FFmpeg's name without byte order).
        options: further encoder options, passed on as they are.
        compression: of EXR files, one of `EXR_COMPRESSIONS`.
        bit_depth: of image files: 8 or 16 for PNG, 16 or 32 for EXR; None chooses what loses nothing.
        threads: encoder threads; 0 lets the encoder choose, which makes H.264 depend on the host.
        keep_audio: carry sound, subtitles and chapters of `audio_from`.
        force: replace files that Shotgraph did not write.
        strict: refuse any loss instead of warning.
    """

    codec: str = ""
    quality: int = VISUALLY_LOSSLESS_CRF
    preset: str = "medium"
    pixel_format: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    compression: str = "zips"
    bit_depth: int | None = None
    threads: int = 0
    keep_audio: bool = True
    force: bool = False
    strict: bool = False


def container_of(path: str | PurePath) -> Container:
    """The container that the extension of `path` names; UsageError for one we do not write."""
    extension = PurePath(path).suffix.lower().lstrip(".")
    for container in DEFAULT_CODECS:
        if extension == container:
            return container
    raise UsageError(f"write: file must end in .{', .'.join(DEFAULT_CODECS)}, got {str(path)!r}; rename the target")


def codec_for(container: Container, name: str) -> Codec:
    """The codec called `name`, or `container`'s default when it is empty; UsageError when the two do not fit."""
    codec = CODECS.get(name or DEFAULT_CODECS[container])
    if codec is None:
        raise UsageError(f"write: codec must be one of {', '.join(CODECS)}, got {name!r}")
    if container not in codec.containers:
        fitting = [other.name for other in CODECS.values() if container in other.containers]
        raise UsageError(
            f"write: codec must be one of {', '.join(fitting)} in .{container}, got {codec.name!r}; "
            f"or write it to .{' or .'.join(codec.containers)}"
        )
    return codec


def encoder_options(codec: Codec, settings: WriteSettings) -> dict[str, str]:
    """Options of the encoder, the user's last so that they win; UsageError for a quality that does not exist."""
    options = dict(codec.options)
    if codec.takes_quality:
        if not 0 <= settings.quality <= 51:
            raise UsageError(f"write: quality must be a CRF in 0-51, got {settings.quality}; 16 is visually lossless")
        options["preset"] = settings.preset
        if not codec.lossless:
            options["crf"] = str(settings.quality)
    return options | dict(settings.options)


def wanted_format(info: StreamInfo) -> PixelFormat | None:
    """The format that holds all that `info` holds; None for generated pictures, of which nothing is known."""
    if info.kind == "mask":
        return PixelFormat.parse("grayf32")
    if not info.pixel_format:
        return PixelFormat.parse("gbrapf32") if info.alpha != "none" and info.kind != "native" else None
    wanted = PixelFormat.parse(info.pixel_format)
    if info.kind == "native" or info.alpha == "none" or wanted.has_alpha:
        return wanted
    # Pictures converted from an opaque plate may have gained a matte.
    return PixelFormat.parse(wanted.name.replace("yuv", "yuva", 1).replace("gbrp", "gbrap", 1))


def fits_blocks(candidate: PixelFormat, info: StreamInfo, *, fields: int = 1) -> bool:
    """Whether the picture is a whole number of chroma blocks, in each of its fields."""
    across, down = candidate.chroma_shift
    return info.width % (1 << across) == 0 and info.height % (fields << down) == 0


def bits_to_keep(candidate: PixelFormat, wanted: PixelFormat, *, exactly: bool) -> int:
    """Bits a sample of `candidate` needs to give `wanted` back; RGB in integer YUV needs two more to come back exactly."""
    return wanted.bits + (2 if exactly and wanted.family == "rgb" and candidate.family == "yuv" else 0)


def _cost(candidate: PixelFormat, wanted: PixelFormat, *, exactly: bool) -> tuple[int, ...]:
    """What writing `wanted` as `candidate` loses, worst first, then what it wastes; the least tuple is the best choice."""
    shift_x, shift_y = (candidate.chroma_shift[axis] - wanted.chroma_shift[axis] for axis in (0, 1))
    precision = candidate.bits - bits_to_keep(candidate, wanted, exactly=exactly)
    return (
        wanted.has_alpha and not candidate.has_alpha,
        wanted.family != "gray" and candidate.family == "gray",
        max(0, shift_x) + max(0, shift_y),
        wanted.is_float and not candidate.is_float,
        max(0, -precision),
        candidate.family != wanted.family,
        candidate.has_alpha and not wanted.has_alpha,
        max(0, -shift_x) + max(0, -shift_y),
        max(0, precision),
    )


def choose_format(codec: Codec, info: StreamInfo, settings: WriteSettings) -> PixelFormat:
    """The encoder's pixel format for `info`: its own where the codec takes it, else the one that loses least.

    A mask goes into a lossless codec as gray of 16 bits at most, and into any other as a picture with R = G = B in that
    codec's preferred format, which every player shows.

    Args:
        codec: what will encode it.
        info: header of the stream.
        settings: `pixel_format` and `bit_depth` narrow the choice.

    Returns:
        One of `codec.formats`.

    Raises:
        UsageError: no format of the codec can hold a picture of this size, or the forced one is not the codec's.
    """
    candidates = [PixelFormat.parse(name) for name in codec.formats]
    if settings.pixel_format:
        if settings.pixel_format not in codec.formats:
            raise UsageError(
                f"write: pixel_format must be one of {', '.join(codec.formats)} for {codec.name}, "
                f"got {settings.pixel_format!r}"
            )
        candidates = [PixelFormat.parse(settings.pixel_format)]
    if settings.bit_depth is not None and not codec.is_movie:
        candidates = [item for item in candidates if item.bits == settings.bit_depth]
    fields = 2 if info.field_order in INTERLACED else 1
    candidates = [
        item for item in candidates if item.name not in codec.whole_blocks or fits_blocks(item, info, fields=fields)
    ]
    if not candidates:
        asked = settings.pixel_format or f"bit_depth {settings.bit_depth}"
        raise UsageError(
            f"write: {asked} must suit {codec.name} at {info.width}x{info.height}, got no format that does; "
            f"leave it out, or resize to an even size"
        )
    if info.kind == "mask" and not codec.lossless:
        return next((item for item in candidates if item.family != "gray"), candidates[0])
    wanted = _target_of(codec, info)
    if wanted is None:
        return candidates[0]
    return min(candidates, key=lambda item: _cost(item, wanted, exactly=codec.lossless))


def _target_of(codec: Codec, info: StreamInfo) -> PixelFormat | None:
    """`wanted_format`, seen through what image files can be: RGB or gray, at a depth that survives the conversion."""
    wanted = wanted_format(info)
    if info.kind == "mask":
        return PixelFormat.parse("grayf16" if codec.name == "exr" else "gray16")
    if wanted is None or codec.is_movie:
        return wanted
    if codec.name == "exr":
        # Half holds 11 significant bits: enough to give codes of 8 and 10 bits back exactly.
        bits = 32 if (wanted.bits > 10 and not wanted.is_float) or (wanted.is_float and wanted.bits == 32) else 16
        return _image_format(wanted, f"f{bits}")
    # Rounded RGB of 8 bits does not give 8-bit YUV back; 16 bits do.
    return _image_format(wanted, "16" if wanted.family == "yuv" or wanted.bits > 8 else "")


def _image_format(wanted: PixelFormat, depth: str) -> PixelFormat:
    base = "gray" if wanted.family == "gray" else ("gbrap" if wanted.has_alpha else "gbrp")
    return PixelFormat.parse(f"{base}{depth}")
