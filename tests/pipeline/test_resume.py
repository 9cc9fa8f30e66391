"""A run that is stopped at any moment, by kill -9 or by SIGTERM, goes on where it was and ends as if it had not been."""

import importlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FrameSet
from shotgraph.errors import Exit

HERE = Path(__file__).parent
KEPT = ("grade", "edit", "whole")


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("stoppable_run")


def calls_in(file: Path) -> list[tuple[str, int]]:
    """(node, unit) of every unit that was begun."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [(name, int(unit)) for name, unit in (line.split() for line in text.splitlines())]


def stopped(folder: Path, number: int, *, calls: int, delay_seconds: float = 0.0) -> subprocess.CompletedProcess[str]:
    """A run that gets the signal `number` once it has begun so many units."""
    folder.mkdir()
    command = [sys.executable, str(HERE / "stoppable_run.py"), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while len(calls_in(folder / "calls")) < calls and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    time.sleep(delay_seconds)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def pictures(folder: Path) -> dict[str, bytes]:
    # A kill may leave a part behind, hidden until the next run replaces it.
    written = (path for path in sorted(folder.rglob("*.npy")) if not path.name.startswith("."))
    return {str(path.relative_to(folder)): path.read_bytes() for path in written}


def kept_units(stoppable: Any, engine: Any, folder: Path) -> tuple[set[tuple[str, int]], int]:
    """Units whose results lie in the cache of `folder`, and the frame at which the stateful node has to start."""
    nodes = stoppable.graph(folder / "calls")
    prepared = engine.prepare(
        nodes, targets=stoppable.TARGETS, cache=engine.cache("stopped/cache"), shot={"name": "sh010", "root": folder}
    )
    kept = {
        (name, unit)
        for name in KEPT
        for unit in prepared.kept.present(name, FrameSet((prepared.graph.vertices[name].grid.outputs,)))
    }
    keys = folder / "out" / "keys.json"
    done = [int(frame) for frame in json.loads(keys.read_text())] if keys.exists() else []
    first_missing = max(done, default=1000) + 1
    return kept, prepared.kept.restart("sum", first_missing)


def whole_run(stoppable: Any, folder: Path) -> dict[str, bytes]:
    """The pictures of a run that nobody stops."""
    folder.mkdir()
    assert stoppable.run(folder, folder / "calls").exit == Exit.VERIFIED
    return pictures(folder)


MOMENTS = [*range(3), *(pytest.param(moment, marks=pytest.mark.slow) for moment in range(3, 20))]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_and_computes_no_kept_frame_twice(
    stoppable: Any, engine: Any, tmp_path: Path, moment: int
) -> None:
    expected = whole_run(stoppable, tmp_path / "whole")
    units = len(calls_in(tmp_path / "whole" / "calls"))
    rng = np.random.default_rng(moment)
    folder = tmp_path / "stopped"

    # The first three moments are in the first, the middle and the last third of the run.
    third = moment % 3
    after = int(rng.integers(third * units // 3 + 1, (third + 1) * units // 3 - 4))
    process = stopped(folder, signal.SIGKILL, calls=after, delay_seconds=rng.uniform(0, 0.008))
    assert process.returncode == -signal.SIGKILL

    assert not (folder / "movie.npy").exists()
    assert pictures(folder).items() <= expected.items()
    kept, restart = kept_units(stoppable, engine, folder)
    begun = calls_in(folder / "calls")
    # At most the unit in hand is lost.
    assert len([call for call in begun if call[0] in KEPT and call not in kept]) <= 1

    result = stoppable.run(folder, folder / "calls again")

    again = calls_in(folder / "calls again")
    assert (result.exit, result.message) == (Exit.VERIFIED, "")
    assert pictures(folder) == expected
    assert sorted(call for call in again if call in kept) == []
    assert min((unit for name, unit in again if name == "sum"), default=restart) == restart


def test_a_run_asked_to_stop_says_so_ends_with_75_and_goes_on(stoppable: Any, tmp_path: Path) -> None:
    expected = whole_run(stoppable, tmp_path / "whole")
    folder = tmp_path / "stopped"

    process = stopped(folder, signal.SIGTERM, calls=60)

    assert process.returncode == Exit.CANCELLED == 75
    assert "stopped between two frames, got 'SIGTERM'; run the same command again to go on" in process.stdout
    assert process.stderr == ""
    assert not (folder / "movie.npy").exists()
    begun = calls_in(folder / "calls")
    assert stoppable.run(folder, folder / "calls").exit == Exit.VERIFIED
    assert pictures(folder) == expected
    # A clean stop loses nothing: every unit was begun once, but stateful ones behind the last saved state.
    every = calls_in(folder / "calls")
    assert len(begun) < len(every)
    repeated = [call for call in set(every) if every.count(call) > 1]
    assert {name for name, _ in repeated} <= {"sum"}
    assert len(repeated) < 5


def test_a_run_that_finished_is_up_to_date(stoppable: Any, tmp_path: Path) -> None:
    whole_run(stoppable, tmp_path / "whole")

    again = stoppable.run(tmp_path / "whole", tmp_path / "calls")

    assert again.up_to_date
    assert calls_in(tmp_path / "calls") == []
