"""Tiny checkpoints, and pictures to show them."""

import numpy as np
import pytest
from tiny_checkpoints import checkpoint
from tiny_models import one_thread

__all__ = ["checkpoint", "one_thread"]


@pytest.fixture
def pictures() -> np.ndarray:
    """(3, 40, 56, 3): slanted waves of another tint in each; neither mirrored nor turned are they the same."""
    y, x = np.mgrid[0:40, 0:56].astype(np.float32)
    waves = [
        np.stack([np.sin((x + 2 * y) / 9 + n), np.cos((3 * x - y) / 17 - n), np.sin(x * y / 400 + n)], axis=-1)
        for n in range(3)
    ]
    return (0.5 + 0.4 * np.stack(waves)).astype(np.float32)
