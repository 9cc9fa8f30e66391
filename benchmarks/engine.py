"""What the engine itself costs: time for each node and frame, frames held at once, and memory that must not grow.

Claims
    A node costs the engine at most 15 µs a frame with keys and events, and at most 5 µs without.
    A stage holds exactly as many frames as its plan predicts, and as many for 10 000 frames as for 100.
    Resident memory grows by less than a tenth of a frame for every 1 000 frames.

How time is measured
    A chain of null nodes on 16x16 frames between a source that hands out one ready frame and a target that forgets it. The
    number is the processor time of the whole process, decode and encode threads included, of `ShotRun.run` over the chain, less
    the same without the null nodes, divided by nodes and frames; the least of several runs each, since a busy machine only adds.
    It includes scheduling, keys of every frame and events (unless left out), binding the ports, `process` of the null node,
    checking its answer and making it read-only. It leaves out planning, and what source and target cost; the wall time of the
    whole chain, with both, stands beside it without a claim. Without keys and events means `ShotRun(bare=True)`: nothing is
    looked up under a key and nobody hears of single units.

How memory is measured
    Live frames are counted by the schedule while it runs a grade, a temporal window and diffusion windows that meet again in a
    mix. Resident memory is read on larger frames of the same graph, once in every stride of the windows, so always in the same
    phase. The allocator is told to give every freed frame back at once: what is resident is then what is held. Threads hold a
    few frames more or less, so the least of each tenth of the run counts; the slope is a least-squares line through these. The
    first part of the run is left out, in which the key memo fills, and so is the end, where the last windows are let go.

Run ``python benchmarks/engine.py``; ``--json`` prints the rows as JSON.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rows import Row, arguments, note, row, show

from shotgraph.api import Context, Media, Reader, Shot
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.context import Machine
from shotgraph.pipeline.events import CancelFlag, Event
from shotgraph.pipeline.execute import ShotRun
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, Prepared, RunOptions
from shotgraph.testing.ends import RampSource
from shotgraph.testing.given import SYNTHETIC, GivenClasses, graph_spec

KEYED_LIMIT_MICROSECONDS = 15
BARE_LIMIT_MICROSECONDS = 5
GROWTH_LIMIT_FRAMES = 0.1

WINDOW_FRAMES, OVERLAP_FRAMES = 16, 4
STRIDE_FRAMES = WINDOW_FRAMES - OVERLAP_FRAMES
# As in glibc's malloc.h.
M_MMAP_THRESHOLD = -3

Nodes = Mapping[str, Mapping[str, Any]]
# Hears every event of a run.
Listener = Callable[[Event], None]


class StillReader:
    """One ready frame for every number."""

    def __init__(self, height: int, width: int) -> None:
        self._frame = np.zeros((height, width, 3), np.float32)

    def read(self, frame: int) -> Any:
        """The same array again."""
        return self._frame

    def close(self) -> None:
        """Nothing to release."""


class StillSource(RampSource):
    """A source that costs nothing, so that only the engine is measured."""

    id = "bench.source"

    def open(self, media: Media, params: Any, ctx: Context) -> Reader:
        """A reader that makes nothing."""
        return StillReader(params.height, params.width)


def chain(nulls: int, *, count: int, size_px: int = 16) -> Nodes:
    """A source, `nulls` null nodes and a target that forgets."""
    nodes: dict[str, dict[str, Any]] = {
        "plate": {"node": StillSource.id, "count": count, "height": size_px, "width": size_px}
    }
    for index in range(nulls):
        nodes[f"null{index}"] = {"node": "test.null", "video": list(nodes)[-1]}
    nodes["out"] = {"node": "test.target", "video": list(nodes)[-1]}
    return nodes


def diamond(*, count: int, size_px: int = 16) -> Nodes:
    """Branches with different delays that meet: a grade, and a temporal window with diffusion windows behind it."""
    return {
        "plate": {"node": RampSource.id, "count": count, "height": size_px, "width": size_px},
        "grade": {"node": "test.gain", "video": "plate"},
        "smooth": {"node": "test.smooth", "video": "grade", "contract": {"past": 1, "future": 1}},
        "edit": {
            "node": "test.chunk",
            "video": "smooth",
            "contract": {"size": WINDOW_FRAMES, "overlap": OVERLAP_FRAMES},
        },
        "mix": {"node": "test.mix", "video": "edit", "other": "grade"},
        "out": {"node": "test.target", "video": "mix"},
    }


@dataclass(frozen=True, slots=True)
class Measured:
    """One run.

    Attributes:
        processor_seconds: of all threads.
        wall_seconds: from the first frame to the last, writers closed.
        planned_frames: most frames held at once, as the plan says.
        live_frames: most frames held at once.
    """

    processor_seconds: float
    wall_seconds: float
    planned_frames: int
    live_frames: int


def measure(nodes: Nodes, *, bare: bool = False, listener: Listener = lambda _event: None) -> Measured:
    """Plan and run a graph; only the run is measured."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(nodes, Path(folder))
        run = ShotRun(
            graph=prepared.graph,
            keys=prepared.keys,
            kept=prepared.kept,
            cache=prepared.cache,
            machine=Machine(),
            listener=listener,
            cancel=CancelFlag(),
            outputs=prepared.outputs,
            bare=bare,
        )
        run.members = [run]
        processor, wall = time.process_time(), time.perf_counter()
        outcome = run.run(prepared.wanted)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
    planned = max(stage.peak_live_frames for stage in prepared.plan.stages)
    return Measured(processor, wall, planned, max(outcome.peaks.values()))


def prepare(nodes: Nodes, folder: Path) -> Prepared:
    """The plan of a graph, with a cache that keeps nothing: this is about the engine, not about the disk."""
    planner = Planner(
        GivenClasses((*SYNTHETIC, StillSource)),
        Cache(folder / "cache", read_only=True),
        IdentityMemo(None),
        RunOptions(device="cpu"),
    )
    return planner.finish(planner.draft(graph_spec(nodes), Shot(name="bench", root=folder)))


def overhead(*, nulls: int, count: int, repeats: int) -> Iterable[Row]:
    """Rows of time."""
    units = nulls * count
    for bare, what, limit in (
        (False, "with keys and events", KEYED_LIMIT_MICROSECONDS),
        (True, "without keys and events", BARE_LIMIT_MICROSECONDS),
    ):
        note(f"{count} frames through {nulls} null nodes {what}, {repeats} times ...")
        empty, full = [], []
        for _ in range(repeats):
            empty.append(measure(chain(0, count=count), bare=bare))
            full.append(measure(chain(nulls, count=count), bare=bare))
        added = min(m.processor_seconds for m in full) - min(m.processor_seconds for m in empty)
        whole = min(m.wall_seconds for m in full)
        yield row(f"one node, one frame, {what}", added / units * 1e6, "µs", f"<= {limit}")
        yield row(f"whole chain of {nulls}, one frame, {what}, wall", whole / count * 1e6, "µs")


def live_frames(counts: Iterable[int]) -> Iterable[Row]:
    """Rows of frames held at once: each run as its own plan says, and all runs alike."""
    runs = {}
    for count in counts:
        note(f"live frames over {count} frames ...")
        runs[count] = measure(diamond(count=count))
    for count, run in runs.items():
        yield row(f"frames held at once, {count} frames", run.live_frames, "frames", f"== {run.planned_frames}")
    yield row("different peaks among these lengths", len({run.live_frames for run in runs.values()}), "", "== 1")


class MemoryProbe:
    """Listens to a run and reads resident memory as frames reach its target.

    Attributes:
        samples: (frames done, resident bytes).
    """

    def __init__(self, *, every: int = STRIDE_FRAMES) -> None:
        self._process, self._every = psutil.Process(), every
        self.samples: list[tuple[int, int]] = []

    def __call__(self, event: Event) -> None:
        """Read memory at every so many frames of the target."""
        if event.kind == "unit" and event.node == "out" and event.unit % self._every == 0:
            self.samples.append((event.unit, self._process.memory_info().rss))

    def growth(self, *, frame_bytes: int, warm_up: float = 0.4, cool_down: float = 0.05) -> float:
        """Frames of memory for every 1 000 frames, over what lies between two shares of the run."""
        count = len(self.samples)
        steady = self.samples[int(count * warm_up) : count - int(count * cool_down)]
        size = max(1, len(steady) // 10)
        lows = [min(steady[at : at + size], key=lambda sample: sample[1]) for at in range(0, len(steady), size)]
        slope = np.polyfit([frame for frame, _ in lows], [resident for _, resident in lows], 1)[0]
        return float(slope) * 1000 / frame_bytes


def give_back_at_once() -> None:
    """Tell glibc to give freed blocks of 64 KiB and more back to the system; elsewhere the numbers are only rougher."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, 1 << 16)


def memory(*, count: int, size_px: int) -> Iterable[Row]:
    """The rows of memory."""
    note(f"resident memory over {count} frames of {size_px}x{size_px} ...")
    give_back_at_once()
    probe = MemoryProbe()
    measure(diamond(count=count, size_px=size_px), listener=probe)
    frame_bytes = size_px * size_px * 3 * 4
    growth, peak = probe.growth(frame_bytes=frame_bytes), max(resident for _, resident in probe.samples)
    unit = f"frames of {frame_bytes} B"
    yield row("growth of resident memory over 1000 frames", growth, unit, f"<= {GROWTH_LIMIT_FRAMES}")
    yield row("resident memory at most", peak / 1e6, "MB")


def main() -> int:
    """Measure, print, judge."""
    parser = arguments("Cost of the engine itself: time, live frames, memory.")
    parser.add_argument("--frames", type=int, default=10_000, help="length of the longest run")
    parser.add_argument("--nodes", type=int, default=10, help="null nodes in the chain")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the least counts")
    parser.add_argument("--size", type=int, default=256, help="side of the frames for resident memory, pixels")
    options = parser.parse_args()
    lengths = [n for n in (100, 1_000, 10_000) if n <= options.frames]
    rows = [
        *overhead(nulls=options.nodes, count=options.frames, repeats=options.repeats),
        *live_frames(lengths or [options.frames]),
        *memory(count=options.frames, size_px=options.size),
    ]
    return show(rows, as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
