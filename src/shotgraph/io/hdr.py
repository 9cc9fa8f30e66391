"""HDR10 static metadata: read from a movie's first frame, written as encoder parameters.

PyAV 18 reads the side data but cannot write it into a container, so it survives only where the encoder puts it into its own
bitstream (SMPTE ST 2086 and CTA-861.3, as H.264 SEI messages).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

from av.error import FFmpegError
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame

from shotgraph.errors import MediaError, MediaMissingError
from shotgraph.io.opening import opened, picture_streams

_MASTERING = "MASTERING_DISPLAY_METADATA"
_LIGHT = "CONTENT_LIGHT_LEVEL"
# AVMasteringDisplayMetadata: (x, y) of red, green, blue and white, lowest and highest luminance, all as ratios of int32;
# then two flags. AVContentLightMetadata: MaxCLL and MaxFALL.
_MASTERING_LAYOUT = struct.Struct("=22i")
_LIGHT_LAYOUT = struct.Struct("=2I")
# Units of ST 2086: chromaticities in 0.00002, luminances in 0.0001 cd/m2.
_CHROMATICITY_UNITS = 50_000
_LUMINANCE_UNITS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hdr10:
    """Static HDR metadata of a stream.

    Attributes:
        mastering: (x, y) of red, green, blue and white, then lowest and highest luminance in cd/m2; empty when unknown.
        light: MaxCLL and MaxFALL in cd/m2; empty when unknown.
    """

    mastering: tuple[Fraction, ...] = ()
    light: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.mastering or self.light)

    @property
    def x264_params(self) -> tuple[str, ...]:
        """The settings by which x264 writes it."""
        params: list[str] = []
        if self.mastering:
            units = [round(value * _CHROMATICITY_UNITS) for value in self.mastering[:8]]
            red, green, blue, white = (f"({units[i]},{units[i + 1]})" for i in (0, 2, 4, 6))
            low, high = (round(value * _LUMINANCE_UNITS) for value in self.mastering[8:])
            params.append(f"mastering-display=G{green}B{blue}R{red}WP{white}L({high},{low})")
        if self.light:
            params.append(f"cll={self.light[0]},{self.light[1]}")
        return tuple(params)


def _mastering(blob: bytes) -> tuple[Fraction, ...]:
    if len(blob) < _MASTERING_LAYOUT.size:
        return ()
    *numbers, has_primaries, has_luminance = _MASTERING_LAYOUT.unpack_from(blob)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (has_primaries and has_luminance and all(denominator for _, denominator in pairs)):
        return ()
    return tuple(Fraction(numerator, denominator) for numerator, denominator in pairs)


def _blobs(frame: VideoFrame) -> dict[str, bytes]:
    """Side data by name."""
    # PyAV's stub calls the container a TypedDict; it is a mapping that iterates over its items.
    return {item.type.name: bytes(item) for item in cast(Iterable[SideData], frame.side_data)}


def read_hdr(path: str | Path, stream: int = 0) -> Hdr10:
    """What the first frame of video stream number `stream` carries; nothing for a file that does not decode."""
    try:
        with opened(Path(path)) as container:
            frame = next(iter(container.decode(picture_streams(container)[stream])), None)
            blobs = {} if frame is None else _blobs(frame)
    # One kind that PyAV has no name for (EXIF) is a ValueError for all of the side data; probing warns about it.
    except (FFmpegError, MediaError, MediaMissingError, IndexError, ValueError):
        return Hdr10()
    light = blobs.get(_LIGHT, b"")
    return Hdr10(
        mastering=_mastering(blobs.get(_MASTERING, b"")),
        light=_LIGHT_LAYOUT.unpack_from(light) if len(light) >= _LIGHT_LAYOUT.size else (),
    )
