"""A clip that can be asked: its pictures, and the truth about every pixel of them.

Everything is evaluated at points, so the truth holds between pixels and between any two times, and nothing is resampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.layer import Layer, Points
from shotgraph.stage.layers import GROUND, layers_of
from shotgraph.stage.spec import ClipSpec

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]

# A pixel belongs to one layer alone when that gives at least this share of its colour.
PURE = 0.99
_ROUNDING_PX = 1e-6
_HAZE = np.array([0.72, 0.77, 0.83], np.float32)
_FLICKER_RADIANS_PER_FRAME = 0.9
_SHADOW_OFFSET_PX, _SHADOW_STRENGTH, _SHADOW_SOFTNESS_PX = (5.0, 7.0), 0.35, 4.0


@dataclass(frozen=True, slots=True)
class Shares:
    """How the layers divide up points of the frame.

    Attributes:
        of_layer: (layers, ...) share of every layer in the colour; they add up to 1.
        cover: (layers, ...) how much each layer covers by itself, what lies before it not counted.
        top: (...) index of the layer with the largest share.
    """

    of_layer: Floats
    cover: Floats
    top: Integers

    @property
    def purity(self) -> Floats:
        """(...) share of the top layer."""
        return self.of_layer.max(axis=0)


@dataclass(frozen=True)
class Scene:
    """One clip.

    Attributes:
        spec: what it is.
    """

    spec: ClipSpec

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Farthest first."""
        return layers_of(self.spec)

    @cached_property
    def grid(self) -> tuple[Points, Points]:
        """((H, W), (H, W)): x and y of every pixel centre."""
        y, x = np.mgrid[0 : self.spec.height, 0 : self.spec.width].astype(np.float64)
        return x, y

    def shares(self, x: Points, y: Points, time: float) -> Shares:
        """What every layer gives to the points (x, y) of the frame at `time`."""
        covers = np.stack([layer.covers(*_single(layer.to_local(x, y, time)))[1] for layer in self.layers])
        of_layer = np.empty_like(covers)
        left = np.ones(covers.shape[1:], np.float32)
        for index in range(len(self.layers) - 1, -1, -1):
            of_layer[index] = covers[index] * left
            left = left - of_layer[index]
        return Shares(of_layer, covers, of_layer.argmax(axis=0).astype(np.int32))

    def picture(self, time: float) -> Floats:
        """(H, W, 3) display values in [0, 1] at `time`."""
        x, y = self.grid
        picture = np.zeros((*x.shape, 3), np.float32)
        for layer in self.layers:
            u, v = _single(layer.to_local(x, y, time))
            distance, cover = layer.covers(u, v)
            colour = layer.surface.shade(u, v, distance)
            if layer.haze:
                colour = colour + (_HAZE - colour) * layer.haze_at(v)[..., None]
            if layer.object_id == GROUND and self.spec.shadows:
                colour = colour * (1 - self.shadow(time))[..., None]
            picture += (colour - picture) * cover[..., None]
        if self.spec.flicker:
            picture *= np.float32(1 + self.spec.flicker * math.sin(_FLICKER_RADIANS_PER_FRAME * time))
        return np.clip(picture, 0, 1)

    def shadow(self, time: float, *, of: int | None = None) -> Floats:
        """(H, W) in [0, 1]: what soft shadows take of the ground's light at `time`; `of` names one object instead of all."""
        x, y = self.grid
        light = np.ones(x.shape, np.float32)
        for layer in self.layers[1:]:
            if of in (None, layer.object_id):
                u, v = _single(layer.to_local(x - _SHADOW_OFFSET_PX[0], y - _SHADOW_OFFSET_PX[1], time))
                distance, _ = layer.covers(u, v)
                depth = np.exp(np.clip(distance / _SHADOW_SOFTNESS_PX * 2, -30, 30))
                light *= 1 - np.float32(_SHADOW_STRENGTH) / (1 + depth)
        return 1 - light

    def ids(self, time: float) -> Integers:
        """(H, W) object id of every pixel; 0 is the ground."""
        return self.ids_at(*self.grid, time)

    def ids_at(self, x: Points, y: Points, time: float) -> Integers:
        """(...) object id of what is seen at points of the frame at `time`."""
        numbers = np.array([layer.object_id for layer in self.layers], np.int32)
        return numbers[self.shares(x, y, time).top]

    def inside(self, x: Points, y: Points) -> NDArray[np.bool_]:
        """(...): which points lie on the frame, up to the outermost pixel centres."""
        # What does not move must not leave the frame by a rounding error.
        least, right, bottom = -_ROUNDING_PX, self.spec.width - 1 + _ROUNDING_PX, self.spec.height - 1 + _ROUNDING_PX
        return (x >= least) & (y >= least) & (x <= right) & (y <= bottom)

    def alpha(self, object_id: int, time: float) -> Floats:
        """(H, W) in [0, 1]: share of one object in every pixel, what hides it taken off."""
        own = [index for index, layer in enumerate(self.layers) if layer.object_id == object_id]
        return self.shares(*self.grid, time).of_layer[own].sum(axis=0)

    def depth(self, time: float) -> Floats:
        """(H, W) distance of what is seen; 1 is the reference plane."""
        x, y = self.grid
        top = self.shares(x, y, time).top
        depth = np.empty(x.shape, np.float32)
        for index, layer in enumerate(self.layers):
            _, v = _single(layer.to_local(x, y, time))
            depth = np.where(top == index, layer.depth_at(v), depth)
        return depth

    def moved(self, time: float, later: float) -> tuple[Points, Integers]:
        """((H, W, 2), (H, W)): where every pixel's surface point lies at `later`, and the index of its layer."""
        x, y = self.grid
        top = self.shares(x, y, time).top
        places = np.empty((*x.shape, 2))
        for index, layer in enumerate(self.layers):
            there = layer.to_frame(*layer.to_local(x, y, time), later)
            places = np.where((top == index)[..., None], np.stack(there, axis=-1), places)
        return places, top

    def flow(self, time: float, later: float) -> Floats:
        """(H, W, 2) pixels, x then y: displacement of every visible surface point from `time` to `later`, any two times."""
        places, _ = self.moved(time, later)
        return (places - np.stack(self.grid, axis=-1)).astype(np.float32)

    def visible(self, time: float, later: float, *, pure: bool = False) -> NDArray[np.bool_]:
        """(H, W): which pixels of `time` are seen at `later` too.

        Args:
            time: whose pixels.
            later: the other time.
            pure: leave out rims as well, where the colour is mixed of two layers and no warp can be exact.

        Returns:
            True where the surface point lies in the frame and is not hidden.
        """
        places, top = self.moved(time, later)
        x, y = places[..., 0], places[..., 1]
        there = self.shares(x, y, later)
        seen = self.inside(x, y) & (there.top == top)
        if pure:
            here = self.shares(*self.grid, time)
            seen &= (here.purity >= PURE) & (there.purity >= PURE)
        return seen

    def local(self, layer: int, time: float) -> Floats:
        """(H, W, 2): coordinates on a layer of every pixel of the frame, whether it is seen there or not."""
        u, v = self.layers[layer].to_local(*self.grid, time)
        return np.stack((u, v), axis=-1).astype(np.float32)

    def track(self, layer: int, u: Points, v: Points, time: float) -> tuple[Points, NDArray[np.bool_]]:
        """((..., 2), (...)): where points of a layer lie on the frame at `time`, and whether they are seen."""
        x, y = self.layers[layer].to_frame(u, v, time)
        seen = self.inside(x, y) & (self.shares(x, y, time).top == layer)
        return np.stack((x, y), axis=-1), seen

    def atlas(self, layer: int, *, size_px: int, pixels_per_unit: float = 1.0) -> Floats:
        """(N, N, 4): a layer's own picture, straight alpha, its origin in the middle.

        Args:
            layer: index.
            size_px: N.
            pixels_per_unit: resolution, atlas pixels per pixel of the layer's coordinates.

        Returns:
            What an artist would paint on.
        """
        rows, columns = (np.mgrid[0:size_px, 0:size_px].astype(np.float64) - (size_px - 1) / 2) / pixels_per_unit
        u, v = _single((columns, rows))
        distance, cover = self.layers[layer].covers(u, v)
        return np.dstack((self.layers[layer].surface.shade(u, v, distance), cover)).astype(np.float32)


def _single(pair: tuple[Points, Points]) -> tuple[Floats, Floats]:
    """Colours need no double precision, positions do."""
    u, v = pair
    return u.astype(np.float32), v.astype(np.float32)
