"""Flicker in the frame of an object: what changes where the object itself does not.

No published source: the stage knows where every point of an object lies in every frame.
"""

from __future__ import annotations

import numpy as np

from shotgraph.maths.warp import sample
from shotgraph.metrics.arrays import Bools, Doubles, Floats, require_mask, require_shape, require_some


def object_colours(frames: Floats, places: Floats) -> Doubles:
    """(T, N, C): the colour of every point of an object in every frame, cubic.

    Args:
        frames: (T, H, W, C) in [0, 1].
        places: (T, N, 2) where the points lie, px, x then y.

    Returns:
        Colours.
    """
    require_shape(frames, ("T", "H", "W", "C"), who="flicker", name="frames")
    require_shape(places, (len(frames), "N", 2), who="flicker", name="places")
    read = [
        sample(np.ascontiguousarray(frame, np.float32), place.astype(np.float32))
        for frame, place in zip(frames, places, strict=True)
    ]
    return np.stack(read).astype(np.float64)


def object_flicker(frames: Floats, places: Floats, seen: Bools) -> float:
    """Standard deviation over time of the colour of each point of an object, mean over points and channels.

    Args:
        frames: (T, H, W, C) in [0, 1].
        places: (T, N, 2) where the points lie, px, x then y.
        seen: (T, N), where each is in sight; a point counts when it is for at least two frames.

    Returns:
        Display values, 0 at best.
    """
    colours = object_colours(frames, places)
    require_mask(seen, places.shape[:2], who="flicker", name="seen")
    counts = seen.sum(axis=0)
    counted = counts >= 2
    require_some(counted, who="flicker", name="a point seen in two frames")
    weights, values = seen[:, counted, None], np.nan_to_num(colours[:, counted])
    means = (values * weights).sum(axis=0) / counts[counted, None]
    variances = (np.square(values - means) * weights).sum(axis=0) / counts[counted, None]
    return float(np.sqrt(variances).mean())
