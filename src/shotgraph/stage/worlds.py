"""Random clips: the same world, drawn for a purpose.

A clip is drawn by its number alone. Training numbers and held-out numbers are different streams, and some pairs of colour and
shape never occur in training, so that a model can be asked for what it has not seen.
"""

from __future__ import annotations

import math
from typing import Literal, TypeVar

import numpy as np

from shotgraph.stage.poses import camera_view, motion_pose, translation
from shotgraph.stage.spec import RADIUS_PX, Camera, ClipSpec, Figure, Ground, Look, Motion, Sprite
from shotgraph.stage.vocabulary import (
    CAMERAS,
    GROUND_COLOURS,
    GROUND_TEXTURES,
    MOTIONS,
    OBJECT_COLOURS,
    SHAPES,
    STYLES,
    TEXTURES,
    GroundTexture,
    Texture,
)

Value = TypeVar("Value")
Split = Literal["train", "held-out"]
# What a clip is drawn for: anything; aperiodic textures for flow, tracks and atlases; visible depth; a person.
Purpose = Literal["general", "flow", "depth", "figure"]

UNSEEN_PAIRS = frozenset({("purple", "star"), ("yellow", "ring"), ("cyan", "cross"), ("orange", "square")})
_STREAMS: dict[Split, int] = {"train": 1, "held-out": 2}
_TRIES = 40


def draw_clip(
    number: int,
    split: Split,
    *,
    purpose: Purpose = "general",
    side_px: int = 128,
    frames: int = 16,
    sprites: int | None = None,
    styled: bool = True,
) -> ClipSpec:
    """The clip with that number.

    Args:
        number: any integer from 0.
        split: training and held-out clips share no number and no unseen pair.
        purpose: what it must show.
        side_px: width and height.
        frames: how many.
        sprites: how many objects; None draws one or two.
        styled: a share of the clips has a global style.

    Returns:
        A clip whose objects stay inside the frame for its whole length.
    """
    rng = np.random.Generator(np.random.Philox(key=[number, _STREAMS[split]]))
    count = int(rng.integers(1, 3)) if sprites is None else sprites
    ground = _ground(rng, purpose)
    camera = _camera(rng, frames)
    depths = sorted(rng.uniform(0.9, 2.6, count) + 0.3 * np.arange(count))
    objects: list[Sprite] = []
    for depth in depths:
        look = _look(rng, split, purpose)
        objects.append(_placed(rng, look, float(depth), objects, camera, side_px=side_px, frames=frames))
    style = STYLES[int(rng.integers(1, len(STYLES)))] if styled and rng.random() < 0.15 else "none"
    return ClipSpec(
        width=side_px,
        height=side_px,
        frames=frames,
        ground=ground,
        sprites=() if purpose == "figure" else tuple(objects),
        figure=_figure(rng, side_px, frames) if purpose == "figure" else None,
        camera=camera,
        style=style,
        haze=float(rng.uniform(0.3, 0.6)) if purpose == "depth" else 0.0,
    )


def _pick(rng: np.random.Generator, values: tuple[Value, ...]) -> Value:
    return values[int(rng.integers(len(values)))]


def _ground(rng: np.random.Generator, purpose: Purpose) -> Ground:
    textures: tuple[GroundTexture, ...] = ("clouds",) if purpose == "flow" else GROUND_TEXTURES
    # Half of all grounds are aperiodic: on periods alone nothing that matches points could be measured.
    texture = "clouds" if rng.random() < 0.3 else _pick(rng, textures)
    slant = float(rng.uniform(0.2, 0.4)) if purpose == "depth" else 0.0
    return Ground(colour=_pick(rng, GROUND_COLOURS), texture=texture, slant=slant, seed=_seed(rng))


def _look(rng: np.random.Generator, split: Split, purpose: Purpose) -> Look:
    textures: tuple[Texture, ...] = ("speckled",) if purpose == "flow" else TEXTURES
    for _ in range(_TRIES):
        look = Look(
            shape=_pick(rng, SHAPES),
            colour=_pick(rng, OBJECT_COLOURS),
            texture="speckled" if rng.random() < 0.3 else _pick(rng, textures),
            size="small" if rng.random() < 0.35 else "large",
        )
        if split != "train" or (look.colour, look.shape) not in UNSEEN_PAIRS:
            break
    return look


def _placed(
    rng: np.random.Generator,
    look: Look,
    depth: float,
    others: list[Sprite],
    camera: Camera,
    *,
    side_px: int,
    frames: int,
) -> Sprite:
    """A sprite that stays in the frame and starts clear of the others; after enough tries one that stands still."""
    seed, angle = _seed(rng), float(rng.uniform(-0.3, 0.3))
    radius = RADIUS_PX[look.size]
    room = max(side_px / 2 - 0.8 * radius, 0.0)
    for attempt in range(_TRIES):
        motion = Motion(
            name=_pick(rng, MOTIONS), speed=float(rng.uniform(1.0, 3.5)), phase=float(rng.uniform(0, 2 * math.pi))
        )
        if attempt > _TRIES // 2:
            motion = Motion(name="still")
        x, y = (float(v) for v in rng.uniform(-room, room, 2) + (side_px - 1) / 2)
        sprite = Sprite(look=look, x=x, y=y, angle=angle, depth=depth, motion=motion, seed=seed)
        if _stays(sprite, camera, side_px, frames) and all(_clear(sprite, other) for other in others):
            break
    return sprite


def _stays(sprite: Sprite, camera: Camera, side_px: int, frames: int) -> bool:
    """Whether its centre keeps most of its radius from the frame's edge for the whole clip."""
    radius = RADIUS_PX[sprite.look.size]
    margin = 0.7 * radius
    for time in range(0, frames, 3):
        view = camera_view(camera, time, sprite.depth, width=side_px, height=side_px)
        pose = view @ translation(sprite.x, sprite.y) @ motion_pose(sprite.motion, time, radius_px=radius)
        x, y = pose[0, 2], pose[1, 2]
        if not (margin <= x <= side_px - 1 - margin and margin <= y <= side_px - 1 - margin):
            return False
    return True


def _clear(sprite: Sprite, other: Sprite) -> bool:
    reach = 0.8 * (RADIUS_PX[sprite.look.size] + RADIUS_PX[other.look.size])
    return math.hypot(sprite.x - other.x, sprite.y - other.y) >= reach and sprite.look.colour != other.look.colour


def _camera(rng: np.random.Generator, frames: int) -> Camera:
    name = _pick(rng, CAMERAS) if rng.random() < 0.5 else "still"
    # A longer clip would pan out of everything.
    speed = min(float(rng.uniform(0.8, 2.0)), 24.0 / frames)
    return Camera(name=name, speed=speed, phase=float(rng.uniform(0, 2 * math.pi)))


def _figure(rng: np.random.Generator, side_px: int, frames: int) -> Figure:
    height = float(rng.uniform(0.55, 0.75)) * side_px
    speed = float(rng.uniform(0.5, 2.0)) * (1 if rng.random() < 0.5 else -1)
    speed = math.copysign(min(abs(speed), 0.35 * side_px / max(frames - 1, 1)), speed)
    return Figure(
        x=side_px / 2 - speed * (frames - 1) / 2,
        y=side_px / 2,
        height_px=height,
        speed=speed,
        cadence=float(rng.uniform(0.05, 0.1)),
        depth=float(rng.uniform(1.0, 2.0)),
        colour=_pick(rng, OBJECT_COLOURS),
        phase=float(rng.uniform(0, 2 * math.pi)),
    )


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
