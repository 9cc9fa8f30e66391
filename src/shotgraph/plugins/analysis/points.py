"""Points followed through a shot along its flow, found anew where they are lost.

Follows J. Shi, C. Tomasi, "Good Features to Track", CVPR 1994, for where to begin, as OpenCV implements it.

Departures from the paper:
    - Points are carried by dense flow, and end where it says that they are hidden.

Symbols: x_i(t) place of track i in frame t, px; F_t flow to the next frame, read linearly.

    x_i(t + 1) = x_i(t) + F_t(x_i(t))        until F_t loses it, or it leaves the frame

Cost: about 30 ms a frame at 1920x1080 on one thread. Memory: one frame and all tracks. No GPU.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.cutting import cut_frames
from shotgraph.api import (
    Clip,
    Context,
    Field,
    Flow,
    Node,
    Params,
    Port,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    Table,
    require_same_size,
)
from shotgraph.maths.matte import luma
from shotgraph.metrics.motion import follow

_QUALITY = 0.01
# With fewer left than this share of what there was, as behind a cut, new ones are looked for at once.
_FEW = 0.5

Points = NDArray[np.float64]


def good_points(picture: NDArray[np.float32], taken: Points, *, most: int, apart_px: float) -> Points:
    """Corners that can be followed, away from those that are.

    Args:
        picture: (H, W, 3|4) display values.
        taken: (N, 2) points to keep away from, px, x then y.
        most: how many at most, those taken included.
        apart_px: of any two.

    Returns:
        (M, 2), best first.
    """
    finite = np.isfinite(picture[..., :3]).all(axis=-1)
    plane = np.where(finite, np.clip(luma(picture), 0, 1), np.float32(0)).astype(np.float32)
    # A corner at the rim of what has no value is none.
    free = np.asarray(cv2.erode(np.where(finite, 255, 0).astype(np.uint8), np.ones((5, 5), np.uint8)))
    for x, y in taken:
        cv2.circle(free, (round(float(x)), round(float(y))), max(1, round(apart_px)), 0, -1)
    if most <= len(taken):
        return np.zeros((0, 2))
    found = cv2.goodFeaturesToTrack(plane, most - len(taken), _QUALITY, apart_px, mask=free)
    return np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64)


@dataclass
class Tracks:
    """Tracks that are alive, and the rows of all.

    Attributes:
        places: (N, 2) of those alive.
        names: (N,) their numbers.
        rows: (track, frame, x, y).
    """

    places: Points = field(default_factory=lambda: np.zeros((0, 2)))
    names: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    _next: int = 0

    def begin(self, points: Points) -> None:
        """Tracks of new points."""
        names = np.arange(self._next, self._next + len(points))
        self.places, self.names = np.concatenate((self.places, points)), np.concatenate((self.names, names))
        self._next += len(points)

    def note(self, frame: int) -> None:
        """A row for each that is alive."""
        self.rows += [
            (int(name), frame, float(x), float(y)) for name, (x, y) in zip(self.names, self.places, strict=True)
        ]

    def end(self) -> None:
        """End all that are alive."""
        self.places, self.names = self.places[:0], self.names[:0]

    def advance(self, flow: NDArray[np.float32], hidden: NDArray[np.bool_]) -> None:
        """Carry all to the next frame; those that are lost end."""
        if len(self.places):
            places, known = follow(self.places, flow, occluded=hidden)
            self.places, self.names = places[known], self.names[known]


class Track(Node):
    """Points followed along the flow, and found anew where they are lost."""

    id = "points.track"
    version = "1"
    contract = Clip()

    class In(Ports):
        """The plate, its flow, and cuts, over which nothing is followed."""

        video: Rgb
        flow: Flow
        cuts: Annotated[Table, Port("table", "cuts")] | None = None

    class Out(Ports):
        """A row for each frame of each track."""

        tracks: Annotated[Table, Port("table", "tracks")]

    class Params(Params):
        """How many, how dense."""

        most: int = Field(400, ge=1, le=100_000, description="points alive at a time")
        apart_px: float = Field(8.0, ge=1, le=1000, unit="px", description="distance of any two when they begin")
        every: int = Field(5, ge=1, unit="frames", description="how often new ones are looked for")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> dict[str, StreamInfo]:
        """Refuses flow of another size."""
        require_same_size(ctx, "flow")
        return {}

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        numbers, tracks, wanted = tuple(frames.video.frames), Tracks(), 0
        cuts = cut_frames(frames.cuts)
        for index, number in enumerate(numbers):
            ctx.check_cancelled()
            if number in cuts:
                tracks.end()
            if index % params.every == 0 or len(tracks.places) < _FEW * wanted:
                picture = frames.video[number]
                tracks.begin(good_points(picture, tracks.places, most=params.most, apart_px=params.apart_px))
                wanted = len(tracks.places)
            tracks.note(number)
            if number != numbers[-1]:
                pair = frames.flow[number]
                tracks.advance(pair.forward, pair.occluded > 0.5)
            ctx.progress(index + 1, len(numbers))
        return self.Out(tracks=Table(("track", "frame", "x_px", "y_px"), tuple(sorted(tracks.rows))))
