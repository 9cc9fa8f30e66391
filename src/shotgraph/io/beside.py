"""What a movie holds beside its picture: sound, subtitles and chapters."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from shotgraph.io.codecs import MUXERS, Container
from shotgraph.io.opening import opened, picture_streams

_COPIED = ("audio", "subtitle")
_DIGEST_BYTES = 16
# A mov_text sample of length 0: muxers put their own into every gap.
_EMPTY_TITLE = b"\0\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedStream:
    """One stream beside the picture.

    Attributes:
        index: in the source file.
        kind: audio or subtitle.
        codec: FFmpeg's name, e.g. ``pcm_s24le``.
        channels: of sound; 0 for subtitles.
        layout: of sound, e.g. ``5.1``; empty for subtitles.
        language: ISO 639-2 code; empty when the source says none.
        title: as tagged; empty when it is not.
        disposition: FFmpeg's flags (default, forced ...).
    """

    index: int
    kind: Literal["audio", "subtitle"]
    codec: str
    channels: int = 0
    layout: str = ""
    language: str = ""
    title: str = ""
    disposition: int = 0

    @property
    def is_pcm(self) -> bool:
        """Whether it is uncompressed sound."""
        return self.codec.startswith("pcm_")

    @property
    def lacks_layout(self) -> bool:
        """Whether more than two channels are only counted; one and two are taken as mono and stereo by everybody."""
        return self.channels > 2 and self.layout.endswith("channels")

    def __str__(self) -> str:
        """For messages: ``audio stream 1 (aac, stereo)``."""
        return f"{self.kind} stream {self.index} ({', '.join(part for part in (self.codec, self.layout) if part)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a source movie holds beside its picture.

    Attributes:
        path: the movie.
        streams: sound and subtitles, in file order.
        chapters: title of each chapter; may be empty.
        other_video: further video streams, which are never carried.
    """

    path: str
    streams: tuple[CarriedStream, ...] = ()
    chapters: tuple[str, ...] = ()
    other_video: int = 0


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _carried_stream(stream: Stream) -> CarriedStream:
    context: Any = stream.codec_context
    is_audio = stream.type == "audio"
    metadata = {key.casefold(): value for key, value in stream.metadata.items()}
    language = _text(metadata.get("language"))
    return CarriedStream(
        index=stream.index,
        kind="audio" if is_audio else "subtitle",
        codec=_text(context.name if context else "unknown"),
        channels=int(context.channels) if is_audio else 0,
        layout=_text(context.layout.name) if is_audio else "",
        # mp4 and mov cannot leave the language out: they say "undetermined".
        language="" if language == "und" else language,
        title=_text(metadata.get("title")),
        disposition=int(stream.disposition),
    )


def chapter_title(chapter: Any) -> str:
    """The title of one of PyAV's chapters; may be empty."""
    return str(chapter["metadata"].get("title", ""))


def survey(path: str | Path) -> Carried:
    """What the movie at `path` holds beside its picture; MediaError when it does not open."""
    with opened(Path(path)) as container:
        return Carried(
            path=str(path),
            streams=tuple(_carried_stream(item) for item in container.streams if item.type in _COPIED),
            chapters=tuple(map(chapter_title, container.chapters())),
            other_video=max(0, len(picture_streams(container)) - 1),
        )


def accepted_indexes(carried: Carried, container: Container) -> tuple[int, ...]:
    """Those streams of `carried` that the muxer of `container` takes, found by asking it as far as it tells."""
    # libav's own list of codecs per format leaves out decoder-only ones (PGS), so a throw-away muxer is asked instead.
    with opened(Path(carried.path)) as source, av.open(io.BytesIO(), "w", format=MUXERS[container]) as trial:
        muxer: Any = trial
        accepted: list[int] = []
        for stream in carried.streams:
            if container == "mp4" and stream.is_pcm and stream.lacks_layout:
                continue
            try:
                muxer.add_stream_from_template(source.streams[stream.index])
            except (ValueError, FFmpegError):
                continue
            accepted.append(stream.index)
        return tuple(accepted)


def packet_digest() -> Any:
    """A digest to be fed with the packets of one stream."""
    return hashlib.blake2b(digest_size=_DIGEST_BYTES)


def stream_digests(path: str | Path) -> tuple[str, ...]:
    """``b2:<hex>`` of the packets of every sound and subtitle stream of a movie, in file order.

    The bytes of a stream are taken as one run: muxers cut PCM into packets of their own choice.
    """
    with opened(Path(path)) as container:
        streams = [item for item in container.streams if item.type in _COPIED]
        hashes = {item.index: packet_digest() for item in streams}
        if streams:
            for packet in container.demux(streams):
                hashes[packet.stream.index].update(payload(packet))
        return tuple(f"b2:{hashes[item.index].hexdigest()}" for item in streams)


def payload(packet: Packet[Any]) -> bytes:
    """The bytes of a packet; none for the empty title by which mov and mp4 say that nothing is shown for a while."""
    data = bytes(packet)
    return b"" if data == _EMPTY_TITLE and packet.stream.type == "subtitle" else data
