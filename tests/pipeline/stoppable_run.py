"""A run to be stopped from outside: ``python stoppable_run.py FOLDER``; it takes its time, and SIGTERM asks it to stop.

Its exit code is the shot's, and its one line on stdout the shot's message.
"""

import signal
import sys
import time
from pathlib import Path
from typing import Any

from shotgraph.api import Shot
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.events import CancelFlag
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, RunOptions
from shotgraph.pipeline.session import Session
from shotgraph.testing import synthetic, wholeshot
from shotgraph.testing.given import GivenClasses, graph_spec

TARGETS = ("out", "movie")
COUNT = 40
_UNIT_SECONDS = 0.004


def graph(calls: Path) -> dict[str, dict[str, Any]]:
    """Every contract that keeps something; `calls` gets a line for each unit of it."""
    noted = {"calls": str(calls)}
    return {
        "plate": {"node": "test.source", "count": COUNT, "height": 3, "width": 5},
        "grade": {"node": "test.heavy", "video": "plate", **noted},
        "edit": {"node": "test.chunk", "video": "grade", **noted},
        "whole": {"node": "test.clip", "video": "edit", **noted},
        "sum": {"node": "test.sequential", "video": "grade", **noted},
        "tip": {"node": "test.mix", "video": "whole.video", "other": "sum"},
        "out": {"node": "test.target", "video": "tip", "file": "{root}/out"},
        "movie": {"node": "test.stack", "video": "whole.video", "file": "{root}/movie.npy"},
    }


def session(folder: Path, cancel: CancelFlag) -> Session:
    """One whose state and cache lie in `folder`."""
    planner = Planner(GivenClasses(), Cache(folder / "cache"), IdentityMemo(None), RunOptions(device="cpu"))
    return Session(planner, listener=lambda _event: None, cancel=cancel)


def run(folder: Path, calls: Path, cancel: CancelFlag | None = None) -> Any:
    """What becomes of the shot."""
    job = (Shot(name="sh010", root=folder), graph_spec(graph(calls), targets=TARGETS))
    (result,) = session(folder, cancel or CancelFlag()).run([job])
    return result


def main() -> int:
    """Run slowly enough to be stopped anywhere."""
    note = synthetic.note_call

    def slowly(file: str, node: str, unit: int) -> None:
        note(file, node, unit)
        time.sleep(_UNIT_SECONDS)

    synthetic.note_call = wholeshot.note_call = slowly
    cancel = CancelFlag()
    signal.signal(signal.SIGTERM, lambda number, _frame: cancel.set(signal.Signals(number).name))
    folder = Path(sys.argv[1])
    result = run(folder, folder / "calls", cancel)
    sys.stdout.write(f"{result.message}\n")
    return int(result.exit)


if __name__ == "__main__":
    sys.exit(main())
