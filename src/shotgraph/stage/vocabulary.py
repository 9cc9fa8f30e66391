"""The closed list of words that the stage speaks: what a caption may say, and what each word looks like.

Colours are display values in [0, 1]. Those of objects and those of grounds share no name, so that a word tells which of the two
it means, and lie at least 20 apart in CIE Lab, so that a judge can tell them apart.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, get_args

Shape = Literal["circle", "square", "triangle", "star", "ring", "cross"]
ObjectColour = Literal["red", "green", "blue", "yellow", "purple", "orange", "cyan", "white"]
GroundColour = Literal["gray", "navy", "brown", "pink", "olive", "black"]
Texture = Literal["plain", "striped", "checkered", "dotted", "speckled"]
GroundTexture = Literal["plain", "gradient", "striped", "checkered", "clouds"]
Style = Literal["none", "flat", "sketch", "neon", "mosaic"]
MotionName = Literal["still", "left", "right", "up", "down", "zigzags", "circles", "bounces", "spins", "grows"]
CameraName = Literal["still", "left", "right", "zooms", "shakes"]
Size = Literal["small", "large"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
OBJECT_COLOURS: tuple[ObjectColour, ...] = get_args(ObjectColour)
GROUND_COLOURS: tuple[GroundColour, ...] = get_args(GroundColour)
TEXTURES: tuple[Texture, ...] = get_args(Texture)
GROUND_TEXTURES: tuple[GroundTexture, ...] = get_args(GroundTexture)
STYLES: tuple[Style, ...] = get_args(Style)
MOTIONS: tuple[MotionName, ...] = get_args(MotionName)
CAMERAS: tuple[CameraName, ...] = get_args(CameraName)
# Classical flow locks onto a wrong period, so what measures flow uses the aperiodic ones.
PERIODIC = frozenset({"striped", "checkered", "dotted"})

RGB = MappingProxyType(
    {
        "red": (0.86, 0.14, 0.14),
        "green": (0.18, 0.68, 0.22),
        "blue": (0.16, 0.30, 0.90),
        "yellow": (0.95, 0.87, 0.18),
        "purple": (0.58, 0.20, 0.74),
        "orange": (0.96, 0.54, 0.10),
        "cyan": (0.20, 0.82, 0.86),
        "white": (0.96, 0.96, 0.96),
        "gray": (0.55, 0.55, 0.55),
        "navy": (0.11, 0.15, 0.42),
        "brown": (0.44, 0.28, 0.16),
        "pink": (0.93, 0.62, 0.72),
        "olive": (0.42, 0.46, 0.20),
        "black": (0.08, 0.08, 0.09),
    }
)
MOTION_WORDS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "still": ("stays still",),
        "left": ("drifts left", "moves left"),
        "right": ("drifts right", "moves right"),
        "up": ("drifts up", "moves up"),
        "down": ("drifts down", "moves down"),
        "zigzags": ("zigzags",),
        "circles": ("circles",),
        "bounces": ("bounces",),
        "spins": ("spins",),
        "grows": ("grows",),
    }
)
CAMERA_WORDS: MappingProxyType[str, str] = MappingProxyType(
    {
        "still": "",
        "left": "camera pans left",
        "right": "camera pans right",
        "zooms": "camera zooms in",
        "shakes": "camera shakes",
    }
)
# Another word for the same thing; "turquoise" and "speckled" are two tokens each, so that alignment of tokens is really tested.
SYNONYMS = MappingProxyType({"cyan": "turquoise"})
TWO_TOKEN_WORDS = ("turquoise", "speckled")
GLUE_WORDS = ("a", "and", "over", "background", "style", "of", ",", "person", "walks", "no", "object")
