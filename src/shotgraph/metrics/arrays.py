"""Array types of the metrics, and the one way in which arrays that do not fit are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import ShapeError, UsageError

Floats = NDArray[np.floating[Any]]
Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]
Bools = NDArray[np.bool_]


def require_shape(array: NDArray[Any], shape: tuple[int | str, ...], *, who: str, name: str) -> None:
    """Refuse `array` unless it has `shape`.

    Args:
        array: what was given.
        shape: a length per axis; a letter stands for any.
        who: the metric, for the message.
        name: the argument, for the message.

    Raises:
        ShapeError: another rank or length.
    """
    fits = array.ndim == len(shape) and all(
        isinstance(wanted, str) or wanted == found for wanted, found in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(length) for length in shape) + "," * (len(shape) == 1)
        raise ShapeError(f"{who}: {name} must be ({wanted}), got {array.shape}; cut or resize it to fit the others")


def require_finite(array: NDArray[Any], *, who: str, name: str, cure: str = "paint or mask them first") -> None:
    """Refuse `array` with a NaN or an infinity in it: one such pixel would make a mean over a clip nothing at all."""
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ShapeError(f"{who}: {name} must be finite, got {bad} values that are not; {cure}")


def require_pair(frames: NDArray[Any], *, who: str, name: str) -> None:
    """Refuse a clip of less than two frames where neighbours are compared."""
    if len(frames) < 2:
        raise ShapeError(f"{who}: {name} must be at least 2 frames, got {len(frames)}; measure a longer clip")


def require_mask(mask: NDArray[Any], shape: tuple[int, ...], *, who: str, name: str) -> None:
    """Refuse `mask` unless it is bool of `shape`; floats would be taken for indices or weights."""
    require_shape(mask, shape, who=who, name=name)
    if mask.dtype != np.bool_:
        raise ShapeError(f"{who}: {name} must be bool, got {mask.dtype}; compare it with a threshold first")


def require_some(mask: Bools, *, who: str, name: str) -> None:
    """Refuse a mask that leaves nothing to measure: a mean over nothing is no number."""
    if not mask.any():
        raise UsageError(f"{who}: {name} must be true somewhere, got {mask.size} times false; choose a larger region")


def mean_or_none(values: Floats, where: Bools) -> float | None:
    """The mean of `values` `where`; None where that is nowhere."""
    return float(values[where].mean(dtype=np.float64)) if where.any() else None
