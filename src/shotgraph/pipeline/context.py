"""The `Context` that nodes see while a stage runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from shotgraph.api.ports import Artifact
from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo
from shotgraph.digests import digest
from shotgraph.errors import OutputError
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.events import CancelFlag, Event, Listener
from shotgraph.pipeline.leases import Leases
from shotgraph.pipeline.vertex import Vertex

Emit = Callable[[int, Any], None]
_Held = TypeVar("_Held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a plan froze about the host.

    Attributes:
        device: ``cpu`` or ``cuda:N``.
        threads: CPU threads of every library.
        dtype: what model nodes compute in.
    """

    device: str = "cpu"
    threads: int = 1
    dtype: str = "fp32"


@dataclass(slots=True, kw_only=True)
class RunContext:
    """One node's view of the engine; `frames`, `index` and `anchors` change from unit to unit.

    Attributes:
        vertex: the node.
        shot: its shot.
        machine: device and threads.
        cache: where work folders and checkpoints live.
        key: the node's key (for `Clip`: of the whole clip).
        cancel: asks it to stop.
        listener: hears notes and progress.
        emitter: takes the frames of a `Clip` node.
        strict: refuse losses.
        force: targets may replace files that are not theirs.
        frames: shot frame numbers of the unit.
        index: index of the batch or window.
        anchors: anchor stacks of a window.
        leases: what the nodes of this run share.
        leased: what this node has of them.
    """

    vertex: Vertex
    shot: Shot
    machine: Machine
    cache: Cache
    key: bytes
    cancel: CancelFlag
    listener: Listener
    emitter: Emit | None = None
    strict: bool = False
    force: bool = False
    frames: tuple[int, ...] = ()
    index: int = 0
    anchors: Mapping[str, Any] = field(default_factory=dict[str, Any])
    leases: Leases = field(default_factory=Leases)
    leased: list[str] = field(default_factory=list[str])

    @property
    def node(self) -> str:
        """The node's name in the preset."""
        return self.vertex.name

    @property
    def headers(self) -> Mapping[str, StreamInfo]:
        """Header of every linked stream input, by port."""
        return self.vertex.input_headers

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:N``."""
        return self.machine.device

    @property
    def threads(self) -> int:
        """CPU threads."""
        return self.machine.threads

    @property
    def dtype(self) -> str:
        """``fp32``, ``fp16`` or ``bf16``."""
        return self.machine.dtype

    @property
    def work(self) -> Path:
        """The node's own folder, named by its key."""
        return self.cache.folder(self.key)

    def lease(self, name: str, load: Callable[[], _Held]) -> _Held:
        """What `load` gives, shared with every node that asks for `name`."""
        held = self.leases.take(name, load)
        self.leased.append(name)
        return held

    def give_back(self) -> None:
        """End this node's leases; the engine's business, after `teardown`."""
        while self.leased:
            self.leases.give_back(self.leased.pop())

    def warn(self, message: str) -> None:
        """Tell the user."""
        self.listener(Event("warning", self.shot.name, self.node, text=message))

    def progress(self, done: int, total: int) -> None:
        """Say how far a long unit is."""
        self.listener(Event("progress", self.shot.name, self.node, self.index, done=done, total=total))

    def check_cancelled(self) -> None:
        """Stop here if the run was asked to."""
        self.cancel.check()

    def note(self, **values: float | int | str) -> None:
        """Record facts about this unit."""
        self.listener(Event("note", self.shot.name, self.node, self.index, values=tuple(values.items())))

    def save_checkpoint(self, step: int, state: Artifact) -> None:
        """Keep `state` so that a killed node resumes at `step`; an older one is replaced only when this one is whole."""
        meta = {"step": str(step), "meta": json.dumps(state.meta)}
        if not self.cache.store(self._checkpoint_key, state.arrays, meta):
            self.warn(f"checkpoint at step {step} not kept: the cache is full or read-only; a killed run starts over")

    def load_checkpoint(self) -> tuple[int, Artifact] | None:
        """The newest intact checkpoint of this node's key."""
        entry = self.cache.load(self._checkpoint_key)
        if entry is None:
            return None
        return int(entry.meta["step"]), Artifact(entry.arrays, json.loads(entry.meta["meta"]))

    @property
    def _checkpoint_key(self) -> bytes:
        return digest(self.key, b"checkpoint")

    def emit(self, frame: int, out: Any) -> None:
        """Hand over the stream outputs of `frame`; an error in any node but a `Clip`, which gives them through `process`."""
        if self.emitter is None:
            raise OutputError(
                f"{self.node}: emit must be called by Clip nodes only, got {type(self.vertex.contract).__name__}"
            )
        self.emitter(frame, out)
