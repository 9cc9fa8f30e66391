"""Files that an artist painted: found by pattern, and refused where they are not of the shot they are for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shotgraph.api import StreamInfo
from shotgraph.errors import GraphError, MediaMissingError
from shotgraph.io.pictures import picture_size
from shotgraph.io.sequences import find_sequence


def find_paint(pattern: str, *, unnumbered: int) -> Mapping[int, Path]:
    """Number to file; none at all where nothing matches.

    Args:
        pattern: of file names, ``#`` the number.
        unnumbered: what an image is whose name holds no number.

    Returns:
        In the order of numbers.
    """
    try:
        return find_sequence(pattern, still_frame=unnumbered).files
    except MediaMissingError:
        return {}


def paint_of(pattern: str, video: StreamInfo, *, who: str) -> Mapping[int, Path]:
    """Painted frames of a plate.

    Args:
        pattern: of file names, numbered like the shot; an image without a number is its first frame.
        video: the plate.
        who: for messages.

    Returns:
        Frame to file; none at all where nothing matches.

    Raises:
        GraphError: paint lies outside the shot, or is of another size.
    """
    files = find_paint(pattern, unnumbered=video.range.first)
    if outside := [frame for frame in files if frame not in video.range]:
        raise GraphError(
            f"{who}: painted frames must lie in {video.range}, got {', '.join(map(str, outside))}; number paint like the "
            "shot (a movie starts at its first_frame, 1001 unless set)"
        )
    for frame, path in files.items():
        width, height = picture_size(path)
        if (width, height) != (video.width, video.height):
            raise GraphError(
                f"{who}: paint on frame {frame} must be {video.width}x{video.height} like the plate, got {width}x{height}; "
                "export the plate from this shot and paint over that"
            )
    return files
