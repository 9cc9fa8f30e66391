"""Edits with an exact truth: the ten families, each a clip before, the clip after, and how to ask for it.

The after is rendered, not painted over: motion, order and camera are those of the before, so whatever an editor gets wrong can
be told pixel by pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import UsageError
from shotgraph.stage.captions import caption
from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, Look
from shotgraph.stage.vocabulary import (
    GROUND_COLOURS,
    GROUND_TEXTURES,
    OBJECT_COLOURS,
    SHAPES,
    STYLES,
    TEXTURES,
)
from shotgraph.stage.worlds import Purpose, Split, draw_clip, is_clear

Word = TypeVar("Word", bound=str)
Family = Literal["E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10"]
FAMILIES: tuple[Family, ...] = get_args(Family)
TITLES: dict[Family, str] = {
    "E1": "colour of an object",
    "E2": "texture of an object",
    "E3": "shape of an object",
    "E4": "background",
    "E5": "global style",
    "E6": "colour of the left of two objects",
    "E7": "motion transfer to another object and background",
    "E8": "removal of an object",
    "E9": "colour, given by the first frame",
    "E10": "colour over 64 frames",
}
_GLOBAL = ("E5", "E7")
# These change a silhouette, and with it what is behind it and its shadow.
_RESHAPED = ("E3", "E8")
_LONG_FRAMES = 64
# Clips that are tried for one edit; most are clear.
_NUMBERS_EACH = 100
Attribute = Literal["colour", "texture", "shape", "ground", "style", "presence"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What must be seen afterwards, and must not be any more.

    Attributes:
        attribute: what is judged.
        object_index: of which sprite; None for the whole picture.
        before: its value in the source.
        after: its value in the target.
    """

    attribute: Attribute
    object_index: int | None
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit of one clip.

    What moves after an edit is what the target shows: a result is judged along the flow of `Scene(edit.target)`, which is that
    of the source except where a silhouette changed (E3, E7, E8).

    Attributes:
        family: E1 to E10.
        source: the clip before.
        target: the clip after: the truth.
        source_prompt: caption of the source, motion left out.
        target_prompt: caption of the target.
        asked: what success means.
    """

    family: Family
    source: ClipSpec
    target: ClipSpec
    source_prompt: str
    target_prompt: str
    asked: tuple[Asked, ...]

    @property
    def is_local(self) -> bool:
        """Whether something has to stay as it was."""
        return self.family not in _GLOBAL

    def matte(self, time: float) -> NDArray[np.float32]:
        """(H, W) in [0, 1]: where source and target may differ at `time`; 1 everywhere for a global edit."""
        if not self.is_local:
            return np.ones((self.source.height, self.source.width), np.float32)
        before, after = Scene(self.source), Scene(self.target)
        if self.family == "E4":
            return before.alpha(GROUND, time)
        mattes = [scene.alpha(number, time) for scene in (before, after) for number in self._changed(scene.spec)]
        if self.source.shadows and self.family in _RESHAPED:
            mattes += [
                scene.shadow(time, of=number) for scene in (before, after) for number in self._changed(scene.spec)
            ]
        return np.maximum.reduce(mattes)

    def _changed(self, spec: ClipSpec) -> list[int]:
        """Object ids of the sprites of `spec` that the edit is about."""
        indices = [asked.object_index for asked in self.asked if asked.object_index is not None]
        return [index + 1 for index in indices if index < len(spec.sprites)]


def draw_edit(
    family: Family, number: int, split: Split, *, purpose: Purpose = "general", side_px: int = 128, frames: int = 16
) -> Edit:
    """The edit with that number: of a clip that suits it, as `is_clear` has it.

    Args:
        family: which kind; E10 is at least 64 frames long whatever `frames` says, E6 and E8 are of two objects.
        number: any integer from 0; it draws the clip and the change.
        split: whose clips.
        purpose: what the clip must show.
        side_px: width and height.
        frames: how many.

    Returns:
        The edit.

    Raises:
        UsageError: what `draw_clip` and `edit_of` refuse, and clips too small for their objects.
    """
    long_enough = max(frames, _LONG_FRAMES) if family == "E10" else frames
    objects = 2 if family in ("E6", "E8") else None
    settings = {"purpose": purpose, "side_px": side_px, "frames": long_enough, "sprites": objects, "styled": False}
    numbers = range(number * _NUMBERS_EACH, (number + 1) * _NUMBERS_EACH)
    clips = (draw_clip(candidate, split, **settings) for candidate in numbers)
    clip = next((clip for clip in clips if is_clear(clip)), None)
    if clip is None:
        raise UsageError(
            f"stage: {family} ({TITLES[family]}) must have a clip whose objects fit, got none of {_NUMBERS_EACH} at {side_px} px; "
            f"draw larger or shorter ones"
        )
    return edit_of(family, clip, number)


def edit_of(family: Family, clip: ClipSpec, seed: int) -> Edit:
    """An edit of `clip`; `UsageError` for a clip that cannot take it.

    Args:
        family: which kind.
        clip: has at least one sprite, two for E6; no style for E5; 64 frames for E10.
        seed: draws what it is changed to.

    Returns:
        The edit; for E10 of the clip's first 64 frames.
    """
    _check(family, clip)
    rng = np.random.Generator(np.random.Philox(key=[seed, FAMILIES.index(family)]))
    match family:
        case "E1" | "E9":
            target, asked = _recoloured(clip, 0, rng)
        case "E2":
            target, asked = _relooked(clip, 0, "texture", _other(TEXTURES, clip.sprites[0].look.texture, rng))
        case "E3":
            target, asked = _relooked(clip, 0, "shape", _other(SHAPES, clip.sprites[0].look.shape, rng))
        case "E4":
            target, asked = _regrounded(clip, rng)
        case "E5":
            style = _other(STYLES, "none", rng)
            target, asked = clip.model_copy(update={"style": style}), Asked("style", None, "none", style)
        case "E6":
            target, asked = _recoloured(clip, min(range(2), key=lambda index: clip.sprites[index].x), rng)
        case "E7":
            return _transferred(clip, rng)
        case "E8":
            target = clip.model_copy(update={"sprites": clip.sprites[:-1]})
            asked = Asked("presence", len(clip.sprites) - 1, clip.sprites[-1].look.shape, "")
        case "E10":
            clip = clip.model_copy(update={"frames": _LONG_FRAMES})
            target, asked = _recoloured(clip, 0, rng)
    return _edit(family, clip, target, (asked,))


def _edit(family: Family, source: ClipSpec, target: ClipSpec, asked: tuple[Asked, ...]) -> Edit:
    before, after = caption(source, motion=False), caption(target, motion=False)
    return Edit(family, source, target, before, after, asked)


def _check(family: Family, clip: ClipSpec) -> None:
    needed = 2 if family == "E6" else 1
    if len(clip.sprites) < needed:
        raise UsageError(
            f"stage: {family} ({TITLES[family]}) must have {needed} sprites to edit, got {len(clip.sprites)}; draw another clip"
        )
    if family == "E10" and clip.frames < _LONG_FRAMES:
        raise UsageError(
            f"stage: E10 (colour over 64 frames) must have {_LONG_FRAMES} frames, got {clip.frames}; draw a longer clip"
        )
    if family == "E5" and clip.style != "none":
        raise UsageError(f"stage: E5 (global style) must start from no style, got {clip.style!r}; draw another clip")


def _other(values: tuple[Word, ...], present: str, rng: np.random.Generator, banned: tuple[str, ...] = ()) -> Word:
    free = [value for value in values if value != present and value not in banned]
    return free[int(rng.integers(len(free)))]


def _with_look(clip: ClipSpec, index: int, look: Look) -> ClipSpec:
    sprites = list(clip.sprites)
    sprites[index] = sprites[index].model_copy(update={"look": look})
    return clip.model_copy(update={"sprites": tuple(sprites)})


def _relooked(
    clip: ClipSpec, index: int, attribute: Literal["colour", "texture", "shape"], after: str
) -> tuple[ClipSpec, Asked]:
    look = clip.sprites[index].look
    asked = Asked(attribute, index, getattr(look, attribute), after)
    return _with_look(clip, index, look.model_copy(update={attribute: after})), asked


def _recoloured(clip: ClipSpec, index: int, rng: np.random.Generator) -> tuple[ClipSpec, Asked]:
    # A colour that another object has would leave open which of the two was edited.
    present = tuple(sprite.look.colour for sprite in clip.sprites)
    after = _other(OBJECT_COLOURS, clip.sprites[index].look.colour, rng, present)
    return _relooked(clip, index, "colour", after)


def _regrounded(clip: ClipSpec, rng: np.random.Generator) -> tuple[ClipSpec, Asked]:
    colour = _other(GROUND_COLOURS, clip.ground.colour, rng)
    texture = _other(GROUND_TEXTURES, clip.ground.texture, rng)
    ground = clip.ground.model_copy(update={"colour": colour, "texture": texture})
    return clip.model_copy(update={"ground": ground}), Asked("ground", None, clip.ground.colour, colour)


def _transferred(clip: ClipSpec, rng: np.random.Generator) -> Edit:
    """The motion of the first sprite, on another object before another background."""
    target, shape = _relooked(clip, 0, "shape", _other(SHAPES, clip.sprites[0].look.shape, rng))
    target, colour = _recoloured(target, 0, rng)
    target, ground = _regrounded(target, rng)
    return _edit("E7", clip, target, (shape, colour, ground))
