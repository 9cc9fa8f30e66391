"""A matte of one object that a prompt shows on one frame, followed both ways through the shot.

Follows N. Ravi et al., "SAM 2: Segment Anything in Images and Videos", ICLR 2025, as transformers implements it.

Departures from the paper:
    - Frames are fed one at a time and memories of long ago dropped, so that memory does not grow with the shot.
    - Backwards is a following of its own from the prompted frame.

Symbols: none.

Cost: one pass a frame: about 30 ms on a GPU with the tiny model, seconds on a CPU. Memory: the model, and two dozen frames' memories.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import (
    Clip,
    Context,
    Field,
    FrameSet,
    Mask,
    Node,
    Params,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    require_same_size,
)
from shotgraph.errors import GraphError, NodeError
from shotgraph.models.reference import ModelName
from shotgraph.models.registry import digests_of, resolve

if TYPE_CHECKING:
    from shotgraph.annotators.sam2 import Prompt

_LEAST_PX = 4


class Sam2(Node):
    """A matte by SAM 2, from points, a box or a matte on one frame."""

    id = "matte.sam2"
    version = "1"
    contract = Clip()
    numerics = "device"
    cost = "heavy"

    class In(Ports):
        """The plate, and a matte to begin with."""

        video: Rgb
        prompt: Mask | None = None

    class Out(Ports):
        """How sure the model is, 0 to 1."""

        matte: Mask

    class Params(Params):
        """What shows the object, where."""

        model: ModelName = Field(..., description="a folder, or org/name@commit, e.g. of facebook/sam2.1-hiera-tiny")
        frame: int | None = Field(None, per_shot=True, description="the prompt is on; the shot's first")
        points: tuple[tuple[float, float, int], ...] = Field(
            (), per_shot=True, unit="px", description="x, y, and 1 on the object or 0 beside it"
        )
        box: tuple[float, float, float, float] | None = Field(
            None, per_shot=True, unit="px", description="left, upper, right, lower"
        )
        threshold: float | None = Field(None, gt=0, lt=1, description="for a matte of 0 and 1; soft without")

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> Mapping[str, str]:
        """Digest of the model."""
        return digests_of(params.model)

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses no prompt, two kinds at once, and one outside the shot or the frame."""
        video, linked = ctx.headers["video"], "prompt" in ctx.headers
        if linked == bool(params.points or params.box):
            kinds = "both" if linked else "neither"
            raise GraphError(
                f"{ctx.node}: a prompt must be a matte, or points and a box, got {kinds}; give one of them"
            )
        require_same_size(ctx, "prompt")
        if params.frame is not None and params.frame not in video.range:
            raise GraphError(
                f"{ctx.node}: frame must lie in {video.range}, got {params.frame}; choose a frame of the shot"
            )
        for x, y, label in params.points:
            if not (0 <= x < video.width and 0 <= y < video.height and label in (0, 1)):
                raise GraphError(
                    f"{ctx.node}: points must lie in {video.width}x{video.height} with label 0 or 1, got {(x, y, label)}; "
                    "measure them on the plate"
                )
        if params.box is not None:
            left, upper, right, lower = params.box
            if not (0 <= left < right <= video.width and 0 <= upper < lower <= video.height):
                raise GraphError(
                    f"{ctx.node}: box must be left, upper, right, lower within {video.width}x{video.height}, got {params.box}; "
                    "measure it on the plate"
                )
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the model."""
        from shotgraph.annotators.sam2 import Segmenter

        model = resolve(params.model)
        name = f"sam2 {model.digest} {ctx.device}"
        self._segmenter: Segmenter = ctx.lease(name, lambda: Segmenter.load(model.place, device=ctx.device))

    def process(self, frames: Any, params: Params, ctx: Context) -> None:
        """See the class."""
        numbers = tuple(frames.video.frames)
        start = numbers[0] if params.frame is None else params.frame
        prompt = prompt_of(frames, params, start, ctx.node)
        info, wanted, vanished = frames.video.info, set(ctx.frames), list[int]()
        ahead, behind = [n for n in numbers if n >= start], [n for n in reversed(numbers) if n <= start]
        # Backwards the prompted frame comes first too, and was answered already.
        for way in (ahead, behind) if len(behind) > 1 else (ahead,):
            following = self._segmenter.begin(prompt, (info.height, info.width))
            for number in way:
                ctx.check_cancelled()
                matte = following.next(frames.video[number])
                if number in wanted and not (way is behind and number == start):
                    vanished += [number] if (matte > 0.5).sum() < _LEAST_PX else []
                    ctx.emit(number, self.Out(matte=shaped(matte, params.threshold)))
        if vanished:
            ctx.warn(f"{ctx.node}: the object is not seen on frames {FrameSet.of(vanished)}")

    def teardown(self, ctx: Context) -> None:
        """Lets go of the model; the engine ends the lease."""
        vars(self).clear()


def prompt_of(frames: Any, params: Sam2.Params, start: int, who: str) -> "Prompt":
    """The prompt on frame `start`; `NodeError` where the matte shows nothing there."""
    from shotgraph.annotators.sam2 import Prompt

    if frames.prompt is None:
        return Prompt(points=params.points, box=params.box)
    matte: NDArray[np.float32] = frames.prompt[start]
    if (matte > 0.5).sum() < _LEAST_PX:
        raise NodeError(
            f"{who}: the prompt must show the object on frame {start}, got an empty matte",
            hint="set frame to one on which the matte shows it",
        )
    return Prompt(matte=matte)


def shaped(matte: NDArray[np.float32], threshold: float | None) -> NDArray[np.float32]:
    """`matte` as it is, or 0 and 1 about a threshold."""
    return matte if threshold is None else (matte > threshold).astype(np.float32)
