"""How good a layered decomposition is: its map to the atlas, and what an edit through it touches.

No published source. A method is free to choose its atlas' place, scale, turn and shear, so an affine map is taken out first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shotgraph.errors import UsageError
from shotgraph.metrics.arrays import Bools, Doubles, Floats, require_mask, require_shape, require_some


@dataclass(frozen=True, slots=True)
class AtlasScores:
    """Errors of a map from frames to an atlas.

    Attributes:
        uv_error_px: root mean square of what the best affine map leaves, in px of the frame.
        fold_rate: share of the pixels at which the map turns over, in [0, 1].
    """

    uv_error_px: float
    fold_rate: float


def atlas_scores(uv: Floats, truth: Floats, layer: Bools, *, pixels_per_unit: float = 1.0) -> AtlasScores:
    """Errors of a predicted map after the best affine map onto the true one, one for the whole clip.

    Args:
        uv: (T, H, W, 2) predicted atlas coordinates, any unit.
        truth: (T, H, W, 2) coordinates on the true layer, not mirrored.
        layer: (T, H, W), where the layer is seen.
        pixels_per_unit: px of the frame to a unit of `truth`.

    Returns:
        Error and share of folds.

    Raises:
        UsageError: the layer is seen in fewer than 3 pixels.
    """
    require_shape(truth, ("T", "H", "W", 2), who="atlas", name="truth")
    require_shape(uv, truth.shape, who="atlas", name="uv")
    require_mask(layer, truth.shape[:3], who="atlas", name="layer")
    if int(layer.sum()) < 3:
        raise UsageError(
            f"atlas: layer must have at least 3 pixels to fit, got {int(layer.sum())}; measure another layer"
        )
    columns = np.concatenate((uv, np.ones_like(uv[..., :1])), axis=-1).astype(np.float64)
    fit, *_ = np.linalg.lstsq(columns[layer], truth[layer].astype(np.float64), rcond=None)
    fitted = columns @ fit
    residual = np.square(fitted - truth).sum(axis=-1)[layer]
    error = pixels_per_unit * float(np.sqrt(residual.mean()))
    return AtlasScores(error, _fold_rate(fitted, layer))


def _fold_rate(fitted: Doubles, layer: Bools) -> float:
    """Share of pixels with neighbours on the layer where the Jacobian's determinant is not positive."""
    along_x = fitted[:, :-1, 1:] - fitted[:, :-1, :-1]
    along_y = fitted[:, 1:, :-1] - fitted[:, :-1, :-1]
    determinant = along_x[..., 0] * along_y[..., 1] - along_x[..., 1] * along_y[..., 0]
    inside = layer[:, :-1, :-1] & layer[:, :-1, 1:] & layer[:, 1:, :-1]
    require_some(inside, who="atlas", name="layer with its neighbours")
    return float((determinant[inside] <= 0).mean())


def edit_leak(edited: Floats, source: Floats, support: Bools) -> float:
    """Mean absolute change outside of where an edit was meant to show.

    Args:
        edited: (T, H, W, C) in [0, 1].
        source: same shape.
        support: (T, H, W), where change is meant.

    Returns:
        Display values, 0 at best.
    """
    require_shape(source, ("T", "H", "W", "C"), who="atlas", name="source")
    require_shape(edited, source.shape, who="atlas", name="edited")
    require_mask(support, source.shape[:3], who="atlas", name="support")
    require_some(~support, who="atlas", name="the outside of the support")
    return float(np.abs(edited.astype(np.float64) - source)[~support].mean())
