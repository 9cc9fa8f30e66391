"""The seam to edit nodes: a method is ``edit.NAME``, run through the real engine on a clip of the stage.

What a node needs beside the plate is computed by other nodes and kept in one cache: methods that start from the same inversion
share it.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from shotgraph.api.graph import GraphSpec, NodeSpec
from shotgraph.api.node import Node
from shotgraph.api.shot import Shot
from shotgraph.errors import Exit, NodeError, PluginError, UnavailableError
from shotgraph.models.registry import resolve
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.compile import NodeClasses
from shotgraph.pipeline.events import CancelFlag, Event
from shotgraph.pipeline.host import default_threads, environment, settle_device, settle_dtype
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, RunOptions
from shotgraph.pipeline.session import Session
from shotgraph.stage.bench.counting import Evaluations, counted
from shotgraph.stage.bench.ends import ClipSource, MatteSource, keeping
from shotgraph.stage.bench.methods import Frames, Outcome, Settings
from shotgraph.stage.bench.truth import Truth
from shotgraph.stage.bench.wiring import PAINT, Wiring, asked_of, needs_paint, takes_paint, write_paint
from shotgraph.stage.edits import Edit, Family

PREFIX = "edit."


def node_methods(ids: Iterable[str]) -> tuple[str, ...]:
    """The methods among node ids, by the names the bench knows them under."""
    return tuple(node_id.removeprefix(PREFIX) for node_id in ids if node_id.startswith(PREFIX))


@dataclass(frozen=True)
class WithEnds:
    """The installed nodes and the bench's own ends.

    Attributes:
        installed: the registry.
        ends: node id to class.
    """

    installed: NodeClasses
    ends: Mapping[str, type[Node]]

    def node_class(self, node_id: str) -> type[Node]:
        """An end, or what is installed."""
        return self.ends[node_id] if node_id in self.ends else self.installed.node_class(node_id)

    def distribution(self, node_id: str) -> str:
        """Of an end, the bench itself."""
        return "shotgraph.bench 1" if node_id in self.ends else self.installed.distribution(node_id)


@dataclass(frozen=True)
class NodeMethod:
    """One edit node as a method.

    Attributes:
        name: the node's id without its family.
        classes: the registry.
        cache: folder of kept results, shared by all methods of a run.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        threads: CPU threads; 0 for all cores.
        is_control: never.
    """

    name: str
    classes: NodeClasses
    cache: Path
    device: str = "auto"
    threads: int = 0
    is_control: bool = field(default=False, init=False)

    @property
    def node_id(self) -> str:
        """As in presets."""
        return PREFIX + self.name

    @property
    def version(self) -> str:
        """Of the node and of its distribution."""
        return self._version(self._node)

    @property
    def _node(self) -> type[Node]:
        return self.classes.node_class(self.node_id)

    def _version(self, node: type[Node]) -> str:
        return f"{node.version} ({self.classes.distribution(node.id)})"

    def is_sampled(self, settings: Settings) -> bool:
        """Whether it takes a seed; where that is only for noise on the way, whether there is any."""
        fields = self._node.Params.model_fields
        eta = settings.extra.get("eta", fields["eta"].default if "eta" in fields else 1)
        # A share of noise that is no number is what `missing` tells.
        return "seed" in fields and isinstance(eta, int | float) and eta > 0

    def missing(self, settings: Settings) -> str:
        """The node, a node it needs, a matte, a model, or a parameter that the variation names, or its value."""
        try:
            wiring = Wiring(self._node, self.classes, settings)
            models = wiring.models
        except PluginError as error:
            return str(error)
        # A value that is none is told before anything is looked for by it.
        reasons = itertools.chain(self._faults(wiring), (_no_model(name) for name in models.values()))
        return next(filter(None, reasons), "")

    def _faults(self, wiring: Wiring) -> Iterator[str]:
        """What is wrong with the node as the settings want it, first things first."""
        if wiring.needs_matte:
            yield f"{self.node_id} needs a matte; write {self.name}@matte"
        if wiring.unfed:
            yield f"{self.node_id} needs {', '.join(wiring.unfed)}, which the bench cannot give"
        if wiring.unknown:
            yield f"{self.node_id} has no parameter {', '.join(wiring.unknown)}"
        if wiring.settings.matte and not wiring.takes_matte:
            yield f"{self.node_id} takes no matte"
        if wiring.unsaid:
            yield f"{self.node_id} needs {', '.join(wiring.unsaid)}, which no prompt says"
        yield from wiring.unfit

    def refuses(self, family: Family) -> str:
        """A painted first frame is what E9 gives, and nothing else does."""
        if family == "E9":
            return "" if takes_paint(self._node) else f"{self.node_id} takes no painted first frame"
        return f"{self.node_id} needs a painted first frame, which E9 alone gives" if needs_paint(self._node) else ""

    def identity(self, settings: Settings) -> Mapping[str, str]:
        """Weights, the nodes that it needs, and the host as the engine's own keys have it."""
        device = settle_device(self.device)
        wiring = Wiring(self._node, self.classes, settings)
        return {
            **environment(device=device, threads=self.threads or default_threads()),
            "dtype": settle_dtype("auto", device),
            **{f"node {node.id}": self._version(node) for node in wiring.providers},
            **{f"model of {node_id}": resolve(name).digest for node_id, name in wiring.models.items()},
        }

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:
        """Edit through the engine; `NodeError` when the graph did not run.

        Args:
            frames: (T, H, W, 3).
            edit: prompts, the matte where the settings ask for it, the painted frame where the node takes one.
            seed: of the noise.
            settings: of the run.

        Returns:
            Frames, counted evaluations, and every number the nodes noted.
        """
        wiring = Wiring(self._node, self.classes, settings)
        kept: list[Frames] = []
        facts: dict[str, float] = {}
        with TemporaryDirectory(prefix="shotgraph-bench-") as name, _counting(wiring) as evaluations:
            folder = Path(name)
            asked = asked_of(edit, seed, settings)
            np.save(folder / "clip.npy", frames)
            if settings.matte:
                np.save(folder / "matte.npy", Truth(edit).mattes)
            if edit.family == "E9":
                asked[PAINT] = write_paint(folder, Truth(edit).target[0])
            seconds = self._edit(folder, wiring.graph(folder, asked), kept, facts)
        return Outcome(frames=np.stack(kept), evaluations=evaluations.frames, facts=facts, seconds=seconds)

    def _edit(self, folder: Path, nodes: Sequence[NodeSpec], kept: list[Frames], facts: dict[str, float]) -> float:
        """Run the graph; its end fills `kept`, its notes `facts`. Gives the seconds that the engine took."""
        ends: dict[str, type[Node]] = {cls.id: cls for cls in (ClipSource, MatteSource, keeping(kept))}
        planner = Planner(
            WithEnds(self.classes, ends),
            Cache(self.cache),
            IdentityMemo(None),
            # Kept frames of the edit itself would make it free; what other methods share is kept.
            RunOptions(device=self.device, threads=self.threads, identity="content", force=True, refresh=("edit",)),
        )
        session = Session(planner, listener=lambda event: _note(event, facts), cancel=CancelFlag())
        graph = GraphSpec(preset="bench", nodes=tuple(nodes), targets=("out",))
        started = time.perf_counter()
        (result,) = session.run([(Shot(name="clip", root=folder), graph)])
        seconds = time.perf_counter() - started
        if result.exit is not Exit.VERIFIED:
            raise NodeError(f"bench: {self.node_id} must edit the clip, got: {result.message}")
        return seconds


@contextmanager
def _counting(wiring: Wiring) -> Iterator[Evaluations]:
    """Evaluations of networks; without a model there are none, and torch is not loaded to see that."""
    if wiring.models:
        with counted() as evaluations:
            yield evaluations
    else:
        yield Evaluations()


def _no_model(name: str) -> str:
    """Why there is no model; empty when there is one."""
    if not name:
        return "no model given; use --model"
    try:
        resolve(name)
    except UnavailableError as error:
        return str(error)
    return ""


def _note(event: Event, facts: dict[str, float]) -> None:
    """Numbers that nodes note about their units: the last one counts. What is not finite is no number."""
    if event.kind == "note":
        numbers = {name: value for name, value in event.values if isinstance(value, int | float)}
        facts.update({name: float(value) for name, value in numbers.items() if math.isfinite(value)})
