"""What all readers of passes share: images with named channels, paired with a plate by frame number."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Context, Field, Header, Media, Params, Ports, QueryContext, Rate, Source, StreamInfo
from shotgraph.errors import GraphError, MediaError

if TYPE_CHECKING:
    from shotgraph.io.channelsource import ChannelSource


class PassParams(Params):
    """Which files, and how they fit the plate."""

    file: str = Field(..., min_length=1, path="read", description="images, a pattern such as flow.####.exr")
    offset: int = Field(
        0,
        per_shot=True,
        unit="frames",
        description="added to the numbers of the files: 1000 pairs a pass from 1 with a plate from 1001",
    )
    fit: Literal["error", "stretch"] = Field(
        "error", per_shot=True, description="a pass of another size than the plate: refuse it, or stretch it"
    )
    rate: str | None = Field(
        None, per_shot=True, unit="fps", description="frame rate, where there is no plate to have it from"
    )


class Pass(Source):
    """Base of a node that reads passes; with a plate it gives the plate's frames, size, rate and timecode.

    Attributes:
        framewise: a frame is made of the file with its number alone.
    """

    framewise: ClassVar[bool] = False

    class In(Ports):
        """The plate, of which only the header is read."""

        video: Header | None = None

    Params = PassParams

    @classmethod
    @abstractmethod
    def channels(cls, names: tuple[str, ...], params: Any, who: str) -> tuple[str, ...]:
        """Those that are read, out of the names in the first file; `MediaError` when what is needed is not there."""

    @classmethod
    def source(cls, params: Any, ctx: QueryContext, *, known: object = None) -> ChannelSource:
        """The files, opened; no pixel is read yet."""
        # OpenImageIO loads when footage is opened, not when nodes are listed.
        from shotgraph.io.channelsource import open_channels

        plate = ctx.headers.get("video")
        rate = None if params.rate is None else Rate.parse(params.rate)
        return open_channels(
            params.file,
            lambda names: cls.channels(names, params, f"{ctx.node}: {params.file}"),
            offset=params.offset,
            frames=None if plate is None else plate.range,
            rate=rate if plate is None else plate.rate,
            known=known,
        )

    @classmethod
    def media(cls, params: Any, ctx: QueryContext) -> Media:
        """Files, and the plate's header if there is one; refuses another size unless told to stretch it."""
        source, plate = cls.source(params, ctx), ctx.headers.get("video")
        if plate is None and params.fit != "error":
            raise GraphError(
                f"{ctx.node}: fit must have a plate to fit to, got {params.fit!r} and no video; link video"
            )
        info = source.info if plate is None else replace(plate, media=source.info.media)
        _check_size(source.info, info, params, ctx.node)
        media = source.media
        return replace(
            media,
            info=info,
            frame_files=media.frame_files if cls.framewise else {},
            decoder=f"{media.decoder}, {info.width}x{info.height}",
            warnings=(*media.warnings, *_differences(source.info, info)),
        )


def _check_size(found: StreamInfo, wanted: StreamInfo, params: Any, who: str) -> None:
    if params.fit == "error" and (found.width, found.height) != (wanted.width, wanted.height):
        raise MediaError(
            f"{who}: {params.file} must be {wanted.width}x{wanted.height} like video, got {found.width}x{found.height}; "
            "render it at that size, or set fit to stretch"
        )


def _differences(found: StreamInfo, plate: StreamInfo) -> list[str]:
    """What is odd between a pass and its plate; frames are paired by number all the same."""
    own, wanted = found.start_timecode, plate.start_timecode
    if own is None or wanted is None or str(own) == str(wanted):
        return []
    return [
        f"frame {plate.first_frame} has timecode {own} in the pass and {wanted} in the plate; frames are paired by number, "
        "and offset moves the pass"
    ]


class PassReader:
    """Base of an open pass.

    Attributes:
        source: its files.
        info: header of the stream it gives.
        node: for messages.
    """

    def __init__(self, source: ChannelSource, media: Media, ctx: Context) -> None:
        """Read nothing yet."""
        self.source, self.info, self.node = source, media.info, ctx.node

    def finite(
        self, planes: NDArray[np.float32], frame: int, what: str, *, refuse: bool, fill: float = 0.0
    ) -> NDArray[np.float32]:
        """`planes` with `fill` for what is NaN or infinite, or an error that counts it.

        Args:
            planes: (H, W, ...) of one frame.
            frame: its number.
            what: its name, for the message.
            refuse: raise instead.
            fill: what stands for no number.

        Returns:
            The planes themselves where all of them are numbers.

        Raises:
            MediaError: there are some, and `refuse` says so.
        """
        bad = ~np.isfinite(planes)
        if not bad.any():
            return planes
        if refuse:
            pixels = bad if bad.ndim == 2 else bad.any(axis=-1)
            raise MediaError(
                f"{self.node}: {what} must be finite, got {np.count_nonzero(pixels)} of {pixels.size} pixels NaN or infinite "
                f"on frame {frame} ({self.source.file(frame)}); render it again, or set nonfinite"
            )
        return np.where(bad, np.float32(fill), planes)

    def close(self) -> None:
        """Close the files."""
        self.source.close()


def one_channel(names: Sequence[str], asked: str, usual: Sequence[str], *, who: str) -> str:
    """The channel to read, out of those that a file has.

    Args:
        names: in the file.
        asked: by the preset; empty leaves the choice to the file.
        usual: names to look for then, the likeliest first.
        who: node and file, for the message.

    Returns:
        What was asked for, whether it is there or not; else the first usual one that is there; else the only one.

    Raises:
        MediaError: it has several, none of which is usual.
    """
    found = [asked] if asked else [name for name in usual if name in names]
    if not found and len(names) != 1:
        raise MediaError(
            f"{who}: channel must be named where there is none of {', '.join(usual)}, got {', '.join(names)}; set it to one "
            "of them"
        )
    return found[0] if found else names[0]


def as_numbers(plane: NDArray[Any]) -> NDArray[np.float32]:
    """A stored plane as float32, integers as shares of their largest code."""
    if plane.dtype.kind == "f":
        return np.asarray(plane, np.float32)
    return (plane / np.iinfo(plane.dtype).max).astype(np.float32)
