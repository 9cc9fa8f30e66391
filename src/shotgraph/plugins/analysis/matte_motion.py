"""A matte of whatever moves against the camera; no model.

Follows J.-M. Odobez, P. Bouthemy, "Separation of Moving Regions from Background in an Image Sequence Acquired with a Mobile
Camera", in Video Data Compression for Multimedia Computing, Kluwer 1997: a dominant motion, fitted robustly, and what it does not
explain in the pictures.

Departures from the paper:
    - The dominant motion is the plane that most vectors of a given flow agree on (RANSAC, as in `maths.planar`).
    - A pixel is tested against its own flow beside the dominant motion: flow that drags still ground along with an object, as
      classical flow does, explains that ground worse than the camera does.
    - A vote over neighbouring frames and the filling of holes stand in place of a Markov random field.

Parallax is taken for motion too: a near object before a moving camera is matted as well; and what fills most of the frame is
taken for what stands still. A plain surface has nothing to be seen moving by: its inside counts where what moves encloses it, which rims along the
motion do not.

Symbols: F flow to a neighbour u = t - 1 or t + 1, px; A (3, 3) the transform that most of F agrees on; a(p) = |F(p) - (A p - p)|.

    e_A(p) = min over u of |I_u(A p) - I_t(p)|        e_F(p) = min over u of |I_u(p + F(p)) - I_t(p)|
    m_t(p) = e_A > 1.5 e_F + 2 median(e_A)  and  e_A > half of its maximum beside p  and  a > least_px
    matte_t = cleaned( mean over |k| <= reach of cleaned(m_{t+k}), carried to t along the flow,  >= 1/2 )

Cost: one fit, four warps and two tests of occlusion a frame, 2 x reach warps a vote: about 2 s at 1920x1080 on one thread. No GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from shotgraph.annotators.cutting import cut_frames
from shotgraph.api import (
    Context,
    Field,
    Flow,
    FlowFrame,
    Mask,
    Node,
    Params,
    Port,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    Table,
    Window,
    require_same_size,
)
from shotgraph.api.kinds import unstack
from shotgraph.maths.depth import is_cut
from shotgraph.maths.flow import occlusion
from shotgraph.maths.moving import Cues, Neighbour, carried, cleaned, cues_of, large_parts, moving, read, smoothed
from shotgraph.maths.planar import Transform, fit_step
from shotgraph.maths.shapes import Image, Plane, PlaneMask, Vectors
from shotgraph.maths.warp import pixel_grid


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about two neighbouring frames.

    Attributes:
        camera: (3, 3) from pixels of the first to those of the second, of what stands still.
        hidden_back: (H, W) which pixels of the second cannot be seen in the first.
    """

    camera: Transform
    hidden_back: PlaneMask


def found_in(pair: FlowFrame) -> Found | None:
    """What two frames tell; None where they belong to two shots, or no plane is found."""
    if is_cut(pair.occluded < 0.5):
        return None
    everywhere = np.ones(pair.occluded.shape, np.float32)
    camera = fit_step(pair, everywhere, everywhere)
    return None if camera is None else Found(camera, occlusion(pair.backward, pair.forward))


@dataclass
class Memory:
    """What neighbouring windows share: a window that moves on by a frame finds out about one frame and one pair.

    Attributes:
        pairs: by first frame.
        mattes: by frame, before the vote.
    """

    pairs: dict[int, Found | None] = field(default_factory=dict[int, "Found | None"])
    mattes: dict[int, Plane] = field(default_factory=dict[int, Plane])

    def forget(self, before: int) -> None:
        """Let go of frames before that one."""
        for kept in (self.pairs, self.mattes):
            for frame in [frame for frame in kept if frame < before]:
                del kept[frame]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames about the one that is asked for.

    Attributes:
        pictures: by frame, (H, W, 3|4).
        flows: by the first frame of each pair.
        memory: what is known already.
    """

    pictures: Mapping[int, Image]
    flows: Mapping[int, FlowFrame]
    memory: Memory

    def found(self, first: int) -> Found | None:
        """About a frame and the next one."""
        if first not in self.flows:
            return None
        if first not in self.memory.pairs:
            self.memory.pairs[first] = found_in(self.flows[first])
        return self.memory.pairs[first]

    def cues(self, frame: int) -> Cues:
        """Of a frame, by those neighbours that belong to its shot."""
        neighbours: list[Neighbour] = []
        after, before = self.found(frame), self.found(frame - 1)
        if after is not None:
            neighbours.append(Neighbour(smoothed(self.pictures[frame + 1]), self.flows[frame].forward, after.camera))
        if before is not None:
            back = np.linalg.inv(before.camera).astype(np.float64)
            neighbours.append(Neighbour(smoothed(self.pictures[frame - 1]), self.flows[frame - 1].backward, back))
        return cues_of(smoothed(self.pictures[frame]), neighbours)

    def step(self, frame: int, side: int) -> tuple[Vectors, PlaneMask] | None:
        """Flow from a frame to the next (`side` 1) or the one before (-1), and what is hidden there; None at the end of its shot."""
        first = min(frame, frame + side)
        found = self.found(first)
        if found is None:
            return None
        pair = self.flows[first]
        return (pair.forward, pair.occluded > 0.5) if side > 0 else (pair.backward, found.hidden_back)


def own_matte(stretch: Stretch, frame: int, params: "Motion.Params") -> Plane:
    """What moves in a frame, before its neighbours were asked."""
    mattes = stretch.memory.mattes
    if frame not in mattes:
        cues = stretch.cues(frame)
        raw = moving(cues, least_px=params.least_px)
        mattes[frame] = cleaned(raw, cues, close_px=params.close_px, least_px=params.least_px)
    return mattes[frame]


def voted(stretch: Stretch, at: int, params: "Motion.Params") -> Plane:
    """Share of the frames about `at`, carried to it along the flow, that say a pixel moves.

    Args:
        stretch: `reach` + 1 frames before and behind, as far as there are any.
        at: the frame.
        params: of the node.

    Returns:
        (H, W) in [0, 1]; who does not see a pixel has no vote on it, and what no neighbour sees is 0, if there are any.
    """
    total = own_matte(stretch, at, params).copy()
    weight = np.ones_like(total)
    for side in (-1, 1):
        frame, places, known = at, pixel_grid(*total.shape), np.ones(total.shape, np.bool_)
        for _ in range(params.reach):
            step = stretch.step(frame, side)
            if step is None:
                break
            places, known = carried(places, known, *step)
            frame += side
            said = read(own_matte(stretch, frame, params)[..., None], places)[..., 0]
            total += np.where(known, said, np.float32(0))
            weight += known
    seconded = weight > min(1, weight.max() - 1)
    return np.where(seconded, total / weight, np.float32(0))


class Motion(Node):
    """1 on whatever moves against the camera, voted on by neighbouring frames and cleaned."""

    id = "matte.motion"
    version = "2"
    contract = Window(past=3, future=3, edge="blank")

    class In(Ports):
        """The plate, its flow, and cuts, over which nobody votes."""

        video: Rgb
        flow: Flow
        cuts: Annotated[Table, Port("table", "cuts")] | None = None

    class Out(Ports):
        """1 on what moves, else 0."""

        matte: Mask

    class Params(Params):
        """What counts as motion, and as dirt."""

        least_px: float = Field(
            0.15, gt=0, le=1000, unit="px", description="distance from the camera's motion, a frame"
        )
        reach: int = Field(2, ge=0, le=8, unit="frames", description="so many frames before and behind have a vote")
        close_px: float = Field(3.0, ge=0, le=100, unit="px", description="gaps up to twice this are bridged")
        least_share: float = Field(0.002, ge=0, le=1, description="of the frame; smaller parts go")

    @classmethod
    def contract_for(cls, params: Params) -> Window:
        """The outermost voters see their neighbours too."""
        return Window(past=params.reach + 1, future=params.reach + 1, edge="blank")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses flow of another size."""
        require_same_size(ctx, "flow")
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Nothing is known yet."""
        self._memory = Memory()

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        whole, at = ctx.headers["flow"].range, ctx.frames[params.reach + 1]
        # Who has no next frame, or one of another shot.
        lasts = {whole.last, *(frame - 1 for frame in cut_frames(frames.cuts))}
        inside = [place for place, frame in enumerate(ctx.frames) if frame in whole]
        records = unstack("flow", frames.flow)
        self._memory.forget(at - params.reach - 1)
        stretch = Stretch(
            pictures={ctx.frames[place]: frames.video[place] for place in inside},
            flows={ctx.frames[place]: records[place] for place in inside if ctx.frames[place] not in lasts},
            memory=self._memory,
        )
        share, cues = voted(stretch, at, params), stretch.cues(at)
        matte = cleaned((share >= 0.5).astype(np.float32), cues, close_px=params.close_px, least_px=params.least_px)
        return self.Out(matte=large_parts(matte, least_share=params.least_share))

    def teardown(self, ctx: Context) -> None:
        """Forgets everything."""
        vars(self).clear()
