"""One forward pass through a video stream: packets in, (slot, picture) out.

A slot is a frame's place in presentation order. It comes from the time stamp, so a packet that is lost leaves its own slot
empty and moves nobody else.
"""

from __future__ import annotations

import bisect
from collections.abc import Generator, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import cast

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shotgraph.errors import MediaError
from shotgraph.io.clipinfo import Timing
from shotgraph.io.decoders import decode, decoder_of
from shotgraph.io.opening import opened


class DecodingFailed(Exception):
    """A pass with threads met damage. It cannot say exactly which frames are lost; one without can."""


def start_for(timing: Timing, slot: int, *, earlier: int = 0) -> int:
    """The keyframe to decode from for `slot`.

    Args:
        timing: of the stream.
        slot: place in presentation order.
        earlier: keyframes to step back from the nearest one.

    Returns:
        An index into ``timing.keyframes``; -1 for the start of the file.
    """
    if timing.counted:
        return -1
    # Later frames of an open group may refer to nothing before its keyframe; earlier shown ones may. Hence "at or before".
    nearest = bisect.bisect_right(timing.keyframes, timing.pts[slot], key=lambda stamps: stamps[0]) - 1
    return max(nearest - earlier, -1) if nearest - earlier > 0 else -1


def first_slot(timing: Timing, start: int) -> int:
    """The first slot that decoding from keyframe `start` can give."""
    return 0 if start < 0 else bisect.bisect_left(timing.pts, timing.keyframes[start][0])


class _Damage:
    """Which pictures to distrust after a packet was lost: everything that may be predicted from it.

    Decoders go on and predict from whatever is at hand, which depends on where decoding began.

    Attributes:
        suspect: their time stamps.
    """

    def __init__(self) -> None:
        self.suspect: set[int | None] = set()
        self._lasting = False
        self._recovers_at: int | None = None

    def begin(self, packet: Packet[VideoStream]) -> None:
        """`packet` could not be decoded."""
        # Nothing is predicted from a disposable picture, and nothing says what is from one without a stamp.
        if packet.pts is None or packet.is_disposable:
            return
        self.suspect.add(packet.pts)
        self._lasting, self._recovers_at = True, None

    def watch(self, packet: Packet[VideoStream]) -> None:
        """`packet` is about to be decoded."""
        if not self._lasting or packet.pts is None:
            return
        if self._recovers_at is None and packet.is_keyframe:
            self._recovers_at = packet.pts
        # Pictures of the next group that are shown before its keyframe may still look back.
        if self._recovers_at is None or packet.pts < self._recovers_at:
            self.suspect.add(packet.pts)
        elif not packet.is_keyframe:
            self._lasting = False


class ForwardPass:
    """Decodes one stream from one starting point onwards.

    Args:
        path: the movie.
        stream: index of the stream in its container.
        timing: of the stream.
        start: keyframe to begin at; -1 for the start of the file.
        threads: decode several frames at once.

    Attributes:
        start: index of the keyframe it began at; -1 for the start of the file.
        threads: several frames are decoded at once.
        position: slot of the last picture handed out; before the first one, just before the first it can give.
    """

    def __init__(self, path: Path, stream: int, timing: Timing, *, start: int, threads: bool) -> None:
        self.start = start
        self.threads = threads
        self._timing = timing
        self._slots = {stamp: slot for slot, stamp in enumerate(timing.pts)}
        self.position = first_slot(timing, start) - 1
        self._path = path
        self._stack = ExitStack()
        self._frames = self._decoded(stream)

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._frames.close()
        self._stack.close()

    def next(self) -> tuple[int, VideoFrame] | None:
        """The next picture and its slot; None at the end. DecodingFailed when a pass with threads meets damage."""
        found = next(self._frames, None)
        if found is not None:
            if found[0] <= self.position:
                raise MediaError(
                    f"{self._path}: frames must be shown in the order of their time stamps, got frame {found[0]} after "
                    f"{self.position}; remux the file"
                )
            self.position = found[0]
        return found

    def _decoded(self, index: int) -> Generator[tuple[int, VideoFrame]]:
        container = self._stack.enter_context(opened(self._path))
        stream = cast(VideoStream, container.streams[index])
        decoder = decoder_of(stream, threads=self.threads)
        damage = _Damage()
        number = 0
        for packet in self._packets(container, stream):
            damage.watch(packet)
            try:
                frames = decode(decoder, packet)
            except FFmpegError as error:
                if self.threads:
                    raise DecodingFailed from error
                damage.begin(packet)
                number += self._timing.counted
                continue
            for frame in frames:
                slot = number if self._timing.counted else self._slots.get(frame.pts if frame.pts is not None else -1)
                number += 1
                if slot is not None and frame.pts not in damage.suspect:
                    yield slot, frame

    def _packets(self, container: InputContainer, stream: VideoStream) -> Generator[Packet[VideoStream]]:
        """The packets from the starting point on."""
        if self.start < 0:
            yield from container.demux(stream)
            return
        keyframe = self._timing.keyframes[self.start]
        found = False
        with suppress(FFmpegError):
            container.seek(keyframe[1], stream=stream, backward=True)
            found = yield from _from_keyframe(container.demux(stream), keyframe[0])
        if not found:
            # The container cannot seek there: walk to it.
            again = self._stack.enter_context(opened(self._path))
            yield from _from_keyframe(again.demux(cast(VideoStream, again.streams[stream.index])), keyframe[0])


def _from_keyframe(packets: Iterable[Packet[VideoStream]], pts: int) -> Generator[Packet[VideoStream], None, bool]:
    """The packets from the keyframe shown at `pts` on; returns whether it was there.

    Pictures shown before the keyframe but stored after it need what came before, so they are left out.
    """
    found = False
    for packet in packets:
        found = found or (packet.pts == pts and packet.is_keyframe)
        if found and (packet.pts is None or packet.pts >= pts):
            yield packet
    return found
