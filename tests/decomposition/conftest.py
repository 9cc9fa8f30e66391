"""A small clip of two layers whose truth is known: a textured square before a textured ground, both moving."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch

from shotgraph.api import FlowFrame
from shotgraph.decomposition.build import clip_of, layers_of
from shotgraph.decomposition.fit import Clip, Fit, Fitting, fitted
from shotgraph.decomposition.layers import Layers
from shotgraph.decomposition.render import cover
from shotgraph.maths.flow import occlusion

SIDE, FRAMES = 48, 6
GROUND_STEP, SQUARE_STEP = np.array([0.75, 0.25]), np.array([-1.5, 0.5])


def texture(x: np.ndarray, y: np.ndarray, seed: int) -> np.ndarray:
    """(..., 3) band-limited."""
    rng = np.random.default_rng(seed)
    total = np.zeros((*x.shape, 3))
    for _ in range(6):
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.02, 0.08)
        along = frequency * (np.cos(angle) * x + np.sin(angle) * y)
        total += np.cos(2 * np.pi * (along[..., None] + rng.uniform(0, 1, 3)))
    return 0.5 + 0.06 * total


@dataclass(frozen=True)
class Known:
    """The clip and its truth.

    Attributes:
        video: frames (H, W, 3).
        mattes: of the square, (H, W).
        pairs: exact flow.
        clip: what a fit reads.
    """

    video: list[np.ndarray]
    mattes: list[np.ndarray]
    pairs: list[FlowFrame]
    clip: Clip


def pair_of_steps(here: np.ndarray, there: np.ndarray) -> FlowFrame:
    """Flow between two mattes of the square."""
    forward = np.where(here[..., None] > 0.5, SQUARE_STEP, GROUND_STEP).astype(np.float32)
    backward = np.where(there[..., None] > 0.5, -SQUARE_STEP, -GROUND_STEP).astype(np.float32)
    return FlowFrame(forward, backward, occlusion(forward, backward).astype(np.float32))


def square_corner(time: int) -> np.ndarray:
    """Left upper corner of the square."""
    return np.array([26.0, 14.0]) + time * SQUARE_STEP


def drawn(time: int, *, growth: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """(frame, matte of the square), the square `growth` times as large about its centre, with what is on it."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    left, upper = square_corner(time)
    u, v = (x - left - 8) / growth + 8, (y - upper - 8) / growth + 8
    inside = np.clip(np.minimum.reduce([u, 16 - u, v, 16 - v]) + 0.5, 0, 1)
    ground = texture(x - time * GROUND_STEP[0], y - time * GROUND_STEP[1], 1)
    square = texture(u, v, 2) * np.array([1.2, 0.9, 0.5])
    frame = ground * (1 - inside[..., None]) + square * inside[..., None]
    return frame.astype(np.float32), inside.astype(np.float32)


@pytest.fixture(scope="session")
def known() -> Known:
    video, mattes = map(list, zip(*(drawn(time) for time in range(FRAMES)), strict=True))
    pairs = [pair_of_steps(a, b) for a, b in pairwise(mattes)]
    return Known(video, mattes, pairs, clip_of(video, [mattes], pairs))


@pytest.fixture(scope="session")
def layers(known: Known) -> Layers:
    torch.set_num_threads(1)
    fit = Fit(layers_of(known.clip, known.pairs)[0], known.clip, Fitting(steps=160, batch=2048))
    fitted(fit, after_step=lambda _: None)
    cover(fit.layers)
    return fit.layers
