"""Pictures out: a movie or a sequence of images, verified before it gets its name.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: that of the encoder; x264 at medium encodes about 25 frames a second at 1920x1080 on one thread. No GPU.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shotgraph.api import (
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
    FrameSet,
    Header,
    Params,
    Ports,
    QueryContext,
    Target,
    Writable,
    Writer,
)

if TYPE_CHECKING:
    from shotgraph.io.codecs import WriteSettings


def part_path(file: str, frames: FrameRange, *, whole: FrameRange, handles: int) -> Path:
    """Where `frames` go: a part of a movie gets a name of its own, so that it never replaces the whole.

    Args:
        file: the target's path.
        frames: to be written.
        whole: the shot with its handles.
        handles: frames at either end that outputs leave out.

    Returns:
        ``name.1010-1020.mov`` for a part of a movie, else `file`.
    """
    from shotgraph.io.sequences import is_sequence

    path = Path(file)
    is_whole = frames == FrameRange(whole.first + handles, whole.last - handles)
    if is_whole or is_sequence(path):
        return path
    return path.with_name(f"{path.stem}.{frames}{path.suffix}")


class Write(Target):
    """Writes frames with the header they come with: timecode, rate, colour tags, and the sound of `audio_from`."""

    id = "core.write"
    version = "1"

    class In(Ports):
        """What to write, and the stream whose movie gives sound, subtitles and chapters."""

        video: Writable
        audio_from: Header | None = None

    class Params(Params):
        """Where to, and how."""

        file: str = Field(
            ...,
            min_length=1,
            path="write",
            description="a .mov, .mp4 or .mkv, or a pattern such as {root}/out/{shot}_v{version:03d}.####.exr",
        )
        codec: str = Field(
            "",
            description="h264, h264_lossless, prores_proxy, prores_lt, prores_422, prores_hq, prores_4444, prores_4444xq, "
            "ffv1, exr or png; the extension's own when empty",
        )
        quality: int = Field(16, ge=0, le=51, description="h264: CRF, lower is better; 16 shows no difference")
        preset: str = Field("medium", description="h264: x264's speed preset")
        pixel_format: str = Field("", description="FFmpeg's name; empty takes the one that loses least")
        options: dict[str, str] = Field({}, description="further encoder options, passed on as they are")
        compression: Literal["none", "rle", "zip", "zips", "piz"] = Field(
            "zips", description="of EXR files, all lossless"
        )
        bit_depth: Literal[8, 16, 32] | None = Field(
            None, unit="bits", description="of images: 8 or 16 for PNG, 16 or 32 for EXR; empty loses nothing"
        )
        copy_audio: bool = Field(True, description="copy the packets of audio_from's sound, subtitles and chapters")
        strict: bool = Field(False, description="refuse whatever this file cannot keep, instead of warning")

    @classmethod
    def settings(cls, params: Params, *, strict: bool, force: bool, threads: int) -> "WriteSettings":
        """What io wants to know."""
        from shotgraph.io.codecs import WriteSettings

        return WriteSettings(
            codec=params.codec,
            quality=params.quality,
            preset=params.preset,
            pixel_format=params.pixel_format,
            options=params.options,
            compression=params.compression,
            bit_depth=params.bit_depth,
            threads=threads,
            keep_audio=params.copy_audio,
            force=force,
            strict=strict or params.strict,
        )

    @classmethod
    def expects(cls, frames: FrameRange, params: Params, ctx: QueryContext) -> ExpectedOutput:
        """Path, size and losses, from headers alone."""
        # Encoders load when something is written, not when nodes are listed.
        from shotgraph.io.sinks import expect_output

        settings = cls.settings(params, strict=ctx.strict, force=False, threads=0)
        info = ctx.headers["video"]
        path = part_path(params.file, frames, whole=info.range, handles=ctx.shot.handles)
        return expect_output(path, info.sliced(frames), settings, ctx.headers.get("audio_from"))

    @classmethod
    def frames_needed(cls, frame: int, params: Params, ctx: QueryContext) -> Mapping[str, Sequence[int]] | None:
        """The record before too for flow: in a file both layers lie on one frame's pixels, in a record on two frames'."""
        info = ctx.headers["video"]
        if info.kind != "flow":
            return None
        return {"video": (frame,) if frame == info.first_frame else (frame, frame - 1)}

    def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
        """A writer of exactly what was expected."""
        from shotgraph.io.sinks import open_sink

        frames = FrameSet.parse(expected.frames)
        info = ctx.headers["video"]
        settings = self.settings(params, strict=ctx.strict, force=ctx.force, threads=ctx.threads)
        bounds = frames.bounds or info.range
        return open_sink(expected.path, info.sliced(bounds), settings, ctx.headers.get("audio_from"), frames=frames)
