"""Opening a movie for reading, with libav's errors turned into ours."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from shotgraph.errors import MediaError, MediaMissingError
from shotgraph.io.libav import captured_errors

# libav's readers of files that only name other files.
_PLAYLISTS = {"concat", "hls", "applehttp", "dash", "imf", "sdp", "image2", "webm_dash_manifest"}


def _checked(path: Path) -> None:
    """Refuse what is no readable file before libav sees it: its messages name no cure."""
    if path.is_dir():
        raise MediaError(
            f"{path}: media must be a movie file, got a folder; name a file in it, or a sequence such as name.####.exr"
        )
    if not path.exists():
        raise MediaMissingError(
            f"{path}: media must exist, got nothing there; check the path and that the disk is mounted"
        )
    if path.stat().st_size == 0:
        raise MediaError(f"{path}: media must hold data, got an empty file; copy or export it again")


def _reason(path: Path, log: str, error: Exception) -> str:
    if "moov atom not found" in log:
        return (
            f"{path}: movie must have its index (moov), got a file cut short or none at all; copy it again, or record with "
            f"hybrid_fragmented so that a crash keeps it readable"
        )
    detail = f" ({log})" if log else ""
    return f"{path}: media must be a movie that libav can read, got {error}{detail}; check the file or export it again"


@contextmanager
def opened(path: Path) -> Generator[InputContainer]:
    """An open container; copy what you need before the block ends.

    Args:
        path: a movie file.

    Yields:
        InputContainer: reading from its start.

    Raises:
        MediaError: it is a folder, empty, cut short or no movie.
    """
    _checked(path)
    with captured_errors() as log:
        try:
            # The "file:" prefix keeps a colon in a name from being read as a protocol; the whitelist keeps playlists
            # inside media from opening anything else.
            container = av.open(
                f"file:{path.absolute()}", "r", options={"protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except (FFmpegError, OSError) as error:
            raise MediaError(_reason(path, str(log), error)) from error
    with container:
        if _PLAYLISTS & set(container.format.name.split(",")):
            # Its digest says nothing of the files behind it: one of them could change and every kept result would stay.
            raise MediaError(
                f"{path}: media must be a movie itself, got a playlist ({container.format.name}); name the movies in it"
            )
        yield container


def picture_streams(container: InputContainer) -> list[VideoStream]:
    """The streams of moving pictures, which "video stream n" counts everywhere; a cover image is none."""
    return [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
