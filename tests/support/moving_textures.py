"""A texture that moves by a known amount, and how far a flow is off it."""

from __future__ import annotations

import numpy as np


def texture(height: int, width: int, shift: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Band-limited RGB that moves by `shift` (x, y)."""
    x, y = np.meshgrid(np.arange(width) - shift[0], np.arange(height) - shift[1])
    rng = np.random.default_rng(7)
    picture = np.zeros((height, width, 3))
    for _ in range(8):
        angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.02, 0.1)
        along = frequency * (np.cos(angle) * x + np.sin(angle) * y)
        picture += np.cos(2 * np.pi * (along[..., None] + rng.uniform(0, 1, 3)))
    return (0.5 + 0.05 * picture).astype(np.float32)


def error_px(flow: np.ndarray, truth: tuple[float, float], margin: int = 8) -> float:
    inner = flow[margin:-margin, margin:-margin]
    return float(np.sqrt(((inner - np.array(truth)) ** 2).sum(axis=-1)).mean())
