"""Clips of the stage with their truth."""

from dataclasses import dataclass

import numpy as np
import pytest

from shotgraph.stage.scene import Scene
from shotgraph.stage.worlds import draw_clip

FRAMES = 5


@dataclass(frozen=True)
class Truth:
    """A rendered clip and what is true of it.

    Attributes:
        scene: the clip.
        frames: (T, H, W, 3).
        flow: (T-1, H, W, 2) from each frame to the next.
        visible: (T-1, H, W), which pixels are seen in the next frame and of one surface alone.
        seen: (T-1, H, W), the same with mixed rims.
        to_first: (T-1, H, W, 2) from each later frame to the first.
        visible_in_first: (T-1, H, W), which pixels of later frames are seen in the first.
    """

    scene: Scene
    frames: np.ndarray
    flow: np.ndarray
    visible: np.ndarray
    seen: np.ndarray
    to_first: np.ndarray
    visible_in_first: np.ndarray


def truth_of(number: int) -> Truth:
    # Objects move calmly: an anchor must come from the picture, not from how far it jumps between two samples.
    drawn = draw_clip(number, "held-out", frames=FRAMES, side_px=96, sprites=1, styled=False)
    (sprite,) = drawn.sprites
    speckled = sprite.model_copy(update={"look": sprite.look.model_copy(update={"texture": "speckled"})})
    cloudy = drawn.ground.model_copy(update={"texture": "clouds"})
    scene = Scene(drawn.model_copy(update={"sprites": (speckled,), "ground": cloudy}))
    steps = range(FRAMES - 1)
    return Truth(
        scene,
        np.stack([scene.picture(t) for t in range(FRAMES)]),
        np.stack([scene.flow(t, t + 1) for t in steps]),
        np.stack([scene.visible(t, t + 1, pure=True) for t in steps]),
        np.stack([scene.visible(t, t + 1) for t in steps]),
        np.stack([scene.flow(t + 1, 0) for t in steps]),
        np.stack([scene.visible(t + 1, 0, pure=True) for t in steps]),
    )


@pytest.fixture(scope="session")
def stage_clips() -> list[Truth]:
    """Six clips with aperiodic textures that move."""
    return [truth_of(number) for number in range(6)]
