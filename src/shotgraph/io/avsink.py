"""Writing a movie: pictures through an encoder, sound copied, every tag set.

Nothing appears under the final name until the file was reopened and found right: until then it is ``<name>.part``. A run
that fails or is aborted removes that; one whose finished file differs from the plan leaves it for inspection.
Fragmented movies would survive a crash, but hybrid ones lose their edit list: pictures of H.264 with B-frames then start late
against the sound. A crashed render resumes from the cache instead.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame

from shotgraph.api import NativeFrame, WrittenOutput
from shotgraph.digests import file_key
from shotgraph.errors import MediaError, OutputError, ShapeError, ShotgraphError, UsageError, VerifyError
from shotgraph.io.carry import CarryReport, PacketCarrier
from shotgraph.io.codecs import MUXERS, encoder_options, fits_blocks
from shotgraph.io.fitting import PictureFitter
from shotgraph.io.libav import captured_errors
from shotgraph.io.movietags import container_tags, muxer_options, stream_tags
from shotgraph.io.outputs import OutputPlan
from shotgraph.io.planes import av_name, native_to_av
from shotgraph.io.settling import refuse_existing, settle
from shotgraph.io.tags import apply_colour, field_order_number
from shotgraph.io.verify import Expectation, require, verify

# AV_CODEC_FLAG_INTERLACED_DCT and _ME: without them encoders treat both fields as one picture.
_INTERLACED_FLAGS = (1 << 18) | (1 << 29)
_TOP_FIRST = {"tt": True, "bt": True, "bb": False, "tb": False}
# FFV1 takes RGB of 8 bits in packed form only.
_PACKED = {"gbrp": "bgr0", "gbrap": "bgra"}
# FFV1 encodes slices in parallel; by itself it makes four. Smaller and odd pictures cannot be cut into sixteen.
_MANY_SLICES_PX = 64
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class AvSink:
    """An `api.Writer` of one movie."""

    def __init__(self, plan: OutputPlan) -> None:
        """Create the ``.part`` file and write its header: OutputError when the muxer refuses a tag or the disk the file."""
        if plan.format is None:
            raise OutputError(f"{plan.path}: a movie must hold pictures, got {plan.info.kind}; write it to .exr")
        refuse_existing(plan.path, force=plan.settings.force)
        self._plan = plan
        self._format = plan.format
        self._part = plan.path.with_name(f"{plan.path.name}.part")
        self._fitter = PictureFitter.between(plan.info, plan.written, plan.format)
        self._written = 0
        self._carrier: PacketCarrier | None = None
        self._container: Any = None
        with self._guarded("the header"):
            self._open()

    def done(self, frame: int, key: str) -> bool:  # noqa: ARG002
        """No: a movie is written as a whole."""
        return False

    def write(self, frame: int, value: Any, key: str) -> None:  # noqa: ARG002
        """Encode one frame; frames come in order and without holes.

        Args:
            frame: its number.
            value: a frame of the stream's kind and size.
            key: not used, since a movie is written as a whole.

        Raises:
            ShapeError: another size than the stream's, or not a frame of its kind.
            OutputError: out of order, disk full, or the encoder failed.
        """
        expected = self._plan.info.first_frame + self._written
        if frame != expected or self._written >= self._plan.info.count:
            raise OutputError(
                f"{self._plan.path}: frame must be {expected} of {self._plan.info.range}, got {frame}; "
                f"write frames in order, each once"
            )
        try:
            native = self._fitter.fit(value)
        except ShapeError as error:
            raise ShapeError(f"{self._plan.path}: frame {frame}: {error}") from error
        with self._guarded(f"frame {frame}"):
            self._encode(self._picture(native))
        self._written += 1

    def finish(self) -> WrittenOutput:
        """Write the trailer, reopen the file, compare it, and give it its final name.

        Returns:
            The checks say what was compared.

        Raises:
            OutputError: frames are missing, or the disk is full.
            VerifyError: the reopened file differs from what was planned; it stays as ``.part`` for inspection.
        """
        plan = self._plan
        if self._written != plan.info.count:
            self.abort()
            raise OutputError(
                f"{plan.path}: {plan.info.count} frames must be written, got {self._written}; "
                f"the run stopped before its last frame"
            )
        with self._guarded("the trailer"):
            copied = self._close()
        try:
            checks = verify(self._part, Expectation.of_plan(plan, copied))
            require(checks, self._part)
        except (VerifyError, MediaError) as error:
            raise VerifyError(f"{plan.path}: {error}") from error
        refuse_existing(plan.path, force=plan.settings.force)
        # Before the final name: a kill between the name and the caller's record of it would leave a file that is nobody's.
        size, digest = self._part.stat().st_size, file_key(self._part)
        with self._guarded("the final name"):
            settle(self._part, plan.path)
        offsets = tuple(
            f"sound {index} starts: {float(late):.6f} s after the picture" for index, late in copied.offsets
        )
        return WrittenOutput(
            path=str(plan.path),
            frames=self._written,
            bytes=size,
            digest=digest,
            checks=(*(str(check) for check in checks), *offsets),
        )

    def abort(self) -> None:
        """Close and remove the ``.part`` file; safe at any time and more than once."""
        container, self._container = self._container, None
        if self._carrier is not None:
            self._carrier.close()
        if container is None:
            return
        # The trailer of an aborted file may fail for the reason that aborted it.
        with contextlib.suppress(FFmpegError, OSError, ValueError), captured_errors():
            container.close()
        # Nor may a file that cannot even be named hide why.
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _open(self) -> None:
        plan = self._plan
        self._part.parent.mkdir(parents=True, exist_ok=True)
        muxer = MUXERS[plan.container]
        if plan.carry is not None:
            self._carrier = PacketCarrier(plan.carry)
        with captured_errors() as log:
            self._container = av.open(
                f"file:{self._part.absolute()}",
                "w",
                format=muxer,
                container_options=muxer_options(plan.written, plan.container),
            )
            self._stream = self._add_picture_stream()
            if self._carrier is not None:
                self._carrier.add_streams(self._container)
            self._container.metadata.update(container_tags(plan.written, plan.container))
            self._container.start_encoding()
        # What the encoder did not know is still there after it opened.
        if unknown := ", ".join(self._stream.codec_context.options):
            raise UsageError(f"{plan.path}: options must be options of {plan.codec.encoder}, got {unknown}")
        # A timecode that the muxer dislikes leaves a line in the log and no other trace.
        if log:
            raise ValueError(str(log))

    def _add_picture_stream(self) -> Any:
        plan = self._plan
        written = plan.written
        stream = self._container.add_stream(plan.codec.encoder, rate=written.rate.fps, options=self._encoder_options())
        context = stream.codec_context
        context.width, context.height = written.width, written.height
        context.pix_fmt = _encoder_format(plan.codec.encoder, self._format.name, av_name(self._format))
        context.thread_count = plan.settings.threads
        # PyAV's default is slices only, which makes x264 cut each picture and compress worse than ffmpeg does.
        context.thread_type = "AUTO"
        apply_colour(written.colour, context)
        if written.sar != 1:
            context.sample_aspect_ratio = written.sar
        if written.rotation:
            stream.set_display_rotation(written.rotation)
        if written.field_order != "unknown":
            context.field_order = field_order_number(written.field_order)
        if written.field_order in _TOP_FIRST:
            context.flags |= _INTERLACED_FLAGS
        if written.pts is not None:
            context.time_base = written.time_base
            stream.time_base = written.time_base
        stream.metadata.update(stream_tags(written, plan.container, with_timecode="timecode" not in plan.lost))
        return stream

    def _encoder_options(self) -> dict[str, str]:
        plan = self._plan
        options = encoder_options(plan.codec, plan.settings)
        if plan.codec.encoder == "libx264":
            params = list(plan.hdr.x264_params)
            if plan.written.field_order in _TOP_FIRST:
                params.append("tff=1" if _TOP_FIRST[plan.written.field_order] else "bff=1")
            params += [options["x264-params"]] if "x264-params" in options else []
            if params:
                options["x264-params"] = ":".join(params)
        large = min(plan.info.width, plan.info.height) >= _MANY_SLICES_PX
        if plan.codec.encoder == "ffv1" and large and fits_blocks(self._format, plan.info):
            options.setdefault("slices", "16")
        return options

    def _picture(self, native: NativeFrame) -> VideoFrame:
        context = self._stream.codec_context
        picture = _packed(native, context.pix_fmt) if context.pix_fmt in _PACKED.values() else native_to_av(native)
        written = self._plan.written
        if written.pts is not None and written.time_base is not None:
            picture.pts, picture.time_base = written.pts[self._written], written.time_base
        else:
            picture.pts, picture.time_base = self._written, 1 / written.rate.fps
        apply_colour(written.colour, picture)
        if (picture.width, picture.height, picture.format.name) != (context.width, context.height, context.pix_fmt):
            # libav would scale and convert it without a word, with BT.601 whatever the tags say.
            raise ValueError(
                f"{picture.format.name} {picture.width}x{picture.height} is not what the encoder was opened for"
            )
        return picture

    def _encode(self, picture: VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            seconds = (packet.dts if packet.dts is not None else 0) * packet.time_base
            if self._carrier is not None:
                self._carrier.copy_until(seconds)
            self._container.mux_one(packet)

    def _close(self) -> CarryReport:
        self._encode(None)
        report = CarryReport(digests=())
        if self._carrier is not None:
            report = self._carrier.finish()
            self._carrier.close()
        with captured_errors() as log:
            self._container.close()
        if log:
            raise ValueError(str(log))
        self._container = None
        return report

    @contextmanager
    def _guarded(self, what: str) -> Generator[None]:
        """Turn libav's errors into ours, and leave no half file behind."""
        try:
            yield
        except ShotgraphError:
            self.abort()
            raise
        except (FFmpegError, OSError, ValueError) as error:
            self.abort()
            full = getattr(error, "errno", None) in _FULL_DISK
            cure = (
                f"free space on the disk of {self._part.parent}" if full else "check the codec options and the folder"
            )
            raise OutputError(f"{self._plan.path}: {what} must be written, got {error}; {cure}") from error


def _encoder_format(encoder: str, native: str, planar: str) -> str:
    return _PACKED.get(native, planar) if encoder == "ffv1" else planar


def _packed(native: NativeFrame, name: str) -> VideoFrame:
    """A picture of 8-bit B, G, R and alpha side by side."""
    width, height = native.size
    picture = VideoFrame(width, height, name)
    plane: Any = picture.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, : 4 * width].reshape(height, width, 4)
    green, blue, red, *alpha = native.planes
    for channel, samples in enumerate((blue, green, red, *alpha)):
        pixels[..., channel] = samples
    return picture
