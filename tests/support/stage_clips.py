"""Clips of the stage made by hand, and how well a clip follows its own flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.warp import sample
from shotgraph.stage.layer import Layer
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import Camera, ClipSpec, Figure, Ground, Look, Motion, Sprite

Pattern = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def lively(**changes: object) -> ClipSpec:
    """Two sprites that turn, wave and cross a slanted ground under a zoom, and a person; 96 x 64, so x is not y."""
    spec = ClipSpec(
        width=96,
        height=64,
        frames=6,
        ground=Ground(colour="olive", texture="clouds", slant=0.3, depth=5.0, seed=3),
        sprites=(
            Sprite(
                look=Look(shape="star", colour="red", texture="speckled"),
                x=30,
                y=26,
                depth=1.5,
                motion=Motion(name="spins", speed=2.5),
                shear_px=2.0,
                seed=4,
            ),
            Sprite(
                look=Look(shape="ring", colour="cyan", texture="striped"),
                x=52,
                y=34,
                depth=2.5,
                motion=Motion(name="zigzags", speed=1.7, phase=0.4),
                seed=5,
            ),
        ),
        figure=Figure(x=70, y=34, height_px=48, depth=1.1, speed=-1.3, colour="yellow"),
        camera=Camera(name="zooms", speed=1.2),
    )
    return spec.model_copy(update=changes)


def sliding(*, speed: float, texture: str = "striped", camera_speed: float = 4.0) -> ClipSpec:
    """A square that slides right by `speed` pixels a frame while the camera pans left."""
    look = Look(shape="square", colour="blue", texture=texture)  # type: ignore[arg-type]
    return ClipSpec(
        width=96,
        height=64,
        frames=4,
        ground=Ground(colour="gray", texture="checkered", depth=4.0, seed=1),
        sprites=(Sprite(look=look, x=40, y=30, depth=1.0, motion=Motion(name="right", speed=speed), seed=2),),
        camera=Camera(name="left", speed=camera_speed),
    )


class PatternedScene(Scene):
    """A clip whose objects all have one pattern, whatever the specification says."""

    pattern: Pattern

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return tuple(
            replace(layer, surface=replace(layer.surface, pattern=type(self).pattern)) for layer in super().layers
        )


class HardStripes(PatternedScene):
    """Stripes of 8 pixels with hard edges."""

    @staticmethod
    def pattern(u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
        return (np.floor((u + 0.3 * v) / 8) % 2).astype(np.float32)


def warp_error(shown: Scene, pairs: Iterable[tuple[int, int]], *, along: Scene | None = None) -> float:
    """Mean squared difference between a frame and the other one pulled back by the exact flow, where no rim is near."""
    guide = shown if along is None else along
    errors: list[float] = []
    for time, later in pairs:
        seen = guide.visible(time, later, pure=True)
        places = guide.moved(time, later)[0].astype(np.float32)
        difference = sample(shown.picture(later), places) - shown.picture(time)
        errors.append(float(np.square(difference)[seen].mean()))
    return float(np.mean(errors))
