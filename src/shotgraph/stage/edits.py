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
        return self.family in ("E1", "E2", "E3", "E6", "E8", "E9", "E10")

    def matte(self, time: float) -> NDArray[np.float32]:
        """(H, W) in [0, 1]: where source and target may differ at `time`; 1 everywhere for a global edit."""
        if not self.is_local:
            return np.ones((self.source.height, self.source.width), np.float32)
        before, after = Scene(self.source), Scene(self.target)
        changed = [asked.object_index for asked in self.asked if asked.object_index is not None]
        mattes = [
            scene.alpha(index + 1, time)
            for scene in (before, after)
            for index in changed
            if index < len(scene.spec.sprites)
        ]
        return np.maximum.reduce(mattes)


def edit_of(family: Family, clip: ClipSpec, seed: int) -> Edit:
    """An edit of `clip`.

    Args:
        family: which kind.
        clip: has at least one sprite, two for E6; no style for E5.
        seed: draws what it is changed to.

    Returns:
        The edit; for E10 of the clip's first 64 frames.

    Raises:
        UsageError: the clip cannot take the edit.
    """
    _check(family, clip)
    rng = np.random.Generator(np.random.Philox(key=[seed, FAMILIES.index(family)]))
    match family:
        case "E1" | "E9" | "E10":
            source = clip.model_copy(update={"frames": 64}) if family == "E10" else clip
            target, asked = _recoloured(source, 0, rng)
        case "E2":
            source = clip
            target, asked = _relooked(source, 0, "texture", _other(TEXTURES, clip.sprites[0].look.texture, rng))
        case "E3":
            source = clip
            target, asked = _relooked(source, 0, "shape", _other(SHAPES, clip.sprites[0].look.shape, rng))
        case "E4":
            source = clip
            target, asked = _regrounded(source, rng)
        case "E5":
            source = clip
            style = _other(STYLES, "none", rng)
            target, asked = clip.model_copy(update={"style": style}), Asked("style", None, "none", style)
        case "E6":
            source = clip
            target, asked = _recoloured(source, min(range(2), key=lambda index: clip.sprites[index].x), rng)
        case "E7":
            source = clip
            return _transferred(source, rng)
        case "E8":
            source = clip
            target = clip.model_copy(update={"sprites": clip.sprites[:-1]})
            asked = Asked("presence", len(clip.sprites) - 1, clip.sprites[-1].look.shape, "")
    return _edit(family, source, target, (asked,))


def _edit(family: Family, source: ClipSpec, target: ClipSpec, asked: tuple[Asked, ...]) -> Edit:
    before, after = caption(source, motion=False), caption(target, motion=False)
    return Edit(family, source, target, before, after, asked)


def _check(family: Family, clip: ClipSpec) -> None:
    needed = 2 if family == "E6" else 1
    if len(clip.sprites) < needed:
        raise UsageError(
            f"stage: {family} ({TITLES[family]}) must have {needed} sprites to edit, got {len(clip.sprites)}; draw another clip"
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
