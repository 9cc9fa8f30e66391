"""Optical flow between neighbouring frames, without a model.

Follows T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016, as OpenCV
implements it, and UnFlow (AAAI 2018), Eq. (2), for occlusion.

Departures from the paper:
    - OpenCV adds variational refinement in the ``fast`` and ``medium`` presets.
    - Frames below 32 px a side are padded by repeating their border, as OpenCV crashes on some of them.
    - `scale` computes the flow on smaller pictures; occlusion is always tested at full size.

Symbols: F forward flow (H, W, 2), B backward flow (H, W, 2), px, x then y; I luma (H, W).

Cost: two flows a frame; at 1920x1080 on one thread about 0.5 s (fast), 1.3 s (medium). No GPU.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Context, Field, Flow, FlowFrame, Node, Params, Ports, Rgb, Window
from shotgraph.maths.flow import occlusion, resize_flow
from shotgraph.maths.matte import luma
from shotgraph.maths.resize import resize

Preset = Literal["ultrafast", "fast", "medium"]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
# An 8 px patch at the finest scale of the fast presets, a quarter: below 32 px OpenCV reads outside its pyramid.
_LEAST_SIDE_PX = 32


def luma_codes(picture: NDArray[np.float32], *, scale: float) -> NDArray[np.uint8]:
    """8-bit luma of display values, clamped to [0, 1] first, at `scale` times the size."""
    height, width = picture.shape[:2]
    plane = np.clip(luma(picture), 0, 1)[..., None]
    small = resize(plane, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    return np.rint(small[..., 0] * 255).astype(np.uint8)


def dis_flow(first: NDArray[np.uint8], second: NDArray[np.uint8], *, preset: Preset) -> NDArray[np.float32]:
    """F with ``first(p) ≈ second(p + F(p))``."""
    height, width = first.shape
    padding = ((0, max(0, _LEAST_SIDE_PX - height)), (0, max(0, _LEAST_SIDE_PX - width)))
    solver = cv2.DISOpticalFlow.create(_PRESETS[preset])
    a, b = np.pad(first, padding, mode="edge"), np.pad(second, padding, mode="edge")
    # The stub knows no None, which OpenCV takes as "no initial flow"; an array of zeros would be one.
    flow = solver.calc(a, b, None)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def flow_of_pair(first: NDArray[np.float32], second: NDArray[np.float32], *, preset: Preset, scale: float) -> FlowFrame:
    """Forward and backward flow of two pictures, and what of the first cannot be seen in the second.

    Args:
        first: (H, W, 3|4) display values.
        second: same shape.
        preset: speed against quality.
        scale: size of the pictures that are matched, relative to the frames.

    Returns:
        Flow at full size.
    """
    height, width = first.shape[:2]
    a, b = luma_codes(first, scale=scale), luma_codes(second, scale=scale)
    forward = resize_flow(dis_flow(a, b, preset=preset), width=width, height=height)
    backward = resize_flow(dis_flow(b, a, preset=preset), width=width, height=height)
    return FlowFrame(forward, backward, occlusion(forward, backward).astype(np.float32))


def flow_of_last(height: int, width: int) -> FlowFrame:
    """What is filed under a stream's last frame: there is no next one."""
    nothing = np.full((height, width, 2), np.nan, np.float32)
    return FlowFrame(nothing, nothing.copy(), np.ones((height, width), np.float32))


class Dis(Node):
    """Dense flow from each frame to the next and back, with occlusion."""

    id = "flow.dis"
    version = "1"
    # Blank, so that the last frame's key never equals that of a frame held for two.
    contract = Window(future=1, edge="blank")

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """The pair (t, t + 1), filed under t."""

        flow: Flow

    class Params(Params):
        """Speed against quality."""

        preset: Preset = Field("medium", description="speed against quality of the search")
        scale: float = Field(
            1.0, gt=0, le=1, description="size of the pictures that are matched, relative to the frames"
        )

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        first, second = frames.video
        if ctx.frames[0] == ctx.headers["video"].range.last:
            return self.Out(flow=flow_of_last(*first.shape[:2]))
        return self.Out(flow=flow_of_pair(first, second, preset=params.preset, scale=params.scale))
