"""How light Shotgraph starts: wall time of whole processes, what they import, and what reading a preset costs.

A claim is made about the best of all runs, which is what the program takes; the median says what this machine adds to it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rows import Row, arguments, note, row, show

from shotgraph.pipeline.registry import Registry
from shotgraph.presets import check, load

# A check may import numpy, which the types of ports are made of; help may not.
HEAVY = frozenset({"torch", "av", "cv2", "OpenImageIO", "diffusers", "transformers"})
HEAVIER = HEAVY | {"numpy"}

# Every core node, and ten nodes in all.
PRESET = """\
shotgraph: 1
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  other: {node: core.read, file: "{plate}", holes: hold}
  small: {node: core.resize, video: plate, scale: 0.5}
  large: {node: core.resize, video: small, scale: 2}
  hard: {node: core.matte, matte: large, channel: green, black: 0.4, white: 0.6}
  soft: {node: core.matte, matte: hard, radius_px: 3, feather_px: 8}
  merge: {node: core.merge, a: plate, b: large, mask: soft}
  look: {node: core.review, video: merge, other: other, mode: wipe}
  out: {node: core.write, video: merge, audio_from: plate, file: "{root}/out/{shot}.mov"}
  proxy: {node: core.write, video: look, file: "{root}/out/{shot}_look.mp4", quality: 20}
targets: [out, proxy]
"""


def started(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A finished process of this interpreter; one that fails ends the benchmark with its own words."""
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        sys.exit(f"startup: {' '.join(words)} must exit 0, got {done.returncode}\n{done.stderr}")
    return done


def seconds_of(work: Callable[[], object], *, runs: int) -> list[float]:
    """Wall time of each of `runs` calls."""
    spent: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return spent


def imported(importtime: str) -> set[str]:
    """Packages in what ``python -X importtime`` told on stderr."""
    modules = {line.rpartition("|")[2].strip() for line in importtime.splitlines() if line.startswith("import time:")}
    return {module.partition(".")[0] for module in modules}


def time_rows(environment: dict[str, str], *words: str, limit: str, runs: int) -> Iterator[Row]:
    """What ``shotgraph`` with these words takes."""
    name = f"shotgraph {words[0]}"
    note(f"startup: {name}, {runs} times")
    spent = seconds_of(lambda: started(environment, "-m", "shotgraph", *words), runs=runs)
    yield row(name, min(spent), "s", limit)
    yield row(f"{name}, median", statistics.median(spent), "s")


def import_row(environment: dict[str, str], *words: str, banned: frozenset[str]) -> Row:
    """How many packages of `banned` it imports."""
    found = imported(started(environment, "-X", "importtime", "-m", "shotgraph", *words).stderr)
    if "click" not in found:
        sys.exit(f"startup: imports must be told by -X importtime, got {len(found)} without click")
    if found & banned:
        note(f"startup: shotgraph {words[0]} imports {', '.join(sorted(found & banned))}")
    return row(f"shotgraph {words[0]}, heavy imports", len(found & banned), "packages", "== 0")


def measure(folder: Path, *, runs: int) -> Iterator[Row]:
    """All rows, with a cache folder of their own in `folder`."""
    preset = folder / "core.yaml"
    preset.write_text(PRESET, encoding="utf-8")
    environment = dict(os.environ) | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder)}
    yield from time_rows(environment, "--help", limit="<= 0.3", runs=runs)
    yield import_row(environment, "--help", banned=HEAVIER)

    note("startup: shotgraph check, with an empty catalogue")
    (first,) = seconds_of(lambda: started(environment, "-m", "shotgraph", "check", str(preset)), runs=1)
    yield from time_rows(environment, "check", str(preset), limit="<= 0.6", runs=runs)
    yield import_row(environment, "check", str(preset), banned=HEAVY)
    yield row("shotgraph check, first after an install", first, "s")

    (catalogue,) = (folder / "cache" / "shotgraph").glob("catalogue-*.json")
    registry = Registry(cache=catalogue)
    spent = seconds_of(lambda: check(load(preset), registry), runs=runs)
    yield row("load and check 10 nodes, in process", min(spent) * 1e3, "ms", "<= 30")


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=9, help="of each command")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shotgraph-startup-") as folder:
        return show(list(measure(Path(folder), runs=options.runs)), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
