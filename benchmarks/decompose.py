"""How well, and how fast, a clip is taken apart, and how near an edit of its atlases comes to the true one.

Clips of the stage with a moving ground and one object before it. Of every case there is a row for each of `psnr_db` (of the clip
out of its layers), `uv_error_px` (of places in the atlas, after the best affine map to the true ones), `matte_iou` and
`cpu_seconds` (flow, chains and fit). What may differ from clip to clip is the worst of them, time their median.
"""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from edits import EDITS, Fitted, Reached, affine, outcome, own_coordinates
from numpy.typing import NDArray
from rows import Row, arguments, note, row, show

from shotgraph.api import FlowFrame
from shotgraph.decomposition.build import clip_of, layers_of
from shotgraph.decomposition.fit import Fit, Fitting, fitted
from shotgraph.decomposition.layers import Backend, Layers
from shotgraph.decomposition.render import cover, frame_layers
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.stage.bench.plots import Dot, scatter
from shotgraph.stage.scene import Scene
from shotgraph.stage.truth import flow_frame
from shotgraph.stage.worlds import draw_clip, is_clear

# Points of a curve, and of how many frames each is the mean.
CURVE_POINTS, CURVE_FRAMES = 8, 3
# What one layer cannot hold must be there to be seen: an object that leaves its place, over a ground that is no plain one. Over a
# black ground one layer follows the object alone, and nothing is missed (41 dB).
LEAST_TRAVEL, LEAST_CONTRAST = 1.7, 0.05


@dataclass(frozen=True)
class Case:
    """What is tried.

    Attributes:
        flow: whose: the stage's own, or that of `flow.dis`.
        mattes: whether the object has one; without, there is one layer.
        backend: of atlas and residual.
        claims: by measure.
        edits: claim of the PSNR of an edited clip; empty where no edit is tried.
    """

    flow: str
    mattes: bool = True
    backend: Backend = "grid"
    claims: dict[str, str] = field(default_factory=dict)
    edits: str = ""


CONTROL = "<= 28"
EXACT = {"psnr_db": ">= 40", "uv_error_px": "<= 0.5", "matte_iou": ">= 0.99", "cpu_seconds": "<= 12"}
DIS = {"psnr_db": ">= 33", "uv_error_px": "<= 1.5", "matte_iou": ">= 0.99", "cpu_seconds": "<= 12"}
CASES = {
    "exact-flow": Case("exact", claims=EXACT, edits=">= 40"),
    "dis-flow": Case("dis", claims=DIS, edits=">= 30"),
    "one-layer-control": Case("exact", mattes=False, claims={"psnr_db": CONTROL}),
    "exact-flow-hash": Case("exact", backend="hash", claims=EXACT),
    "dis-flow-hash": Case("dis", backend="hash", claims=DIS, edits=">= 30"),
}
UNITS = {"psnr_db": "dB", "uv_error_px": "px", "matte_iou": "", "cpu_seconds": "s"}
WORST: dict[str, Callable[[Sequence[float]], float]] = {
    "psnr_db": min, "uv_error_px": max, "matte_iou": min, "cpu_seconds": lambda values: float(np.median(values)),
}  # fmt: skip


@dataclass(frozen=True)
class Footage:
    """One clip and its truth.

    Attributes:
        scene: which.
    """

    scene: Scene

    @cached_property
    def video(self) -> list[NDArray[np.float32]]:
        """Frames."""
        return [self.scene.picture(time) for time in range(self.scene.spec.frames)]

    @cached_property
    def mattes(self) -> list[NDArray[np.float32]]:
        """Of the object."""
        return [self.scene.alpha(1, time) for time in range(self.scene.spec.frames)]

    def flow(self, kind: str) -> list[FlowFrame]:
        """A record for every pair."""
        pairs = range(self.scene.spec.frames - 1)
        if kind == "exact":
            return [flow_frame(self.scene, time) for time in pairs]
        return [flow_of_pair(self.video[time], self.video[time + 1], preset="medium", scale=1.0) for time in pairs]


def footage_of(options: Namespace) -> Iterator[Footage]:
    """The first clips from the seed on whose object is large, stays in sight, and leaves the ground it was on."""
    number, found = options.seed * 1000, 0
    while found < options.clips:
        spec = draw_clip(number, "held-out", purpose="flow", sprites=1, frames=options.frames, side_px=options.side)
        number += 1
        if not is_clear(spec) or spec.sprites[0].look.size != "large" or travel(Scene(spec)) < LEAST_TRAVEL:
            continue
        footage = Footage(Scene(spec))
        if contrast(footage) >= LEAST_CONTRAST:
            found += 1
            yield footage


def contrast(footage: Footage) -> float:
    """Standard deviation of the ground in the first frame, over all channels."""
    ground = footage.video[0][footage.mattes[0] < 0.5]
    return float(np.sqrt(ground.var(axis=0).mean()))


def travel(scene: Scene) -> float:
    """How far the object's centre goes over its ground, in its own radii: what one layer cannot follow."""
    ground, sprite = scene.layers
    centre, times = np.zeros(1), range(scene.spec.frames)
    path = np.array([ground.to_local(*sprite.to_frame(centre, centre, time), time) for time in times])
    return float(np.ptp(path, axis=0).max() / scene.spec.radius_px(scene.spec.sprites[0]))


@dataclass(frozen=True)
class Run:
    """One fit.

    Attributes:
        layers: fitted.
        seconds: of the processor, for flow, chains and fit.
        curve: (seconds, dB) on the way.
    """

    layers: Layers
    seconds: float
    curve: list[tuple[float, float]]


def run(footage: Footage, case: Case, options: Namespace) -> Run:
    """Fit a clip, looking at it on the way with the clock stopped."""
    steps = options.hash_steps if case.backend == "hash" else options.steps
    every, looked_at = max(1, steps // CURVE_POINTS), np.linspace(0, options.frames - 1, CURVE_FRAMES).astype(int)
    curve: list[tuple[float, float]] = []
    video, mattes = footage.video, [footage.mattes] if case.mattes else []
    stopped, start = 0.0, time.process_time()
    pairs = footage.flow(case.flow) if case.flow == "dis" else []
    if case.flow == "exact":
        begun = time.process_time()
        pairs = footage.flow(case.flow)
        stopped += time.process_time() - begun
    clip = clip_of(video, mattes, pairs)
    fit = Fit(layers_of(clip, pairs, backend=case.backend)[0], clip, Fitting(steps=steps))

    def look(fit: Fit) -> None:
        nonlocal stopped
        if fit.step % every:
            return
        begun = time.process_time()
        seen = [frame_layers(fit.layers, int(at)).colour - video[at] for at in looked_at]
        curve.append((begun - start - stopped, psnr_db(np.stack(seen))))
        stopped += time.process_time() - begun

    fitted(fit, after_step=look)
    return Run(fit.layers, time.process_time() - start - stopped, curve)


def psnr_db(error: NDArray[np.float32]) -> float:
    """Of errors of values in [0, 1]."""
    return float(-10 * np.log10(max(float(np.square(error).mean()), 1e-12)))


def measures(clip: Fitted, mattes: Sequence[NDArray[np.float32]], seconds: float) -> dict[str, float]:
    """By name."""
    colours = np.stack([frame.colour for frame in clip.found])
    taken = {"psnr_db": psnr_db(colours - np.stack(clip.video)), "cpu_seconds": seconds}
    if len(clip.layers) > 1:
        seen = np.stack([frame.weights[1] for frame in clip.found]) > 0.5
        given = np.stack(mattes) > 0.5
        taken["matte_iou"] = float((seen & given).sum() / (seen | given).sum())
        taken["uv_error_px"] = max(uv_error_px(clip, layer) for layer in range(2))
    return taken


def uv_error_px(clip: Fitted, layer: int) -> float:
    """Root mean square distance between places in an atlas and the true ones, in pixels of the middle frame."""
    places, true = own_coordinates(clip, layer)
    apart = affine(places, true)(places) - true
    middle = clip.scene.local(layer, len(clip.found) // 2)
    across, down = middle[0, 1] - middle[0, 0], middle[1, 0] - middle[0, 0]
    area = abs(float(across[0] * down[1] - across[1] * down[0]))
    return float(np.sqrt(np.square(apart).sum(axis=1).mean() / area))


def case_rows(name: str, taken: Sequence[dict[str, float]], reached: Sequence[dict[str, Reached]]) -> Iterator[Row]:
    """Rows of one case: the measures, then its edits."""
    case = CASES[name]
    for measure, unit in UNITS.items():
        if measure in taken[0]:
            # The worst of a control is where it did best.
            worst = max if case.claims.get(measure, "") == CONTROL else WORST[measure]
            value = worst([clip[measure] for clip in taken])
            yield row(f"{name}: {measure}", value, unit, case.claims.get(measure, ""))
    for edit in EDITS if case.edits else ():
        each = [clip[edit] for clip in reached]
        yield row(f"{name}, {edit}: psnr_db", min(one.psnr_db for one in each), "dB", case.edits)
        yield row(f"{name}, {edit}: not edited", max(one.unedited_db for one in each), "dB")
        yield row(f"{name}, {edit}: changed elsewhere", max(one.leak for one in each), "share", "<= 0.01")


def main() -> int:
    """Measure, draw and print."""
    parser = arguments("How well and how fast clips are taken apart, and how true edits of atlases are.", seeded=True)
    parser.add_argument("--clips", type=int, default=6, help="how many")
    parser.add_argument("--frames", type=int, default=16, help="of a clip")
    parser.add_argument("--side", type=int, default=128, help="of a frame, pixels")
    parser.add_argument("--steps", type=int, default=400, help="of a fit on grids")
    parser.add_argument("--hash-steps", type=int, default=80, help="of a fit on hashed grids")
    parser.add_argument("--plot", type=Path, help="an .svg of PSNR against time")
    options = parser.parse_args()
    torch.set_num_threads(1)
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in CASES}
    reached: dict[str, list[dict[str, Reached]]] = {name: [] for name in CASES}
    dots: list[Dot] = []
    for number, footage in enumerate(footage_of(options)):
        for name, case in CASES.items():
            note(f"clip {number}: {name} ...")
            done = run(footage, case, options)
            cover(done.layers)
            found = [frame_layers(done.layers, at) for at in range(options.frames)]
            clip = Fitted(footage.scene, footage.video, done.layers, found)
            taken[name].append(measures(clip, footage.mattes, done.seconds))
            reached[name].append({edit: outcome(tried, clip) for edit, tried in EDITS.items() if case.edits})
            if number == 0:
                last = len(done.curve) - 1
                dots += [Dot(name if at == last else "", *point, hollow=False) for at, point in enumerate(done.curve)]
    if options.plot:
        options.plot.write_text(scatter(dots, x_title="CPU seconds", y_title="PSNR, dB"), encoding="utf-8")
    rows = [item for name in CASES for item in case_rows(name, taken[name], reached[name])]
    return show(rows, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
