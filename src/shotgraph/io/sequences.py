"""Image sequences on disk: which files a pattern means, and which frames are not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fileseq.constants import PAD_STYLE_HASH1
from fileseq.filesequence import FileSequence

from shotgraph.api import FrameRange, FrameSet
from shotgraph.errors import MediaError, MediaMissingError

# What OpenImageIO reads for us; everything else is opened as a movie.
IMAGE_SUFFIXES = frozenset(
    (".exr", ".png", ".dpx", ".tif", ".tiff", ".jpg", ".jpeg", ".tga", ".bmp", ".hdr", ".cin", ".sgi", ".webp", ".jp2")
)
_PADDING = re.compile(r"#|@|%\d*d|\$F\d*")
# A frame number stands between a dot or underscore and the extension; `plate_v02.png` is a version, not frame 2.
_MEMBER = re.compile(r"(?P<base>(?:.*[._])?)(?P<frame>-?\d+)(?P<extension>\.\w+)")


@dataclass(frozen=True, slots=True)
class ImageSequence:
    """The files of a sequence.

    Attributes:
        pattern: the folder and name with ``####``, one mark a digit; the file's own name for a still.
        files: frame number to file, ascending; never empty.
        range: from the first frame to the last, on disk or as the pattern asks.
    """

    pattern: str
    files: Mapping[int, Path]
    range: FrameRange

    @property
    def frames(self) -> FrameSet:
        """The frames that have a file."""
        return FrameSet.of(self.files)

    @property
    def missing(self) -> FrameSet:
        """The frames of `range` that have none."""
        return FrameSet((self.range,)) - self.frames


def is_sequence(path: str | Path) -> bool:
    """Whether `path` names images (one, or a pattern) rather than a movie."""
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def find_sequence(path: str | Path, *, still_frame: int = 1001) -> ImageSequence:
    """The sequence that `path` means, as it is on disk.

    Args:
        path: a pattern (``####``, ``@@@@``, ``%04d``, ``$F4``, with a range such as ``1001-1010#`` if wanted), or one
            member, which stands for all of them.
        still_frame: number of an image whose name holds none.

    Returns:
        At least one file.

    Raises:
        MediaMissingError: nothing on disk matches.
        MediaError: `path` is a folder, or two files are the same frame.
    """
    path = Path(path)
    if path.is_dir():
        raise MediaError(f"{path}: media must be a sequence, got a folder; name one, such as {path}/name.####.exr")
    member = _MEMBER.fullmatch(path.name)
    if member is not None and not _PADDING.search(path.name):
        base, digits, extension = member["base"], member["frame"], member["extension"]
        return _listed(path.parent, base, len(digits.lstrip("-")), extension, None, asked=path)
    if not _PADDING.search(path.name):
        if not path.is_file():
            raise MediaMissingError(f"{path}: media must exist, got nothing there; check the path")
        return ImageSequence(str(path), {still_frame: path}, FrameRange(still_frame, still_frame))
    sequence = FileSequence(path.name, pad_style=PAD_STYLE_HASH1)
    wanted = sequence.frameSet()
    numbers = None if wanted is None else frozenset(int(frame) for frame in wanted)
    return _listed(path.parent, sequence.basename(), sequence.zfill(), sequence.extension(), numbers, asked=path)


def _listed(
    folder: Path, base: str, width: int, extension: str, wanted: frozenset[int] | None, *, asked: Path
) -> ImageSequence:
    """The files in `folder` called base + number + extension, numbers zero-filled to `width`."""
    name = re.compile(rf"{re.escape(base)}(?P<sign>-?)(?P<digits>\d+){re.escape(extension)}")
    files: dict[int, Path] = {}
    for entry in folder.iterdir() if folder.is_dir() else ():
        match = name.fullmatch(entry.name)
        if match is None or not _padded(match["digits"], width - bool(match["sign"]), width):
            continue
        frame = int(match["sign"] + match["digits"])
        if wanted is not None and frame not in wanted:
            continue
        if frame in files:
            raise MediaError(
                f"{asked}: each frame must be one file, got {files[frame].name} and {entry.name}; remove one of them"
            )
        files[frame] = entry
    if not files:
        frames = f" with frames {FrameSet.of(wanted)}" if wanted is not None else ""
        raise MediaMissingError(f"{asked}: sequence must have a file on disk, got none{frames}; check name and padding")
    numbers = files.keys() if wanted is None else wanted
    pattern = str(folder / f"{base}{'#' * max(width, 1)}{extension}")
    return ImageSequence(pattern, dict(sorted(files.items())), FrameRange(min(numbers), max(numbers)))


def _padded(digits: str, negative_width: int, width: int) -> bool:
    """Whether `digits` is a number filled to the width, counting a sign or not: tools differ in that."""
    return len(digits) in (width, negative_width) or (len(digits) > width and digits[0] != "0")
