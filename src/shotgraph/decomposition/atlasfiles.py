"""Files that belong to atlases: one for every layer, numbered like it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shotgraph.errors import NodeError
from shotgraph.io.paintfiles import find_paint


def atlas_files(pattern: str) -> Mapping[int, Path]:
    """Layer to file; an image whose name holds no number is of layer 0. None at all where nothing matches."""
    return find_paint(pattern, unnumbered=0)


def files_of_layers(pattern: str, *, count: int, who: str) -> Mapping[int, Path]:
    """Layer to file.

    Args:
        pattern: of file names, ``#`` the layer; may be empty.
        count: how many layers there are.
        who: for messages.

    Returns:
        In the order of layers.

    Raises:
        NodeError: a file is of a layer that does not exist.
    """
    files = atlas_files(pattern) if pattern else {}
    unknown = [index for index in files if not 0 <= index < count]
    if unknown:
        raise NodeError(
            f"{who}: files must be of layers 0-{count - 1}, got {', '.join(map(str, unknown))}; number them as the atlases "
            "were exported"
        )
    return files
