"""Depth that a renderer wrote: the Z pass of a CG shot as relative inverse depth.

No published source.

Departures from the paper: none.

Symbols: Z distance along the camera's axis, in units of the scene; D inverse depth.

    D = 1 / Z,   0 where no surface is seen:   Z infinite, at or beyond `background`, or 0

What the range of a clip is made of, pixels without a surface do not count for; a file that states its range (`core.write` leaves it
there) holds D itself.

Cost: that of decoding, twice where the range is not stated: it is that of the whole clip. No GPU.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.passes import Pass, PassParams, PassReader, as_numbers, one_channel
from shotgraph.api import Context, Depth, DepthFrame, Field, Media, Ports, QueryContext, Reader
from shotgraph.errors import GraphError, MediaError
from shotgraph.io.passnames import DEPTH, DEPTH_LIMITS
from shotgraph.maths.depth import clip_range
from shotgraph.maths.resize import resize

# What the channel is called where it is not named: by OpenEXR, and as a layer.
_USUAL = (DEPTH, f"depth.{DEPTH}", "depth")


class Read(Pass):
    """Reads a depth pass as inverse depth with one range for the clip; a changed file changes all frames."""

    id = "depth.read"
    version = "1"

    class Out(Ports):
        """Inverse depth with the clip's range."""

        depth: Depth

    class Params(PassParams):
        """Where depth is, what it means, and where there is none."""

        channel: str = Field("", description="of the pass; empty: Z, depth.Z or depth, else the only one")
        meaning: Literal["auto", "distance", "inverse"] = Field(
            "auto",
            description="distance, or larger is nearer; auto: inverse where the files state a range, as core.write's do",
        )
        negate: bool = Field(False, description="distances are negative, along an axis that points at the camera")
        background: float = Field(1e10, gt=0, unit="scene", description="a distance from which on nothing is seen")
        zero: Literal["background", "error"] = Field(
            "background", description="a distance of 0: nothing is seen, as some renderers mean it, or a fault"
        )
        nonfinite: Literal["error", "background"] = Field(
            "error", description="NaN, and infinity where it is no distance: refuse them, or nothing is seen there"
        )
        far_percentile: float = Field(1.0, ge=0, le=50, description="of all surfaces of the clip: what stands for far")
        near_percentile: float = Field(99.0, ge=50, le=100, description="what stands for near")

    @classmethod
    def channels(cls, names: tuple[str, ...], params: Params, who: str) -> tuple[str, ...]:
        """The one channel."""
        return (one_channel(names, params.channel, _USUAL, who=who),)

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:
        """See `Pass`; refuses to turn round what is no distance."""
        if params.negate and params.meaning == "inverse":
            raise GraphError(f"{ctx.node}: negate must go with distances, got meaning 'inverse'; leave it out")
        return super().media(params, ctx)

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:
        """The same files for decoding, probed again only if they changed."""
        return DepthReader(self.source(params, ctx, known=media.probed), media, params, ctx)


class DepthReader(PassReader):
    """An open pass of depth; the clip's range is found at the first frame asked for."""

    def __init__(self, source: Any, media: Media, params: Read.Params, ctx: Context) -> None:
        super().__init__(source, media, ctx)
        self._params, self._ctx = params, ctx
        self._stated = self._stated_range()
        self._is_inverse = params.meaning == "inverse" or (params.meaning == "auto" and self._stated is not None)
        self._range: tuple[float, float] | None = self._stated if self._is_inverse else None

    def read(self, frame: int) -> DepthFrame:
        """Inverse depth of a frame."""
        far, near = self._range = self._range or self._measured_range()
        values = np.nan_to_num(self._inverse(frame), nan=0.0)
        if values.shape != (self.info.height, self.info.width):
            # A mean of near and far is a surface where none is.
            sized = resize(values[..., None], width=self.info.width, height=self.info.height, method="nearest")
            values = sized[..., 0]
        return DepthFrame(values, np.array(far, np.float32), np.array(near, np.float32))

    def _inverse(self, frame: int) -> NDArray[np.float32]:
        """(H, W) inverse depth at the size of the file; NaN where no surface is seen."""
        (plane,) = self.source.read(frame)
        values, params = as_numbers(plane), self._params
        refuse = params.nonfinite == "error"
        if self._is_inverse:
            return self.finite(values, frame, "inverse depth", refuse=refuse, fill=np.nan)
        distance = -values if params.negate else values
        # Infinitely far is a distance; infinitely far behind the camera is none.
        known = np.where(np.isposinf(distance), np.float32(params.background), distance)
        known = self.finite(known, frame, "distance", refuse=refuse, fill=np.nan)
        self._check(known, frame)
        seen = (known > 0) & (known < np.float32(params.background))
        return np.divide(np.float32(1), known, out=np.full_like(known, np.nan), where=seen)

    def _check(self, distance: NDArray[np.float32], frame: int) -> None:
        below, zero = int(np.count_nonzero(distance < 0)), int(np.count_nonzero(distance == 0))
        if below:
            raise MediaError(
                f"{self.node}: distance must not be negative, got {below} of {distance.size} pixels below 0 on frame {frame} "
                f"({self.source.file(frame)}); set negate where the axis points at the camera, or meaning to inverse"
            )
        if zero and self._params.zero == "error":
            raise MediaError(
                f"{self.node}: distance must not be 0, got {zero} of {distance.size} pixels of 0 on frame {frame} "
                f"({self.source.file(frame)}); render it again, or set zero to background"
            )

    def _stated_range(self) -> tuple[float, float] | None:
        """What all files say that far and near are; None where they say nothing."""
        stated = {self.source.numbers(frame, DEPTH_LIMITS): frame for frame in self.info.range}
        if len(stated) > 1:
            told = " and ".join(f"{limits} on frame {frame}" for limits, frame in list(stated.items())[:2])
            raise MediaError(
                f"{self.node}: the range of depth must be one for the clip, got {told}; write all of it in one go"
            )
        ((low, high),) = stated
        return None if low is None or high is None else (low, high)

    def _measured_range(self) -> tuple[float, float]:
        params = self._params
        frames = (self._inverse(frame) for frame in self._cancellable())
        far, near = clip_range(frames, low=params.far_percentile, high=params.near_percentile)
        if near == far:
            self._ctx.warn(f"{self.node}: depth must differ somewhere in the clip, got {far:g} everywhere it is known")
        return far, near

    def _cancellable(self) -> Any:
        for frame in self.info.range:
            self._ctx.check_cancelled()
            yield frame
