"""Layered decomposition: an atlas for every layer, and where each pixel of every frame lies in it.

Follows Y. Kasten, D. Ofri, O. Wang, T. Dekel, "Layered Neural Atlases for Consistent Video Editing", ACM ToG 40(6), 2021, with a
matte for every object, and H. Ouyang et al., "CoDeF: Content Deformation Fields for Temporally Consistent Video Processing", CVPR
2024, without any.

Departures from the papers:
    - Where a pixel lies is a chain of transforms fitted to flow, plus a residual on small grids; no network learns it.
    - Atlas and residual are grids (`backend: grid`), or hashed grids before small networks (`hash`).
    - Mattes are given at full size, and corrected on coarser grids; alpha reaches 0 and 1, and begins as the matte itself.
    - Vectors count forwards only, where both directions agree.

Symbols: in `decomposition.layers` and `decomposition.fit`.

Cost: 0.02 CPU-s a step of 8 192 pixels and two layers on grids, 0.1 on hashed grids, at any size of frame; what a step learns is a
smaller part of a larger shot. The report reads every frame. Memory: the shot as float32 at `scale`, flow and mattes; 2 GB for 64
frames of 1080p.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import (
    Artifact,
    Clip,
    Context,
    Field,
    Flow,
    FlowFrame,
    FrameReader,
    FrameSet,
    Mask,
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
from shotgraph.errors import GraphError, NodeError
from shotgraph.maths.flow import resize_flow
from shotgraph.maths.resize import resize

if TYPE_CHECKING:
    from shotgraph.decomposition.findings import Finding
    from shotgraph.decomposition.fit import Clip as ClipArrays
    from shotgraph.decomposition.fit import Fit

_CHECKPOINT_STEPS = 100
# Of a pair's vectors, fewer than this come back: between these frames lies a cut.
_CUT_SHARE = 0.15
# The coarsest grid of an atlas has this many cells a side.
_LEAST_SIDE_PX = 16
_MATTES = ("matte_3", "matte_2", "matte")


class Decompose(Node):
    """Takes a shot apart: a background, and a layer for every matte, each with an atlas to paint on."""

    id = "decompose.layers"
    version = "1"
    contract = Clip()
    numerics = "device"
    cost = "heavy"

    class In(Ports):
        """The plate, its flow, and a matte of each object, the nearest first."""

        video: Rgb
        flow: Flow
        matte: Mask | None = None
        matte_2: Mask | None = None
        matte_3: Mask | None = None

    class Out(Ports):
        """The layers, and how good they are."""

        layers: Annotated[Artifact, Port("artifact", "layers")]
        report: Annotated[Table, Port("table", "findings")]

    class Params(Params):
        """Which frames, how large, how long."""

        frames: str = Field("", per_shot=True, description="of the shot, like 1001-1048; all of them when left out")
        scale: float = Field(1.0, gt=0, le=1, description="size of the frames that are fitted, relative to the plate")
        density: float = Field(1.0, ge=0.25, le=4, description="texels of an atlas to a fitted pixel")
        backend: Literal["grid", "hash"] = Field("grid", description="grids, or hashed grids before small networks")
        steps: int = Field(700, ge=1, le=1_000_000, description="of the fit, at most; it stops where nothing is gained")
        step_pixels: int = Field(8192, ge=2, le=1_048_576, unit="px", description="looked at in a step")
        seed: int = Field(0, ge=0, description="of which pixels are looked at")
        most_frames: int = Field(64, ge=1, le=1000, description="more are refused: one atlas does not hold them")

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses inputs of different sizes or too small, mattes with a gap, and shots that no atlas holds."""
        video = ctx.headers["video"]
        require_same_size(ctx, "flow", *_MATTES)
        linked = [port in ctx.headers for port in reversed(_MATTES)]
        if linked != sorted(linked, reverse=True):
            first = tuple(reversed(_MATTES))[linked.index(False)]
            raise GraphError(
                f"{ctx.node}: mattes must be linked without a gap, got no {first}; link the nearest as matte"
            )
        width, height = fitted_size(video, params.scale)
        if min(width, height) < _LEAST_SIDE_PX:
            raise GraphError(
                f"{ctx.node}: frames that are fitted must be {_LEAST_SIDE_PX}x{_LEAST_SIDE_PX} or larger, got {width}x{height} "
                f"(scale {params.scale:g} of {video.width}x{video.height}); raise scale, or give a larger plate"
            )
        numbers = fitted_frames(video, params, ctx.node)
        if len(numbers) > params.most_frames:
            raise GraphError(
                f"{ctx.node}: at most {params.most_frames} frames must be fitted, got {len(numbers)}; name a part of them, "
                "like frames: 1001-1048, or raise most_frames where the camera is calm"
            )
        return {}

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        from shotgraph.decomposition.build import layers_of
        from shotgraph.decomposition.findings import after_fit
        from shotgraph.decomposition.fit import Fit, Fitting, fitted
        from shotgraph.decomposition.render import cover
        from shotgraph.decomposition.saving import to_artifact

        numbers = fitted_frames(ctx.headers["video"], params, ctx.node)
        clip, pairs = _read(frames, numbers, params.scale)
        findings = _looked_at(clip, numbers, ctx)
        layers, motions = layers_of(clip, pairs, density=params.density, backend=params.backend)
        _tell_of_carried([motion.carried for motion in motions], numbers, ctx)
        fit = Fit(layers.to(ctx.device), clip, Fitting(params.steps, params.step_pixels, params.seed))
        _resumed(fit, ctx)
        fitted(fit, after_step=lambda fit: _after_step(fit, params.steps, ctx))
        cover(layers)
        findings += _told(after_fit(layers, clip.video, clip.mattes), ctx)
        ctx.note(steps=fit.step, **{f"{item.test}_{item.layer}": item.value for item in findings})
        references = [numbers[motion.reference] for motion in motions]
        artifact = to_artifact(layers, first=numbers[0], references=references, mean_square_errors=fit.curve)
        return self.Out(layers=artifact, report=_table(findings))


def fitted_size(video: StreamInfo, scale: float) -> tuple[int, int]:
    """(width, height) of the frames that are fitted."""
    return max(1, round(video.width * scale)), max(1, round(video.height * scale))


def fitted_frames(video: StreamInfo, params: Decompose.Params, who: str) -> tuple[int, ...]:
    """Numbers of the frames that are fitted; `GraphError` for any outside the shot, and for more than one run of them."""
    asked = FrameSet.parse(params.frames) if params.frames else FrameSet((video.range,))
    outside = asked - FrameSet((video.range,))
    if outside.ranges or len(asked.ranges) != 1:
        raise GraphError(
            f"{who}: frames must be one run of frames in {video.range}, got {params.frames}; name the first and the last, "
            f"like {video.range.first}-{video.range.last}"
        )
    return tuple(asked)


def _read(frames: Any, numbers: Sequence[int], scale: float) -> "tuple[ClipArrays, list[FlowFrame]]":
    """(clip, flow of its pairs) at the size that is fitted."""
    from shotgraph.decomposition.build import clip_of

    width, height = fitted_size(frames.video.info, scale)

    def small(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return resize(plane, width=width, height=height)

    def matte_of(reader: FrameReader) -> list[NDArray[np.float32]]:
        return [small(reader[number][..., None])[..., 0] for number in numbers]

    pairs = [_resized(frames.flow[number], width=width, height=height) for number, _ in pairwise(numbers)]
    given = [getattr(frames, port) for port in _MATTES]
    mattes = [matte_of(reader) for reader in given if reader is not None]
    return clip_of([small(frames.video[number][..., :3]) for number in numbers], mattes, pairs), pairs


def _resized(pair: FlowFrame, *, width: int, height: int) -> FlowFrame:
    if pair.occluded.shape == (height, width):
        return pair
    occluded = resize(pair.occluded[..., None], width=width, height=height)[..., 0]
    forward, backward = (resize_flow(flow, width=width, height=height) for flow in (pair.forward, pair.backward))
    return FlowFrame(forward, backward, (occluded > 0.5).astype(np.float32))


def _looked_at(clip: "ClipArrays", numbers: Sequence[int], ctx: Context) -> "list[Finding]":
    """What is found before the fit; refuses cuts, and mattes that never show anything."""
    from shotgraph.decomposition.findings import before_fit, empty_frames

    cuts = [f"{numbers[at]}|{numbers[at + 1]}" for at, seen in enumerate(clip.valid) if seen.mean() < _CUT_SHARE]
    if cuts:
        raise NodeError(
            f"{ctx.node}: a shot must not be cut, got what looks like a cut at {', '.join(cuts)}",
            hint=f"fit its parts one by one, like frames: {numbers[0]}-{cuts[0].partition('|')[0]}, or give better flow",
        )
    for port, matte in zip(_MATTES[len(_MATTES) - len(clip.mattes) :], clip.mattes, strict=True):
        empty = empty_frames(matte)
        if len(empty) == len(numbers):
            raise NodeError(
                f"{ctx.node}: {port} must show something, got nothing on frames {numbers[0]}-{numbers[-1]}; mend the matte, or "
                "unlink it"
            )
        if empty:
            listed = FrameSet.of(numbers[time] for time in empty)
            ctx.warn(f"{ctx.node}: {port} shows nothing on frames {listed}; the layer goes on as it moved before")
    return _told(before_fit(clip.valid), ctx)


def _tell_of_carried(carried: Sequence[Sequence[int]], numbers: Sequence[int], ctx: Context) -> None:
    for index, times in enumerate(carried):
        if times:
            listed = FrameSet.of(numbers[time] for time in times)
            ctx.warn(
                f"{ctx.node}: layer {index}: too few vectors agree from frames {listed} to the next; it goes on as it moved before"
            )


def _told(findings: "list[Finding]", ctx: Context) -> "list[Finding]":
    for item in findings:
        if not item.passed:
            ctx.warn(f"{ctx.node}: {item}")
    return findings


def _resumed(fit: "Fit", ctx: Context) -> None:
    kept = ctx.load_checkpoint()
    if kept is not None:
        step, state = kept
        fit.restore(step, state.meta["curve"], state.arrays)


def _after_step(fit: "Fit", steps: int, ctx: Context) -> None:
    ctx.check_cancelled()
    ctx.progress(fit.step, steps)
    if fit.step % _CHECKPOINT_STEPS == 0 and not fit.done:
        ctx.save_checkpoint(fit.step, Artifact(fit.state(), {"curve": fit.curve}))


def _table(findings: Sequence["Finding"]) -> Table:
    rows = tuple((f.test, f.layer, f.value, f.rule, f.bound, f.passed, "" if f.passed else f.cure) for f in findings)
    return Table(("test", "layer", "value", "rule", "bound", "passed", "cure"), rows)
