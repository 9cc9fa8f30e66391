"""RAFT as torchvision has it, from a local file of weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.optical_flow import raft_large, raft_small

from shotgraph.annotators.pictures import planes_of
from shotgraph.models.loading import load_tensors

Size = Literal["small", "large"]

_MODELS: dict[Size, Any] = {"small": raft_small, "large": raft_large}
_MULTIPLE_PX, _LEAST_PX = 8, 128


def load_raft(weights: Path, size: Size, *, device: str) -> nn.Module:
    """The network, in evaluation mode.

    Args:
        weights: ``.safetensors``, or a ``.pth`` of plain tensors.
        size: of the network that they belong to.
        device: where it shall live.

    Returns:
        The module, float32; `UnavailableError` where the file is damaged, holds more than tensors, or belongs to another network.
    """
    network = _MODELS[size](weights=None, progress=False)
    load_tensors(network, weights, who=f"raft_{size}")
    return network.eval().requires_grad_(False).to(device)


@torch.no_grad()
def raft_flow(
    network: nn.Module, first: NDArray[np.float32], second: NDArray[np.float32], *, updates: int
) -> NDArray[np.float32]:
    """F with ``first(p) ≈ second(p + F(p))``.

    Args:
        network: as `load_raft` gives it.
        first: (H, W, 3|4) display values, clamped to [0, 1] here.
        second: same shape.
        updates: of the recurrent refinement.

    Returns:
        (H, W, 2) px, x then y. Frames are padded by their border to multiples of 8 px, and to 128 px at least.
    """
    height, width = first.shape[:2]
    right, lower = _padding(width), _padding(height)
    device = next(network.parameters()).device
    given = [
        functional.pad((planes_of(picture)[None] * 2 - 1).to(device), (0, right, 0, lower), mode="replicate")
        for picture in (first, second)
    ]
    flow: Tensor = network(*given, num_flow_updates=updates)[-1]
    return np.ascontiguousarray(flow[0, :, :height, :width].permute(1, 2, 0).float().cpu().numpy())


def _padding(side: int) -> int:
    return max(_LEAST_PX, -(-side // _MULTIPLE_PX) * _MULTIPLE_PX) - side
