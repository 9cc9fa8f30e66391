"""Paint on one or several frames, carried through the shot.

No published source: to carry the difference, not the picture, is common practice in clean-up. Occlusion: UnFlow (AAAI 2018), Eq. 2.
Departures from the paper: none.

Symbols: k painted frame; M_t(p) where the surface at pixel p of frame t was in frame k; D_t = M_t - p, (H, W, 2) px, with the
confidence that the surface was in sight on every frame between t and k; E the edit, paint minus plate.

    after k:   M_t(p) = M_{t-1}(p + B_t(p))     B_t: backward flow of the pair (t - 1, t)
    before k:  M_t(p) = M_{t+1}(p + F_t(p))     F_t: forward flow of the pair (t, t + 1)
    out_t(p) = plate_t(p) + E(M_t(p))           E sampled cubically; between two painted frames the mean of both by
                                                nearness in time, each only where its surface is visible

Chains start at the painted frame, whichever frames are wanted: a part of a shot equals the whole. Every eighth is kept on disk.

Cost: about 1 s a frame at 1920x1080 on one thread, 3 s between two painted frames. At most 2 x 8 carried edits (17 bytes a
pixel each) in memory; a chain of 12 bytes a pixel on disk for every eighth frame. No GPU.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from shotgraph.api import (
    Clip,
    Context,
    Field,
    Flow,
    FrameReader,
    Mask,
    Node,
    Params,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    require_same_size,
)
from shotgraph.errors import MediaMissingError
from shotgraph.maths.flow import chain_to_first, chain_to_second, no_chain
from shotgraph.maths.keyframes import Gap, blocks, gaps
from shotgraph.maths.paint import Edit, Painted, apply_edit, apply_paint, blend, carried, fill_holes, painted_over
from shotgraph.maths.shapes import Chain, Image, Plane

_BLOCK_FRAMES = 8
_CODE = 1 / 255


class Chains:
    """The chains D from any frame back to the painted frame `key`."""

    def __init__(self, key: int, *, flow: FrameReader, ctx: Context) -> None:
        self.key = key
        self._flow, self._ctx = flow, ctx

    def of(self, frames: Sequence[int]) -> Iterator[tuple[int, Chain]]:
        """The chains of neighbouring `frames` on one side of the painted frame, nearest first."""
        side = 1 if frames[0] > self.key else -1
        distances = sorted(abs(frame - self.key) for frame in frames)
        start, chain = self._newest(side, distances[0])
        for distance in range(start, distances[-1] + 1):
            frame = self.key + side * distance
            if distance > start:
                self._ctx.check_cancelled()
                pair = self._flow[frame - 1 if side > 0 else frame]
                chain = chain_to_second(chain, pair) if side > 0 else chain_to_first(chain, pair)
                self._keep(chain, frame)
            if distance >= distances[0]:
                yield frame, chain

    def _newest(self, side: int, distance: int) -> tuple[int, Chain]:
        """The kept chain nearest below `distance`, else the painted frame's own."""
        for step in range(distance - distance % _BLOCK_FRAMES, 0, -_BLOCK_FRAMES):
            path = self._path(self.key + side * step)
            try:
                return step, np.load(path)
            except (OSError, ValueError, EOFError):
                # Never kept, or torn when the power went: the one before it will do.
                path.unlink(missing_ok=True)
        return 0, no_chain(self._flow.info.height, self._flow.info.width)

    def _path(self, frame: int) -> Path:
        return self._ctx.work / f"chain_{self.key}_{frame - self.key:+d}.npy"

    def _keep(self, chain: Chain, frame: int) -> None:
        path = self._path(frame)
        if (frame - self.key) % _BLOCK_FRAMES or path.exists():
            return
        partial = path.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, chain)
        partial.replace(path)

    def forget(self) -> None:
        """Remove what was kept."""
        for path in self._ctx.work.glob(f"chain_{self.key}_*.npy"):
            path.unlink(missing_ok=True)


class Carrier:
    """Fills one shot: the painted frames themselves, then the gaps between them."""

    def __init__(self, inputs: Any, files: Mapping[int, Path], params: Any, ctx: Context) -> None:
        self._video: FrameReader = inputs.video
        self._flow: FrameReader = inputs.flow
        self._matte: FrameReader | None = inputs.matte
        self._files, self._params, self._ctx = files, params, ctx

    def pictures(self) -> Iterator[tuple[int, Image]]:
        """Every wanted frame with its picture; the painted ones come first."""
        for frame in sorted(set(self._files) & set(self._ctx.frames)):
            yield frame, apply_paint(self._video[frame], self._painted(frame), limit=self._limit(frame))
        for gap in gaps(tuple(self._files), self._ctx.frames):
            yield from self._across(gap)

    def _across(self, gap: Gap) -> Iterator[tuple[int, Image]]:
        """The frames of one gap, block by block."""
        edits = {key: self._painted(key).edit for key in gap.keys}
        ways = [Chains(key, flow=self._flow, ctx=self._ctx) for key in gap.keys]
        for block in blocks(gap.frames, span_frames=_BLOCK_FRAMES):
            reaching: dict[int, list[Edit]] = {frame: [] for frame in block}
            for way in ways:
                for frame, chain in way.of(block):
                    if frame in reaching:
                        arrived = carried(edits[way.key], chain)
                        reaching[frame].append(fill_holes(arrived, radius_px=self._params.fill_px))
            for frame in block:
                edit = blend(reaching.pop(frame), gap.nearness(frame), feather_px=self._params.feather_px)
                yield frame, apply_edit(self._video[frame], edit, limit=self._limit(frame))
        for way in ways:
            way.forget()

    def _painted(self, frame: int) -> Painted:
        from shotgraph.io.pictures import read_picture

        picture, coded = read_picture(self._files[frame])
        return painted_over(self._video[frame], picture, coded=coded, tolerance=self._params.tolerance * _CODE)

    def _limit(self, frame: int) -> Plane | None:
        return None if self._matte is None else self._matte[frame]


class Propagate(Node):
    """Carries painted frames through the shot along its flow; whatever nobody painted stays exact."""

    id = "edit.propagate"
    version = "1"
    contract = Clip()

    class In(Ports):
        """The plate, its flow, and where paint may go."""

        video: Rgb
        flow: Flow
        matte: Mask | None = None

    class Out(Ports):
        """The plate with the paint."""

        video: Rgb

    class Params(Params):
        """Where the paint is and how it is carried."""

        file: str = Field(
            ...,
            min_length=1,
            path="read",
            per_shot=True,
            description="repainted plate frames, numbered like the shot, e.g. {root}/paint/{shot}.####.png; alpha = where",
        )
        missing_paint: Literal["error", "passthrough"] = Field("error", description="when no frame is painted")
        tolerance: float = Field(
            1.0,
            ge=0,
            le=64,
            unit="8-bit codes",
            # Saving to 8 bits moves a value by up to half a code, and the exporter's own rounding by another half.
            description="smaller differences between paint and plate are not paint; 1 covers a save to 8 bits",
        )
        feather_px: float = Field(4.0, ge=0, le=200, unit="px", description="softness where one paint takes over")
        fill_px: float = Field(2.0, ge=0, le=20, unit="px", description="breaks up to this radius are closed")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses flow or a matte of another size than the plate's, and what `paint` refuses."""
        require_same_size(ctx, "flow", "matte")
        cls.paint(params, ctx, needed=params.missing_paint == "error")
        return {}

    @classmethod
    def identity(cls, frame: int, params: Params, ctx: QueryContext) -> str | None:
        """Without paint the shot goes through untouched, and its flow is never computed."""
        if cls.paint(params, ctx, needed=params.missing_paint == "error"):
            return None
        ctx.warn(f"{ctx.node}: no painted frame at {params.file}; the shot goes through untouched")
        return "video"

    @classmethod
    def paint(cls, params: Params, ctx: QueryContext, *, needed: bool) -> Mapping[int, Path]:
        """Painted frame to its file; refuses paint outside the shot or of another size, and none at all where it is needed."""
        # Media libraries load when a shot with paint is at hand, not when nodes are listed.
        from shotgraph.io.paintfiles import paint_of

        files = paint_of(params.file, ctx.headers["video"], who=ctx.node)
        if needed and not files:
            raise MediaMissingError(
                f"{ctx.node}: file must name painted frames, got none at {params.file!r}; paint one frame and save it under "
                "its number, or set missing_paint: passthrough"
            )
        return files

    def process(self, frames: In, params: Params, ctx: Context) -> None:
        """See the class."""
        # Without paint `identity` has taken the node out of the graph: none now means that it was removed since.
        carrier = Carrier(frames, self.paint(params, ctx, needed=True), params, ctx)
        for done, (frame, picture) in enumerate(carrier.pictures(), start=1):
            ctx.emit(frame, self.Out(video=picture))
            ctx.progress(done, len(ctx.frames))
