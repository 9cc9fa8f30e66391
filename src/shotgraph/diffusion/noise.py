"""Noise with an address: the same (seed, stream, frame) gives the same numbers on every host, in every order, in every window."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

_WORD = 2**64


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
        """Standard normal numbers; a frame's depend on its own number only.

        Args:
            stream: what the noise is for, such as ``x_T`` or ``step 12``.
            frames: shot frame numbers, at least one; they may be negative.
            shape: of one frame's noise.

        Returns:
            (frames, *shape) float32 on the CPU.
        """
        name = int.from_bytes(hashlib.blake2b(stream.encode(), digest_size=8).digest(), "little")
        # As uint64 arrays: in a list, an int above 2**63 beside a small one becomes a float and loses its last bits.
        key = np.array([self.seed % _WORD, name], np.uint64)
        drawn = [
            # The frame is the counter's last word, which no draw reaches by counting.
            np.random.Generator(
                np.random.Philox(key=key, counter=np.array([0, 0, 0, frame % _WORD], np.uint64))
            ).standard_normal(shape, dtype=np.float32)
            for frame in frames
        ]
        return torch.from_numpy(np.stack(drawn))
