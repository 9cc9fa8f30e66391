"""The colour of a point of an object: base colour, pattern and global style.

A style is defined in the object's coordinates, not as a filter of the picture: so it moves with the object, and the styled clip
is an edit with an exact truth. (A mosaic fixed to the screen would itself flicker against the motion.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.textures import Pattern
from shotgraph.stage.vocabulary import RGB, Style

Floats = NDArray[np.float32]

# The darkest shade of a colour, as a share of it.
_SHADE = 0.42
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_PAPER = np.array([0.95, 0.94, 0.90], np.float32)


@dataclass(frozen=True)
class Surface:
    """What an object's points look like.

    Attributes:
        colour: name of its base colour.
        pattern: modulates it.
        style: the clip's global style.
        is_ground: grounds have no rim.
        coarsening: what coordinates are multiplied by, so that a plane that recedes is nowhere too fine.
    """

    colour: str
    pattern: Pattern
    style: Style = "none"
    is_ground: bool = False
    coarsening: float = 1.0

    def shade(self, u: Floats, v: Floats, distance_px: Floats) -> Floats:
        """(..., 3) display values at object coordinates (u, v), `distance_px` from the rim (negative inside)."""
        u, v = u * np.float32(self.coarsening), v * np.float32(self.coarsening)
        base, tone = np.array(RGB[self.colour], np.float32), self.pattern(u, v)[..., None]
        if self.style == "none":
            return (base * (np.float32(_SHADE) + np.float32(1 - _SHADE) * tone)).astype(np.float32)
        rim = np.zeros_like(u) if self.is_ground else np.exp(-((distance_px / np.float32(3.0)) ** 2))
        return _STYLES[self.style](base, tone, rim[..., None], u, v).astype(np.float32)


_Shades = NDArray[np.floating]
_Styled = Callable[[Floats, Floats, Floats, Floats, Floats], _Shades]


def _flat(base: Floats, tone: Floats, rim: Floats, u: Floats, v: Floats) -> _Shades:
    """Pastel paint: the pattern is gone, the colour is lighter."""
    return np.broadcast_to(base * 0.62 + 0.36, (*u.shape, 3))


def _sketch(base: Floats, tone: Floats, rim: Floats, u: Floats, v: Floats) -> _Shades:
    """Pencil on paper: hatching as dark as the colour, a drawn outline, no hue."""
    darkness = 1 - float(base @ _LUMA) * (0.6 + 0.4 * tone)
    hatch = 0.5 + 0.5 * np.cos((u + v)[..., None] * np.float32(2 * math.pi * 0.11 / math.sqrt(2)))
    return _PAPER * (1 - 0.55 * darkness * hatch) * (1 - 0.75 * rim)


def _neon(base: Floats, tone: Floats, rim: Floats, u: Floats, v: Floats) -> _Shades:
    """Dark glass with a glowing rim in the colour."""
    glow = base / base.max()
    return 0.06 + base * (0.10 + 0.12 * tone) + (glow * 0.94 - 0.16) * rim


def _mosaic(base: Floats, tone: Floats, rim: Floats, u: Floats, v: Floats) -> _Shades:
    """Tiles of 10 pixels with dark joints, fixed to the object."""
    cycles = np.float32(2 * math.pi * 0.05)
    # Squares of sines are plain cosines of half the period: tiles without the corners that an absolute value has.
    tile = (np.sin(u * cycles) * np.sin(v * cycles))[..., None] ** 2
    return base * (0.45 + 0.55 * tone) * (0.45 + 0.75 * tile)


_STYLES: dict[Style, _Styled] = {"flat": _flat, "sketch": _sketch, "neon": _neon, "mosaic": _mosaic}
