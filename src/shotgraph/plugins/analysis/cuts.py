"""Cuts inside a shot.

No published source; the rule is that of adaptive content detection, which common cut detectors share, with a median for a mean: other
cuts may be near.

Departures from the paper: none.

Symbols: s_t thumbnail of frame t in CIE Lab, 32 px; d_t mean |s_t - s_{t-1}|, of 100; m_t median of the d about t, without d_t; f
frames that a flash lasts at most, 2.

    cut at t:  d_t >= least  and  d_t >= ratio m_t  and  |s_{t+k} - s_{t-1}|, |s_t - s_{t-1-k}| >= d_t / 2  for k = 1 .. f

The last conditions leave out both ends of a flash: behind one, the picture is the old one again.

Cost: about 2 ms a frame at 1920x1080. Memory: a thumbnail a frame. No GPU.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Clip, Context, Field, Node, Params, Port, Ports, Rgb, Table

_SIDE_PX = 32
_REACH = 3
_FLASH_FRAMES = 2


def thumbnail(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """(32, 32, 3) CIE Lab of (H, W, 3|4) display values, clamped to [0, 1] first; NaN is black."""
    shown = np.clip(np.nan_to_num(picture[..., :3]), 0, 1)
    small = cv2.resize(shown, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.float32)


def differences(thumbnails: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """(N,): mean absolute difference of each thumbnail to the one before, of 100; 0 for the first."""
    changes = [float(np.abs(b - a).mean()) for a, b in pairwise(thumbnails)]
    return np.array([0.0, *changes])[: len(thumbnails)]


def cuts(thumbnails: Sequence[NDArray[np.float32]], *, least: float, ratio: float) -> list[int]:
    """Indices of frames that begin another shot.

    Args:
        thumbnails: of every frame.
        least: a smaller change is none.
        ratio: to the changes about it.

    Returns:
        In order; never the first frame.
    """
    changes = differences(thumbnails)
    found: list[int] = []
    for at in range(1, len(thumbnails)):
        about = np.concatenate((changes[max(1, at - _REACH) : at], changes[at + 1 : at + 1 + _REACH]))
        calm = float(np.median(about)) if about.size else 0.0
        if changes[at] >= least and changes[at] >= ratio * calm and not _is_end_of_flash(thumbnails, at, changes[at]):
            found.append(at)
    return found


def _is_end_of_flash(thumbnails: Sequence[NDArray[np.float32]], at: int, change: float) -> bool:
    """Whether the picture before `at` comes back soon, or that at `at` was there shortly before."""
    steps = range(1, _FLASH_FRAMES + 1)
    back = [(thumbnails[at - 1], thumbnails[at + step]) for step in steps if at + step < len(thumbnails)]
    back += [(thumbnails[at], thumbnails[at - 1 - step]) for step in steps if at > step]
    return any(np.abs(one - other).mean() < change / 2 for one, other in back)


class Detect(Node):
    """Frames at which another shot begins; a shot should have none."""

    id = "cuts.detect"
    version = "1"
    contract = Clip()

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """A row for each cut: the frame behind it, and the change in Lab."""

        cuts: Annotated[Table, Port("table", "cuts")]

    class Params(Params):
        """What counts as one."""

        least: float = Field(8.0, ge=0, le=100, description="mean change in CIE Lab that a cut has at least")
        ratio: float = Field(3.0, ge=1, le=100, description="to the median change of the frames about it")

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        numbers = tuple(frames.video.frames)
        small: list[NDArray[np.float32]] = []
        for done, number in enumerate(numbers, start=1):
            ctx.check_cancelled()
            small.append(thumbnail(frames.video[number]))
            ctx.progress(done, len(numbers))
        changes = differences(small)
        rows = tuple((numbers[at], float(changes[at])) for at in cuts(small, least=params.least, ratio=params.ratio))
        if rows:
            ctx.warn(f"{ctx.node}: the shot looks cut before {', '.join(str(frame) for frame, _ in rows)}")
        return self.Out(cuts=Table(("frame", "change_lab"), rows))
