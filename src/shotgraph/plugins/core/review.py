"""Pictures for review: burn-ins, side by side, wipe, difference.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: about 20 ms a frame at 1920x1080. No GPU.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Context, Field, Frame, Node, Params, Ports, QueryContext, Rgb, StreamInfo, require_same_size
from shotgraph.errors import GraphError
from shotgraph.maths.draw import Anchor, burn

Mode = Literal["single", "side_by_side", "wipe", "difference"]


def compared(
    video: NDArray[np.float32], other: NDArray[np.float32], *, mode: Mode, wipe: float, gain: float
) -> NDArray[np.float32]:
    """Two pictures as one.

    Args:
        video: (H, W, 3|4); left in ``side_by_side`` and ``wipe``.
        other: same height and width.
        mode: ``side_by_side``, ``wipe`` or ``difference``.
        wipe: share of the width that shows `video`.
        gain: what the absolute difference is multiplied by.

    Returns:
        (H, W, 3), of twice the width side by side.
    """
    left, right = video[..., :3], other[..., :3]
    if mode == "side_by_side":
        return np.concatenate((left, right), axis=1)
    if mode == "difference":
        return np.abs(right - left) * np.float32(gain)
    seam = round(wipe * left.shape[1])
    return np.concatenate((left[:, :seam], right[:, seam:]), axis=1)


class Review(Node):
    """Burn-ins over a picture, or two pictures compared."""

    id = "core.review"
    version = "1"
    contract = Frame()
    numbered = True

    class In(Ports):
        """What to show, and what to compare it with."""

        video: Rgb
        other: Rgb | None = None

    class Out(Ports):
        """Display values."""

        video: Rgb

    class Params(Params):
        """What to show where."""

        mode: Mode = Field("single", description="one picture, or how to compare two")
        wipe: float = Field(0.5, ge=0, le=1, description="wipe: share of the width that shows video")
        gain: float = Field(8.0, gt=0, le=1000, description="difference: the absolute difference times this")
        frame_number: bool = Field(True, description="bottom right: the shot's frame number")
        timecode: bool = Field(True, description="bottom left: timecode, where the stream has one")
        shot_name: bool = Field(True, description="top left: name of the shot")
        text: str = Field("", max_length=200, pattern=r"^[^\r\n]*$", description="top right: one line of your own")
        labels: tuple[str, str] = Field(("", ""), description="top centre: names of the two pictures compared")
        text_height: float = Field(0.045, gt=0.005, le=0.5, description="height of a box as a share of the frame's")
        opacity: float = Field(0.6, ge=0, le=1, description="of the black behind the text")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Twice the width side by side; refuses a comparison without a partner of the same size."""
        header, other = ctx.headers["video"], ctx.headers.get("other")
        if params.mode == "single":
            if other is not None:
                raise GraphError(
                    f"{ctx.node}: mode must compare when other is linked, got 'single'; choose side_by_side"
                )
            return {}
        if other is None:
            raise GraphError(f"{ctx.node}: other must be linked to compare, got mode {params.mode!r}; link other")
        require_same_size(ctx, "other", cure="put core.resize before it")
        width = header.width * (2 if params.mode == "side_by_side" else 1)
        return {"video": replace(header, width=width, kind="rgb", alpha="none")}

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        picture = frames.video
        height_px = max(8, round(picture.shape[0] * params.text_height))
        if frames.other is not None:
            picture = self._compared(frames.video, frames.other, params, height_px)
        header, frame = ctx.headers["video"], ctx.frames[0]
        timecode = header.timecode_of(frame)
        burns: tuple[tuple[str, Anchor], ...] = (
            (ctx.shot.name if params.shot_name else "", "top_left"),
            (params.text, "top_right"),
            (str(timecode) if params.timecode and timecode is not None else "", "bottom_left"),
            (str(frame) if params.frame_number else "", "bottom_right"),
        )
        for text, anchor in burns:
            picture = burn(picture, text, anchor=anchor, height_px=height_px, opacity=params.opacity)
        return self.Out(video=picture)

    @staticmethod
    def _compared(
        video: NDArray[np.float32], other: NDArray[np.float32], params: Params, height_px: int
    ) -> NDArray[np.float32]:
        """The comparison with its labels: one over each picture side by side, else both in one box."""
        split = params.mode == "side_by_side"
        if split:
            video, other = (
                burn(p, text, anchor="top", height_px=height_px, opacity=params.opacity)
                for p, text in zip((video, other), params.labels, strict=True)
            )
        picture = compared(video, other, mode=params.mode, wipe=params.wipe, gain=params.gain)
        both = "" if split else " | ".join(filter(None, params.labels))
        return burn(picture, both, anchor="top", height_px=height_px, opacity=params.opacity)
