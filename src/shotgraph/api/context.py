"""What a node may ask of the engine while it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from shotgraph.api.frames import FrameSet
from shotgraph.api.ports import Artifact
from shotgraph.api.shot import Shot
from shotgraph.api.stream import StreamInfo

_Held = TypeVar("_Held")


class QueryContext(Protocol):
    """What the plan-time queries see: no pixels, no device.

    Attributes:
        node: the node's name in the preset.
        shot: the shot being planned.
        headers: header of every linked stream input, by port.
        strict: refuse what a codec or container would lose, instead of warning.
    """

    @property
    def node(self) -> str:
        """The node's name in the preset."""
        ...

    @property
    def shot(self) -> Shot:
        """The shot being planned or run."""
        ...

    @property
    def headers(self) -> Mapping[str, StreamInfo]:
        """Header of every linked stream input, by port."""
        ...

    @property
    def strict(self) -> bool:
        """Whether a loss is refused instead of warned about."""
        ...

    def warn(self, message: str) -> None:
        """Tell the user, once, in the plan and in the summary."""
        ...


class Context(QueryContext, Protocol):
    """What `process` sees beside its frames."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Shot frame numbers of the unit at hand, edge and padding frames included; for `Clip`, those wanted."""
        ...

    @property
    def index(self) -> int:
        """Index of the batch or window at hand, counted from the shot's first frame."""
        ...

    @property
    def anchors(self) -> Mapping[str, Any]:
        """`Chunk` only: by input port, the stack of anchor frames; empty without anchors."""
        ...

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:N``; frozen by the plan."""
        ...

    @property
    def dtype(self) -> str:
        """``fp32``, ``fp16`` or ``bf16``: what model nodes compute in; frozen by the plan."""
        ...

    @property
    def force(self) -> bool:
        """Whether a target may replace a file that is not its own."""
        ...

    @property
    def threads(self) -> int:
        """CPU threads every library is set to; frozen by the plan."""
        ...

    @property
    def work(self) -> Path:
        """A folder of this node's own, named by its key; survives a kill and is found again on resume."""
        ...

    def lease(self, name: str, load: Callable[[], _Held]) -> _Held:
        """What `load` gives, loaded once and shared by all nodes that ask for `name`; given back after this node's `teardown`.

        A model is leased, never kept in a module: `name` says all that it was made of (digests, device, dtype), and whoever
        changes it puts it back as it was.
        """
        ...

    def progress(self, done: int, total: int) -> None:
        """Say how far a long unit is."""
        ...

    def check_cancelled(self) -> None:
        """Raise `Cancelled` here if the run was asked to stop; call it at least every two seconds."""
        ...

    def note(self, **values: float | int | str) -> None:
        """Record facts about this unit for the report."""
        ...

    def save_checkpoint(self, step: int, state: Artifact) -> None:
        """Keep `state` so that a killed node resumes at `step`; replaces the last one atomically."""
        ...

    def load_checkpoint(self) -> tuple[int, Artifact] | None:
        """The newest intact checkpoint of this node's key, or None."""
        ...

    def emit(self, frame: int, out: Any) -> None:
        """`Clip` only: hand over the stream outputs of `frame`; they are stored before this returns."""
        ...


class FrameReader(Protocol):
    """Random access to one stream of a shot, as `Clip` nodes get it."""

    @property
    def info(self) -> StreamInfo:
        """The stream's header."""
        ...

    @property
    def frames(self) -> FrameSet:
        """Frames it can give: the shot with its handles."""
        ...

    def __getitem__(self, frame: int) -> Any:
        """The frame with that shot number, read-only; `FrameRangeError` outside the shot."""
        ...
