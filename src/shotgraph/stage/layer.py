"""A layer: one plane with a silhouette, where it is at any time, and how far away."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.poses import Matrix, apply, inverse
from shotgraph.stage.shading import Surface
from shotgraph.stage.shapes import Distance, Floats, coverage

Points = NDArray[np.float64]
# Where a clip's `haze` is measured.
HAZE_DEPTH = 4.0
# Wavelength and speed of a sinus shear.
_SHEAR_CYCLES_PER_PX, _SHEAR_RADIANS_PER_FRAME = 1 / 40, 0.45


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One plane with a silhouette.

    Attributes:
        name: ``ground``, ``sprite 0``, ``left shin``.
        object_id: 0 is the ground; all bones of a figure share one.
        pose: time to the map from its coordinates to the frame.
        distance: silhouette; None covers everything.
        surface: its colours.
        depth: at its origin.
        slant: relative change of depth per pixel of v.
        shear_px: amplitude of a sinus shear.
        haze: share of the haze colour at `depth`.
    """

    name: str
    object_id: int
    pose: Callable[[float], Matrix]
    surface: Surface
    depth: float
    distance: Distance | None = None
    slant: float = 0.0
    shear_px: float = 0.0
    haze: float = 0.0

    def to_local(self, x: Points, y: Points, time: float) -> tuple[Points, Points]:
        """Frame coordinates to the layer's own at `time`."""
        u, v = apply(inverse(self.pose(time)), x, y)
        return u - self._shear(v, time), v

    def to_frame(self, u: Points, v: Points, time: float) -> tuple[Points, Points]:
        """The layer's own coordinates to the frame's at `time`."""
        return apply(self.pose(time), u + self._shear(v, time), v)

    def _shear(self, v: Points, time: float) -> Points | float:
        if self.shear_px == 0:
            return 0.0
        phase = 2 * math.pi * _SHEAR_CYCLES_PER_PX * v - _SHEAR_RADIANS_PER_FRAME * time
        return self.shear_px * np.sin(phase)

    def covers(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """(distance to the rim in pixels, how much is covered in [0, 1]) at the layer's own coordinates."""
        if self.distance is None:
            return np.full(u.shape, -1e3, np.float32), np.ones(u.shape, np.float32)
        distance = self.distance(u, v).astype(np.float32)
        return distance, coverage(distance)

    def depth_at(self, v: Floats) -> Floats:
        """Depth at the layer's own coordinates."""
        return np.float32(self.depth) * (1 - np.float32(self.slant) * v)

    def haze_at(self, v: Floats) -> Floats:
        """Share of the haze colour at the layer's own coordinates, [0, 1]."""
        return np.clip(np.float32(self.haze) * self.depth_at(v) / np.float32(self.depth), 0, 1)
