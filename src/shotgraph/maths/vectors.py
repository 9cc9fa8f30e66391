"""Motion vectors as other programs file them, and the way back of vectors that lead one way only.

No published source. Renderers and compositing programs agree on little: a vector may be pixels or a share of the frame, its y may
grow upwards, and it may be the place in the other frame minus the place here, the later minus the earlier one, or the reverse.

Symbols: F vectors from each pixel p of a frame to another one; B back from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.flow import SURFACE_GAP_PX
from shotgraph.maths.shapes import Plane, PlaneMask, Points, PointValues, Vectors
from shotgraph.maths.warp import pixel_grid

Coding = Literal["pixels", "signed", "unsigned"]
Upwards = Literal["up", "down"]
Difference = Literal["other_minus_this", "this_minus_other", "later_minus_earlier", "earlier_minus_later"]

# More than any vector is long: a surface that lies on a pixel's centre goes before one that only touches it.
_OVER_CENTRE_PX = 1e5


@dataclass(frozen=True, slots=True)
class Convention:
    """What two channels mean; the defaults are those of Nuke's layers ``forward`` and ``backward``.

    Attributes:
        coding: pixels of the file; ``signed``, shares of width and height, -1 to 1; ``unsigned``, the same moved to 0 to 1, 0.5
            being no motion.
        y: where the second channel grows to.
        difference: which place is subtracted from which.
        scale: factor on top, such as 2 where a shutter of half a frame was rendered.
    """

    coding: Coding = "pixels"
    y: Upwards = "up"
    difference: Difference = "other_minus_this"
    scale: float = 1.0

    def vectors(self, u: Plane, v: Plane, *, to_later: bool) -> Vectors:
        """What two channels of a frame say of another one.

        Args:
            u: first channel.
            v: second channel.
            to_later: the other frame comes later.

        Returns:
            (H, W, 2) pixels, x then y downwards, from each pixel to where its surface is in the other frame.
        """
        height, width = u.shape
        reverse = "earlier_minus_later" if to_later else "later_minus_earlier"
        factor = np.full(2, -self.scale if self.difference in ("this_minus_other", reverse) else self.scale)
        if self.coding != "pixels":
            factor *= (width, height)
        if self.y == "up":
            factor[1] *= -1
        told = np.stack((u, v), axis=-1)
        if self.coding == "unsigned":
            told = 2 * told - 1
        return told * factor.astype(np.float32)


def way_back(flow: Vectors) -> Vectors:
    """B out of F: every pixel of the other frame gets the vector of what moves onto it, the other way round.

    Where two surfaces move onto one pixel the faster one is taken for the nearer. Where none does, which is where something comes
    into sight, the vector of the nearest pixel stands.

    Args:
        flow: F; NaN says nothing.

    Returns:
        B on the other frame's pixels.
    """
    height, width = flow.shape[:2]
    known = np.isfinite(flow[..., 0] + flow[..., 1])
    vectors = flow[known]
    if not len(vectors):
        return np.zeros_like(flow)
    places, shares = _touched(pixel_grid(height, width)[known] + vectors, height=height, width=width)
    length = np.hypot(vectors[:, 0], vectors[:, 1])
    # A pixel whose centre lies under a square of one pixel about the landing place has at least a quarter of it.
    ranks = [np.where(share >= 0.25, length + np.float32(_OVER_CENTRE_PX), length) for share in shares]
    chosen, found = _foremost(vectors, places, shares, ranks, pixels=height * width)
    total, weight = np.zeros((height * width, 2)), np.zeros(height * width)
    for place, share in zip(places, shares, strict=True):
        own = (share > 0) & (np.abs(vectors - chosen[place]).max(axis=1) <= SURFACE_GAP_PX)
        weight += np.bincount(place[own], share[own], height * width)
        for axis in range(2):
            total[:, axis] += np.bincount(place[own], (share * vectors[:, axis])[own], height * width)
    mean = np.divide(total, weight[:, None], out=np.zeros_like(total), where=weight[:, None] > 0)
    back = -mean.astype(np.float32).reshape(height, width, 2)
    return _filled(back, found.reshape(height, width))


def _touched(positions: Points, *, height: int, width: int) -> tuple[list[NDArray[np.intp]], list[PointValues]]:
    """The four pixels about each position: their index, and their share of it; 0 outside the frame."""
    base = np.floor(positions)
    fraction = positions - base
    places: list[NDArray[np.intp]] = []
    shares: list[PointValues] = []
    for dy in range(2):
        for dx in range(2):
            x, y = base[:, 0] + dx, base[:, 1] + dy
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            share = np.abs(1 - dx - fraction[:, 0]) * np.abs(1 - dy - fraction[:, 1])
            places.append(np.where(inside, y * width + x, 0).astype(np.intp))
            shares.append(np.where(inside, share, np.float32(0)))
    return places, shares


def _foremost(
    vectors: Points, places: list[NDArray[np.intp]], shares: list[PointValues], ranks: list[PointValues], *, pixels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The vector of highest rank on each pixel, and whether any lands there."""
    best = np.full(pixels, -1, np.float32)
    for place, share, rank in zip(places, shares, ranks, strict=True):
        np.maximum.at(best, place[share > 0], rank[share > 0])
    chosen = np.zeros((pixels, 2), np.float32)
    for place, share, rank in zip(places, shares, ranks, strict=True):
        wins = (share > 0) & (rank == best[place])
        chosen[place[wins]] = vectors[wins]
    return chosen, best >= 0


def _filled(vectors: Vectors, known: PlaneMask) -> Vectors:
    """`vectors`, with those of the nearest known pixel where none is known."""
    if known.all() or not known.any():
        return vectors
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    labels = np.asarray(nearest, np.intp)
    rows = np.zeros((int(labels.max()) + 1, 2), np.float32)
    rows[labels[known]] = vectors[known]
    return rows[labels]
