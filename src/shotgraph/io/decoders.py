"""The decoder of a video stream, where libav's default would lose something."""

from __future__ import annotations

import errno
from typing import Any, cast

import av
from av.error import InvalidDataError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shotgraph.io.ffv1 import is_damaged
from shotgraph.io.labels import sorted_tags, tag

# libav's own VP8 and VP9 decoders drop the alpha plane without a word; libvpx's give it.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# Decoders hide damage by default: H.264 guesses missing blocks, and what it guesses differs with the number of threads.
STRICT = {"err_detect": "crccheck+explode"}


def decoder_of(stream: VideoStream, *, threads: bool = True) -> VideoCodecContext:
    """A decoder for the packets of `stream` that keeps alpha.

    Args:
        stream: of an open container; nothing of it has been decoded.
        threads: decode several frames at once. Without, errors surface at the packet that causes them.

    Returns:
        A context that fails on damage instead of painting over it.
    """
    decoder = stream.codec_context
    if stream.codec.name in _WITH_ALPHA and tag(sorted_tags(stream.metadata), "alpha_mode") == "1":
        decoder = cast(VideoCodecContext, av.CodecContext.create(_WITH_ALPHA[stream.codec.name], "r"))
    decoder.thread_type = "AUTO" if threads else "NONE"
    decoder.options = STRICT
    return decoder


def is_flush(packet: Packet[VideoStream]) -> bool:
    """Whether `packet` is PyAV's end-of-file marker rather than a packet of the file."""
    return packet.size == 0 and packet.pts is None and packet.dts is None


def decode(decoder: VideoCodecContext, packet: Packet[VideoStream]) -> list[VideoFrame]:
    """The frames that `packet` completes; all that are left for the end-of-file marker. FFmpegError for a damaged packet."""
    if decoder.name == "ffv1" and decoder.extradata and packet.size and is_damaged(bytes(packet)):
        raise InvalidDataError(errno.EBADMSG, f"slice checksum mismatch in the picture at {packet.pts}")
    # PyAV's stub leaves the packet's type variable open.
    return cast(Any, decoder).decode(None if is_flush(packet) else packet)
