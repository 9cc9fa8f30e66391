"""How true the analysis nodes are: flow, occlusion, depth and pose of stage shots, against what is known of them.

Shots are rendered as folders and go through `shotgraph run`, one preset a subject; what is judged are the passes and tables that
it writes, read back. Clips are held out from all trainings. Calm clips move by 2 px a frame or less on average; the others are
lively, and only stated.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rows import Row, arguments, note, row, show

from shotgraph.api import FlowFrame
from shotgraph.io.channels import read_channels
from shotgraph.io.flowimages import read_flow
from shotgraph.maths.flow import long_range, occlusion
from shotgraph.metrics.depth import ordinal_accuracy, scale_and_shift
from shotgraph.metrics.flow import FlowScores, flow_scores, interior_of, overlap
from shotgraph.metrics.pose import pck
from shotgraph.stage.figure import joints
from shotgraph.stage.footage import FIRST_FRAME, write_shot_folder
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.worlds import Purpose, draw_clip, is_clear

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

CALM_PX = 2.0
METHODS = ("dis", "farneback")
# Of the exact flow's IoU by the same formula: DIS's patches are a larger part of a smaller frame.
OCCLUSION = {128: ">= 0.40", 256: ">= 0.50"}
# A joint counts as found within this part of the person's longer side.
NEAR = 0.1

HEAD = """\
shotgraph: 1
shots: {plate: ["{root}/{shot}/plate.*"]}
graph:
  plate: {node: core.read, file: "{plate}"}
"""
FLOW = """\
  dis: {node: flow.dis, video: plate}
  farneback: {node: flow.farneback, video: plate}
  aov: {node: flow.read, video: plate, file: "{root}/{shot}/truth/flow.####.exr", occlusion: occluded}
  moving: {node: matte.motion, video: plate, flow: dis}
"""
DEPTH = """\
  flow: {node: flow.dis, video: plate}
  aligned: {node: depth.estimate, video: plate, flow: flow}
  unaligned: {node: depth.estimate, video: plate}
"""
POSE = """\
  matte: {node: matte.read, video: plate, file: "{root}/{shot}/truth/object_1.####.png"}
  pose: {node: pose.estimate, video: plate, matte: matte}
  joints: {node: core.save, value: pose.joints, file: "{root}/{shot}/joints.csv"}
targets: [joints]
"""


@dataclass(frozen=True)
class Shot:
    """A rendered clip.

    Attributes:
        scene: its truth.
        folder: where it lies, and what was written about it.
    """

    scene: Scene
    folder: Path

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Times of neighbouring frames."""
        return list(pairwise(range(self.scene.spec.frames)))

    @cached_property
    def motion_px(self) -> float:
        """Mean length of the true flow."""
        return float(np.mean([np.linalg.norm(self.scene.flow(*pair), axis=-1).mean() for pair in self.pairs]))

    def file(self, name: str, time: int) -> Path:
        """The image of a pass at a time."""
        return self.folder / f"{name}.{FIRST_FRAME + time:04d}.exr"

    def records(self, name: str) -> list[FlowFrame]:
        """A pass of flow, pair by pair."""
        return [read_flow(self.file(name, first), self.file(name, second)) for first, second in self.pairs]

    def planes(self, name: str, channel: str) -> Floats:
        """(T, H, W) of a pass of one channel."""
        times = range(self.scene.spec.frames)
        return np.stack([read_channels(self.file(name, time), (channel,))[0] for time in times])


def specs(subject: Subject, options: Namespace) -> Iterator[ClipSpec]:
    """Held-out clips from the seed on that show what they are drawn for."""
    for number in count(options.seed * 1000):
        spec = draw_clip(number, "held-out", purpose=subject.purpose, frames=options.frames, side_px=subject.side_px)
        if spec.figure is not None or is_clear(spec):
            yield spec


def shots_of(subject: Subject, options: Namespace, root: Path) -> list[Shot]:
    """Render clips below `root`, and run the subject's preset over all of them."""
    wanted = islice(specs(subject, options), options.clips)
    shots = [Shot(Scene(spec), root / f"sh{index:03d}0") for index, spec in enumerate(wanted, start=1)]
    for shot in shots:
        write_shot_folder(shot.folder, shot.scene.spec)
    preset = root / "analysis.yaml"
    preset.write_text(preset_of(subject), encoding="utf-8")
    ours = {"XDG_CACHE_HOME": str(root / "cache"), "XDG_CONFIG_HOME": str(root / "config")}
    words = [sys.executable, "-m", "shotgraph", "run", str(preset), str(root), "--progress", "none"]
    done = subprocess.run(words, env=os.environ | ours, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"analysis: {' '.join(words)} must exit 0, got {done.returncode}\n{done.stdout}{done.stderr}")
    return shots


def preset_of(subject: Subject) -> str:
    """The text of a preset that writes what the subject looks at."""
    passes = [
        f'  {name}_pass: {{node: core.write, video: {name}, file: "{{root}}/{{shot}}/{name}.####.exr"}}\n'
        for name in subject.outputs
    ]
    targets = f"targets: [{', '.join(f'{name}_pass' for name in subject.outputs)}]\n" if passes else ""
    return HEAD + subject.nodes + "".join(passes) + targets


def flow_rows(shots: Sequence[Shot], seed: int) -> Iterator[Row]:
    """End-point errors of calm and lively clips, chains over a whole clip, mattes of what moves, and occlusion."""
    groups = {"calm": [shot for shot in shots if shot.motion_px <= CALM_PX]}
    groups["lively"] = [shot for shot in shots if shot.motion_px > CALM_PX]
    for group, members in groups.items():
        if not members:
            continue
        yield row(f"flow, {group}: clips", len(members))
        yield row(f"flow, {group}: motion", float(np.mean([shot.motion_px for shot in members])), "px")
        for name in METHODS:
            claim = "<= 0.6" if (group, name) == ("calm", "dis") else ""
            scores = pooled(members, name)
            yield row(f"flow.{name}, {group}: error, seen in both", scores.epe_visible_px or 0.0, "px", claim)
            yield row(f"flow.{name}, {group}: error, away from edges", scores.epe_interior_px or 0.0, "px")
    apart_px, followed = np.mean([chained(shot) for shot in shots], axis=0)
    yield row("flow.dis, chained to the last frame: error", float(apart_px), "px")
    yield row("flow.dis, chained to the last frame: followed", float(followed), "share")
    yield row("matte.motion: IoU", float(np.mean([moving_iou(shot) for shot in shots])))
    yield from occlusion_rows(shots, seed)


def pooled(shots: Sequence[Shot], name: str) -> FlowScores:
    """Errors of a method over all pairs of all shots."""
    found, true, hidden, inside = list[Floats](), list[Floats](), list[Bools](), list[Bools]()
    for shot in shots:
        scene = shot.scene
        for (first, second), record in zip(shot.pairs, shot.records(name), strict=True):
            found.append(record.forward)
            true.append(scene.flow(first, second))
            hidden.append(~scene.visible(first, second))
            inside.append(interior_of(scene.ids(first)) & interior_of(scene.ids(second)))
    return flow_scores(np.stack(found), np.stack(true), occluded=np.stack(hidden), interior=np.stack(inside))


def chained(shot: Shot) -> tuple[float, float]:
    """(mean error px, share of what can be followed that is): from the first frame to the last by chained flow."""
    last = shot.scene.spec.frames - 1
    chain = long_range(shot.records("dis"))
    apart = np.linalg.norm(chain[..., :2] - shot.scene.flow(0, last), axis=-1)
    followed, can_be = chain[..., 2] > 0.5, shot.scene.visible(0, last)
    return float(apart[followed & can_be].mean()), float((followed & can_be).sum() / can_be.sum())


def moving_iou(shot: Shot) -> float:
    """IoU of the matte of what moves with all objects."""
    truth = np.stack([shot.scene.ids(time) > 0 for time in range(shot.scene.spec.frames)])
    return overlap(shot.planes("moving", "A") > 0.5, truth).iou


def occlusion_rows(shots: Sequence[Shot], seed: int) -> Iterator[Row]:
    """What the two-way test finds with DIS, with exact flow, and what a renderer's own pass says."""
    del seed
    side_px = shots[0].scene.spec.width
    by_dis, by_exact, by_aov = list[float](), list[float](), list[float]()
    for shot in shots:
        scene = shot.scene
        for (first, second), dis, aov in zip(shot.pairs, shot.records("dis"), shot.records("aov"), strict=True):
            truth = ~scene.visible(first, second)
            if truth.any():
                exact = np.asarray(occlusion(scene.flow(first, second), scene.flow(second, first)))
                by_dis.append(overlap(dis.occluded > 0.5, truth).iou)
                by_exact.append(overlap(exact, truth).iou)
                by_aov.append(overlap(aov.occluded > 0.5, truth).iou)
    share = float(np.mean(by_dis) / np.mean(by_exact))
    yield row(f"flow.dis, {side_px} px: occlusion IoU over that of exact flow", share, "", OCCLUSION[side_px])
    yield row(f"exact flow, {side_px} px: occlusion IoU", float(np.mean(by_exact)))
    yield row(f"flow.read, {side_px} px: occlusion IoU", float(np.mean(by_aov)), "", ">= 0.98")


def depth_rows(shots: Sequence[Shot], seed: int) -> Iterator[Row]:
    """Order of depth, and how its scale drifts, aligned over time and not."""
    for name, order, drift in (("aligned", ">= 0.9", "<= 0.02"), ("unaligned", "", "")):
        rng = np.random.Generator(np.random.Philox(key=[seed, 4]))
        right, drifts = list[float](), list[float]()
        for shot in shots:
            inverse = shot.planes(name, "Z")
            depth = np.stack([shot.scene.depth(time) for time in range(len(inverse))])
            right.append(ordinal_accuracy(inverse, depth, rng=rng) or 0.0)
            drifts.append(scale_drift(inverse, depth))
        yield row(f"depth.estimate, {name}: pairs in order", float(np.mean(right)), "share", order)
        yield row(f"depth.estimate, {name}: drift of scale a frame", float(np.mean(drifts)), "share", drift)


def scale_drift(inverse: Floats, depth: Floats) -> float:
    """Mean change from frame to frame of the scale that fits a frame to the truth, relative to the clip's scale."""
    fits = [scale_and_shift(now.ravel(), 1 / true.ravel()) for now, true in zip(inverse, depth, strict=True)]
    scales = np.array([scale for scale, _ in fits])
    return float(np.abs(np.diff(scales)).mean() / scales.mean())


def pose_rows(shots: Sequence[Shot], seed: int) -> Iterator[Row]:
    """How many joints are found."""
    del seed
    found, truth = list[Floats](), list[Floats]()
    for shot in shots:
        told = joints_of(shot.folder / "joints.csv")
        for time in range(shot.scene.spec.frames):
            true = joints(shot.scene.spec, time).astype(np.float32)
            # Nobody found is every joint missed.
            found.append(told.get(FIRST_FRAME + time, np.full_like(true, -1e6)))
            truth.append(true)
    true = np.stack(truth)
    size = np.array([shots[0].scene.spec.width - 1, shots[0].scene.spec.height - 1])
    longer = np.ptp(true, axis=1).max(axis=1)
    inside = np.asarray(((true >= 0) & (true <= size)).all(axis=-1))
    value = pck(np.stack(found), true, inside, reference_px=longer, threshold=NEAR)
    yield row("pose.estimate: joints found, PCK@0.1", value, "share", ">= 0.9")


def joints_of(path: Path) -> dict[int, Floats]:
    """Frame to the (17, 2) joints of the person that was found first."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [told for told in csv.DictReader(stream) if told["track"] == "0"]
    found: dict[int, Floats] = {}
    for told in rows:
        frame = found.setdefault(int(told["frame"]), np.zeros((17, 2), np.float32))
        frame[int(told["joint"])] = float(told["x_px"]), float(told["y_px"])
    return found


@dataclass(frozen=True)
class Subject:
    """What is looked at together.

    Attributes:
        purpose: what its clips are drawn for.
        nodes: of the preset, behind the plate.
        outputs: those that are written as passes; none where `nodes` names its own targets.
        rows: what is said of the shots, given the seed.
        side_px: of the frames.
    """

    purpose: Purpose
    nodes: str
    outputs: tuple[str, ...]
    rows: Callable[[Sequence[Shot], int], Iterator[Row]]
    side_px: int = 128


SUBJECTS = (
    Subject("flow", FLOW, ("dis", "farneback", "aov", "moving"), flow_rows),
    Subject("flow", FLOW, ("dis", "aov"), occlusion_rows, side_px=256),
    Subject("depth", DEPTH, ("aligned", "unaligned"), depth_rows),
    Subject("figure", POSE, (), pose_rows),
)


def main() -> int:
    """Render, run and judge."""
    parser = arguments("How true the analysis nodes are on stage shots.", seeded=True)
    parser.add_argument("--clips", type=int, default=8, help="of every subject")
    parser.add_argument("--frames", type=int, default=12, help="of a clip")
    options = parser.parse_args()
    found: list[Row] = []
    for subject in SUBJECTS:
        note(f"analysis: {options.clips} clips of {subject.purpose}, {subject.side_px} px ...")
        with tempfile.TemporaryDirectory(prefix="shotgraph-analysis-") as folder:
            found += subject.rows(shots_of(subject, options, Path(folder)), options.seed)
    return show(found, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
