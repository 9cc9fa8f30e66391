"""The truth of a clip as the records that nodes exchange, so that a node's output can be compared with it as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.kinds import DepthFrame, FlowFrame, KeypointsFrame
from shotgraph.stage.figure import joints
from shotgraph.stage.scene import Scene

# A point belongs to an object where that gives more than half of the colour.
_HALF = 0.5


def flow_frame(scene: Scene, time: int) -> FlowFrame:
    """Flow of the pair (`time`, `time` + 1); at the last frame NaN, and occluded everywhere."""
    if time == scene.spec.frames - 1:
        shape = (scene.spec.height, scene.spec.width)
        nowhere = np.full((*shape, 2), np.nan, np.float32)
        return FlowFrame(forward=nowhere, backward=nowhere.copy(), occluded=np.ones(shape, np.float32))
    return FlowFrame(
        forward=scene.flow(time, time + 1),
        backward=scene.flow(time + 1, time),
        occluded=(~scene.visible(time, time + 1)).astype(np.float32),
    )


def depth_frame(scene: Scene, time: int) -> DepthFrame:
    """Inverse depth at `time`; low and high are those of the whole clip, whether the camera sees them or not."""
    low, high = _inverse_depths(scene)
    values = np.reciprocal(scene.depth(time))
    return DepthFrame(values=values, low=np.array(low, np.float32), high=np.array(high, np.float32))


def keypoints_frame(scene: Scene, time: int) -> KeypointsFrame:
    """The 17 joints of the figure at `time`; score 1 where the figure itself is seen at the joint, else 0."""
    points = joints(scene.spec, time)
    if not len(points):
        nobody = np.empty((0, 17, 2), np.float32)
        return KeypointsFrame(points=nobody, scores=np.empty((0, 17), np.float32), tracks=np.empty(0, np.int64))
    x, y = points[:, 0], points[:, 1]
    seen = scene.inside(x, y) & (scene.ids_at(x, y, time) == scene.spec.figure_id)
    return KeypointsFrame(
        points=points[None].astype(np.float32),
        scores=seen[None].astype(np.float32),
        tracks=np.array([scene.spec.figure_id], np.int64),
    )


def box_of(scene: Scene, object_id: int, time: float) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of what is seen of an object at `time`, pixels, both ends inside; None when it is hidden."""
    rows, columns = np.nonzero(scene.alpha(object_id, time) > _HALF)
    if not len(rows):
        return None
    return float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max())


@dataclass(frozen=True, slots=True)
class Tracks:
    """Points that were seen at one time, followed through the clip.

    Attributes:
        points: (T, N, 2) pixels, x then y.
        visible: (T, N) whether the point is seen.
        objects: (N,) object id of each.
    """

    points: NDArray[np.float64]
    visible: NDArray[np.bool_]
    objects: NDArray[np.int32]


def sample_tracks(scene: Scene, count: int, *, seed: int = 0, time: int = 0) -> Tracks:
    """Points drawn evenly over the frame at `time`, between pixels, and where they are in every frame of the clip.

    Args:
        scene: the clip.
        count: how many points.
        seed: draws them.
        time: the frame in which all of them are seen.

    Returns:
        Their tracks.
    """
    spec = scene.spec
    rng = np.random.Generator(np.random.Philox(seed))
    x, y = rng.uniform(0, spec.width - 1, count), rng.uniform(0, spec.height - 1, count)
    top = scene.shares(x, y, time).top
    points, visible = np.empty((spec.frames, count, 2)), np.empty((spec.frames, count), bool)
    for index, layer in enumerate(scene.layers):
        own = top == index
        u, v = layer.to_local(x[own], y[own], time)
        for frame in range(spec.frames):
            points[frame, own], visible[frame, own] = scene.track(index, u, v, frame)
    numbers = np.array([layer.object_id for layer in scene.layers], np.int32)
    return Tracks(points, visible, numbers[top])


def _inverse_depths(scene: Scene) -> tuple[float, float]:
    """The least and the largest inverse depth in the clip."""
    spec, ground = scene.spec, scene.layers[0]
    corners_x = np.array([0.0, spec.width - 1, 0.0, spec.width - 1])
    corners_y = np.array([0.0, 0.0, spec.height - 1, spec.height - 1])
    # A plane is nearest and farthest in the corners of the frame.
    planes = [
        ground.depth_at(ground.to_local(corners_x, corners_y, frame)[1].astype(np.float32))
        for frame in range(spec.frames)
    ]
    depths = [*np.concatenate(planes), *(layer.depth for layer in scene.layers[1:])]
    return float(1 / max(depths)), float(1 / min(depths))
