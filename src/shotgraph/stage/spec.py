"""What a clip of the stage is: everything that decides a pixel, and nothing that does not.

Lengths are pixels of the frame whatever its size: a larger canvas shows more world, not a larger one. x goes right, y down,
angles turn from x to y. A specification is plain JSON; the same one gives the same bits.
"""

from __future__ import annotations

import re
import reprlib
from typing import Annotated, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator
from pydantic_core import ErrorDetails

from shotgraph.errors import UsageError
from shotgraph.stage.vocabulary import (
    CameraName,
    GroundColour,
    GroundTexture,
    MotionName,
    ObjectColour,
    Shape,
    Size,
    Style,
    Texture,
)

RADIUS_PX = {"small": 15.0, "large": 24.0}
# A person is in front of or behind a sprite as a whole: bones lie one behind the other within this.
FIGURE_THICKNESS = 0.01
_FAR_PX = 4096.0
_Speed = Annotated[float, Field(ge=0.0, le=16.0)]
_Place = Annotated[float, Field(ge=-_FAR_PX, le=_FAR_PX)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Spec(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Look(_Spec):
    """What a sprite looks like.

    Attributes:
        shape: its silhouette.
        colour: its base colour.
        texture: what modulates the colour, in the sprite's own coordinates.
        size: small is 15 px from centre to rim, large 24.
    """

    shape: Shape
    colour: ObjectColour
    texture: Texture = "plain"
    size: Size = "large"


class Motion(_Spec):
    """How a sprite moves.

    Attributes:
        name: the kind of path.
        speed: pixels per frame along it; for ``spins`` and ``grows`` at the rim.
        phase: where in its period it starts, radians.
    """

    name: MotionName = "still"
    speed: _Speed = 1.5
    phase: float = 0.0


class Sprite(_Spec):
    """One object.

    Attributes:
        look: what it looks like.
        x: centre at frame 0, pixels.
        y: centre at frame 0, pixels.
        angle: at frame 0, radians.
        depth: distance; 1 is the reference plane, larger is farther and moves less under a pan.
        motion: its own.
        shear_px: amplitude of a sinus shear along x: a non-rigid flag-like wave.
        seed: of its texture.
    """

    look: Look
    x: _Place
    y: _Place
    angle: float = 0.0
    depth: Annotated[float, Field(ge=0.8, le=3.9)] = 1.0
    motion: Motion = Motion()
    shear_px: Annotated[float, Field(ge=0.0, le=4.0)] = 0.0
    seed: _Seed = 0


def radius_px(sprite: Sprite, *, perspective: bool) -> float:
    """From the centre of `sprite` to its farthest part when nothing zooms; in perspective, smaller the farther it is."""
    return RADIUS_PX[sprite.look.size] / (sprite.depth if perspective else 1.0)


class Ground(_Spec):
    """The background.

    Attributes:
        colour: its base colour.
        texture: what modulates it, in its own coordinates.
        depth: distance at the centre of the frame.
        slant: how much of 1 / depth is lost from the centre to the upper edge; 0 faces the camera.
        seed: of its texture.
    """

    colour: GroundColour
    texture: GroundTexture = "plain"
    depth: Annotated[float, Field(ge=1.0, le=8.0)] = 4.0
    slant: Annotated[float, Field(ge=0.0, le=0.4)] = 0.0
    seed: _Seed = 0

    @property
    def nearest(self) -> float:
        """Depth at the lower edge of the frame."""
        return self.depth / (1.0 + self.slant)


class Camera(_Spec):
    """How the camera moves.

    Attributes:
        name: the kind of move.
        speed: pixels per frame on the reference plane; for ``zooms`` at the frame's edge.
        phase: where a shake starts, radians.
    """

    name: CameraName = "still"
    speed: _Speed = 1.5
    phase: float = 0.0


class Figure(_Spec):
    """A walking figure of capsules.

    Attributes:
        x: hip at frame 0, pixels.
        y: hip at frame 0, pixels.
        height_px: from sole to crown.
        speed: pixels per frame along x; negative walks left.
        cadence: steps per frame, full cycles.
        depth: distance.
        colour: of its clothes.
        phase: of its gait, radians.
        seed: of its texture.
    """

    x: _Place
    y: _Place
    height_px: Annotated[float, Field(ge=16.0, le=400.0)] = 80.0
    speed: Annotated[float, Field(ge=-5.0, le=5.0)] = 1.0
    cadence: Annotated[float, Field(gt=0.0, le=0.25)] = 0.08
    depth: Annotated[float, Field(ge=0.8, le=3.9)] = 1.0
    colour: ObjectColour = "red"
    phase: float = 0.0
    seed: _Seed = 0


class Canvas(_Spec):
    """How large a clip is.

    Attributes:
        width: pixels.
        height: pixels.
        frames: how many.
    """

    width: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 128
    height: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 128
    frames: Annotated[int, Field(ge=1, le=512)] = 16


class ClipSpec(Canvas):
    """One clip.

    Attributes:
        ground: the background.
        sprites: objects; the farthest is drawn first.
        figure: a person, or none.
        camera: its move.
        style: a global look.
        haze: how much of the haze colour a depth of 4 takes on; 0 for clear air.
        shadows: objects darken the ground to their lower right.
        perspective: a sprite is as large as its look says at depth 1, and smaller by 1 / depth beyond.
        flicker: by which share the light of the whole picture swings over time.
    """

    ground: Ground
    sprites: Annotated[tuple[Sprite, ...], Field(max_length=4)] = ()
    figure: Figure | None = None
    camera: Camera = Camera()
    style: Style = "none"
    haze: Annotated[float, Field(ge=0.0, le=0.8)] = 0.0
    shadows: bool = False
    perspective: bool = False
    flicker: Annotated[float, Field(ge=0.0, le=0.3)] = 0.0

    @property
    def figure_id(self) -> int:
        """Object id that a figure has: after those of the sprites, which start at 1; 0 is the ground."""
        return len(self.sprites) + 1

    def radius_px(self, sprite: Sprite) -> float:
        """From the centre of `sprite` to its farthest part when nothing zooms."""
        return radius_px(sprite, perspective=self.perspective)

    @model_validator(mode="after")
    def _depths_leave_one_order(self) -> Self:
        depths = [sprite.depth for sprite in self.sprites]
        if len(set(depths)) != len(depths):
            raise ValueError(f"depths of sprites must differ, got {depths}; the order of drawing would be left open")
        if self.figure is not None:
            if any(abs(depth - self.figure.depth) < FIGURE_THICKNESS for depth in depths):
                raise ValueError(
                    f"depths of sprites must be {FIGURE_THICKNESS} or more from the figure's {self.figure.depth}, got {depths}; "
                    f"a sprite cannot lie between two bones"
                )
            depths.append(self.figure.depth)
        if depths and max(depths) >= self.ground.nearest:
            raise ValueError(
                f"depths of objects must be less than the ground's nearest, {self.ground.nearest:g}, got {max(depths):g}; "
                f"move the ground back or lessen its slant"
            )
        return self


def read_spec(text: str, *, who: str = "stage") -> ClipSpec:
    """The clip that JSON `text` describes.

    Args:
        text: as written by ``ClipSpec.model_dump_json``.
        who: whom messages name, such as the file.

    Returns:
        The clip.

    Raises:
        UsageError: it describes none; each field at fault stands on a line of its own.
    """
    try:
        return ClipSpec.model_validate_json(text)
    except pydantic.ValidationError as error:
        faults = "".join(f"\n  {_told(fault)}" for fault in error.errors())
        raise UsageError(
            f"{who}: a clip must follow its specification, got {error.error_count()} fault(s); correct them, or start from the "
            f"spec.json that `shotgraph stage render --number 0 --out DIR` writes{faults}"
        ) from error


def _told(fault: ErrorDetails) -> str:
    """One fault as ``field must be rule, got value``."""
    place = ".".join(map(str, fault["loc"])) or "clip"
    match fault["type"]:
        case "missing":
            return f"{place} must be given, got nothing"
        case "extra_forbidden":
            return f"{place} must be a field of the specification, got {reprlib.repr(fault['input'])}"
        case "json_invalid":
            return f"{place} must be JSON, got {fault['msg']}"
        case "value_error":
            return f"{place}: {fault['ctx']['error'] if 'ctx' in fault else fault['msg']}"
        case _:
            rule = re.sub(r"^\w+ should", "must", fault["msg"])
            return f"{place} {rule}, got {reprlib.repr(fault['input'])}"
