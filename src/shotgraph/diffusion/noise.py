"""Noise with an address: the same (seed, stream, frame) gives the same numbers on every host, in every order, in every window."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class NoiseSource(Protocol):
    """Where a method gets its noise from."""

    def draw(self, stream: str, frames: Sequence[int], shape: tuple[int, ...]) -> Tensor:
        """(frames, *shape) of standard normal numbers, float32 on the CPU."""
        ...


@dataclass(frozen=True, slots=True)
class PhiloxNoise:
    """Philox 4x64, keyed by seed and stream, counted by frame (Salmon et al. 2011).

    Attributes:
        seed: the run's.
    """

    seed: int

    def draw(self, stream: str, frames: Sequence[int], shape: tuple[int, ...]) -> Tensor:
        """(frames, *shape); a frame's numbers depend on its own number only.

        Args:
            stream: what the noise is for, such as ``x_T`` or ``step 12``.
            frames: shot frame numbers.
            shape: of one frame's noise.

        Returns:
            Standard normal, float32.
        """
        key = int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=8).digest(), "little")
        drawn = [
            np.random.Generator(
                np.random.Philox(key=[self.seed % 2**64, key], counter=[0, 0, 0, frame % 2**64])
            ).standard_normal(shape, dtype=np.float32)
            for frame in frames
        ]
        return torch.from_numpy(np.stack(drawn))
