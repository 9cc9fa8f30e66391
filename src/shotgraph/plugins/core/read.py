"""Footage in: a movie, or a sequence of images, as planes exactly as coded.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: that of the decoder; H.264 at 1920x1080 decodes about 100 frames a second on one thread. No GPU.
"""

from typing import TYPE_CHECKING, Literal

from shotgraph.api import (
    Colour,
    Context,
    Field,
    Media,
    Native,
    Params,
    Ports,
    QueryContext,
    Rate,
    Reader,
    Source,
)
from shotgraph.errors import MediaError

if TYPE_CHECKING:
    from shotgraph.io.sources import FrameSource

_WOVEN = ("tt", "bb", "tb", "bt")


class Read(Source):
    """Reads footage; nothing is converted."""

    id = "core.read"
    version = "1"

    class Out(Ports):
        """Planes as coded."""

        video: Native

    class Params(Params):
        """What to read, and what to believe where the file is silent or wrong."""

        file: str = Field(
            ..., min_length=1, path="read", description="a movie, a pattern such as plate.####.exr, or {plate}"
        )
        stream: int = Field(0, ge=0, description="which video stream of a movie")
        first_frame: int | None = Field(
            None, per_shot=True, unit="frames", description="number of a movie's first frame; the shot's when left out"
        )
        holes: Literal["error", "hold", "black", "skip"] = Field(
            "error",
            per_shot=True,
            description="a frame of a sequence that has no file; skip computes nothing for it and ends with exit code 3",
        )
        corrupt: Literal["error", "hold", "black"] = Field(
            "error", per_shot=True, description="a frame that does not decode"
        )
        interlaced: Literal["refuse", "as_frames"] = Field(
            "refuse",
            per_shot=True,
            description="interlaced footage: refuse it, or take both fields of a frame as one picture",
        )
        primaries: str = Field("unspecified", per_shot=True, description="colour primaries, instead of the file's tag")
        transfer: str = Field("unspecified", per_shot=True, description="transfer, instead of the file's tag")
        matrix: str = Field("unspecified", per_shot=True, description="YUV matrix, instead of the file's tag")
        range: Literal["unspecified", "limited", "full"] = Field(
            "unspecified", per_shot=True, description="code range, instead of the file's tag"
        )
        rate: str | None = Field(
            None, per_shot=True, unit="fps", description="frame rate such as 24000/1001, instead of the file's"
        )
        timecode: str | None = Field(
            None, per_shot=True, description="timecode of the first frame such as 01:00:00:00, instead of the file's"
        )

    @classmethod
    def source(cls, params: Params, ctx: QueryContext, *, known: object = None) -> "FrameSource":
        """The footage, opened; nothing is decoded yet."""
        # libav and OpenImageIO load when footage is opened, not when nodes are listed.
        from shotgraph.io.sources import open_source

        return open_source(
            params.file,
            first_frame=ctx.shot.first_frame if params.first_frame is None else params.first_frame,
            stream=params.stream,
            holes=params.holes,
            corrupt=params.corrupt,
            colour=Colour(params.primaries, params.transfer, params.matrix, params.range),
            timecode=params.timecode,
            rate=None if params.rate is None else Rate.parse(params.rate),
            known=known,
        )

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:
        """Header and files; refuses interlaced footage unless told how to take it."""
        with cls.source(params, ctx) as source:
            media = source.media
        order = media.info.field_order
        if order in _WOVEN and params.interlaced == "refuse":
            raise MediaError(
                f"{ctx.node}: {params.file} must be progressive, got field order {order}; deinterlace it first, or set "
                "interlaced: as_frames to process woven frames as they are"
            )
        return media

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:
        """The same footage for decoding, probed again only if its files changed."""
        return self.source(params, ctx, known=media.probed)
