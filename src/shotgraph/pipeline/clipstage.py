"""Running one whole-shot node: `Clip` and `Clips`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from shotgraph.api.contracts import Clips
from shotgraph.api.frames import FrameSet
from shotgraph.api.kinds import check_frame, freeze
from shotgraph.errors import NodeError, ShotgraphError
from shotgraph.pipeline.readers import StreamReader
from shotgraph.pipeline.runners import tear_down
from shotgraph.pipeline.stages import Stage
from shotgraph.pipeline.vertex import Vertex

if TYPE_CHECKING:
    from shotgraph.pipeline.execute import Outcome, ShotRun


class ClipStage:
    """One whole-shot node."""

    def __init__(self, shot_run: ShotRun, outcome: Outcome) -> None:
        self._run, self._outcome = shot_run, outcome

    def run(self, stage: Stage) -> None:
        """Call `process` once and keep every frame it emits; `NodeError` when it fails or does not emit what was wanted."""
        run = self._run
        vertex = run.graph.vertices[stage.clip]
        substituted = run.substitutes.exist and run.substitutes.reach_whole(run.graph, vertex.name)
        ctx = run.context(vertex, whole=True)
        ctx.frames = tuple(stage.wanted)
        waiting = set(ctx.frames) if vertex.headers else set[int]()
        ctx.emitter = self._emitter(vertex, waiting, substituted=substituted)
        node = vertex.cls()
        started, told = time.perf_counter(), self._outcome.seconds.get(vertex.name, 0.0)
        with ExitStack() as opened:
            given = self._readers(vertex, opened)
            opened.callback(tear_down, node, ctx)
            try:
                node.setup(vertex.params, ctx)
                out = node.process(vertex.cls.In(**given, **run.values_for(vertex)), vertex.params, ctx)
            except ShotgraphError:
                raise
            except Exception as error:
                raise NodeError(f"{vertex.name} ({vertex.cls.id}): {type(error).__name__}: {error}") from error
        if waiting:
            raise NodeError(
                f"{vertex.name} ({vertex.cls.id}): must emit frames {stage.wanted}, got none for {FrameSet.of(waiting)}"
            )
        if out is not None:
            run.kept.store_value(vertex.name, out, substituted=substituted)
            # Frames were told of as they came; a node without any is one unit.
            frames_took = self._outcome.seconds.get(vertex.name, 0.0) - told
            self._outcome.spent(vertex.name, 0 if vertex.headers else 1, time.perf_counter() - started - frames_took)

    def _readers(self, vertex: Vertex, opened: ExitStack) -> dict[str, Any]:
        """A reader for each stream input, for a group node one a shot; `opened` closes them."""
        is_group = isinstance(vertex.contract, Clips)
        given: dict[str, Any] = {}
        for port, link in vertex.stream_links().items():
            readers: list[StreamReader] = []
            for member in self._run.members if is_group else [self._run]:
                readers.append(StreamReader(member, link.vertex, link.port))
                opened.callback(readers[-1].close)
            given[port] = readers if is_group else readers[0]
        return given

    def _emitter(self, vertex: Vertex, waiting: set[int], *, substituted: bool) -> Callable[[int, Any], None]:
        """What `ctx.emit` calls: checks and keeps one frame."""
        run = self._run
        streams = [(port, vertex.kinds[port]) for port in vertex.headers]
        last = time.perf_counter()
        if substituted:
            run.substitutes.mark(vertex.name, ())

        def emit(frame: int, out: Any) -> None:
            nonlocal last
            for port, kind in streams:
                check_frame(kind, getattr(out, port), who=f"{vertex.name}.{port}")
                freeze(kind, getattr(out, port))
            waiting.discard(frame)
            run.kept.store(vertex.name, frame, out, needed=True, substituted=substituted)
            if substituted:
                run.substitutes.mark(vertex.name, (frame,))
            now = time.perf_counter()
            self._outcome.spent(vertex.name, 1, now - last)
            run.tell_unit(vertex.name, frame, now - last)
            last = now
            # Behind the frame, not before it: what was computed is kept.
            run.cancel.check()

        return emit
