"""Optical flow that somebody else rendered or computed: motion vector passes in images.

No published source; UnFlow (AAAI 2018), Eq. (2), for occlusion.

Departures from the paper: none.

Symbols: F forward flow (H, W, 2), B backward flow (H, W, 2), px, x then y downwards.

    record of (t, t + 1):   F = forward of the file of t,   B = backward of the file of t + 1

since both layers of a file lie on its own pixels: ``forward`` leads to the next frame, ``backward`` to the one before. Vectors that
lead one way only are turned round (`maths.vectors.way_back`): the faster of two surfaces is taken for the nearer, which a camera
that follows the slower one refutes.

Cost: that of decoding; the test of occlusion about 0.6 s at 1920x1080 on one thread, turning round 1 to 4 s. No GPU.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.passes import Pass, PassParams, PassReader, as_numbers
from shotgraph.api import Context, Field, Flow, FlowFrame, Media, Ports, QueryContext, Reader
from shotgraph.errors import GraphError, MediaError
from shotgraph.io.passnames import BACKWARD, FORWARD, OCCLUDED
from shotgraph.maths.flow import last_pair, pair_of, resize_flow
from shotgraph.maths.resize import resize
from shotgraph.maths.vectors import Coding, Convention, Difference, Upwards, way_back

Channels = tuple[str, str] | Literal["invert"]

# Of a clip's vectors, at least this share comes back by those the other way. A wrong sign of both is not seen in that: on the stage
# 84 % come back, and 83 % with y turned round.
_LEAST_RETURNING = 0.6


class Read(Pass):
    """Reads motion vectors as flow from each frame to the next and back, with occlusion; a changed file changes all frames."""

    id = "flow.read"
    version = "1"

    class Out(Ports):
        """The pair (t, t + 1), filed under t."""

        flow: Flow

    class Params(PassParams):
        """Where the vectors are, and what they mean; the defaults are Nuke's, and those of core.write."""

        forward: Channels = Field(
            FORWARD, description="channels of the vectors to the next frame; or invert the others"
        )
        backward: Channels = Field(
            BACKWARD,
            description="channels of the vectors to the frame before; or invert the others",
        )
        occlusion: str = Field(
            "",
            description="channel that is 1 where the next frame hides a pixel; empty: occluded, else the vectors are tested",
        )
        coding: Coding = Field(
            "pixels",
            description="pixels of the file; signed: shares of width and height, -1 to 1; unsigned: the same as 0 to 1",
        )
        y: Upwards = Field("up", description="where the second channel of a pair grows to")
        difference: Difference = Field(
            "other_minus_this",
            description="a vector is the place in the other frame minus that here, in the later minus that in the earlier, or "
            "the reverse",
        )
        scale: float = Field(1.0, description="factor on every vector; 2 where half a frame's shutter was rendered")
        nonfinite: Literal["error", "zero"] = Field(
            "error", description="NaN and infinity: refuse them, or take them for no motion"
        )

    @classmethod
    def channels(cls, names: tuple[str, ...], params: Params, who: str) -> tuple[str, ...]:
        """The vectors', then that of occlusion where there is one."""
        wanted: list[str] = []
        for way in ("forward", "backward"):
            pair: Channels = getattr(params, way)
            missing = [name for name in pair if name not in names] if pair != "invert" else []
            if missing:
                raise MediaError(
                    f"{who}: {way} must be two channels of the file, got no {' and no '.join(missing)} among "
                    f"{', '.join(names)}; name them, or set {way}: invert to turn the other vectors round"
                )
            wanted += pair if pair != "invert" else ()
        occlusion = params.occlusion or (OCCLUDED if OCCLUDED in names else "")
        return (*wanted, occlusion) if occlusion else tuple(wanted)

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:
        """See `Pass`; refuses vectors that lead nowhere at all."""
        if params.forward == params.backward == "invert":
            raise GraphError(
                f"{ctx.node}: forward and backward must not both be inverted, got 'invert' twice; name the channels of one"
            )
        if params.scale == 0:
            raise GraphError(f"{ctx.node}: scale must not be 0, got {params.scale}; leave it out for pixels a frame")
        return super().media(params, ctx)

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:
        """The same files for decoding, probed again only if they changed."""
        return FlowReader(self.source(params, ctx, known=media.probed), media, params, ctx)


class FlowReader(PassReader):
    """An open pass of motion vectors."""

    def __init__(self, source: Any, media: Media, params: Read.Params, ctx: Context) -> None:
        super().__init__(source, media, ctx)
        self._params, self._warn = params, ctx.warn
        self._convention = Convention(params.coding, params.y, params.difference, params.scale)
        vectors = [pair for pair in (params.forward, params.backward) if pair != "invert"]
        self._has_occlusion = len(source.channels) > 2 * len(vectors)
        self._returning: list[float] = []

    def read(self, frame: int) -> FlowFrame:
        """The record of the pair that `frame` begins."""
        info, params = self.info, self._params
        if frame == info.range.last:
            return last_pair(info.height, info.width)
        if params.forward == "invert":
            backward = self._vectors(frame + 1, "backward")
            return self._record(frame, way_back(backward), backward)
        forward = self._vectors(frame, "forward")
        backward = way_back(forward) if params.backward == "invert" else self._vectors(frame + 1, "backward")
        return self._record(frame, forward, backward)

    def _record(self, frame: int, forward: NDArray[np.float32], backward: NDArray[np.float32]) -> FlowFrame:
        if self._has_occlusion:
            return FlowFrame(forward, backward, self._occlusion(frame))
        record = pair_of(forward, backward)
        self._returning.append(1 - float(record.occluded.mean()))
        return record

    def _vectors(self, frame: int, way: str) -> NDArray[np.float32]:
        """(H, W, 2) of a layer on the pixels of `frame`, at the size that is given."""
        planes = self.source.read(frame)
        first = 2 if way == "backward" and self._params.forward != "invert" else 0
        u, v = (as_numbers(plane) for plane in planes[first : first + 2])
        refuse = self._params.nonfinite == "error"
        told = self.finite(np.stack((u, v), axis=-1), frame, way, refuse=refuse, fill=np.nan)
        vectors = self._convention.vectors(told[..., 0], told[..., 1], to_later=way == "forward")
        # Half a vector is none.
        vectors[np.isnan(vectors).any(axis=-1)] = 0
        return resize_flow(vectors, width=self.info.width, height=self.info.height)

    def _occlusion(self, frame: int) -> NDArray[np.float32]:
        plane = as_numbers(self.source.read(frame)[-1])
        plane = self.finite(plane, frame, "occlusion", refuse=self._params.nonfinite == "error")
        sized = resize(plane[..., None], width=self.info.width, height=self.info.height)
        return (sized[..., 0] > 0.5).astype(np.float32)

    def close(self) -> None:
        """Close the files, and say so where the vectors contradict each other."""
        super().close()
        returning, self._returning = self._returning, []
        if returning and np.mean(returning) < _LEAST_RETURNING:
            self._warn(
                f"{self.node}: at least {_LEAST_RETURNING:.0%} of the vectors must come back by those the other way, got "
                f"{np.mean(returning):.0%}; look at coding and scale, and which channels are which"
            )
