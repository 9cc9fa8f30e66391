"""MiDaS as controlnet-aux has it (DPT-Hybrid and DPT-Large), asked directly, from a local file of weights.

The package's own detector normalises every frame by itself and rounds to 8 bits; here the answer stays what the network said. Its
older networks, MiDaS v2.1, are fetched from GitHub when they are built, and so left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from shotgraph.annotators.pictures import planes_of, seen_size
from shotgraph.annotators.quiet import quietly
from shotgraph.maths.resize import resize
from shotgraph.models.loading import load_tensors

Kind = Literal["hybrid", "large"]

_BACKBONES: dict[Kind, str] = {"hybrid": "vitb_rn50_384", "large": "vitl16_384"}
# Trained on pictures of 384 px.
_SHORTER_PX, _MULTIPLE_PX = 384, 32


@dataclass(frozen=True, slots=True)
class MidasNetwork:
    """The network with the size it sees.

    Attributes:
        network: in evaluation mode.
        shorter_px: shorter side of what it sees; both are rounded to multiples of 32.
    """

    network: Any
    shorter_px: int = _SHORTER_PX

    @torch.no_grad()
    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, H, W) inverse depth, larger is nearer, of (B, H, W, 3|4) display values, clamped to [0, 1] here."""
        height, width = frames.shape[1:3]
        rows, columns = seen_size(height, width, shorter_px=self.shorter_px, multiple_px=_MULTIPLE_PX)
        seen = np.stack([resize(np.clip(frame[..., :3], 0, 1), width=columns, height=rows) for frame in frames])
        device = next(self.network.parameters()).device
        told = self.network((planes_of(seen) * 2 - 1).to(device)).float().cpu().numpy()
        # All networks of the package share this: what it holds would stay on the device.
        self.network.pretrained.activations.clear()
        return np.stack([resize(plane[..., None], width=width, height=height)[..., 0] for plane in told])


def load_midas(weights: Path, kind: Kind, *, device: str) -> MidasNetwork:
    """The network of a kind.

    Args:
        weights: ``dpt_hybrid-midas-501f0c75.pt`` or ``dpt_large-midas-2f21e586.pt``, or a ``.safetensors`` of it.
        kind: of the network that they belong to.
        device: where it shall live.

    Returns:
        The network, float32; `UnavailableError` where the file is damaged, holds more than tensors, or belongs to another network.
    """
    with quietly():
        from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel

        # Without values: a hundred million random ones would be drawn only to be replaced.
        with torch.device("meta"):
            unfilled = DPTDepthModel(backbone=_BACKBONES[kind], non_negative=True)
    network = unfilled.to_empty(device="cpu")
    load_tensors(network, weights, who=f"midas_{kind}")
    return MidasNetwork(network.eval().requires_grad_(False).to(device))
