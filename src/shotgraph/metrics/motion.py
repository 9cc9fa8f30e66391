"""Whether a result moves like its source: optical flow, point tracks, and the path of an object.

Follows D. Yatim, R. Fridman, O. Bar-Tal, Y. Kasten, T. Dekel, "Space-Time Diffusion Features for Zero-Shot Text-Driven Motion
Transfer", CVPR 2024, Eq. (8) (motion fidelity); motion alignment after V2VBench.

Departures from the released code of motion fidelity, which is one-directional, subtracts an identity and divides by a length
that may be 0: both directions count, nothing is subtracted, and steps shorter than 0.1 px have no direction. Such a step in
both tracks says nothing and is left out; in one of the two it counts as disagreement, so that a still frame cannot be faithful
to a moving shot. Where tracks end early, a track looks for its like among those it shares half of its steps with, and counts by
the steps it shares: a point seen for a moment resembles almost anything. With whole tracks both are the paper's.
"""

from __future__ import annotations

import math

import numpy as np

from shotgraph.errors import UsageError
from shotgraph.maths.warp import leaves_frame, sample
from shotgraph.metrics.arrays import Bools, Doubles, Floats, require_mask, require_shape, require_some

STILL_PX = 0.1


def motion_alignment(flow: Floats, source_flow: Floats, *, visible: Bools | None = None) -> float:
    """Minus the mean end-point error between the flows of result and source.

    Args:
        flow: (..., H, W, 2) of the result, px.
        source_flow: same shape.
        visible: (..., H, W), which pixels count; None for all.

    Returns:
        px, 0 at best.
    """
    require_shape(flow, source_flow.shape, who="motion alignment", name="flow")
    difference = flow.astype(np.float64) - source_flow
    lengths = np.hypot(difference[..., 0], difference[..., 1])
    if visible is not None:
        require_mask(visible, lengths.shape, who="motion alignment", name="visible")
        require_some(visible, who="motion alignment", name="visible")
        lengths = lengths[visible]
    return -float(lengths.mean())


def motion_fidelity(
    tracks: Floats,
    source_tracks: Floats,
    *,
    seen: Bools | None = None,
    source_seen: Bools | None = None,
) -> float:
    """How well every track finds its like among those of the other clip, both ways (Eq. 8).

    Args:
        tracks: (M, T, 2) points followed through the result, px.
        source_tracks: (N, T, 2) points followed through the source.
        seen: (M, T), where `tracks` are known; None for everywhere.
        source_seen: (N, T), where `source_tracks` are known.

    Returns:
        In [-1, 1]; 1 for a clip and itself.

    Raises:
        UsageError: there is no track or no step.
    """
    require_shape(tracks, ("M", "T", 2), who="motion fidelity", name="tracks")
    require_shape(source_tracks, ("N", tracks.shape[1], 2), who="motion fidelity", name="source tracks")
    if not len(tracks) or not len(source_tracks) or tracks.shape[1] < 2:
        raise UsageError(
            f"motion fidelity: tracks must be at least one in each clip over two frames, got {tracks.shape} and "
            f"{source_tracks.shape}; track more points"
        )
    likeness, shared = _likeness(_steps(tracks, seen, "seen"), _steps(source_tracks, source_seen, "source seen"))
    require_some(shared > 0, who="motion fidelity", name="two tracks seen over the same step")
    return (_mean_of_best(likeness, shared) + _mean_of_best(likeness.T, shared.T)) / 2


def _mean_of_best(likeness: Doubles, shared: Doubles) -> float:
    """Mean over rows of the likeness of the most alike among those that share half of the row's steps or more."""
    enough = (shared > 0) & (2 * shared >= shared.max(axis=1, keepdims=True))
    candidates = np.where(enough, likeness, -np.inf)
    chosen = candidates.argmax(axis=1)
    rows = np.arange(len(likeness))[enough.any(axis=1)]
    return float(np.average(candidates[rows, chosen[rows]], weights=shared[rows, chosen[rows]]))


def _steps(tracks: Floats, seen: Bools | None, name: str) -> tuple[Doubles, Doubles, Doubles]:
    """Unit steps (N, T-1, 2), 0 where still or unseen; and per step 1 where seen, 1 where seen and still."""
    known = np.ones(tracks.shape[:2], np.bool_) if seen is None else seen
    require_mask(known, tracks.shape[:2], who="motion fidelity", name=name)
    step_known = known[:, 1:] & known[:, :-1]
    steps = np.where(step_known[..., None], np.diff(tracks.astype(np.float64), axis=1), 0)
    lengths = np.hypot(steps[..., 0], steps[..., 1])
    moves = lengths >= STILL_PX
    units = np.divide(steps, lengths[..., None], out=np.zeros_like(steps), where=moves[..., None])
    return units, step_known.astype(np.float64), (step_known & ~moves).astype(np.float64)


def _likeness(
    first: tuple[Doubles, Doubles, Doubles], second: tuple[Doubles, Doubles, Doubles]
) -> tuple[Doubles, Doubles]:
    """(M, N) and (M, N): mean cosine of the steps of every two tracks, and how many steps they share."""
    (units_a, seen_a, still_a), (units_b, seen_b, still_b) = first, second
    cosines = units_a.reshape(len(units_a), -1) @ units_b.reshape(len(units_b), -1).T
    together = seen_a @ seen_b.T
    told = together - still_a @ still_b.T
    # Two tracks that stand still together all the time move alike.
    return np.divide(cosines, told, out=np.ones_like(cosines), where=told > 0), together


def follow(points: Floats, flow: Floats, *, occluded: Bools) -> tuple[Doubles, Bools]:
    """Where points of one frame lie in the next, by its flow.

    Args:
        points: (N, 2) px, x then y.
        flow: (H, W, 2) px.
        occluded: (H, W), which pixels are lost in the next frame.

    Returns:
        (N, 2) and (N,): positions, and whether each is still known.
    """
    require_shape(points, ("N", 2), who="follow", name="points")
    require_shape(flow, ("H", "W", 2), who="follow", name="flow")
    require_mask(occluded, flow.shape[:2], who="follow", name="occluded")
    height, width = flow.shape[:2]
    places = points.astype(np.float32)
    field = np.concatenate((flow, occluded[..., None]), axis=-1).astype(np.float32)
    read = sample(np.nan_to_num(field), places, kernel="linear")
    moved = points + read[:, :2].astype(np.float64)
    inside = ~leaves_frame(moved.astype(np.float32), height=height, width=width)
    return moved, inside & (read[:, 2] < 0.5)


def centroids(mattes: Floats) -> Doubles:
    """(T, 2): the centre of mass of every matte, px, x then y; NaN for an empty one.

    Args:
        mattes: (T, H, W) in [0, 1].

    Returns:
        Positions.
    """
    require_shape(mattes, ("T", "H", "W"), who="trajectory", name="mattes")
    weights = mattes.astype(np.float64)
    total = weights.sum(axis=(1, 2))
    _, height, width = mattes.shape
    x, y = weights.sum(axis=1) @ np.arange(width), weights.sum(axis=2) @ np.arange(height)
    empty = np.full((len(mattes), 2), np.nan)
    return np.divide(np.stack((x, y), axis=-1), total[:, None], out=empty, where=total[:, None] > 0)


def trajectory_error(path: Floats, truth: Floats) -> float | None:
    """Mean distance between where an object is and where it should be.

    Args:
        path: (T, 2) px; NaN where it was not found.
        truth: (T, 2) px, same frames; NaN where there is nothing to find.

    Returns:
        px, 0 at best; None when the two share no frame.
    """
    require_shape(path, ("T", 2), who="trajectory", name="path")
    require_shape(truth, path.shape, who="trajectory", name="truth")
    distances = np.hypot(*(path.astype(np.float64) - truth).T)
    known = np.isfinite(distances)
    return float(distances[known].mean()) if known.any() else None


def rotation_error(angles: Floats, truth: Floats, *, fold: int = 1) -> float:
    """Mean absolute difference of two rotations over time.

    Args:
        angles: (T,) radians.
        truth: (T,) radians.
        fold: rotational symmetry: a square looks the same after a quarter turn, so 4.

    Returns:
        Radians in [0, pi / fold].

    Raises:
        UsageError: `fold` is below 1.
    """
    require_shape(angles, ("T",), who="trajectory", name="angles")
    require_shape(truth, angles.shape, who="trajectory", name="true angles")
    if fold < 1:
        raise UsageError(f"trajectory: fold must be at least 1, got {fold}; 1 is no symmetry")
    period = 2 * math.pi / fold
    difference = np.mod(angles.astype(np.float64) - truth + period / 2, period) - period / 2
    return float(np.abs(difference).mean())
