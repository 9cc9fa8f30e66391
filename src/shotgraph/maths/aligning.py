"""The affine map between what two pictures show inside a matte, made exact on the pictures themselves.

Follows B. D. Lucas, T. Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI 1981, by
Gauss-Newton steps, with gain and offset as in G. D. Hager, P. N. Belhumeur, PAMI 20(10), 1998.

Symbols: A (3, 3) from pixels p of the first picture I to those of the second one J; g, c gain and offset.

    sum_p (J(A p) - g I(p) - c)^2  ->  min        over p inside both mattes
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.matte import shrink
from shotgraph.maths.shapes import Plane, Points, PointValues
from shotgraph.maths.warp import pixel_grid, sample

Transform = NDArray[np.float64]

# Grain that is read between pixels is smoothed, and would draw every map to half a pixel; blurred beforehand it is not.
_BLUR_PX = 1.0
_RIM_PX = 2.0
_INSIDE = 0.98
_LEAST_POINTS, _MOST_POINTS = 100, 4_000
_STEPS, _STILL_PX = 20, 1e-3
# Flow that has missed by more was no start; a gain that is smaller is that of noise; what then still differs by more than this
# share of the picture's variance shows something else.
_FURTHEST_PX, _LEAST_GAIN, _MOST_UNLIKE = 4.0, 0.1, 0.25


class _Reading(NamedTuple):
    """The second picture under a map.

    Attributes:
        values: (P,) of it.
        slopes: (P, 2) of it, x then y.
        known: (P,) which points lie inside.
    """

    values: PointValues
    slopes: Points
    known: NDArray[np.bool_]


def aligned(step: Transform, first: Plane, second: Plane, inside: Plane, inside_next: Plane) -> Transform:
    """`step`, or one beside it under which the pictures agree better.

    Args:
        step: (3, 3) affine, from pixels of the first picture to those of the second.
        first: (h, w) luma.
        second: the same later.
        inside: (h, w) matte of what is aligned, in [0, 1].
        inside_next: the same later.

    Returns:
        The map of least squared difference; `step` itself where that is less than a tenth better, lies more than 4 px away,
        leaves a quarter of the picture unexplained, or too little is seen.
    """
    points = _chosen(inside)
    if len(points) < _LEAST_POINTS:
        return step
    values = _read(_blurred(first)[..., None], points)[:, 0]
    planes = _planes(second, inside_next)
    before = _unlike(values, _reading(planes, step, points))
    found = step
    for _ in range(_STEPS):
        change = _change(points, values, _reading(planes, found, points))
        if change is None:
            return step
        found = found + change
        if np.abs(points @ change[:2, :2].T + change[:2, 2]).max() < _STILL_PX:
            break
    apart = (points @ (found - step)[:2, :2].T + (found - step)[:2, 2]).astype(np.float64)
    after = _unlike(values, _reading(planes, found, points))
    better = after < (1 - _LEAST_GAIN) * before and after < _MOST_UNLIKE * values.var()
    return found if better and np.abs(apart).max() <= _FURTHEST_PX else step


def _well_inside(matte: Plane) -> Plane:
    """1 where neither the rim nor the edge of the frame is within reach of the blur and of the slopes."""
    inside = np.zeros_like(matte)
    edge = int(_RIM_PX) + 1
    inside[edge:-edge, edge:-edge] = matte[edge:-edge, edge:-edge] > _INSIDE
    return shrink(inside, _RIM_PX)


def _chosen(inside: Plane) -> Points:
    """(P, 2) pixels well inside, a regular choice of them."""
    chosen = pixel_grid(*inside.shape)[_well_inside(inside) > 0]
    return chosen[:: max(1, -(-len(chosen) // _MOST_POINTS))]


def _planes(second: Plane, inside: Plane) -> NDArray[np.float32]:
    """(h, w, 4): the picture, its slopes along x and y, and where it counts."""
    blurred = _blurred(second)
    down, across = (np.asarray(np.gradient(blurred, axis=axis)) for axis in range(2))
    return np.dstack((blurred, across, down, _well_inside(inside))).astype(np.float32)


def _blurred(plane: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), _BLUR_PX), np.float32)


def _read(image: NDArray[np.float32], points: Points) -> NDArray[np.float32]:
    return sample(image, points, kernel="cubic")


def _reading(planes: NDArray[np.float32], step: Transform, points: Points) -> _Reading:
    there = (points @ step[:2, :2].T + step[:2, 2]).astype(np.float32)
    read = _read(planes, there)
    return _Reading(read[:, 0], read[:, 1:3], read[:, 3] > _INSIDE)


def _unlike(values: PointValues, read: _Reading) -> float:
    """Mean square difference, gain and offset taken out; infinite where too few points lie inside."""
    if read.known.sum() < _LEAST_POINTS:
        return float("inf")
    known = np.column_stack((values[read.known], np.ones(int(read.known.sum())))).astype(np.float64)
    wanted = read.values[read.known].astype(np.float64)
    solution = np.linalg.lstsq(known, wanted, rcond=None)[0]
    return float(np.square(known @ solution - wanted).mean())


def _change(points: Points, values: PointValues, read: _Reading) -> Transform | None:
    """One Gauss-Newton step of the map; None where too few points lie inside, or they leave it open."""
    if read.known.sum() < _LEAST_POINTS:
        return None
    place = points[read.known].astype(np.float64)
    centre, reach = place.mean(axis=0), np.abs(place - place.mean(axis=0)).max()
    near = np.column_stack(((place - centre) / reach, np.ones(len(place))))
    slopes, value = read.slopes[read.known].astype(np.float64), values[read.known].astype(np.float64)
    columns = (near * slopes[:, :1], near * slopes[:, 1:], value[:, None], np.ones((len(value), 1)))
    jacobian = np.column_stack([columns[0], columns[1], -columns[2], -columns[3]])
    solution, _, rank, _ = np.linalg.lstsq(jacobian, -read.values[read.known].astype(np.float64), rcond=1e-6)
    if rank < jacobian.shape[1]:
        return None
    change = np.zeros((3, 3))
    change[:2, :2] = solution[:6].reshape(2, 3)[:, :2] / reach
    change[:2, 2] = solution[:6].reshape(2, 3)[:, 2] - change[:2, :2] @ centre
    return change
