"""Shotgraph against the ffmpeg command line: the same clip, encoder, settings and thread count, turn by turn.

A ratio is ffmpeg's time over ours, both of whole processes: start, probing, decoding, encoding, and on our side also planning,
the digest of the source, and reopening and comparing the output. The median of all turns is judged, and on wall time; processor
time is stated beside it, because other work on the machine hardly moves it.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from rows import Row, arguments, note, row, show

PASS, EDIT = "pass-through", "through an RGB edit"
LIMITS = {PASS: ">= 0.95", EDIT: ">= 0.6"}
CRF, SPEED = 16, "medium"

# The edit burns the frame number into a corner: every pixel becomes RGB and is coded again, and little else happens.
PRESET = """\
shotgraph: 1
shots: {{plate: ["{{root}}/{{shot}}.{{ext}}"]}}
graph:
  plate: {{node: core.read, file: "{{plate}}"}}
  look: {{node: core.review, video: plate, timecode: false, shot_name: false}}
  out:
    node: core.write
    video: {video}
    file: "{{root}}/out/{video}.mp4"
    codec: h264
    quality: {crf}
    preset: {speed}
targets: [out]
"""


def texture(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """(height, width) in [0, 1]: noise of every scale from 2 to 256 pixels, the coarser the stronger."""
    picture = np.zeros((height, width), np.float32)
    for step in (2, 8, 32, 128):
        rows, columns = height // step + 2, width // step + 2
        coarse = rng.random((rows, columns), dtype=np.float32)
        picture += np.sqrt(step) * np.kron(coarse, np.ones((step, step), np.float32))[:height, :width]
    return (picture - picture.min()) / (picture.max() - picture.min())


def write_clip(path: Path, *, frames: int, size: tuple[int, int], seed: int) -> None:
    """A textured background that drifts and a textured square that crosses it, as 8-bit H.264 with timecode."""
    rng = np.random.default_rng(seed)
    width, height = size
    back = 16 + 200 * texture(rng, height + frames, width + 2 * frames)
    side = height // 3
    front = 40 + 190 * texture(rng, side, side)
    chroma = 96 + 64 * texture(rng, height // 2, width // 2 + frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25), options={"preset": "veryfast", "crf": "14"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.metadata["timecode"] = "10:00:00:00"
        for index in range(frames):
            luma = back[index : index + height, 2 * index : 2 * index + width].astype(np.uint8)
            left = (7 * index) % (width - side)
            luma[side : 2 * side, left : left + side] = front
            colour = chroma[:, index : index + width // 2].astype(np.uint8)
            planes = np.concatenate([luma.ravel(), colour.ravel(), colour[:, ::-1].ravel()])
            picture = av.VideoFrame.from_ndarray(planes.reshape(-1, width), format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took.

    Attributes:
        wall_seconds: from start to end.
        cpu_seconds: of all its threads, the system's work for it included.
    """

    wall_seconds: float
    cpu_seconds: float


def spent_by(words: list[str], environment: dict[str, str]) -> Spent:
    """What a process takes, which must succeed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    wall_seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"transcode: {' '.join(words)} must exit 0, got {done.returncode}\n{done.stdout}{done.stderr}")
    return Spent(wall_seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def count_frames(path: Path) -> int:
    """Pictures that the file decodes to."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def commands(folder: Path, clip: Path, *, ffmpeg: str, threads: int) -> dict[str, tuple[list[str], Path]]:
    """By name: the command line and the file it writes."""
    target = folder / "ffmpeg.mp4"
    decoder = ["-threads", str(threads), "-i", str(clip)]
    encoder = ["-c:v", "libx264", "-preset", SPEED, "-crf", str(CRF), "-pix_fmt", "yuv420p", "-threads", str(threads)]
    found = {"ffmpeg": ([ffmpeg, "-nostdin", "-y", "-v", "error", *decoder, *encoder, str(target)], target)}
    for name, video in ((PASS, "plate"), (EDIT, "look")):
        preset = folder / f"{video}.yaml"
        preset.write_text(PRESET.format(video=video, crf=CRF, speed=SPEED), encoding="utf-8")
        # --force: every turn runs, although its output is up to date.
        settings = ["--force", "--progress", "none", "--threads", str(threads)]
        ours = [sys.executable, "-m", "shotgraph", "run", str(preset), str(clip), *settings]
        found[name] = (ours, clip.parent / "out" / f"{video}.mp4")
    return found


def measure(folder: Path, *, frames: int, size: tuple[int, int], turns: int, seed: int, threads: int) -> Iterator[Row]:
    """All rows, with everything that is written in `folder`."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        sys.exit("transcode: ffmpeg must be on PATH, got none; install it")
    clip = folder / "clip.mov"
    note(f"transcode: making {frames} frames of {size[0]}x{size[1]}")
    write_clip(clip, frames=frames, size=size, seed=seed)
    environment = dict(os.environ) | {"XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder)}
    # An installed program has its bytecode; some containers ask for none to be written.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    work = commands(folder, clip, ffmpeg=ffmpeg, threads=threads)
    spent: dict[str, list[Spent]] = {name: [] for name in work}
    for turn in range(turns):
        note(f"transcode: turn {turn + 1} of {turns}")
        for name, (words, _) in work.items():
            spent[name].append(spent_by(words, environment))
    for name, turns_spent in spent.items():
        yield row(f"{name}: speed", frames / statistics.median(one.wall_seconds for one in turns_spent), "frames/s")
    for name, limit in LIMITS.items():
        pairs = list(zip(spent["ffmpeg"], spent[name], strict=True))
        wall = statistics.median(theirs.wall_seconds / ours.wall_seconds for theirs, ours in pairs)
        cpu = statistics.median(theirs.cpu_seconds / ours.cpu_seconds for theirs, ours in pairs)
        yield row(f"{name}: over ffmpeg", wall, "", limit)
        yield row(f"{name}: over ffmpeg, processor time", cpu)
    for name, (_, target) in work.items():
        yield row(f"{name}: frames written", count_frames(target), "frames", f"== {frames}")
    (theirs, ours) = (work[name][1].stat().st_size for name in ("ffmpeg", PASS))
    # Another quality or speed setting than ffmpeg's would show here.
    yield row(f"{PASS}: file size over ffmpeg's", ours / theirs)


def main() -> int:
    """Measure and print."""
    parser = arguments(__doc__.partition("\n")[0] if __doc__ else "", seeded=True)
    parser.add_argument("--frames", type=int, default=500, help="of the clip")
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080), metavar=("W", "H"), help="of the clip")
    parser.add_argument("--turns", type=int, default=3, help="of all commands, one after the other")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of decoder and encoder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shotgraph-transcode-") as folder:
        rows = measure(
            Path(folder),
            frames=options.frames,
            size=tuple(options.size),
            turns=options.turns,
            seed=options.seed,
            threads=options.threads,
        )
        return show(list(rows), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
