"""Named channels of an image sequence by frame number: the passes of a renderer, beside the plate they belong to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import OpenImageIO as oiio
from numpy.typing import NDArray

from shotgraph.api import Colour, FrameRange, Media, Rate, StreamInfo
from shotgraph.errors import FrameRangeError, MediaError, MediaMissingError
from shotgraph.io.channels import channel_names, read_channels, read_numbers
from shotgraph.io.clipinfo import ClipInfo
from shotgraph.io.probed import Probed, look_at_channels
from shotgraph.io.sequences import ImageSequence, find_sequence, is_sequence

Planes = tuple[NDArray[Any], ...]
# The names in the first file -> those to be read.
Choice = Callable[[tuple[str, ...]], tuple[str, ...]]

# A record of a pair of frames is made of two files, each of which belongs to two pairs.
_REMEMBERED_FRAMES = 2


class ChannelSource:
    """Channels of an image sequence, opened for reading.

    Attributes:
        info: header of its stream, whose colour means nothing.
        clip: everything probing found.
        channels: names of what is read, in order.
        media: files, decoder and warnings, for keys and reports; frame by frame the file alone.
    """

    def __init__(self, probed: Probed, sequence: ImageSequence, channels: tuple[str, ...]) -> None:
        """MediaError when a file has no readable header or lacks a channel; no pixel is read before the first `read`."""
        if probed.clip.unreadable:
            raise MediaError(probed.clip.warnings[0])
        self.clip: ClipInfo = probed.clip
        self.channels = channels
        self.info: StreamInfo = replace(probed.clip.stream_info(), colour=Colour(), alpha="none")
        self._sequence = sequence
        self._recent: OrderedDict[int, Planes] = OrderedDict()
        self.media = Media(
            info=self.info,
            files=tuple(sequence.files.values()),
            frame_files=sequence.files,
            decoder=f"OpenImageIO {oiio.VERSION_STRING}, {probed.clip.video().codec}, {', '.join(channels)}",
            warnings=probed.clip.warnings,
            probed=probed,
        )

    def file(self, frame: int) -> Path:
        """The file of `frame`; `FrameRangeError` outside the range."""
        if frame not in self._sequence.files:
            raise FrameRangeError(f"{self._sequence.pattern}: frame must be in {self._sequence.range}, got {frame}")
        return self._sequence.files[frame]

    def read(self, frame: int) -> Planes:
        """The channels of the frame with that number.

        Args:
            frame: inside ``info.range``.

        Returns:
            (H, W) of each channel, read-only: float32 of half and float, integers as stored.

        Raises:
            MediaError: its file is damaged, or of another size than the first.
        """
        path = self.file(frame)
        if frame not in self._recent:
            planes = read_channels(path, self.channels)
            size = (self.info.height, self.info.width)
            if any(plane.shape != size for plane in planes):
                found = " and ".join(sorted({f"{plane.shape[1]}x{plane.shape[0]}" for plane in planes}))
                raise MediaError(
                    f"{path}: image must be {size[1]}x{size[0]} like the first, got {found}; render it again"
                )
            self._recent[frame] = planes
            while len(self._recent) > _REMEMBERED_FRAMES:
                self._recent.popitem(last=False)
        return self._recent[frame]

    def numbers(self, frame: int, names: Sequence[str]) -> tuple[float | None, ...]:
        """Attributes of a frame's file that are one number each; None for one that it does not state."""
        return read_numbers(self.file(frame), names)

    def close(self) -> None:
        """Forget the last planes; files are only open while they are read."""
        self._recent.clear()


def open_channels(
    path: str | Path,
    choose: Choice,
    *,
    offset: int = 0,
    frames: FrameRange | None = None,
    rate: Rate | None = None,
    known: object = None,
) -> ChannelSource:
    """Open a sequence of images for their named channels.

    MediaMissingError when a frame has no file, MediaError also when a file cannot be read or lacks a channel.

    Args:
        path: a pattern such as ``flow.####.exr``, or one image of a sequence.
        choose: says which of the channels of the first file every file is read for.
        offset: added to the numbers of the files.
        frames: which frames there must be; those that have files when left out. Files of others are not touched.
        rate: frames per second, instead of the files'.
        known: ``media.probed`` of an earlier opening, so that unchanged files are not probed again.

    Returns:
        A source that decodes nothing before its first `read`.

    Raises:
        MediaError: `path` is no sequence of images.
    """
    if not is_sequence(path):
        raise MediaError(
            f"{path}: passes must be images, got what is read as a movie; name a sequence such as z.####.exr"
        )
    sequence = _renumbered(find_sequence(path), offset, frames)
    channels = choose(channel_names(next(iter(sequence.files.values()))))
    return ChannelSource(look_at_channels(sequence, channels, rate=rate, known=known), sequence, channels)


def _renumbered(found: ImageSequence, offset: int, frames: FrameRange | None) -> ImageSequence:
    """The files of `frames`, all of them there, under the numbers that `offset` gives them."""
    there = FrameRange(found.range.first + offset, found.range.last + offset)
    bounds = there if frames is None else frames
    files = {number + offset: file for number, file in found.files.items() if number + offset in bounds}
    sequence = ImageSequence(found.pattern, files, bounds)
    if sequence.missing:
        raise MediaMissingError(
            f"{found.pattern}: passes must have every frame of {bounds}, got none for {sequence.missing} where files are "
            f"numbered {found.frames}; render them, or set offset to what has to be added to their numbers (now {offset})"
        )
    return sequence
