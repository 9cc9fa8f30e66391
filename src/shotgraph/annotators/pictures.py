"""Pictures as networks take them."""

import numpy as np
import torch
from numpy.typing import NDArray

from shotgraph.maths.resize import fitted_size


def planes_of(pictures: NDArray[np.float32]) -> torch.Tensor:
    """(..., 3, H, W) in [0, 1] of (..., H, W, 3|4) display values, clamped."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.clip(pictures[..., :3], 0, 1), -1, -3)))


def seen_size(height: int, width: int, *, shorter_px: int, multiple_px: int) -> tuple[int, int]:
    """The size at which a network sees a picture.

    Args:
        height: of the picture, px.
        width: of it.
        shorter_px: its shorter side, as the network wants it.
        multiple_px: both sides are rounded to multiples of this.

    Returns:
        (height, width), the aspect kept but for the rounding; one multiple at least.
    """
    is_upright = width < height
    columns, rows = fitted_size(
        width,
        height,
        to_width=shorter_px if is_upright else None,
        to_height=None if is_upright else shorter_px,
        fit="inside",
        multiple_of=multiple_px,
    )
    return rows, columns
