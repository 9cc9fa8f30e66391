"""What all nodes of optical flow share: a window of two frames, a last frame without a next, cuts, and pixels without a value.

Across a cut there is no motion. A node still gives a record for that pair, since chains need one for every pair. Where by the
two-way test nearly all of it is occluded, which ends chains, tracks and votes, the node warns with both frame numbers; DIS and RAFT
show a cut that way, Farneback, which smooths, does not: `cuts.detect` looks at the pictures, and nodes that follow flow take its
table. A pixel that is NaN or infinite is matched as black or white, and counts as occluded, as does what goes there.
"""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Context, Flow, FlowFrame, Node, Ports, Rgb, Window
from shotgraph.maths.depth import is_cut
from shotgraph.maths.flow import last_pair
from shotgraph.maths.warp import pixel_grid, sample


def without_unknown(pair: FlowFrame, *, here: NDArray[np.bool_], there: NDArray[np.bool_]) -> FlowFrame:
    """`pair` with what has no value, or goes to such a place, occluded.

    Args:
        pair: flow of two pictures.
        here: (H, W) pixels of the first without a value.
        there: the same of the second.

    Returns:
        The same vectors.
    """
    places = pixel_grid(*here.shape) + pair.forward
    lands = sample(there[..., None].astype(np.float32), places, kernel="linear")[..., 0] > 0
    return FlowFrame(pair.forward, pair.backward, np.where(here | lands, np.float32(1), pair.occluded))


def warn_of_cut(pair: FlowFrame, ctx: Context) -> None:
    """Name both frames of a pair that shares next to nothing."""
    if is_cut(pair.occluded < 0.5):
        here, there = ctx.frames
        ctx.warn(
            f"{ctx.node}: frames {here} and {there} look like a cut, {pair.occluded.mean():.0%} of {here} is not seen in "
            f"{there}; what follows flow ends there, split the shot"
        )


class PairFlow(Node):
    """Base of a node of flow; a subclass answers for one pair."""

    # Blank, so that the last frame's key never equals that of a frame held for two.
    contract = Window(future=1, edge="blank")

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """The pair (t, t + 1), filed under t."""

        flow: Flow

    @abstractmethod
    def pair(self, first: NDArray[np.float32], second: NDArray[np.float32], params: Any) -> FlowFrame:
        """Flow of two pictures (H, W, 3|4), both ways."""

    def process(self, frames: In, params: Any, ctx: Context) -> Out:
        """See the class."""
        first, second = frames.video
        if ctx.frames[0] == ctx.headers["video"].range.last:
            return self.Out(flow=last_pair(*first.shape[:2]))
        shown, shown_next = (np.nan_to_num(picture, posinf=1, neginf=0) for picture in (first, second))
        pair = self.pair(shown, shown_next, params)
        here, there = (~np.isfinite(picture).all(axis=-1) for picture in (first, second))
        if here.any() or there.any():
            pair = without_unknown(pair, here=here, there=there)
        warn_of_cut(pair, ctx)
        return self.Out(flow=pair)
