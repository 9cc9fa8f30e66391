"""Tiny checkpoints, a command line, and a stand-in for the engine that runs a node over readers and keeps what it emits."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import own_folders, shotgraph
from tiny_checkpoints import checkpoint
from tiny_models import one_thread

from shotgraph.api import Node, StreamInfo

__all__ = ["checkpoint", "one_thread", "own_folders", "shotgraph"]

FIRST = 1001


@dataclass
class Ran:
    """What a node did.

    Attributes:
        emitted: `Out` of every frame.
        out: what `process` returned.
        warnings: what it told the user.
        leased: names of what it leased.
        notes: facts for the report.
    """

    emitted: Mapping[int, Any]
    out: Any
    warnings: Sequence[str]
    leased: Sequence[str]
    notes: Mapping[str, Any]


@pytest.fixture
def stream(make_reader: Any, make_header: Any) -> Callable[..., Any]:
    """A reader of given frames, from 1001 on; `size` for kinds whose frames do not show it."""

    def make(frames: Sequence[Any], *, kind: str = "rgb", size: tuple[int, int] | None = None) -> Any:
        height, width = size or frames[0].shape[:2]
        info = make_header(kind=kind, count=len(frames), width=width, height=height, first_frame=FIRST)
        return make_reader(info, lambda frame: frames[frame - FIRST])

    return make


@pytest.fixture
def run_clip(make_context: Any, tmp_path: Path) -> Callable[..., Ran]:
    """Run a `Clip` node as the engine does: plan-time queries, setup, process, teardown."""

    @dataclass
    class Emitting(make_context):
        notes: dict[str, Any] = field(default_factory=dict[str, Any])

        def emit(self, frame: int, out: Any) -> None:
            if self.stop_after is not None and len(self.emitted) == self.stop_after:
                raise KeyboardInterrupt
            assert frame not in self.emitted
            self.emitted[frame] = out

        def note(self, **values: Any) -> None:
            self.notes |= values

    def run(
        node: type[Node],
        readers: Mapping[str, Any],
        *,
        values: Mapping[str, Any] | None = None,
        frames: Sequence[int] = (),
        leased: Mapping[str, Any] | None = None,
        stop_after: int | None = None,
        **params: Any,
    ) -> Ran:
        settings = node.Params(**params)
        headers: dict[str, StreamInfo] = {port: reader.info for port, reader in readers.items()}
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        ctx = Emitting(headers=headers, frames=tuple(frames or headers["video"].range), work=work)
        ctx.leased, ctx.stop_after = dict(leased or {}), stop_after
        node.info(settings, ctx)
        node.models(settings, ctx)
        made = node()
        made.setup(settings, ctx)
        out = made.process(node.In(**readers, **(values or {})), settings, ctx)
        made.teardown(ctx)
        assert vars(made) == {}
        return Ran(ctx.emitted, out, ctx.warnings, tuple(ctx.leased), ctx.notes)

    return run


class Alive:
    """How many of the arrays that were handed out are held by somebody, at most at a time."""

    def __init__(self) -> None:
        self._held: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()
        self.most = 0

    def note(self, array: np.ndarray) -> np.ndarray:
        """Hand out a copy."""
        own = array.copy()
        self._held[id(own)] = own
        self.most = max(self.most, len(self._held))
        return own


@pytest.fixture
def alive() -> Alive:
    return Alive()


def waves(count: int, *, height: int = 40, width: int = 56, seed: int = 0) -> list[np.ndarray]:
    """Pictures that drift by (2, 1) pixels a frame over a smooth pattern of their seed."""
    rng = np.random.default_rng(seed)
    directions, phases = rng.uniform(-0.35, 0.35, (8, 2)), rng.uniform(0, 2 * np.pi, (8, 3))
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    frames = []
    for frame in range(count):
        along = [(x - 2 * frame) * u + (y - frame) * v for u, v in directions]
        total = sum(np.cos(a[..., None] + phase) for a, phase in zip(along, phases, strict=True))
        frames.append((0.5 + 0.06 * np.asarray(total)).astype(np.float32))
    return frames


@pytest.fixture
def drifting() -> Callable[..., list[np.ndarray]]:
    return waves
