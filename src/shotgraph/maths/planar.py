"""How a layer moves as a whole: one transform per pair of frames, fitted to flow, and chained to a frame of reference.

No published source: layered neural atlases (Kasten et al. 2021) learn the mapping from nothing with a network; the closed form
takes out all of the motion that a plane can have, and leaves a fit with only what bends.

Symbols: A_t (3, 3) frame t to frame t + 1, fitted to the vectors inside the layer's matte by RANSAC, and aligned on the pictures,
since what flow errs by adds up; T_t (3, 3) frame t to the frame of reference r, pixels, x then y, 1.

    T_r = 1    T_{t+1} = T_t A_t^-1  after r    T_t = T_{t+1} A_t  before r
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api.kinds import FlowFrame
from shotgraph.maths.aligning import aligned
from shotgraph.maths.flow import occlusion
from shotgraph.maths.warp import pixel_grid

Transform = NDArray[np.float64]
Plane = NDArray[np.float32]

# Vectors further than this from a transform do not belong to its plane.
_OUTLIER_PX = 0.5
_LEAST_INLIERS = 50
# From here on a perspective says more than an affine map, and is not fitted to noise.
_PERSPECTIVE_RESIDUAL_PX, _PERSPECTIVE_INLIERS = 1.0, 500
# More points make RANSAC slower and no more exact.
_MOST_POINTS = 4_000
_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Motion:
    """How a layer moves as a whole.

    Attributes:
        maps: (N, 3, 3) from pixels of each frame to pixels of the frame of reference.
        reference: index of that frame.
        carried: indices of frames whose step to the next one could not be fitted, and repeats the one before.
    """

    maps: Transform
    reference: int
    carried: tuple[int, ...]


def layer_motion(mattes: Sequence[Plane], pairs: Sequence[FlowFrame], pictures: Sequence[Plane] = ()) -> Motion:
    """Chain a layer's steps.

    Args:
        mattes: N of (H, W), what is seen of the layer.
        pairs: N - 1 records of flow, from each frame to the next.
        pictures: N of (H, W) luma, on which every step is made exact; none leaves them as flow has it.

    Returns:
        The motion; the frame of reference is the one that sees most of the layer.
    """
    areas = [float((matte > _INSIDE).sum()) for matte in mattes]
    reference = int(np.argmax(areas))
    steps: list[Transform] = []
    carried: list[int] = []
    for time, pair in enumerate(pairs):
        step = fit_step(pair, mattes[time], mattes[time + 1])
        if step is None:
            carried.append(time)
        elif pictures and not step[2, :2].any():
            step = aligned(step, pictures[time], pictures[time + 1], mattes[time], mattes[time + 1])
        steps.append(_repeated(steps) if step is None else step)
    return Motion(chained(steps, reference), reference, tuple(carried))


def _repeated(steps: Sequence[Transform]) -> Transform:
    return steps[-1] if steps else np.eye(3)


def chained(steps: Sequence[Transform], reference: int) -> Transform:
    """(N, 3, 3) from every frame to the frame of reference, out of the N - 1 steps between neighbours."""
    maps = [np.eye(3)] * (len(steps) + 1)
    for time in range(reference, len(steps)):
        maps[time + 1] = _normalised(maps[time] @ np.linalg.inv(steps[time]))
    for time in reversed(range(reference)):
        maps[time] = _normalised(maps[time + 1] @ steps[time])
    return np.stack(maps)


def fit_step(pair: FlowFrame, matte: Plane, matte_next: Plane) -> Transform | None:
    """The transform that most vectors of a layer agree on, or None where too few do.

    Vectors of both directions count: where DIS blurs one across an edge, the other often has it right.

    Args:
        pair: flow of a frame and the next.
        matte: (H, W) the layer in the first of them.
        matte_next: the same in the second.

    Returns:
        (3, 3) from the first frame's pixels to the second's: affine, or a perspective where that says more.
    """
    here, there = _matches(pair.forward, pair.occluded > 0.5, matte)
    hidden = occlusion(pair.backward, pair.forward)
    there_back, here_back = _matches(pair.backward, hidden, matte_next)
    start, end = np.concatenate((here, here_back)), np.concatenate((there, there_back))
    if len(start) < _LEAST_INLIERS:
        return None
    # The stub knows no None, which OpenCV gives where points leave it open.
    found: Any = cv2.estimateAffine2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=_OUTLIER_PX)
    affine, inliers = found
    if affine is None or int(inliers.sum()) < _LEAST_INLIERS:
        return None
    step = np.vstack((_least_squares(start, end, inliers[:, 0] > 0), [0, 0, 1]))
    residual = np.median(np.linalg.norm(moved(step, start) - end, axis=1))
    if residual > _PERSPECTIVE_RESIDUAL_PX:
        return _perspective(start, end, step)
    return step


def moved(transform: Transform, points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 2) points under a (3, 3) transform."""
    carried = points @ transform[:, :2].T + transform[:, 2]
    return carried[..., :2] / carried[..., 2:]


def _matches(flow: NDArray[np.float32], hidden: NDArray[np.bool_], matte: Plane) -> tuple[Plane, Plane]:
    """((P, 2), (P, 2)): points inside the matte that are seen in both frames, and where they go; a regular choice of them."""
    rows, columns = np.nonzero((matte > _INSIDE) & ~hidden & np.isfinite(flow[..., 0]))
    every = max(1, -(-len(rows) // _MOST_POINTS))
    rows, columns = rows[::every], columns[::every]
    start = pixel_grid(*matte.shape)[rows, columns]
    return start, start + flow[rows, columns]


def _least_squares(start: Plane, end: Plane, inside: NDArray[np.bool_]) -> Transform:
    """(2, 3): the affine map of least squared error over the inliers; RANSAC's own is that of three of them, polished."""
    known = np.column_stack((start[inside], np.ones(int(inside.sum())))).astype(np.float64)
    # About their centre the equations are well-conditioned at any size of frame.
    centre = np.append(known[:, :2].mean(axis=0), 0.0)
    solution = np.linalg.lstsq(known - centre, end[inside].astype(np.float64), rcond=None)[0].T
    solution[:, 2] -= solution[:, :2] @ centre[:2]
    return solution.astype(np.float64)


def _perspective(start: Plane, end: Plane, affine: Transform) -> Transform:
    found: Any = cv2.findHomography(start, end, cv2.RANSAC, _OUTLIER_PX)
    perspective, inliers = found
    if perspective is None or int(inliers.sum()) < _PERSPECTIVE_INLIERS:
        return affine
    return np.asarray(perspective, np.float64)


def _normalised(transform: Transform) -> Transform:
    return transform / transform[2, 2]
