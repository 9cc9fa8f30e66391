"""Read frames of a movie by number, as native planes."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.frame import VideoFrame

from shotgraph.api import FrameSet, Media, NativeFrame, PixelFormat, StreamInfo
from shotgraph.errors import FrameRangeError, MediaError
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.decoders import STRICT
from shotgraph.io.fills import CorruptPolicy, black_frame
from shotgraph.io.forward import DecodingFailed, ForwardPass, first_slot, start_for
from shotgraph.io.planes import native_from_av, planar_name

# Decoding this many frames that nobody wants is cheaper than seeking and filling the decoder's pipeline again.
_SEEK_BEYOND_FRAMES = 24


class AvSource:
    """A movie, opened for reading. Forward is cheap; going back seeks. Not to be shared between threads.

    Attributes:
        info: header of its stream.
        clip: everything probing found.
        media: file, decoder and warnings, for keys and reports.
    """

    def __init__(self, clip: ClipInfo, info: StreamInfo, *, corrupt: CorruptPolicy = "error") -> None:
        """Open lazily: nothing is decoded before the first `read`.

        Args:
            clip: what `probe` said of the file.
            info: ``clip.stream_info(...)``, with any overrides.
            corrupt: what a damaged frame becomes.
        """
        self.info = info
        self.clip = clip
        self._video = clip.video(info.media.stream if info.media else 0)
        self._corrupt: CorruptPolicy = corrupt
        self._pass: ForwardPass | None = None
        self._ahead: tuple[int, VideoFrame] | None = None
        self._last: tuple[int, NativeFrame] | None = None
        self._floor = 0
        self._threads = True
        self._damaged: set[int] = set()
        self.media = Media(
            info=info,
            files=(Path(clip.path),),
            decoder=(
                f"PyAV {av.__version__}, {self._video.codec}, stream {self._video.index}, "
                f"{', '.join(f'{key}={value}' for key, value in STRICT.items())}, corrupt={corrupt}"
            ),
            warnings=clip.warnings,
        )

    @property
    def damaged(self) -> FrameSet:
        """Frames met so far that did not decode and were filled by the `corrupt` policy."""
        return FrameSet.of(self._damaged)

    def read(self, frame: int) -> NativeFrame:
        """The planes of the frame with that shot number.

        MediaError when it is damaged and the policy is ``error``, or when it differs from the first in size or format.

        Args:
            frame: inside ``info.range``.

        Returns:
            A read-only frame, shared with whoever reads it again.

        Raises:
            FrameRangeError: `frame` is outside.
        """
        if frame not in self.info.range:
            raise FrameRangeError(f"{self.clip.path}: frame must be in {self.info.range}, got {frame}")
        slot = frame - self.info.first_frame
        if self._last is not None and self._last[0] == slot:
            return self._last[1]
        picture = self._picture(slot)
        if picture is None:
            picture = self._filled(slot)
            self._damaged.add(frame)
        self._last = (slot, picture)
        return picture

    def close(self) -> None:
        """Release file and decoder; safe to call twice."""
        if self._pass is not None:
            self._pass.close()
        self._pass = self._ahead = self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _picture(self, slot: int) -> NativeFrame | None:
        """The decoded picture of `slot`; None when it is lost."""
        frame = None
        try:
            frame = self._sought(slot)
        except DecodingFailed:
            self._threads = False
        if frame is None:
            # Lost, or only out of reach: threads report errors late, and some streams need more than one keyframe to
            # recover. One thread from a keyframe further back gives the same answer every time.
            self._threads = False
            earlier = start_for(self._video.timing, slot, earlier=1)
            current = self._pass
            if current is None or current.threads or current.start > earlier:
                self._restart(earlier)
                frame = self._sought(slot)
        return None if frame is None else self._checked(slot, frame)

    def _sought(self, slot: int) -> VideoFrame | None:
        """The picture of `slot` from the current pass, or from a new one where that is shorter."""
        current = self._pass
        start = start_for(self._video.timing, slot)
        behind = slot < self._floor
        far_ahead = first_slot(self._video.timing, start) > self._floor + _SEEK_BEYOND_FRAMES
        if current is None or behind or far_ahead:
            current = self._restart(start)
        while self._ahead is None or self._ahead[0] < slot:
            self._floor = current.position + 1
            self._ahead = current.next()
            if self._ahead is None:
                return None
        return self._ahead[1] if self._ahead[0] == slot else None

    def _restart(self, start: int) -> ForwardPass:
        if self._pass is not None:
            self._pass.close()
        timing = self._video.timing
        self._pass = ForwardPass(Path(self.clip.path), self._video.index, timing, start=start, threads=self._threads)
        self._ahead, self._floor = None, first_slot(timing, start)
        return self._pass

    def _checked(self, slot: int, frame: VideoFrame) -> NativeFrame:
        """The planes of `frame`, which must look like the stream's first."""
        found = (planar_name(frame.format.name), frame.width, frame.height)
        expected = (self._video.native_format, self._video.width, self._video.height)
        if found != expected:
            raise MediaError(
                f"{self.clip.path}: {self._named(slot)} must be {expected[0]} {expected[1]}x{expected[2]} like the first, "
                f"got {found[0]} {found[1]}x{found[2]}; split the movie where it changes"
            )
        return native_from_av(frame)

    def _named(self, slot: int) -> str:
        frame = self.info.first_frame + slot
        timecode = self.info.timecode_of(frame)
        return f"frame {frame}" + (f" (timecode {timecode})" if timecode is not None else "")

    def _filled(self, slot: int) -> NativeFrame:
        """What the policy puts in a lost slot."""
        if self._corrupt == "error":
            raise MediaError(
                f"{self.clip.path}: {self._named(slot)} must decode, got damaged data; "
                f"replace the file, or read it with corrupt: hold or black"
            )
        if self._corrupt == "hold":
            if self._last is not None and self._last[0] == slot - 1:
                return self._last[1]
            # Before the first intact frame there is nothing to hold; the first intact one stands in.
            for other in (*range(slot - 1, -1, -1), *range(slot + 1, self.info.count)):
                picture = self._picture(other)
                if picture is not None:
                    return picture
        native = PixelFormat.parse(self._video.native_format)
        return black_frame(
            native, width=self._video.width, height=self._video.height, code_range=self.info.colour.range
        )
