"""Pictures of results: a strip of frames for a row, and contact sheets that put strips of one clip and edit below each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import OutputError
from shotgraph.stage.bench.methods import Frames

Coded = NDArray[np.uint8]

_MOST_FRAMES = 8
_LABEL_HEIGHT_PX, _GAP_PX = 16, 2
_INK, _PAPER = (30, 30, 30), 245


def strip(frames: Frames) -> Coded:
    """(H, W', 3): up to eight frames side by side, evenly spread over the clip.

    Args:
        frames: (T, H, W, 3) display values.

    Returns:
        8-bit RGB.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(_MOST_FRAMES, len(frames))).round().astype(int))
    coded = np.rint(np.clip(frames[chosen], 0, 1) * 255).astype(np.uint8)
    return np.concatenate(list(coded), axis=1)


def write_png(path: Path, picture: Coded) -> None:
    """Write RGB; a reader sees the whole file or none.

    Args:
        path: its folder is made.
        picture: (H, W, 3).

    Raises:
        OutputError: it cannot be encoded.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise OutputError(f"bench: {path} must be written as PNG, got a picture of {picture.shape} that cannot be")
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data.tobytes())
    part.replace(path)


def read_png(path: Path) -> Coded:
    """RGB of a file that `write_png` wrote; `OutputError` when it is gone or damaged."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise OutputError(f"bench: {path} must be a picture of an earlier run, got none; run in a fresh --out")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def sheet(strips: Sequence[tuple[str, Coded]]) -> Coded:
    """Strips below each other, each under its label.

    Args:
        strips: (label, picture); all of one height, at least one.

    Returns:
        8-bit RGB.
    """
    width = max(picture.shape[1] for _, picture in strips)
    bands: list[Coded] = []
    for label, picture in strips:
        band = np.full((_LABEL_HEIGHT_PX + picture.shape[0] + _GAP_PX, width, 3), _PAPER, np.uint8)
        # OpenCV draws ASCII only; names of methods are, what else there may be becomes a question mark.
        text = label.encode("ascii", "replace").decode()
        cv2.putText(band, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, _INK, 1, cv2.LINE_AA)
        band[_LABEL_HEIGHT_PX : _LABEL_HEIGHT_PX + picture.shape[0], : picture.shape[1]] = picture
        bands.append(band)
    return np.concatenate(bands, axis=0)
