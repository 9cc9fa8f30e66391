"""Optical flow between neighbouring frames, without a model.

Follows T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016 (`flow.dis`), and
G. Farneback, "Two-Frame Motion Estimation Based on Polynomial Expansion", SCIA 2003 (`flow.farneback`), as OpenCV implements
them; UnFlow (AAAI 2018), Eq. (2), for occlusion.

Departures from the papers:
    - DIS: OpenCV adds variational refinement in the ``fast`` and ``medium`` presets.
    - DIS: frames below 32 px a side are padded by repeating their border, as OpenCV crashes on some of them.
    - Farneback: frames are padded by repeating their border, where OpenCV's equations are ill-conditioned.
    - `scale` computes the flow on smaller pictures; occlusion is always tested at full size.

Symbols: F forward flow (H, W, 2), B backward flow (H, W, 2), px, x then y; I luma (H, W).

Cost: two flows a frame; at 1920x1080 on one thread about 0.5 s (DIS fast), 1.3 s (DIS medium), 1.5 s (Farneback). No GPU.
"""

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.pairflow import PairFlow
from shotgraph.api import Field, FlowFrame, Params
from shotgraph.maths.solvers import Preset, farneback_flow, flow_of_pair, solved_pair


class Dis(PairFlow):
    """Dense flow from each frame to the next and back, with occlusion; the better one of those without a model."""

    id = "flow.dis"
    version = "1"

    class Params(Params):
        """Speed against quality."""

        preset: Preset = Field("medium", description="speed against quality of the search")
        scale: float = Field(
            1.0, gt=0, le=1, description="size of the pictures that are matched, relative to the frames"
        )

    def pair(self, first: NDArray[np.float32], second: NDArray[np.float32], params: Params) -> FlowFrame:
        """See the class."""
        return flow_of_pair(first, second, preset=params.preset, scale=params.scale)


class Farneback(PairFlow):
    """Dense flow by polynomial expansion: smoother than DIS, less exact at edges, and blind to cuts."""

    id = "flow.farneback"
    version = "1"

    class Params(Params):
        """Reach and smoothness."""

        levels: int = Field(5, ge=1, le=12, description="of the pyramid; each doubles the reach")
        window_px: int = Field(15, ge=5, le=255, unit="px", description="displacements are averaged over this")
        iterations: int = Field(3, ge=1, le=50, description="at each level")
        scale: float = Field(
            1.0, gt=0, le=1, description="size of the pictures that are matched, relative to the frames"
        )

    def pair(self, first: NDArray[np.float32], second: NDArray[np.float32], params: Params) -> FlowFrame:
        """See the class."""

        def solver(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
            return farneback_flow(a, b, levels=params.levels, window_px=params.window_px, iterations=params.iterations)

        return solved_pair(first, second, solver, scale=params.scale)
