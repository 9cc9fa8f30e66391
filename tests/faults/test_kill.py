"""Processes that are killed or told to stop at any moment: the same command then finishes with the same frames.

The children are real processes. How far they came is chosen by a seed, so a failure can be repeated.
"""

import json
import random
import signal
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Run, started
from small_shots import decoded, images, visible, write_movie, write_paint

SIZE, FRAMES = (192, 144), 20
# Each kind of end: a movie that is written whole, a sequence frame by frame, and kept results in front of both.
PRESET = """
shotgraph: 1
shots: {plate: ["{root}/{shot}.{ext}"]}
graph:
  plate: {node: core.read, file: "{plate}"}
  flow: {node: flow.dis, video: plate}
  edit: {node: edit.propagate, video: plate, flow: flow, file: "{root}/paint/{shot}.####.png"}
  stills: {node: core.write, video: edit, file: "{root}/out/{shot}_v{version:03d}.####.png"}
  movie: {node: core.write, video: edit, audio_from: plate, file: "{root}/out/{shot}_v{version:03d}.mkv"}
targets: [stills, movie]
"""
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Done:
    """An uninterrupted run.

    Attributes:
        movie: digest of each frame.
        stills: file name to digest.
        computed: node to units.
        seconds: from its first line of progress to its last.
    """

    movie: list[str]
    stills: dict[str, str]
    computed: dict[str, int]
    seconds: float


def make_shot(root: Path) -> Path:
    write_movie(root / "sh010.mov", size=SIZE, frames=FRAMES)
    write_paint(root / "paint/sh010.1007.png", size=SIZE)
    preset = root.parent / "kill.yaml"
    preset.write_text(PRESET, encoding="utf-8")
    return preset


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Done:
    root = tmp_path_factory.mktemp("uninterrupted") / "show"
    preset = make_shot(root)
    places = {name: str(root.parent / name) for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    process = started("run", preset, root, "--json", "--progress", "json", folder=root, environ=places)
    seconds = -first_progress(process)
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    seconds += time.monotonic()
    assert process.returncode == 0, err
    (shot,) = json.loads(out)["shots"]
    return Done(
        movie=decoded(root / "out/sh010_v001.mkv"),
        stills=images(root / "out", ".png"),
        computed=shot["computed"],
        seconds=seconds,
    )


def first_progress(process: subprocess.Popen[str]) -> float:
    """Wait until the run began; when that was."""
    assert process.stderr is not None
    assert json.loads(process.stderr.readline())["ev"] == "stage"
    return time.monotonic()


def kept(root: Path, node: str) -> set[str]:
    """Names of the results of `node` that lie whole in the cache."""
    found: set[str] = set()
    for file in (root / ".shotgraph/cache").rglob("*.safetensors"):
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if json.loads(stream.read(length))["__metadata__"]["node"] == node:
                found.add(file.name)
    return found


def stopped_at(share: float, root: Path, preset: Path, number: signal.Signals, uninterrupted: Done) -> int:
    """Run in a process of its own, send it `number` after `share` of its time; its exit code."""
    process = started("run", preset, root, "--json", "--progress", "json", folder=root)
    first_progress(process)
    time.sleep(share * uninterrupted.seconds)
    process.send_signal(number)
    process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode


def check_a_kill(seed: int, shotgraph: Run, tmp_path: Path, uninterrupted: Done) -> None:
    root = tmp_path / "show"
    preset = make_shot(root)
    share = random.Random(seed).random()

    code = stopped_at(share, root, preset, signal.SIGKILL, uninterrupted)
    flows, edits = kept(root, "flow.dis"), kept(root, "edit.propagate")
    again = shotgraph("run", preset, root, "--json")

    assert code in (-signal.SIGKILL, 0)
    assert again.code == 0, again.err
    assert decoded(root / "out/sh010_v001.mkv") == uninterrupted.movie
    assert images(root / "out", ".png") == uninterrupted.stills
    # No kept frame is computed twice.
    computed = again.shot["computed"]
    assert computed.get("flow", 0) + len(flows) <= FRAMES
    assert computed.get("edit", 0) + len(edits) <= FRAMES
    assert kept(root, "flow.dis") >= flows
    # Nothing else lies about, and nobody else has to clean up.
    assert set(visible(root / "out")) <= {*uninterrupted.stills, "sh010_v001.mkv", ".sh010_v001.####.png.jsonl"}


def test_the_uninterrupted_run_is_worth_interrupting(uninterrupted: Done) -> None:
    assert len(set(uninterrupted.movie)) == FRAMES
    assert len(set(uninterrupted.stills.values())) == FRAMES
    assert (uninterrupted.computed["flow"], uninterrupted.computed["edit"]) == (FRAMES, FRAMES)
    assert uninterrupted.seconds > 0.2


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_finishes_with_the_same_frames(
    shotgraph: Run, tmp_path: Path, uninterrupted: Done, seed: int
) -> None:
    check_a_kill(seed, shotgraph, tmp_path, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 20))
def test_a_run_killed_at_any_moment_finishes_with_the_same_frames(
    shotgraph: Run, tmp_path: Path, uninterrupted: Done, seed: int
) -> None:
    check_a_kill(seed, shotgraph, tmp_path, uninterrupted)


def test_a_run_killed_again_and_again_finishes(shotgraph: Run, tmp_path: Path, uninterrupted: Done) -> None:
    root = tmp_path / "show"
    preset = make_shot(root)

    for share in (0.2, 0.4):
        stopped_at(share, root, preset, signal.SIGKILL, uninterrupted)
    again = shotgraph("run", preset, root, "--json")

    assert again.code == 0
    assert decoded(root / "out/sh010_v001.mkv") == uninterrupted.movie
    assert images(root / "out", ".png") == uninterrupted.stills


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_told_to_stop_stops_cleanly_and_goes_on_later(
    shotgraph: Run, tmp_path: Path, uninterrupted: Done, number: signal.Signals
) -> None:
    root = tmp_path / "show"
    preset = make_shot(root)

    code = stopped_at(0.3, root, preset, number, uninterrupted)
    left = [name for name in visible(root / "out") if name.endswith((".mkv", ".part"))]
    flows = kept(root, "flow.dis")
    again = shotgraph("run", preset, root, "--json")

    assert (code, left) == (75, [])
    assert again.code == 0
    assert again.shot["computed"].get("flow", 0) == FRAMES - len(flows)
    assert decoded(root / "out/sh010_v001.mkv") == uninterrupted.movie
    assert images(root / "out", ".png") == uninterrupted.stills
