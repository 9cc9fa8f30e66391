"""What a clip of the stage is: everything that decides a pixel, and nothing that does not.

Lengths are pixels of the frame whatever its size: a larger canvas shows more world, not a larger one. x goes right, y down,
angles turn from x to y. A specification is plain JSON; the same one gives the same bits.
"""

from __future__ import annotations

from typing import Annotated, Self

import pydantic
from pydantic import ConfigDict, Field, model_validator

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
_Speed = Annotated[float, Field(ge=0.0, le=5.0)]


class _Spec(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    x: float
    y: float
    angle: float = 0.0
    depth: Annotated[float, Field(ge=0.8, le=3.9)] = 1.0
    motion: Motion = Motion()
    shear_px: Annotated[float, Field(ge=0.0, le=4.0)] = 0.0
    seed: int = 0


class Ground(_Spec):
    """The background.

    Attributes:
        colour: its base colour.
        texture: what modulates it, in its own coordinates.
        depth: distance at the centre of the frame.
        slant: relative change of depth from the centre to the upper edge; 0 faces the camera.
        seed: of its texture.
    """

    colour: GroundColour
    texture: GroundTexture = "plain"
    depth: Annotated[float, Field(ge=1.0, le=8.0)] = 4.0
    slant: Annotated[float, Field(ge=0.0, le=0.4)] = 0.0
    seed: int = 0


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
    """

    x: float
    y: float
    height_px: Annotated[float, Field(ge=40.0, le=400.0)] = 80.0
    speed: Annotated[float, Field(ge=-5.0, le=5.0)] = 1.0
    cadence: Annotated[float, Field(gt=0.0, le=0.25)] = 0.08
    depth: Annotated[float, Field(ge=0.8, le=3.9)] = 1.0
    colour: ObjectColour = "red"
    phase: float = 0.0


class ClipSpec(_Spec):
    """One clip.

    Attributes:
        width: pixels.
        height: pixels.
        frames: how many.
        ground: the background.
        sprites: objects; the farthest is drawn first.
        figure: a person, or none.
        camera: its move.
        style: a global look.
        haze: how much of the haze colour a depth of 4 takes on; 0 for clear air.
        shadows: sprites darken the ground to their lower right.
    """

    width: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 128
    height: Annotated[int, Field(ge=32, le=1024, multiple_of=8)] = 128
    frames: Annotated[int, Field(ge=1, le=512)] = 16
    ground: Ground
    sprites: Annotated[tuple[Sprite, ...], Field(max_length=4)] = ()
    figure: Figure | None = None
    camera: Camera = Camera()
    style: Style = "none"
    haze: Annotated[float, Field(ge=0.0, le=0.8)] = 0.0
    shadows: bool = False

    @model_validator(mode="after")
    def _depths_differ(self) -> Self:
        depths = [s.depth for s in self.sprites] + ([self.figure.depth] if self.figure else [])
        if len(set(depths)) != len(depths):
            raise ValueError(f"depths of objects must differ, got {depths}; the order of drawing would be left open")
        if depths and max(depths) >= self.ground.depth:
            raise ValueError(f"depths of objects must lie before the ground's {self.ground.depth}, got {max(depths)}")
        return self


def read_spec(text: str) -> ClipSpec:
    """The clip that JSON `text` describes; `UsageError` names each field at fault.

    Args:
        text: as written by ``ClipSpec.model_dump_json``.

    Returns:
        The clip.
    """
    try:
        return ClipSpec.model_validate_json(text)
    except pydantic.ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc'])) or 'clip'}: {f['msg']}, got {f['input']!r}" for f in error.errors()]
        raise UsageError("stage: a clip must follow its specification, got\n  " + "\n  ".join(faults)) from error
