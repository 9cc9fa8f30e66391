"""Random clips: the same world, drawn for a purpose.

A clip is drawn by its number alone. Training numbers and held-out numbers are different streams, and some pairs of colour and
shape never occur in training, so that a model can be asked for what it has not seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import pydantic

from shotgraph.errors import UsageError
from shotgraph.stage.poses import camera_view, motion_pose, translation
from shotgraph.stage.spec import Camera, Canvas, ClipSpec, Figure, Ground, Look, Motion, Sprite, radius_px
from shotgraph.stage.vocabulary import (
    CAMERAS,
    GROUND_COLOURS,
    GROUND_TEXTURES,
    MOTIONS,
    OBJECT_COLOURS,
    SHAPES,
    STYLES,
    TEXTURES,
    CameraName,
    GroundTexture,
    MotionName,
    Style,
    Texture,
)

Value = TypeVar("Value")
Split = Literal["train", "held-out"]
# What a clip is drawn for: anything; flow, tracks and atlases (aperiodic textures, everything moves); visible depth; a person.
Purpose = Literal["general", "flow", "depth", "figure"]

UNSEEN_PAIRS = frozenset({("purple", "star"), ("yellow", "ring"), ("cyan", "cross"), ("orange", "square")})
_STREAMS: dict[Split, int] = {"train": 1, "held-out": 2}
_WAYS: tuple[MotionName, ...] = ("left", "right", "up", "down")
_WAYS_STREAM = 3
_LEAST_ROOM_PX = 8
# Of its radius, what an object keeps from the frame's edge.
_EDGE = 0.7
_TRIES = 40
_NUMBERS = 2**63
_MOST_SPRITES = 4


def draw_clip(  # noqa: PLR0913 - one setting each, every one with a default
    number: int,
    split: Split,
    *,
    purpose: Purpose = "general",
    side_px: int = 128,
    frames: int = 16,
    sprites: int | None = None,
    styled: bool = True,
) -> ClipSpec:
    """The clip with that number; `UsageError` when no clip has that number, size, length or many objects.

    Args:
        number: any integer from 0.
        split: training and held-out clips share no number and no unseen pair.
        purpose: what it must show.
        side_px: width and height.
        frames: how many.
        sprites: how many objects; None draws one or two.
        styled: a share of the clips has a global style.

    Returns:
        A clip whose objects stay inside the frame for its whole length, as far as a few tries found one: see `is_clear`.
    """
    _check(number, side_px, frames, sprites)
    rng = np.random.Generator(np.random.Philox(key=[number, _STREAMS[split]]))
    count = int(rng.integers(1, 3)) if sprites is None else sprites
    ground = _ground(rng, purpose)
    camera = _handheld(rng) if purpose == "flow" else _camera(rng, frames)
    view = _View(camera, side_px, frames, purpose == "depth")
    objects: list[Sprite] = []
    for depth in _depths(rng, count, purpose):
        objects.append(_placed(rng, _look(rng, split, purpose), depth, objects, view))
    # Some styles paint over the texture that flow is found by.
    style = _style(rng) if styled and purpose != "flow" else "none"
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
        perspective=view.perspective,
    )


def is_clear(spec: ClipSpec) -> bool:
    """Whether every object stays in the frame, starts clear of the others and has a colour of its own.

    `draw_clip` gives up on this after some tries; what judges single objects skips the clips for which it did.

    Args:
        spec: a square clip, as drawn.

    Returns:
        True for most clips.
    """
    sprites = spec.sprites
    view = _View(spec.camera, spec.width, spec.frames, spec.perspective)
    stay = all(_stays(sprite, view) for sprite in sprites)
    return stay and all(_clear(one, other, view) for index, one in enumerate(sprites) for other in sprites[:index])


def crossing(spec: ClipSpec, number: int) -> ClipSpec:
    """A clip whose objects cross its picture before a camera at rest, so that every frame tells which way they go.

    An object that drifts by a tenth of the picture is nearly where it would be had it drifted the other way.

    Args:
        spec: a square clip of two frames or more, as drawn.
        number: decides the ways: left, right, up or down, through half of the room there is or more.

    Returns:
        `spec` with other places and motions of its objects, and another camera; `UsageError` where one has no room to move.
    """
    rng = np.random.Generator(np.random.Philox(key=[number, _WAYS_STREAM]))
    sprites = tuple(_sent(sprite, spec, rng) for sprite in spec.sprites)
    return spec.model_copy(update={"sprites": sprites, "camera": Camera()})


def _sent(sprite: Sprite, spec: ClipSpec, rng: np.random.Generator) -> Sprite:
    margin = _EDGE * spec.radius_px(sprite)
    room = spec.width - 1 - 2 * margin
    if room < _LEAST_ROOM_PX:
        raise UsageError(
            f"stage: an object that crosses a picture must have {_LEAST_ROOM_PX} px of room, got {room:.1f} px; make it larger"
        )
    name: MotionName = _pick(rng, _WAYS)
    travel = float(rng.uniform(0.5, 1.0)) * room
    low = margin + float(rng.uniform(0.0, room - travel))
    start = low if name in {"right", "down"} else low + travel
    across = margin + float(rng.uniform(0.0, room))
    x, y = (start, across) if name in {"left", "right"} else (across, start)
    return sprite.model_copy(update={"x": x, "y": y, "motion": Motion(name=name, speed=travel / (spec.frames - 1))})


def _check(number: int, side_px: int, frames: int, sprites: int | None) -> None:
    if not 0 <= number < _NUMBERS:
        raise UsageError(f"stage: number of a clip must be in 0-{_NUMBERS - 1}, got {number}")
    if sprites is not None and not 0 <= sprites <= _MOST_SPRITES:
        raise UsageError(f"stage: sprites of a clip must be in 0-{_MOST_SPRITES}, got {sprites}")
    try:
        Canvas(width=side_px, height=side_px, frames=frames)
    except pydantic.ValidationError as error:
        raise UsageError(
            f"stage: a clip must be 32-1024 px wide, a multiple of 8, and 1-512 frames long, got {side_px} px and {frames} frames"
        ) from error


def _style(rng: np.random.Generator) -> Style:
    return STYLES[int(rng.integers(1, len(STYLES)))] if rng.random() < 0.15 else "none"


def _depths(rng: np.random.Generator, count: int, purpose: Purpose) -> list[float]:
    """Nearest first. None lies behind the near edge of a slanted ground, nor behind the near ground of a moving view."""
    depths = sorted(rng.uniform(0.9, 2.6, count) + 0.3 * np.arange(count))
    room = 1.7 / (1.7 + 0.3 * max(count - 1, 0)) if purpose in {"depth", "flow"} else 1.0
    return [float(0.9 + (depth - 0.9) * room) if room < 1 else float(depth) for depth in depths]


def _pick(rng: np.random.Generator, values: tuple[Value, ...]) -> Value:
    return values[int(rng.integers(len(values)))]


def _ground(rng: np.random.Generator, purpose: Purpose) -> Ground:
    textures: tuple[GroundTexture, ...] = ("clouds",) if purpose == "flow" else GROUND_TEXTURES
    # Nearly half of all grounds are aperiodic: on periods alone nothing that matches points could be measured.
    texture: GroundTexture = "clouds" if rng.random() < 0.3 else _pick(rng, textures)
    slant = float(rng.uniform(0.2, 0.4)) if purpose == "depth" else 0.0
    # A far ground hardly moves with the camera, and what does not move says nothing about flow.
    depth = 2.8 if purpose == "flow" else 4.0
    return Ground(colour=_pick(rng, GROUND_COLOURS), texture=texture, depth=depth, slant=slant, seed=_seed(rng))


def _look(rng: np.random.Generator, split: Split, purpose: Purpose) -> Look:
    """Any look; in training never an unseen pair, as long as the tries last."""
    textures: tuple[Texture, ...] = ("speckled",) if purpose == "flow" else TEXTURES
    look = _any_look(rng, textures)
    for _ in range(_TRIES - 1):
        if split != "train" or (look.colour, look.shape) not in UNSEEN_PAIRS:
            break
        look = _any_look(rng, textures)
    # One true size, so that how large it looks tells how far it is.
    return look.model_copy(update={"size": "large"}) if purpose == "depth" else look


def _any_look(rng: np.random.Generator, textures: tuple[Texture, ...]) -> Look:
    return Look(
        shape=_pick(rng, SHAPES),
        colour=_pick(rng, OBJECT_COLOURS),
        texture="speckled" if rng.random() < 0.3 else _pick(rng, textures),
        size="small" if rng.random() < 0.35 else "large",
    )


@dataclass(frozen=True, slots=True)
class _View:
    """What a sprite has to stay in."""

    camera: Camera
    side_px: int
    frames: int
    perspective: bool

    def radius_px(self, sprite: Sprite) -> float:
        """As `ClipSpec.radius_px` of the clip that will be."""
        return radius_px(sprite, perspective=self.perspective)


def _placed(rng: np.random.Generator, look: Look, depth: float, others: list[Sprite], view: _View) -> Sprite:
    """A sprite that stays in the frame and starts clear of the others; the last try if none does."""
    seed, angle = _seed(rng), float(rng.uniform(-0.3, 0.3))
    sprite = Sprite(look=look, x=0.0, y=0.0, angle=angle, depth=depth, seed=seed)
    for attempt in range(_TRIES):
        motion = _motion(rng)
        if attempt > _TRIES // 2:
            motion = Motion(name="still")
        x, y = _position(rng, view.radius_px(sprite), view.side_px)
        sprite = sprite.model_copy(update={"x": x, "y": y, "motion": motion})
        if _stays(sprite, view) and all(_clear(sprite, other, view) for other in others):
            break
    return sprite


def _motion(rng: np.random.Generator) -> Motion:
    return Motion(
        name=_pick(rng, MOTIONS), speed=float(rng.uniform(1.0, 3.5)), phase=float(rng.uniform(0, 2 * math.pi))
    )


def _position(rng: np.random.Generator, radius_px: float, side_px: int) -> tuple[float, float]:
    room = max(side_px / 2 - 0.8 * radius_px, 0.0)
    x, y = rng.uniform(-room, room, 2) + (side_px - 1) / 2
    return float(x), float(y)


def _stays(sprite: Sprite, view: _View) -> bool:
    """Whether its centre keeps most of its radius from the frame's edge for the whole clip."""
    radius, side_px = view.radius_px(sprite), view.side_px
    margin = _EDGE * radius
    for time in range(0, view.frames, 3):
        seen = camera_view(view.camera, time, sprite.depth, width=side_px, height=side_px)
        pose = seen @ translation(sprite.x, sprite.y) @ motion_pose(sprite.motion, time, radius_px=radius)
        x, y = pose[0, 2], pose[1, 2]
        if not (margin <= x <= side_px - 1 - margin and margin <= y <= side_px - 1 - margin):
            return False
    return True


def _clear(sprite: Sprite, other: Sprite, view: _View) -> bool:
    reach = 0.8 * (view.radius_px(sprite) + view.radius_px(other))
    return math.hypot(sprite.x - other.x, sprite.y - other.y) >= reach and sprite.look.colour != other.look.colour


def _camera(rng: np.random.Generator, frames: int) -> Camera:
    name: CameraName = _pick(rng, CAMERAS) if rng.random() < 0.5 else "still"
    # A longer clip would pan out of everything.
    speed = min(float(rng.uniform(0.8, 2.0)), 24.0 / frames)
    return Camera(name=name, speed=speed, phase=float(rng.uniform(0, 2 * math.pi)))


def _handheld(rng: np.random.Generator) -> Camera:
    """To and fro, so that the frame moves by pixels and its objects stay in it however long the clip."""
    return Camera(name="shakes", speed=float(rng.uniform(2.0, 3.5)), phase=float(rng.uniform(0, 2 * math.pi)))


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
        seed=_seed(rng),
    )


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
