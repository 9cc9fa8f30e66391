"""What modulates a colour: sums of cosines in the object's own coordinates, never finer than 8 pixels.

The limit of 0.125 cycles per pixel is what lets a bicubic warp by the exact flow reproduce a frame: hard 8-pixel stripes already
give a warp error larger than the differences between methods that the stage is there to measure. The soft limit of the
aperiodic ones leaves up to 1.5 % of their energy in harmonics above it, which adds less than 1e-6 to a warp error.

Periodic textures (striped, checkered, dotted) serve what looks at structure: attributes, control maps, prompts. Aperiodic ones
(speckled, clouds) serve whatever matches points: flow, tracks, atlases; on a period classical flow locks onto the wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.vocabulary import GroundTexture, Texture

Floats = NDArray[np.float32]
# (u, v) in pixels to [0, 1]: 1 is the base colour, 0 its darkest shade.
Pattern = Callable[[Floats, Floats], Floats]

FINEST_CYCLES_PER_PX = 0.125
_STRIPE_CYCLES = 0.09
_DOT_CYCLES = 0.075


def pattern_of(texture: Texture | GroundTexture, seed: int) -> Pattern:
    """The pattern of a texture; `seed` turns and shifts it, and draws the waves of the aperiodic ones.

    Args:
        texture: its name.
        seed: any integer.

    Returns:
        A function of object coordinates.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    angle, shift = float(rng.uniform(0, math.pi)), rng.uniform(0, 2 * math.pi, 2)
    match texture:
        case "plain":
            return lambda u, _v: np.ones_like(u)
        case "gradient":
            return lambda u, v: _wave(u, v, 1 / 420, angle, float(shift[0]))
        case "striped":
            return lambda u, v: _wave(u, v, _STRIPE_CYCLES, angle, float(shift[0]))
        case "checkered":
            return lambda u, v: _checks(u, v, angle, shift)
        case "dotted":
            return lambda u, v: _dots(u, v, angle)
        case "speckled":
            return _noise(rng, waves=10, coarsest=0.045, finest=0.085, falloff=0.0)
        case "clouds":
            return _noise(rng, waves=12, coarsest=1 / 90, finest=0.06, falloff=1.0)


def _wave(u: Floats, v: Floats, cycles: float, angle: float, shift: float) -> Floats:
    phase = (u * np.float32(math.cos(angle)) + v * np.float32(math.sin(angle))) * np.float32(2 * math.pi * cycles)
    return np.float32(0.5) + np.float32(0.5) * np.cos(phase + np.float32(shift))


def _checks(u: Floats, v: Floats, angle: float, shift: NDArray[np.float64]) -> Floats:
    """The product of two waves at right angles has its energy on the diagonals, at sqrt(2) of their frequency."""
    cycles = FINEST_CYCLES_PER_PX / math.sqrt(2) * 0.85
    first = _wave(u, v, cycles, angle, float(shift[0])) * 2 - 1
    second = _wave(u, v, cycles, angle + math.pi / 2, float(shift[1])) * 2 - 1
    return np.float32(0.5) + np.float32(0.5) * first * second


def _dots(u: Floats, v: Floats, angle: float) -> Floats:
    """Three waves 60 degrees apart: a hexagonal grid of dark dots."""
    waves = [_wave(u, v, _DOT_CYCLES, angle + k * math.pi / 3, 0.0) for k in range(3)]
    bright = (waves[0] + waves[1] + waves[2]) / np.float32(3)
    return np.float32(1.25) - np.float32(1.25) * bright


def _noise(rng: np.random.Generator, *, waves: int, coarsest: float, finest: float, falloff: float) -> Pattern:
    """A sum of waves of random direction and phase, frequencies log-uniform, amplitudes falling as f ** -falloff."""
    cycles = np.exp(rng.uniform(math.log(coarsest), math.log(finest), waves))
    angles, shifts = rng.uniform(0, math.pi, waves), rng.uniform(0, 2 * math.pi, waves)
    sizes = cycles**-falloff
    sizes = sizes / np.sqrt((sizes**2).sum() / 2)

    def pattern(u: Floats, v: Floats) -> Floats:
        total = np.zeros_like(u)
        for c, a, s, size in zip(cycles, angles, shifts, sizes, strict=True):
            total += np.float32(size) * (_wave(u, v, float(c), float(a), float(s)) * 2 - 1)
        # A soft limit: clipping would bring back the frequencies that the sum leaves out.
        return np.float32(0.5) + np.float32(0.5) * np.tanh(total * np.float32(0.7))

    return pattern
