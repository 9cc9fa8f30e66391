"""Captions of clips, in the stage's closed vocabulary: every word that means a pixel, and no other.

The full form is ``sketch style of a large red striped star drifts right and a small white plain ring spins over a gray clouds
background , camera pans left``. A caption of one picture leaves the words of motion out: a single frame cannot show them.
"""

from __future__ import annotations

import re

from shotgraph.errors import UsageError
from shotgraph.stage.spec import ClipSpec, Ground, Sprite
from shotgraph.stage.vocabulary import (
    CAMERA_WORDS,
    GLUE_WORDS,
    GROUND_COLOURS,
    GROUND_TEXTURES,
    MOTION_WORDS,
    OBJECT_COLOURS,
    SHAPES,
    STYLES,
    SYNONYMS,
    TEXTURES,
)


def caption(spec: ClipSpec, *, motion: bool, size: bool = True, texture: bool = True, synonym: int = 0) -> str:
    """What there is to see in a clip.

    Args:
        spec: the clip.
        motion: say how things and the camera move.
        size: say how large objects are.
        texture: say how objects are patterned.
        synonym: which of several words for the same thing; 0 is the first.

    Returns:
        Words of the vocabulary with single blanks between.
    """
    objects = [_object(sprite, motion=motion, size=size, texture=texture, synonym=synonym) for sprite in spec.sprites]
    if spec.figure is not None:
        objects.append(f"a {spec.figure.colour} person" + (" walks" if motion else ""))
    style = f"{spec.style} style of " if spec.style != "none" else ""
    camera = CAMERA_WORDS[spec.camera.name] if motion else ""
    tail = f" , {camera}" if camera else ""
    return f"{style}{' and '.join(objects) or 'no object'} over {_ground(spec.ground)}{tail}"


def _object(sprite: Sprite, *, motion: bool, size: bool, texture: bool, synonym: int) -> str:
    look = sprite.look
    colour = SYNONYMS.get(look.colour, look.colour) if synonym else look.colour
    words = ["a", look.size if size else "", colour, look.texture if texture else "", look.shape]
    if motion:
        spoken = MOTION_WORDS[sprite.motion.name]
        words.append(spoken[synonym % len(spoken)])
    return " ".join(word for word in words if word)


def _ground(ground: Ground) -> str:
    return f"a {ground.colour} {ground.texture} background"


def words() -> tuple[str, ...]:
    """Every word a caption may hold, sorted."""
    spoken = " ".join([*(w for forms in MOTION_WORDS.values() for w in forms), *CAMERA_WORDS.values()]).split()
    looks = (*SHAPES, *OBJECT_COLOURS, *GROUND_COLOURS, *TEXTURES, *GROUND_TEXTURES, *STYLES[1:], *SYNONYMS.values())
    return tuple(sorted({*looks, *spoken, *GLUE_WORDS, "small", "large"}))


def unknown_words(text: str) -> tuple[str, ...]:
    """Words of `text` that the stage does not know, in order, each once."""
    known = set(words())
    spoken = re.findall(r"[a-z]+|[^\sa-z]+", text.lower())
    return tuple(dict.fromkeys(word for word in spoken if word not in known))


def check_caption(text: str, *, who: str) -> None:
    """Refuse a caption with a word that the models of the stage were never taught; `UsageError` names it."""
    unknown = unknown_words(text)
    if unknown:
        raise UsageError(
            f"{who}: a caption must hold words of the stage only, got {', '.join(map(repr, unknown))}; "
            f"choose from {', '.join(words())}"
        )
