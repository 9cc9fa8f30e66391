"""Depth of every frame, steady over the clip.

Follows R. Ranftl et al., "Towards Robust Monocular Depth Estimation", TPAMI 2022 (MiDaS, DPT), and L. Yang et al., "Depth Anything V2",
NeurIPS 2024, as transformers implements them, or MiDaS as controlnet-aux does; the alignment over time is `maths.depth`'s.

Departures from the papers:
    - A network answers up to a scale and a shift of its own for every frame: each frame is brought to the one before, where flow
      says that both see the same surface, and the whole clip gets one range. Nothing is normalised frame by frame.
    - Behind a cut, where flow finds nothing that both frames see, or where `cuts` says so, scales begin anew.
    - What answers with metres (ZoeDepth, Depth Pro, metric Depth Anything) is inverted.

Symbols: in `maths.depth`.

Cost: one pass of the network a frame, and a warp; raw answers wait on disk (4 bytes a pixel). Memory: one batch.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.cutting import cut_frames
from shotgraph.api import (
    Clip,
    Context,
    Depth,
    DepthFrame,
    Field,
    Flow,
    FrameSet,
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
from shotgraph.errors import GraphError
from shotgraph.maths.depth import Scale, aligned_scale, clip_range, is_cut, seen_before
from shotgraph.models.reference import ModelName
from shotgraph.models.registry import digests_of, resolve
from shotgraph.models.weights import find_weights

Estimator = Literal["transformers", "midas_hybrid", "midas_large"]
# (B, H, W) inverse depth of (B, H, W, 3|4) display values.
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Estimate(Node):
    """Relative inverse depth, larger is nearer: one scale and one range for the whole clip."""

    id = "depth.estimate"
    version = "1"
    contract = Clip()
    numerics = "device"
    cost = "heavy"

    class In(Ports):
        """The plate, its flow, without which frames are not brought to one scale, and cuts that flow does not show."""

        video: Rgb
        flow: Flow | None = None
        cuts: Annotated[Table, Port("table", "cuts")] | None = None

    class Out(Ports):
        """Inverse depth with the clip's range."""

        depth: Depth

    class Params(Params):
        """Which network, and what counts as far and near."""

        estimator: Estimator = Field(
            "transformers",
            description="a model's folder for transformers, or a file of weights for controlnet-aux's MiDaS",
        )
        model: ModelName = Field(
            "stage-depth",
            description="transformers: bundled, a folder, or org/name@commit; midas: a .safetensors, .pt or .pth",
        )
        metric: bool = Field(
            False,
            description="the network answers with distances though its class does not say so: a DPT of NYU or KITTI",
        )
        batch_frames: int = Field(4, ge=1, le=256, unit="frames", description="a pass")
        far_percentile: float = Field(1.0, ge=0, le=50, description="of all values of the clip: what stands for far")
        near_percentile: float = Field(99.0, ge=50, le=100, description="what stands for near")

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> Mapping[str, str]:
        """Digest of the network."""
        if params.estimator == "transformers":
            return digests_of(params.model)
        return {params.estimator: find_weights(params.model, {}).digest}

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses flow of another size, and distances of MiDaS."""
        if params.metric and params.estimator != "transformers":
            raise GraphError(
                f"{ctx.node}: metric must be false with {params.estimator}, which answers with inverse depth, got true; leave it out"
            )
        require_same_size(ctx, "flow")
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the network."""
        self._network: Network = ctx.lease(*_loading(params, ctx.device))

    def process(self, frames: Any, params: Params, ctx: Context) -> None:
        """See the class."""
        numbers = tuple(frames.video.frames)
        answers = Answers(ctx.work)
        self._estimate(frames.video, numbers, answers, params, ctx)
        scales, cuts = aligned(answers, numbers, frames, ctx)
        if cuts:
            ctx.warn(
                f"{ctx.node}: the shot looks cut before {FrameSet.of(cuts)}; depth begins a scale of its own there"
            )
        far, near = clip_range(
            (scales[number].of(answers[number]) for number in numbers),
            low=params.far_percentile,
            high=params.near_percentile,
        )
        low, high = np.array(far, np.float32), np.array(near, np.float32)
        for number in ctx.frames:
            ctx.check_cancelled()
            ctx.emit(number, self.Out(depth=DepthFrame(scales[number].of(answers[number]), low, high)))
        ctx.note(far=far, near=near, scale_of_last=scales[numbers[-1]].scale)
        answers.forget()

    def _estimate(self, video: Any, numbers: tuple[int, ...], answers: "Answers", params: Params, ctx: Context) -> None:
        """Ask the network about every frame that was not asked about before a kill."""
        for start in range(0, len(numbers), params.batch_frames):
            # Batches are counted from the shot's first frame, so that what is in one never depends on what was done.
            batch = numbers[start : start + params.batch_frames]
            if all(number in answers for number in batch):
                continue
            ctx.check_cancelled()
            for number, values in zip(batch, self._network(filled(video, batch, params.batch_frames)), strict=False):
                answers.keep(number, values)
            ctx.progress(start + len(batch), len(numbers))

    def teardown(self, ctx: Context) -> None:
        """Lets go of the network; the engine ends the lease."""
        vars(self).clear()


def filled(video: Any, batch: tuple[int, ...], size: int) -> NDArray[np.float32]:
    """(size, H, W, 3|4): the frames of a batch, filled up with its last one."""
    pictures = [video[number] for number in batch]
    return np.stack(pictures + pictures[-1:] * (size - len(batch)))


class Answers:
    """What the network said of each frame, on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, number: int) -> Path:
        return self._folder / f"answer_{number}.npy"

    def __contains__(self, number: int) -> bool:
        """Whether that frame was answered."""
        return self._path(number).exists()

    def __getitem__(self, number: int) -> NDArray[np.float32]:
        """(H, W) of that frame."""
        return np.load(self._path(number))

    def keep(self, number: int, values: NDArray[np.float32]) -> None:
        """Keep a frame's answer; it is whole or not there."""
        path = self._path(number)
        partial = path.with_suffix(".part.npy")
        np.save(partial, values)
        partial.replace(path)

    def forget(self) -> None:
        """Remove all of them."""
        for path in self._folder.glob("answer_*.npy"):
            path.unlink(missing_ok=True)


def aligned(
    answers: Answers, numbers: tuple[int, ...], frames: Any, ctx: Context
) -> tuple[dict[int, Scale], list[int]]:
    """How all frames are brought to one scale.

    Args:
        answers: of every frame.
        numbers: of the frames, in order.
        frames: the node's inputs; without flow every frame stays as it is.
        ctx: to stop in between.

    Returns:
        The scale of every frame, each brought to the one before; and the frames behind a cut, where scales begin anew.
    """
    scales, cuts = {number: Scale() for number in numbers}, list[int]()
    told, has_flow = cut_frames(frames.cuts), frames.flow is not None
    for before, number in pairwise(numbers) if has_flow else ():
        ctx.check_cancelled()
        last = scales[before]
        seen, known = seen_before(last.of(answers[before]), frames.flow[before])
        if number in told or is_cut(known):
            cuts.append(number)
        else:
            scales[number] = aligned_scale(answers[number], seen, known, last)
    return scales, cuts


def _loading(params: Estimate.Params, device: str) -> tuple[str, Callable[[], Network]]:
    """The name of the lease, and what loads the network."""
    if params.estimator == "transformers":
        from shotgraph.annotators.depth import load_depth

        model = resolve(params.model)
        name = f"depth {model.digest} {params.metric} {device}"
        return name, lambda: load_depth(model.place, device=device, is_metric=params.metric)
    from shotgraph.annotators.midas import load_midas

    file, kind = find_weights(params.model, {}), "hybrid" if params.estimator == "midas_hybrid" else "large"
    return f"{params.estimator} {file.digest} {device}", lambda: load_midas(file.path, kind, device=device)
