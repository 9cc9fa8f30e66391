"""Where an object lies in a generated picture, told by its colour alone: for gates that know what was asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.vocabulary import RGB, GroundColour, ObjectColour

Floats = NDArray[np.float32]
# A texture takes a colour down to this share of itself; a little less, for what a VAE adds.
_DARKEST = 0.4
_LEAST_PX = 12


def seen_object(picture: Floats, colour: ObjectColour, ground: GroundColour) -> NDArray[np.bool_]:
    """(H, W): pixels whose colour is nearer to any shade of the object's than to any of the ground's.

    Args:
        picture: (H, W, 3) display values.
        colour: of the object.
        ground: of what lies behind it.

    Returns:
        True on the object.
    """
    return _distance(picture, colour) < _distance(picture, ground)


def centre_of(seen: NDArray[np.bool_]) -> tuple[float, float] | None:
    """(x, y) of the middle of what is seen, pixels; None when that is next to nothing."""
    y, x = np.nonzero(seen)
    return (float(x.mean()), float(y.mean())) if len(x) >= _LEAST_PX else None


def overlap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Intersection over union; 0 where both are empty."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 0.0


def _distance(picture: Floats, name: str) -> Floats:
    """(H, W): distance to the line from the darkest shade of a colour to the colour."""
    base = np.array(RGB[name], np.float32)
    share = np.clip(picture @ base / float(base @ base), _DARKEST, 1)
    return np.linalg.norm(picture - share[..., None] * base, axis=-1)
