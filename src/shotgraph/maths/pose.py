"""Persons over time: who is who from frame to frame, and joints that do not shake.

Follows M. Ronchi, P. Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation", ICCV 2017, Eq. 1, for likeness (OKS).

Symbols: d_i distance of joint i in two poses, px; s root of the area, px; k_i tolerance of joint i, twice COCO's sigma.

    OKS = mean over joints known in both of exp(-d_i^2 / (2 s^2 k_i^2))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Joint by joint, as COCO publishes them: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles.
COCO_SIGMAS = np.array(
    [
        0.026,
        0.025,
        0.025,
        0.035,
        0.035,
        0.079,
        0.079,
        0.072,
        0.072,
        0.062,
        0.062,
        0.107,
        0.107,
        0.087,
        0.087,
        0.089,
        0.089,
    ]
)
# COCO's joints in OpenPose's order; the neck, which COCO has not, is the middle of the shoulders.
_OPENPOSE = (0, -1, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
_SHOULDERS = (5, 6)
# A person is the same one when poses of neighbouring frames are at least so alike.
_SAME = 0.3
# A track ends when a person was not seen for more frames than this.
_PATIENCE = 3
_LEAST_AREA_PX2 = 16.0

Joints = NDArray[np.float32]
Scores = NDArray[np.float32]


def likeness(points: Joints, others: Joints, scores: Scores, other_scores: Scores, *, least: float) -> float:
    """OKS of two poses of COCO's joints.

    Args:
        points: (17, 2) px.
        others: (17, 2) px.
        scores: (17,).
        other_scores: (17,).
        least: a joint counts from this score, in both.

    Returns:
        In [0, 1]; 0 where no joint counts.
    """
    known = (scores >= least) & (other_scores >= least)
    if not known.any():
        return 0.0
    spans = [np.ptp(pose[known], axis=0) for pose in (points, others)]
    area = max(_LEAST_AREA_PX2, *(float(span[0] * span[1]) for span in spans))
    squares = np.square(points[known] - others[known]).sum(axis=1)
    return float(np.exp(-squares / (2 * area * np.square(2 * COCO_SIGMAS[known]))).mean())


@dataclass
class Tracker:
    """Numbers for persons, given out greedily from frame to frame.

    Attributes:
        least: score from which a joint counts.
    """

    least: float = 0.3
    _last: dict[int, tuple[int, Joints, Scores]] = field(default_factory=dict[int, tuple[int, Joints, Scores]])
    _next: int = 0

    def begin_anew(self) -> None:
        """Nobody seen so far is the same as anybody seen from here on: behind a cut."""
        self._last.clear()

    def name(self, frame: int, points: Joints, scores: Scores) -> NDArray[np.int64]:
        """(P,) numbers of the persons of the next frame.

        Args:
            frame: its number.
            points: (P, 17, 2) px.
            scores: (P, 17).

        Returns:
            The number of the person that each is most like among those seen lately, or a new one.
        """
        alive = {track: seen for track, seen in self._last.items() if frame - seen[0] <= _PATIENCE + 1}
        pairs = [
            (likeness(pose, points[person], score, scores[person], least=self.least), track, person)
            for track, (_, pose, score) in alive.items()
            for person in range(len(points))
        ]
        names = np.full(len(points), -1, np.int64)
        for alike, track, person in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
            if alike >= _SAME and names[person] < 0 and track not in names:
                names[person] = track
        for person in np.flatnonzero(names < 0):
            names[person], self._next = self._next, self._next + 1
        for person, track in enumerate(names):
            self._last[int(track)] = (frame, points[person], scores[person])
        return names


def smoothed(
    poses: Sequence[tuple[int, Joints, Scores]], *, sigma_frames: float, least: float
) -> list[tuple[int, Joints, Scores]]:
    """One person's joints, averaged over time with Gaussian weights times scores; frames too far apart do not reach each other.

    Args:
        poses: (frame, (17, 2) px, (17,)) in order.
        sigma_frames: of the Gaussian; 0 leaves all as they are.
        least: joints below this score count for nothing, and stay where they are.

    Returns:
        The same frames and scores; no joint is made up where none was seen.
    """
    if sigma_frames <= 0:
        return list(poses)
    frames = np.array([frame for frame, _, _ in poses], np.float64)
    points, scores = np.stack([pose for _, pose, _ in poses]), np.stack([score for _, _, score in poses])
    counted = np.where(scores >= least, scores, np.float32(0)).astype(np.float64)
    parts = np.concatenate(([0], np.cumsum(np.diff(frames) > _PATIENCE)))
    apart = np.abs(frames[:, None] - frames[None])
    near = np.exp(-np.square(apart / sigma_frames) / 2) * (parts[:, None] == parts[None]) * (apart <= 3 * sigma_frames)
    weight = near @ counted
    total = np.einsum("ts,sk,skc->tkc", near, counted, points.astype(np.float64))
    known = (counted > 0) & (weight > 0)
    mean = np.divide(total, weight[..., None], out=points.astype(np.float64), where=known[..., None])
    return [(frame, mean[at].astype(np.float32), score) for at, (frame, _, score) in enumerate(poses)]


def openpose_18(points: Joints, scores: Scores, *, least: float) -> tuple[Joints, Scores]:
    """((P, 18, 2), (P, 18)): COCO's 17 joints in OpenPose's order, with a neck where both shoulders are sure."""
    neck = points[:, list(_SHOULDERS)].mean(axis=1, keepdims=True)
    sure = scores[:, list(_SHOULDERS)].min(axis=1, keepdims=True)
    all_points = np.concatenate((points, neck), axis=1)
    all_scores = np.concatenate((scores, np.where(sure >= least, sure, np.float32(0))), axis=1)
    order = list(_OPENPOSE)
    return all_points[:, order], all_scores[:, order]


def coco_17(points: Joints, scores: Scores) -> tuple[Joints, Scores]:
    """((P, 17, 2), (P, 17)): COCO's joints out of OpenPose's 18, in COCO's order; the neck is left out."""
    order = [_OPENPOSE.index(joint) for joint in range(len(COCO_SIGMAS))]
    return points[:, order], scores[:, order]
