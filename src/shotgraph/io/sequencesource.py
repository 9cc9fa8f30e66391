"""Read frames of an image sequence by number, as native planes."""

from __future__ import annotations

import bisect
from types import TracebackType
from typing import Self

import OpenImageIO as oiio

from shotgraph.api import FrameSet, Media, NativeFrame, PixelFormat, StreamInfo
from shotgraph.errors import FrameRangeError, MediaError, MediaMissingError
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.fills import CorruptPolicy, HolesPolicy, black_frame
from shotgraph.io.sequences import ImageSequence
from shotgraph.io.stills import StillHeader, read_header, read_planes


class SequenceSource:
    """An image sequence, opened for reading. Frames keep their numbers whatever the policy for holes.

    Attributes:
        info: header of its stream.
        clip: everything probing found.
        media: files, decoder and warnings, for keys and reports.
    """

    def __init__(
        self,
        clip: ClipInfo,
        sequence: ImageSequence,
        info: StreamInfo,
        *,
        holes: HolesPolicy = "error",
        corrupt: CorruptPolicy = "error",
    ) -> None:
        """Check for holes; no pixel is read before the first `read`.

        Args:
            clip: what `probe` said of the sequence.
            sequence: its files.
            info: ``clip.stream_info()``, with any overrides.
            holes: what a frame without a file becomes.
            corrupt: what a frame that does not decode becomes.

        Raises:
            MediaMissingError: there are holes and the policy is ``error``.
            MediaError: a file has no readable header and the policy is ``error``.
        """
        if sequence.missing and holes == "error":
            raise MediaMissingError(
                f"{sequence.pattern}: sequence must have every frame of {sequence.range}, got none for "
                f"{sequence.missing}; render them, or read it with holes: hold, black or skip"
            )
        if clip.unreadable and corrupt == "error":
            raise MediaError(f"{clip.warnings[0]}, or read it with corrupt: hold or black")
        self.info = info
        self.clip = clip
        self._sequence = sequence
        self._numbers = tuple(sequence.files)
        self._holes: HolesPolicy = holes
        self._corrupt: CorruptPolicy = corrupt
        self._first: StillHeader | None = None
        self._last: tuple[int, NativeFrame] | None = None
        self._damaged: set[int] = set()
        held = {} if holes == "black" else {frame: sequence.files[self._held(frame)] for frame in sequence.missing}
        video = clip.video()
        self.media = Media(
            info=info,
            files=tuple(sequence.files.values()),
            frame_files=dict(sorted({**sequence.files, **held}.items())),
            decoder=f"OpenImageIO {oiio.VERSION_STRING}, {video.codec}, holes={holes}, corrupt={corrupt}",
            warnings=clip.warnings,
            skipped=sequence.missing if holes == "skip" else FrameSet(),
        )

    @property
    def damaged(self) -> FrameSet:
        """Frames met so far that did not decode and were filled by the `corrupt` policy."""
        return FrameSet.of(self._damaged)

    def read(self, frame: int) -> NativeFrame:
        """The planes of the frame with that number; MediaError when it differs from the first in size or format.

        Args:
            frame: inside ``info.range``.

        Returns:
            A read-only frame.

        Raises:
            FrameRangeError: `frame` is outside.
            MediaError: its file is damaged and the policy is ``error``, or it differs from the first.
        """
        if frame not in self.info.range:
            raise FrameRangeError(f"{self.clip.path}: frame must be in {self.info.range}, got {frame}")
        if frame not in self._sequence.files:
            return self._black() if self._holes == "black" else self.read(self._held(frame))
        if self._last is not None and self._last[0] == frame:
            return self._last[1]
        try:
            picture = read_planes(self._sequence.files[frame], self._reference())
        except MediaError:
            if self._corrupt == "error":
                raise
            self._damaged.add(frame)
            picture = self._filled(frame)
        self._last = (frame, picture)
        return picture

    def close(self) -> None:
        """Forget the last picture; files are only open while they are read."""
        self._last = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reference(self) -> StillHeader:
        if self._first is None:
            intact = next(frame for frame in self._sequence.files if frame not in self.clip.unreadable)
            self._first = read_header(self._sequence.files[intact])
        return self._first

    def _held(self, frame: int) -> int:
        """The frame that stands in for a hole: the last one before it, or the first of all."""
        return self._numbers[max(bisect.bisect_left(self._numbers, frame) - 1, 0)]

    def _filled(self, frame: int) -> NativeFrame:
        """What the policy puts in the place of a damaged file."""
        if self._corrupt == "hold":
            place = bisect.bisect_left(self._numbers, frame)
            for other in (*reversed(self._numbers[:place]), *self._numbers[place + 1 :]):
                try:
                    return read_planes(self._sequence.files[other], self._reference())
                except MediaError:
                    continue
        return self._black()

    def _black(self) -> NativeFrame:
        video = self.clip.video()
        native = PixelFormat.parse(video.native_format)
        return black_frame(native, width=video.width, height=video.height, code_range=video.colour.range)
