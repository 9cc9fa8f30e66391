"""Edits of atlases whose true outcome the stage renders, for `decompose.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from shotgraph.decomposition.layers import Layers
from shotgraph.decomposition.render import FrameLayers, atlas_colour, paint_on_atlas, painted_frame
from shotgraph.decomposition.reshape import bent_frame, through_points
from shotgraph.maths.paint import edit_between, fill_holes, painted_over
from shotgraph.maths.warp import pixel_grid
from shotgraph.stage.edits import Family, edit_of
from shotgraph.stage.layer import Layer
from shotgraph.stage.scene import Scene

Frame = NDArray[np.float32]
Matrix = NDArray[np.float64]
# As the nodes have it: smaller differences are not paint, and breaks up to this are closed.
TOLERANCE, FILL_PX = 1 / 255, 2.0
GROWTH = np.diag([1.3, 1.3, 1.0])
SHEAR = np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
# Of the object's own coordinates, those that a new shape is told by.
HANDLES_PX = np.array([(x, y) for x in (-20.0, 0.0, 20.0) for y in (-20.0, 0.0, 20.0)])


@dataclass(frozen=True)
class Fitted:
    """A clip that was taken apart.

    Attributes:
        scene: its truth.
        video: frames.
        layers: fitted, and looked at by `cover`.
        found: what they say of each frame.
    """

    scene: Scene
    video: list[Frame]
    layers: Layers
    found: Sequence[FrameLayers]


@dataclass(frozen=True)
class Tried:
    """One edit.

    Attributes:
        layer: that it changes.
        truth: the scene afterwards.
        make: frames out of a clip and the scene afterwards.
    """

    layer: int
    truth: Callable[[Scene], Scene]
    make: Callable[[Fitted, Scene, int], list[Frame]]


@dataclass(frozen=True)
class Reached:
    """How an edit came out, over all frames.

    Attributes:
        psnr_db: against the truth, where the layer is seen before or after.
        unedited_db: of the plate there.
        leak: share of all pixels that lie elsewhere and changed at all.
    """

    psnr_db: float
    unedited_db: float
    leak: float


@dataclass(frozen=True)
class Bent(Scene):
    """A scene whose object has another shape, with what is on it.

    Attributes:
        shape: (3, 3) of its own coordinates, applied before its pose.
    """

    shape: Matrix

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """As those of the scene, but for the pose of the object."""
        ground, sprite = Scene(self.spec).layers
        return ground, replace(sprite, pose=lambda time: sprite.pose(time) @ self.shape)


def outcome(tried: Tried, clip: Fitted) -> Reached:
    """Edit a clip, and hold it against the truth."""
    after, times = tried.truth(clip.scene), range(len(clip.video))
    plate, true = np.stack(clip.video), np.stack([after.picture(time) for time in times])
    made = np.stack(tried.make(clip, after, tried.layer))
    before, then = (np.stack([scene.alpha(tried.layer, time) for time in times]) for scene in (clip.scene, after))
    inside = (before > 0) | (then > 0)
    changed = (made != plate).any(axis=-1) & ~inside

    def psnr_db(frames: Frame) -> float:
        return float(-10 * np.log10(max(float(np.square(frames - true)[inside].mean()), 1e-12)))

    return Reached(psnr_db(made), psnr_db(plate), float(changed.mean()))


def own_coordinates(clip: Fitted, layer: int) -> tuple[Matrix, Matrix]:
    """(places (P, 2) texels, the stage's own coordinates (P, 2)) of all pixels that show a layer."""
    own = [clip.scene.ids(time) == layer for time in range(len(clip.found))]
    places = np.concatenate([frame.places[layer][mask] for frame, mask in zip(clip.found, own, strict=True)])
    true = np.concatenate([clip.scene.local(layer, time)[mask] for time, mask in enumerate(own)])
    return places.astype(np.float64), true.astype(np.float64)


def affine(start: Matrix, end: Matrix) -> Callable[[Matrix], Matrix]:
    """The map of least squared error from points to others."""
    solution = np.linalg.lstsq(np.column_stack((start, np.ones(len(start)))), end, rcond=None)[0]
    return lambda points: np.column_stack((points, np.ones(len(points)))) @ solution


def painted_on_atlas(clip: Fitted, after: Scene, layer: int) -> list[Frame]:
    """What an artist does who paints the new surface on the atlas."""
    height, width = clip.layers[layer].size
    to_own, surface = affine(*own_coordinates(clip, layer)), after.layers[layer]
    u, v = to_own(pixel_grid(height, width).reshape(-1, 2).astype(np.float64)).T.astype(np.float32)
    colour = surface.surface.shade(u, v, surface.covers(u, v)[0]).reshape(height, width, 3)
    edit = edit_between(atlas_colour(clip.layers, layer), colour, np.ones((height, width), np.float32), tolerance=0)
    return [painted_frame(frame, found, layer, edit) for frame, found in zip(clip.video, clip.found, strict=True)]


def painted_on_frame(clip: Fitted, after: Scene, layer: int) -> list[Frame]:
    """What an artist does who paints the middle frame."""
    middle = len(clip.video) // 2
    paint = painted_over(clip.video[middle], after.picture(middle), coded=False, tolerance=TOLERANCE).edit
    on_atlas = paint_on_atlas(paint, clip.found[middle], layer, clip.layers[layer].size)
    edit = fill_holes(on_atlas, radius_px=FILL_PX)
    return [painted_frame(frame, found, layer, edit) for frame, found in zip(clip.video, clip.found, strict=True)]


def bent_by_points(clip: Fitted, _after: Scene, layer: int, *, shape: Matrix) -> list[Frame]:
    """What an artist does who drags nine points of the atlas."""
    places, own = own_coordinates(clip, layer)
    to_texels = affine(own, places)
    points = np.column_stack((to_texels(HANDLES_PX), to_texels(HANDLES_PX @ shape[:2, :2].T)))
    field = through_points([tuple(map(float, point)) for point in points], clip.layers[layer].size)
    return [bent_frame(frame, clip.layers, time, {layer: field}).picture for time, frame in enumerate(clip.video)]


def of_family(family: Family) -> Callable[[Scene], Scene]:
    """The scene after an edit of the stage."""
    return lambda scene: Scene(edit_of(family, scene.spec, 0).target)


def of_shape(shape: Matrix) -> Callable[[Scene], Scene]:
    """The scene whose object has another shape."""
    return lambda scene: Bent(scene.spec, shape)


EDITS = {
    "colour (E1) on the atlas": Tried(1, of_family("E1"), painted_on_atlas),
    "texture (E2) on the atlas": Tried(1, of_family("E2"), painted_on_atlas),
    "background (E4) on the atlas": Tried(0, of_family("E4"), painted_on_atlas),
    "colour (E9) on a frame": Tried(1, of_family("E9"), painted_on_frame),
    "growth of the object": Tried(1, of_shape(GROWTH), partial(bent_by_points, shape=GROWTH)),
    "shear of the object": Tried(1, of_shape(SHEAR), partial(bent_by_points, shape=SHEAR)),
}
