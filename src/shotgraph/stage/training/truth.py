"""What the pictures of a bank show, and clips that differ from another in one thing."""

from __future__ import annotations

import numpy as np

from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec


def centres(spec: ClipSpec, time: float) -> list[tuple[float, float, float]]:
    """(x, y, radius) of every sprite at `time`, pixels of the frame."""
    named = {layer.name: layer for layer in Scene(spec).layers}
    found: list[tuple[float, float, float]] = []
    for index, sprite in enumerate(spec.sprites):
        pose = named[f"sprite {index}"].pose(time)
        scale = float(np.sqrt(np.linalg.det(pose[:2, :2])))
        found.append((float(pose[0, 2]), float(pose[1, 2]), scale * spec.radius_px(sprite)))
    return found


def reseeded(spec: ClipSpec, by: int) -> ClipSpec:
    """The same clip, and the same caption, with other textures: their phases, directions and waves."""
    shift = 7919 * (by + 1)
    sprites = tuple(sprite.model_copy(update={"seed": sprite.seed + shift}) for sprite in spec.sprites)
    ground = spec.ground.model_copy(update={"seed": spec.ground.seed + shift})
    figure = spec.figure and spec.figure.model_copy(update={"seed": spec.figure.seed + shift})
    return spec.model_copy(update={"sprites": sprites, "ground": ground, "figure": figure})


def batch_rng(seed: int, step: int) -> np.random.Generator:
    """What draws the batch of a step: a function of the step alone, so that a resumed training sees the same pictures."""
    return np.random.Generator(np.random.Philox(key=[seed, step]))
