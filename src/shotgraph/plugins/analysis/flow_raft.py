"""Optical flow by a network.

Follows Z. Teed, J. Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, as torchvision implements it.

Departures from the paper:
    - Frames are padded by their border to multiples of 8 px and to 128 px at least, as the network needs.
    - `scale` computes the flow on smaller pictures; occlusion is always tested at full size.

Symbols: F forward flow (H, W, 2), B backward flow (H, W, 2), px, x then y.

Cost: two passes of the network a frame; memory grows with the square of the pixels: about 6 GB at 1920x1080.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.pairflow import PairFlow
from shotgraph.api import Context, Field, FlowFrame, Params, QueryContext
from shotgraph.maths.flow import pair_of, resize_flow
from shotgraph.maths.resize import resize

if TYPE_CHECKING:
    from torch import nn

# What torchvision calls its weights, and the files it keeps them in.
FILES = {
    "Raft_Large_C_T_SKHT_V2": "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
    "Raft_Small_C_T_V2": "raft_small_C_T_V2-01064c6d.pth",
}


class Raft(PairFlow):
    """Dense flow by RAFT, from a file of weights; nothing is downloaded."""

    id = "flow.raft"
    version = "1"
    numerics = "device"
    cost = "heavy"

    class Params(Params):
        """Which weights, and how long to refine."""

        weights: str = Field(
            ...,
            min_length=1,
            description="torchvision's file or a .safetensors of it, or Raft_Large_C_T_SKHT_V2 or Raft_Small_C_T_V2 where torch has it",
        )
        size: Literal["small", "large"] = Field("large", description="of the network that the weights belong to")
        updates: int = Field(12, ge=1, le=100, description="of the recurrent refinement")
        scale: float = Field(
            1.0, gt=0, le=1, description="size of the pictures that are matched, relative to the frames"
        )

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> dict[str, str]:
        """Digest of the file."""
        from shotgraph.models.weights import find_weights

        return {"raft": find_weights(params.weights, FILES).digest}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the network."""
        from shotgraph.annotators.raft import load_raft
        from shotgraph.models.weights import find_weights

        file = find_weights(params.weights, FILES)
        name = f"raft {params.size} {file.digest} {ctx.device}"
        self._network: nn.Module = ctx.lease(name, lambda: load_raft(file.path, params.size, device=ctx.device))

    def pair(self, first: NDArray[np.float32], second: NDArray[np.float32], params: Params) -> FlowFrame:
        """See the class."""
        from shotgraph.annotators.raft import raft_flow

        height, width = first.shape[:2]
        small = [
            resize(picture, width=max(1, round(width * params.scale)), height=max(1, round(height * params.scale)))
            for picture in (first, second)
        ]
        forward, backward = (
            resize_flow(raft_flow(self._network, a, b, updates=params.updates), width=width, height=height)
            for a, b in (small, small[::-1])
        )
        return pair_of(forward, backward)

    def teardown(self, ctx: Context) -> None:
        """Lets go of the network; the engine ends the lease."""
        vars(self).clear()
