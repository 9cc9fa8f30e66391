"""Sound, subtitles and chapters, copied from a source movie packet by packet, bit for bit.

Timecode tracks are not copied: the muxer writes a new one from the header. Chapter text tracks come back from the chapters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet

from shotgraph.errors import MediaError
from shotgraph.io.beside import chapter_title, packet_digest, payload
from shotgraph.io.codecs import Container
from shotgraph.io.languages import spelled
from shotgraph.io.opening import opened, picture_streams

# Facts about the old file that would be wrong in the new one.
_STALE_KEYS = ("encoder", "duration", "number_of_", "_statistics_", "bps")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A part of the source, in seconds from its first picture; the end is outside.

    Attributes:
        start: seconds, >= 0.
        end: seconds, > start.
    """

    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryPlan:
    """What is to be copied.

    Attributes:
        path: the source movie.
        container: where they go.
        indexes: its streams to copy.
        picture: number of the video stream that the pictures come from: their first one is time 0.
        cut: the part to copy; None copies all, also what is longer than the picture.
    """

    path: str
    container: Container
    indexes: tuple[int, ...]
    picture: int = 0
    cut: TimeRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryReport:
    """What was copied.

    Attributes:
        digests: of the packets of each copied stream, in output order.
        offsets: seconds by which cut sound starts after the first picture, by source stream: cuts fall on packets.
        chapters: title of each chapter; may be empty.
    """

    digests: tuple[str, ...]
    offsets: tuple[tuple[int, Fraction], ...] = ()
    chapters: tuple[str, ...] = ()


class PacketCarrier:
    """Copies packets of a source movie into an output that another writer fills with pictures.

    Call `add_streams` before the output's header, `copy_until` as pictures are muxed, `finish` at the end; `close` always.
    """

    def __init__(self, plan: CarryPlan) -> None:
        self._plan = plan
        self._open = ExitStack()
        self._source = self._open.enter_context(opened(Path(plan.path)))
        self._targets: dict[int, Any] = {}
        self._hashes: dict[int, Any] = {index: packet_digest() for index in plan.indexes}
        self._offsets: dict[int, Fraction] = {}
        self._output: Any = None
        self._chapters: tuple[str, ...] = ()
        self._origin = _picture_start(self._source, plan.picture) + (plan.cut.start if plan.cut else 0)
        self._packets: Iterator[Packet[Any]] = iter(())
        self._held: Packet[Any] | None = None

    def add_streams(self, output: Any) -> None:
        """Add the copied streams and the chapters to `output`, whose header is not written yet."""
        self._output = output
        for index in self._plan.indexes:
            source = self._source.streams[index]
            target = output.add_stream_from_template(source)
            for key, value in source.metadata.items():
                if not key.casefold().startswith(_STALE_KEYS):
                    target.metadata[key] = value
            language = spelled(str(source.language or ""), self._plan.container)
            if language:
                target.metadata["language"] = language
            target.disposition = source.disposition
            _settle_layout(target)
            self._targets[index] = target
        chapters = [item for item in map(self._moved_chapter, self._source.chapters()) if item is not None]
        self._chapters = tuple(map(chapter_title, chapters))
        if chapters:
            output.set_chapters(chapters)
        if self._targets:
            self._packets = self._source.demux([self._source.streams[index] for index in self._targets])

    def _moved_chapter(self, chapter: Any) -> Any:
        """`chapter` on the output's timeline, clipped to the cut; None when it lies outside."""
        tick = chapter["time_base"] or Fraction(1, 1000)
        first = chapter["start"] * tick - self._origin
        last = chapter["end"] * tick - self._origin
        cut = self._plan.cut
        if cut is not None:
            if last <= 0 or first >= cut.end - cut.start:
                return None
            first, last = max(first, Fraction(0)), min(last, cut.end - cut.start)
        return {**chapter, "start": round(first / tick), "end": round(last / tick), "time_base": tick}

    def copy_until(self, seconds: Fraction) -> None:
        """Mux every packet that starts at or before `seconds` on the output's timeline."""
        while (packet := self._next()) is not None:
            if self._begin(packet) > seconds:
                return
            self._held = None
            self._copy(packet)

    def finish(self) -> CarryReport:
        """Mux the rest, also beyond the last picture, and say what was copied."""
        while (packet := self._next()) is not None:
            self._held = None
            self._copy(packet)
        order = self._plan.indexes
        return CarryReport(
            digests=tuple(f"b2:{self._hashes[index].hexdigest()}" for index in order),
            offsets=tuple(sorted(self._offsets.items())),
            chapters=self._chapters,
        )

    def close(self) -> None:
        """Close the source; safe to call twice."""
        self._packets, self._held = iter(()), None
        self._open.close()

    def _next(self) -> Packet[Any] | None:
        """The next packet to copy, without taking it."""
        while self._held is None:
            packet = self._read()
            if packet is None:
                return None
            # A flush packet has no bytes and no time; a packet outside the cut is not ours.
            if packet.dts is not None and self._is_inside(packet):
                self._held = packet
        return self._held

    def _read(self) -> Packet[Any] | None:
        try:
            return next(self._packets, None)
        except FFmpegError as error:
            # Told apart from a fault of the output, which is being written at the same time.
            raise MediaError(
                f"{self._plan.path}: sound and subtitles must be readable to be copied, got {error}; copy the file again, "
                f"or set copy_audio: false"
            ) from error

    def _begin(self, packet: Packet[Any]) -> Fraction:
        stamp = packet.dts if packet.pts is None else packet.pts
        return (stamp or 0) * packet.time_base - self._origin

    def _is_inside(self, packet: Packet[Any]) -> bool:
        cut = self._plan.cut
        if cut is None:
            return True
        begin = self._begin(packet)
        if packet.stream.type == "subtitle":
            # A title that is on screen when the cut begins is shown for the rest of its time.
            late = -round(min(begin, Fraction(0)) / packet.time_base)
            if late and packet.pts is not None and (packet.duration or 0) > late:
                packet.pts = packet.dts = packet.pts + late
                packet.duration = (packet.duration or 0) - late
                begin = Fraction(0)
        # Sound that begins before the cut would have to be cut itself: the first whole packet inside starts it.
        return 0 <= begin < cut.end - cut.start

    def _copy(self, packet: Packet[Any]) -> None:
        index = packet.stream.index
        self._hashes[index].update(payload(packet))
        if self._plan.cut is not None and packet.stream.type == "audio":
            self._offsets.setdefault(index, self._begin(packet))
        shift = round(self._origin / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = self._targets[index]
        self._output.mux_one(packet)


def _settle_layout(stream: Any) -> None:
    """Name the layout of mono and stereo sound whose source only counts channels: mp4 refuses PCM without one."""
    if stream.type == "audio" and stream.codec_context.layout.name.endswith("channels"):
        guess = {1: "mono", 2: "stereo"}.get(stream.codec_context.layout.nb_channels)
        if guess is not None:
            stream.codec_context.layout = guess


def _picture_start(container: InputContainer, picture: int) -> Fraction:
    """When the first picture shows, on the file's timeline: pictures are rebased to 0, so sound must move with them."""
    for stream in picture_streams(container)[picture : picture + 1]:
        if stream.start_time is not None and stream.time_base is not None:
            return stream.start_time * stream.time_base
    return Fraction(0)
