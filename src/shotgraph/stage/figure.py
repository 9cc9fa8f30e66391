"""A walking figure: capsules on a skeleton, each bone a layer of its own, so that joints are known exactly.

Key points follow COCO's 17: eyes and ears are fixed places on the head, the rest are the joints themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.layer import HAZE_DEPTH, Layer
from shotgraph.stage.poses import Matrix, apply, camera_view, rotation, translation
from shotgraph.stage.shading import Surface
from shotgraph.stage.shapes import capsule
from shotgraph.stage.spec import ClipSpec, Figure
from shotgraph.stage.textures import pattern_of

KEYPOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bone:
    """One rigid part, as shares of the figure's height.

    Attributes:
        name: ``left shin``.
        parent: the bone it hangs on; empty for the torso.
        at: where on the parent it starts, along the parent's axis (1 is its end).
        length: of its axis.
        radius: of its capsule.
        swing: amplitude of its angle against its parent, radians.
        phase: of its swing within a stride, radians.
        rest: its angle against its parent when it does not swing.
        order: drawn later when larger.
    """

    name: str
    parent: str
    at: float
    length: float
    radius: float
    swing: float = 0.0
    phase: float = 0.0
    rest: float = 0.0
    order: int = 0


# The torso's axis runs up from the hip; limbs hang down, so they start turned by half a circle.
BONES = (
    Bone("right upper arm", "torso", 0.92, 0.17, 0.030, 0.55, math.pi, math.pi, 0),
    Bone("right forearm", "right upper arm", 1.0, 0.16, 0.026, 0.30, math.pi, -0.35, 1),
    Bone("right thigh", "torso", 0.0, 0.24, 0.045, 0.50, 0.0, math.pi, 2),
    Bone("right shin", "right thigh", 1.0, 0.24, 0.036, 0.35, -1.2, 0.35, 3),
    Bone("torso", "", 0.0, 0.30, 0.085, 0.03, 0.0, 0.0, 4),
    Bone("head", "torso", 1.25, 0.06, 0.065, 0.05, 0.5, 0.0, 5),
    Bone("left thigh", "torso", 0.0, 0.24, 0.045, 0.50, math.pi, math.pi, 6),
    Bone("left shin", "left thigh", 1.0, 0.24, 0.036, 0.35, math.pi - 1.2, 0.35, 7),
    Bone("left upper arm", "torso", 0.92, 0.17, 0.030, 0.55, 0.0, math.pi, 8),
    Bone("left forearm", "left upper arm", 1.0, 0.16, 0.026, 0.30, 0.0, -0.35, 9),
)
# All bones together are thinner than `FIGURE_THICKNESS`.
_BONE_GAP = 1e-4
_BY_NAME = {bone.name: bone for bone in BONES}
# Key point -> (bone, place along it, place across it), the latter as a share of the height.
_PLACES: dict[str, tuple[str, float, float]] = {
    "nose": ("head", 0.4, 0.055),
    "left_eye": ("head", 0.8, 0.040),
    "right_eye": ("head", 0.8, 0.050),
    "left_ear": ("head", 0.6, -0.010),
    "right_ear": ("head", 0.6, 0.010),
    **{f"{side}_shoulder": (f"{side} upper arm", 0.0, 0.0) for side in ("left", "right")},
    **{f"{side}_elbow": (f"{side} forearm", 0.0, 0.0) for side in ("left", "right")},
    **{f"{side}_wrist": (f"{side} forearm", 1.0, 0.0) for side in ("left", "right")},
    **{f"{side}_hip": (f"{side} thigh", 0.0, 0.0) for side in ("left", "right")},
    **{f"{side}_knee": (f"{side} shin", 0.0, 0.0) for side in ("left", "right")},
    **{f"{side}_ankle": (f"{side} shin", 1.0, 0.0) for side in ("left", "right")},
}


def bone_pose(figure: Figure, bone: Bone, time: float) -> Matrix:
    """(3, 3) from a bone's coordinates (origin at its start, +v along it) to the world at `time`."""
    stride = 2 * math.pi * figure.cadence * time + figure.phase
    turn = rotation(bone.rest + bone.swing * math.sin(stride + bone.phase))
    if not bone.parent:
        # The hip rises twice in a stride.
        lift = 0.012 * figure.height_px * math.cos(2 * stride)
        facing = np.diag([1.0 if figure.speed >= 0 else -1.0, 1.0, 1.0])
        return translation(figure.x + figure.speed * time, figure.y - lift) @ facing @ rotation(math.pi) @ turn
    parent = _BY_NAME[bone.parent]
    return bone_pose(figure, parent, time) @ translation(0, bone.at * parent.length * figure.height_px) @ turn


def bones_of(spec: ClipSpec, figure: Figure) -> list[Layer]:
    """The figure's layers; the nearer of two bones has the smaller depth."""
    return [_layer(spec, figure, bone) for bone in BONES]


def _layer(spec: ClipSpec, figure: Figure, bone: Bone) -> Layer:
    length, radius = bone.length * figure.height_px, bone.radius * figure.height_px

    def pose(time: float) -> Matrix:
        view = camera_view(spec.camera, time, figure.depth, width=spec.width, height=spec.height)
        return view @ bone_pose(figure, bone, time)

    seed = figure.seed + bone.order
    colour = "white" if bone.name == "head" else figure.colour
    return Layer(
        name=bone.name,
        object_id=spec.figure_id,
        pose=pose,
        surface=Surface(colour, pattern_of("speckled", seed), spec.style),
        depth=figure.depth - _BONE_GAP * bone.order,
        distance=lambda u, v: capsule(u, v, length, radius),
        haze=spec.haze * figure.depth / HAZE_DEPTH,
    )


def joints(spec: ClipSpec, time: float) -> NDArray[np.float64]:
    """(17, 2) pixels: the places of `KEYPOINTS` on the frame at `time`; (0, 2) without a figure."""
    figure = spec.figure
    if figure is None:
        return np.empty((0, 2))
    view = camera_view(spec.camera, time, figure.depth, width=spec.width, height=spec.height)
    return np.array([_place(figure, view, name, time) for name in KEYPOINTS])


def _place(figure: Figure, view: Matrix, name: str, time: float) -> tuple[float, float]:
    bone_name, along, across = _PLACES[name]
    bone = _BY_NAME[bone_name]
    u = np.array(-across * figure.height_px)
    v = np.array(along * bone.length * figure.height_px)
    x, y = apply(view @ bone_pose(figure, bone, time), u, v)
    return float(x), float(y)
