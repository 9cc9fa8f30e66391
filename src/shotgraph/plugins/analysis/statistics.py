"""What the values of each frame are like: a row a frame, for reports and for finding flicker.

No published source.

Departures from the paper: none.

Symbols: none.

Cost: about 60 ms a frame at 1920x1080 on one thread. Memory: one frame. No GPU.
"""

from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api import Clip, Context, Field, Node, Params, Port, Ports, Rgb, Table
from shotgraph.maths.matte import luma

COLUMNS = (
    "frame",
    "mean_r",
    "mean_g",
    "mean_b",
    "luma_min",
    "luma_p1",
    "luma_median",
    "luma_p99",
    "luma_max",
    "below_0_share",
    "above_1_share",
    "nan_share",
    "sharpness",
)


def statistics_of(picture: NDArray[np.float32]) -> tuple[float, ...]:
    """What `COLUMNS` name, without the frame, of (H, W, 3|4); NaN and infinities are counted and left out."""
    colour = picture[..., :3]
    finite = np.isfinite(colour).all(axis=-1)
    if not finite.any():
        return (*(float("nan"),) * 8, 0.0, 0.0, 1.0, float("nan"))
    known, plane = colour[finite], luma(picture)
    points = np.percentile(plane[finite], (0, 1, 50, 99, 100))
    edges = np.asarray(cv2.Laplacian(np.where(finite, plane, np.float32(0)), cv2.CV_32F))
    return (
        *(float(value) for value in known.mean(axis=0, dtype=np.float64)),
        *(float(value) for value in points),
        float((known < 0).any(axis=-1).mean()),
        float((known > 1).any(axis=-1).mean()),
        float(1 - finite.mean()),
        float(edges[finite].var(dtype=np.float64)),
    )


class Statistics(Node):
    """Means, extremes, clipping and sharpness of every frame."""

    id = "stats.frames"
    version = "1"
    contract = Clip()

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """A row for each frame, in its own values."""

        statistics: Annotated[Table, Port("table", "statistics")]

    class Params(Params):
        """How much."""

        every: int = Field(1, ge=1, unit="frames", description="distance of the frames that are looked at")

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        numbers = tuple(frames.video.frames)[:: params.every]
        rows: list[tuple[Any, ...]] = []
        for done, number in enumerate(numbers, start=1):
            ctx.check_cancelled()
            rows.append((number, *statistics_of(frames.video[number])))
            ctx.progress(done, len(numbers))
        return self.Out(statistics=Table(COLUMNS, tuple(rows)))
