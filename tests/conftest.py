"""Settings for every test, and a site-packages of the tests' own: what is installed on the machine cannot leak in."""

import importlib
import importlib.metadata
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

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
from shotgraph.testing.synthetic import SYNTHETIC, GivenClasses, graph_spec

# A shared build machine stalls for seconds at a time; a deadline would test the machine.
settings.register_profile("shotgraph", deadline=None)
settings.load_profile("shotgraph")

NODE = '''
from shotgraph.api import Field, Frame, Node, Ports, Rgb
from shotgraph.api import Params as BaseParams

class {name}(Node):
    """Turn {id} around.

    Second paragraph.
    """

    id = "{id}"
    version = "3"
    contract = Frame(batch=2)

    class In(Ports):
        """One picture, one optional."""

        video: Rgb
        matte: Rgb | None = None

    class Out(Ports):
        """The picture."""

        video: Rgb

    class Params(BaseParams):
        """How far."""

        turns: int = Field(1, ge=0, description="quarter turns")
'''


class Site:
    """A folder of installed distributions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str, source: str) -> Path:
        """Write ``name.py``."""
        file = self.folder / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        return file

    def node(self, module: str, node_id: str, *, name: str = "Turn") -> Path:
        """Write a module with one sound node."""
        return self.module(module, NODE.format(id=node_id, name=name))

    def install(
        self, package: str, version: str, *, nodes: dict[str, str] | None = None, hooks: dict[str, str] | None = None
    ) -> None:
        """Write the metadata of a distribution with these entry points."""
        info = self.folder / f"{package}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
        )
        lines = ["[console_scripts]", "other = elsewhere:main"]
        lines += ["[shotgraph.nodes]", *(f"{name} = {value}" for name, value in (nodes or {}).items())]
        lines += ["[shotgraph.hooks]", *(f"{name} = {value}" for name, value in (hooks or {}).items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def entry_points(self) -> list[EntryPoint]:
        """Of every distribution here, and of no other."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        return [entry for distribution in found for entry in distribution.entry_points]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


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
