"""An engine of the tests' own: prepares and runs graphs of synthetic nodes below one folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import (
    ExpectedOutput,
    FrameRange,
    FrameSet,
    Node,
    Ports,
    QueryContext,
    Rgb,
    Shot,
    Target,
    Writer,
    WrittenOutput,
)
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.context import Machine
from shotgraph.pipeline.events import CancelFlag, Event
from shotgraph.pipeline.execute import Outcome, ShotRun
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, Prepared, RunOptions
from shotgraph.pipeline.session import Session, ShotResult
from shotgraph.testing.given import SYNTHETIC, GivenClasses, graph_spec


class _Collector:
    """A writer that keeps frames in memory."""

    def __init__(self, frames: dict[int, Any], keys: dict[int, str]) -> None:
        self._frames, self._keys = frames, keys

    def done(self, frame: int, key: str) -> bool:
        return False

    def write(self, frame: int, value: Any, key: str) -> None:
        self._frames[frame] = value
        self._keys[frame] = key

    def finish(self) -> WrittenOutput:
        return WrittenOutput(path="memory", frames=len(self._frames), bytes=0, digest="")

    def abort(self) -> None:
        pass


@dataclass
class Ran:
    """What a run gave.

    Attributes:
        prepared: its plan.
        frames: frame number to picture, of the collecting target.
        keys: frame number to the key the target was given.
        events: everything the listener heard.
        outcome: filled in also when the run fails.
    """

    prepared: Prepared
    frames: dict[int, Any] = field(default_factory=dict[int, Any])
    keys: dict[int, str] = field(default_factory=dict[int, str])
    events: list[Event] = field(default_factory=list[Event])
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def warnings(self) -> list[str]:
        """Texts of its warning events."""
        return [event.text for event in self.events if event.kind == "warning"]


class Engine:
    """Prepares and runs graphs of synthetic nodes below one folder; ``test.collect`` is a target that keeps frames in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._caches = 0

    def cache(self, name: str = "", *, read_only: bool = False) -> Cache:
        """The cache called `name`; a fresh one without a name."""
        self._caches += 1
        return Cache(self.folder / (name or f"cache-{self._caches}"), read_only=read_only)

    def prepare(
        self,
        nodes: Mapping[str, Mapping[str, Any]],
        *,
        frames: str = "",
        cache: Cache | None = None,
        classes: Sequence[type[Node]] = (),
        targets: Sequence[str] = ("out",),
        distribution: str = "synthetic 1",
        shot: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Prepared:
        """The plan of a graph."""
        asked = FrameSet.parse(frames) if frames else None
        given = {cls.id: cls for cls in (*SYNTHETIC, _collecting({}, {}), *classes)}
        planner = Planner(
            GivenClasses(tuple(given.values()), distribution=distribution),
            cache or self.cache(),
            IdentityMemo(None),
            RunOptions(frames=asked, device="cpu", **(options or {})),
        )
        fields = {"name": "sq010_sh020", "root": self.folder, **(shot or {})}
        return planner.finish(planner.draft(graph_spec(nodes, targets=targets), Shot(**fields)))

    def run(self, nodes: Mapping[str, Mapping[str, Any]], *, cancel: CancelFlag | None = None, **settings: Any) -> Ran:
        """Prepare (see there) and run."""
        frames: dict[int, Any] = {}
        keys: dict[int, str] = {}
        classes = (*settings.pop("classes", ()), _collecting(frames, keys))
        ran = Ran(self.prepare(nodes, classes=classes, **settings), frames, keys)
        ran.outcome = self.shot_run(ran.prepared, ran.events, cancel).run(ran.prepared.wanted)
        return ran

    def shot_run(self, prepared: Prepared, events: list[Event], cancel: CancelFlag | None = None) -> ShotRun:
        """What `run` runs."""
        run = ShotRun(
            graph=prepared.graph,
            keys=prepared.keys,
            kept=prepared.kept,
            cache=prepared.cache,
            machine=Machine(),
            listener=events.append,
            cancel=cancel or CancelFlag(),
            outputs=prepared.outputs,
        )
        run.members = [run]
        return run

    def frames(self, nodes: Mapping[str, Mapping[str, Any]], **settings: Any) -> dict[int, Any]:
        """Frame number to picture."""
        return self.run(nodes, **settings).frames

    def shots(
        self,
        nodes: Mapping[str, Mapping[str, Any]],
        *names: str,
        targets: Sequence[str] = ("out",),
        **settings: Any,
    ) -> list[ShotResult]:
        """What a session makes of `nodes` over the shots `names`; kept results are shared by all sessions."""
        session = self.session(**settings)
        return session.run([(Shot(name=n, root=self.folder), graph_spec(nodes, targets=targets)) for n in names])

    def session(
        self,
        *,
        classes: Sequence[type[Node]] = (),
        options: Mapping[str, Any] | None = None,
        events: list[Event] | None = None,
        cancel: CancelFlag | None = None,
        cache: Cache | None = None,
        **settings: Any,
    ) -> Session:
        """A session whose state lies in `folder`."""
        given = {cls.id: cls for cls in (*SYNTHETIC, _collecting({}, {}), *classes)}
        planner = Planner(
            GivenClasses(tuple(given.values())),
            cache or self.cache("sessions"),
            IdentityMemo(None),
            RunOptions(device="cpu", **(options or {})),
        )
        heard = events if events is not None else list[Event]()
        return Session(planner, listener=heard.append, cancel=cancel or CancelFlag(), **settings)


def _collecting(frames: dict[int, Any], keys: dict[int, str]) -> type[Target]:
    """A target class that keeps what it is given in `frames` and `keys`."""

    class Collect(Target):
        """Keeps frames in memory."""

        id = "test.collect"
        version = "1"
        numerics = "exact"

        class In(Ports):
            """Frames."""

            video: Rgb

        @classmethod
        def expects(cls, frames: FrameRange, params: Any, ctx: QueryContext) -> ExpectedOutput:
            return ExpectedOutput(path="memory.#", frames=str(frames), bytes=0)

        def open(self, expected: ExpectedOutput, params: Any, ctx: Any) -> Writer:
            return _Collector(frames, keys)

    return Collect


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path)


@pytest.fixture
def assert_same_frames() -> Any:
    """Compare two mappings of frames bit for bit."""

    def compare(got: Mapping[int, Any], expected: Mapping[int, Any]) -> None:
        assert sorted(got) == sorted(expected)
        different = [f for f in expected if not np.array_equal(got[f], expected[f])]
        assert different == []

    return compare
