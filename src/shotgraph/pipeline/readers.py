"""Random access to a stream, for whole-shot nodes: from the cache, from media, or computed on the spot by light nodes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from shotgraph.api.frames import FrameSet
from shotgraph.api.kinds import check_frame, freeze
from shotgraph.api.media import Reader
from shotgraph.api.node import Node, Source
from shotgraph.api.stream import StreamInfo
from shotgraph.errors import FrameRangeError, GraphError, NodeError, ShotgraphError
from shotgraph.pipeline.runners import set_up, tear_down
from shotgraph.pipeline.stages import random_access
from shotgraph.pipeline.substitutes import Skipped

if TYPE_CHECKING:
    from shotgraph.pipeline.execute import ShotRun

# A whole-shot node mostly walks forward or compares neighbours; a few frames are enough.
_REMEMBERED_FRAMES = 8


class StreamReader:
    """The `FrameReader` of one output of one node."""

    def __init__(self, run: ShotRun, name: str, port: str) -> None:
        self._run, self._name, self._port = run, name, port
        self._vertex = run.graph.vertices[name]
        self._recent: OrderedDict[int, Any] = OrderedDict()
        self._inputs: dict[str, StreamReader] = {}
        self._values: dict[str, Any] = {}
        self._media: Reader | None = None
        self._node: Node | None = None
        self._ctx = run.context(self._vertex)
        self._kept = not random_access(run.graph, name)
        if not self._kept:
            self._open()

    @property
    def info(self) -> StreamInfo:
        """The stream's header."""
        return self._vertex.headers[self._port]

    @property
    def frames(self) -> FrameSet:
        """The shot with its handles."""
        return FrameSet((self.info.range,))

    def __getitem__(self, frame: int) -> Any:
        """The frame with that shot number; `FrameRangeError` outside the shot."""
        if frame not in self.info.range:
            raise FrameRangeError(f"{self._name}: frame must be in {self.info.range}, got {frame}")
        out = self._recent.get(frame)
        if out is None:
            out = self._recent[frame] = self._out(frame)
            if len(self._recent) > _REMEMBERED_FRAMES:
                self._recent.popitem(last=False)
        else:
            self._recent.move_to_end(frame)
        return getattr(out, self._port)

    def close(self) -> None:
        """Release media and nodes."""
        for reader in self._inputs.values():
            reader.close()
        if self._media is not None:
            self._media.close()
        if self._node is not None and self._media is None:
            tear_down(self._node, self._ctx)

    def _open(self) -> None:
        vertex, ctx = self._vertex, self._ctx
        self._node = vertex.cls()
        if isinstance(self._node, Source):
            if vertex.media is None:
                raise GraphError(f"{vertex.name}: a source must have media, got none")
            self._media = self._node.open(vertex.media, vertex.params, ctx)
            return
        set_up(vertex, self._node, ctx)
        self._values = self._run.values_for(vertex)
        self._inputs = {p: StreamReader(self._run, link.vertex, link.port) for p, link in vertex.stream_links().items()}

    def _out(self, frame: int) -> Any:
        """The node's `Out` at `frame`."""
        vertex = self._vertex
        if self._media is not None:
            if vertex.media is not None and frame in vertex.media.skipped:
                return self._whole(Skipped(f"frame {frame} has no file; read it with holes: hold"))
            kind = vertex.kinds[self._port]
            return vertex.cls.Out(**{self._port: freeze(kind, self._media.read(frame))})
        if self._kept or self._node is None:
            return self._whole(self._run.kept.load(self._name, frame))
        ctx = self._ctx
        ctx.frames, ctx.index = (frame,), frame
        given = {port: reader[frame] for port, reader in self._inputs.items()}
        try:
            out = self._node.process(vertex.cls.In(**given, **self._values), vertex.params, ctx)
        except ShotgraphError:
            raise
        except Exception as error:
            raise NodeError(
                f"{vertex.name} ({vertex.cls.id}) frame {frame}: {type(error).__name__}: {error}"
            ) from error
        for port, kind in vertex.kinds.items():
            check_frame(kind, getattr(out, port), who=f"{vertex.name}.{port}")
            freeze(kind, getattr(out, port))
        return out

    def _whole(self, out: Any) -> Any:
        """`out`; `NodeError` when it was skipped: a whole shot has no holes."""
        if isinstance(out, Skipped):
            raise NodeError(
                f"{self._name}: a whole-shot node must see every frame, got a skipped one ({out.reason})",
                hint="use on_error: hold upstream",
            )
        return out
