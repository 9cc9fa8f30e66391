"""What a model must do so that metrics can use it: turn frames and prompts into vectors of one space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from shotgraph.metrics.arrays import Floats, Singles


@runtime_checkable
class Embedder(Protocol):
    """Frames and prompts as unit vectors whose cosine says how well they go together."""

    @property
    def name(self) -> str:
        """Which model, for reports: numbers of two models cannot be compared."""
        ...

    def image(self, frames: Floats) -> Singles:
        """(T, D) unit vectors of frames (T, H, W, 3) in [0, 1]."""
        ...

    def text(self, prompts: Sequence[str]) -> Singles:
        """(N, D) unit vectors of N prompts."""
        ...
