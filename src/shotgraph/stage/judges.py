"""Judges that know the truth: did a frame of an edited clip take on what was asked for, and lose what it had?

Where the edit's clip says exactly where things are, no network is needed. A colour is the median in Lab of the eroded matte,
compared with every shade that a named colour takes on under a texture. A shape is the one whose silhouette, at the true pose, the
pixels of the object's colour overlap best. What is left of a removed object is measured against the clean plate. Only textures
and styles are asked of the trained judge, on a crop around the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import ShapeError, UsageError
from shotgraph.stage.edits import Asked, Edit
from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene
from shotgraph.stage.shapes import distance_of
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.judge_data import UNCLEAR, crop_around
from shotgraph.stage.training.truth import centres
from shotgraph.stage.vocabulary import GROUND_COLOURS, OBJECT_COLOURS, RGB, SHAPES

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# A texture multiplies a colour by something between these.
_SHADES = np.linspace(0.42, 1.0, 12)
# Farther than this in Lab from every shade of a colour, or nearer by less than the margin than to the next: unclear.
_FARTHEST_LAB, _MARGIN_LAB, _UNDECIDED_LAB = 22.0, 2.0, 6.0
# So much of a region must itself be a shade of its colour: the median of noise is some colour too.
_LEAST_SHARE = 0.7
_ERODED_PX, _SHIFT_PX = 2, 2
_LEAST_IOU, _LEAST_PIXELS = 0.55, 12
_CROP_PX = 80


class Reader(Protocol):
    """The trained judge, as far as it is needed here."""

    def __call__(self, pictures: Floats) -> dict[str, list[str]]:
        """For every head the word for each of (N, H, W, 3) pictures, or ``unclear``."""
        ...


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was seen of an edit, frame by frame.

    Attributes:
        asked: one for each column.
        target: (T, A), whether the new value of attribute a is seen in frame t; what is unclear is not.
        source: (T, A), whether the old value still is.
    """

    asked: tuple[Asked, ...]
    target: Bools
    source: Bools


def verdicts(frames: Floats, edit: Edit, *, reader: Reader | None = None) -> Verdicts:
    """Judge an edited clip.

    Args:
        frames: (T, H, W, 3) in [0, 1], the first T frames of the clip.
        edit: what was asked.
        reader: the trained judge; needed for textures and styles only.

    Returns:
        YES or NO for every frame, attribute, and both values.

    Raises:
        ShapeError: frames of another size, or more of them than the clip has.
    """
    spec = edit.target
    if frames.ndim != 4 or frames.shape[1:] != (spec.height, spec.width, 3) or len(frames) > spec.frames:
        raise ShapeError(
            f"judges: frames must be (up to {spec.frames}, {spec.height}, {spec.width}, 3) as the edit's clip, "
            f"got {frames.shape}; resize them back first"
        )
    seen = np.stack([_seen(frames, edit, asked, reader) for asked in edit.asked], axis=1)
    return Verdicts(edit.asked, seen[..., 0], seen[..., 1])


def _seen(frames: Floats, edit: Edit, asked: Asked, reader: Reader | None) -> Bools:
    """(T, 2): whether the new and whether the old value is seen."""
    if asked.attribute == "presence":
        gone = np.array([is_removed(frame, edit, asked, time) for time, frame in enumerate(frames)])
        return np.stack((gone, ~gone), axis=1)
    words = _words(frames, edit, asked, reader)
    return np.array([[word == asked.after, word == asked.before] for word in words])


def _words(frames: Floats, edit: Edit, asked: Asked, reader: Reader | None) -> Sequence[str]:
    """The value of an attribute in every frame."""
    scene = Scene(edit.target)
    match asked.attribute, asked.object_index:
        case "colour", int(index):
            return [object_colour(frame, scene.alpha(index + 1, time)) for time, frame in enumerate(frames)]
        case "shape", int(index):
            return [object_shape(frame, scene, index, time) for time, frame in enumerate(frames)]
        case "ground", _:
            return [ground_colour(frame, edit, time) for time, frame in enumerate(frames)]
        case "texture", int(index):
            return _reader(reader, asked)(_crops(frames, edit.target, index))["texture"]
        case _:
            return _reader(reader, asked)(frames)["style"]


def _reader(reader: Reader | None, asked: Asked) -> Reader:
    if reader is None:
        raise UsageError(
            f"judges: {asked.attribute} must be read by the trained judge, got none; pass one made of stage-judge"
        )
    return reader


def _crops(frames: Floats, spec: ClipSpec, index: int) -> Floats:
    """(T, side, side, 3) around one sprite."""
    places = [centres(spec, time)[index] for time in range(len(frames))]
    return np.stack([crop_around(frame, x, y, _CROP_PX) for frame, (x, y, _) in zip(frames, places, strict=True)])


def object_colour(frame: Floats, matte: Floats) -> str:
    """The named colour inside an object's matte.

    Args:
        frame: (H, W, 3) in [0, 1].
        matte: (H, W) in [0, 1].

    Returns:
        A colour of objects, or ``unclear``.
    """
    return _named(frame, _eroded(matte > 0.5), OBJECT_COLOURS)


def ground_colour(frame: Floats, edit: Edit, time: float) -> str:
    """The named colour of the background, away from every object of the clip before and after."""
    cover = np.maximum.reduce([_objects(Scene(spec), time) for spec in (edit.source, edit.target)])
    return _named(frame, _eroded(cover < 0.5), GROUND_COLOURS)


def object_shape(frame: Floats, scene: Scene, index: int, time: float) -> str:
    """The shape whose silhouette, at the true pose and moved by up to 2 px, covers the object's pixels best.

    Args:
        frame: (H, W, 3) in [0, 1].
        scene: says where the object is.
        index: of the sprite.
        time: of the frame.

    Returns:
        A shape, or ``unclear`` where none overlaps by 0.55 or what is there has no nameable colour.
    """
    layer = next(layer for layer in scene.layers if layer.object_id == index + 1)
    u, v = (axis.astype(np.float32) for axis in layer.to_local(*scene.grid, time))
    radius = scene.spec.radius_px(scene.spec.sprites[index])
    nearby = np.hypot(u, v) < 1.35 * radius
    hidden = np.maximum.reduce(
        [np.zeros_like(u)] + [scene.alpha(n + 1, time) for n in range(len(scene.spec.sprites)) if n != index]
    )
    valid = nearby & (hidden < 0.5)
    silhouettes = {shape: distance_of(shape, radius)(u, v) < 0 for shape in SHAPES}
    found = _segment(frame, valid, silhouettes, away=(np.hypot(u, v) > 1.2 * radius) & (_objects(scene, time) < 0.5))
    if found is None:
        return UNCLEAR
    scores = {shape: _best_iou(*found, silhouette) for shape, silhouette in silhouettes.items()}
    best = max(scores, key=lambda shape: scores[shape])
    return best if scores[best] >= _LEAST_IOU else UNCLEAR


def is_removed(frame: Floats, edit: Edit, asked: Asked, time: float) -> bool:
    """Whether a removed object's place looks more like the clean plate than like the object."""
    index = asked.object_index or 0
    before, after = Scene(edit.source), Scene(edit.target)
    inside = _eroded(before.alpha(index + 1, time) > 0.5)
    if not inside.any():
        return True
    lab = _lab(frame)[inside]
    to_object, to_plate = (
        np.linalg.norm(lab - _lab(scene.picture(time))[inside], axis=-1).mean() for scene in (before, after)
    )
    return bool(to_plate < to_object)


def _objects(scene: Scene, time: float) -> Floats:
    """(H, W) in [0, 1]: share of everything but the ground."""
    return 1 - scene.alpha(GROUND, time)


def _segment(frame: Floats, valid: Bools, silhouettes: dict[str, Bools], *, away: Bools) -> tuple[Bools, Bools] | None:
    """(H, W) pixels of the object's colour rather than the ground's, and those that tell; None when either has no name."""
    ground = _named(frame, away, GROUND_COLOURS)
    if ground == UNCLEAR:
        return None
    lab = _lab(frame)[valid]
    inside = np.logical_or.reduce(list(silhouettes.values()))[valid]
    from_ground = _distances(lab, ground)
    nearest = {colour: _distances(lab, colour) for colour in OBJECT_COLOURS}
    # The object's colour is the one that most pixels are closer to than to the ground's.
    counts = {name: int((inside & (gap < from_ground) & (gap < _FARTHEST_LAB)).sum()) for name, gap in nearest.items()}
    colour = max(counts, key=lambda name: counts[name])
    if counts[colour] < _LEAST_PIXELS:
        return None
    # Dark white is gray: what could be either says nothing about the silhouette.
    found, decided = np.zeros(valid.shape, bool), np.zeros(valid.shape, bool)
    decided[valid] = np.abs(nearest[colour] - from_ground) >= _UNDECIDED_LAB
    found[valid] = nearest[colour] < from_ground
    return found & decided, decided


def _best_iou(found: Bools, decided: Bools, silhouette: Bools) -> float:
    """Intersection over union, best over displacements of up to 2 px."""
    best = 0.0
    for dy in range(-_SHIFT_PX, _SHIFT_PX + 1):
        for dx in range(-_SHIFT_PX, _SHIFT_PX + 1):
            moved = np.roll(silhouette, (dy, dx), axis=(0, 1)) & decided
            union = int((found | moved).sum())
            best = max(best, int((found & moved).sum()) / union if union else 0.0)
    return best


def _named(frame: Floats, where: Bools, names: Sequence[str]) -> str:
    """The colour that the median of a region is a shade of."""
    if int(where.sum()) < _LEAST_PIXELS:
        return UNCLEAR
    lab = _lab(frame[None, where])[0]
    median = np.median(lab, axis=0)[None]
    gaps = sorted((float(_distances(median, name)[0]), name) for name in names)
    (first, name), (second, _) = gaps[:2]
    alike = float((_distances(lab, name) < _FARTHEST_LAB).mean())
    is_clear = first <= _FARTHEST_LAB and second - first >= _MARGIN_LAB and alike >= _LEAST_SHARE
    return name if is_clear else UNCLEAR


def _distances(lab: Floats, name: str) -> Floats:
    """(N,) distance of colours (N, 3) in Lab to the nearest shade of a name."""
    shades = _lab((_SHADES[:, None] * np.array(RGB[name])).astype(np.float32)[None])[0]
    return np.linalg.norm(lab[:, None, :] - shades, axis=-1).min(axis=-1)


def _lab(rgb: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(np.clip(rgb, 0, 1).astype(np.float32), cv2.COLOR_RGB2LAB), np.float32)


def _eroded(mask: Bools) -> Bools:
    """The inside of a mask, as far as something is left of it: thin rings keep a smaller margin."""
    for width in (_ERODED_PX, 1):
        kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
        inside = cv2.erode(mask.astype(np.uint8), kernel, borderValue=1).astype(bool)
        if int(inside.sum()) >= _LEAST_PIXELS:
            return inside
    return mask
