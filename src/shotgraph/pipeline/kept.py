"""Kept outputs: a node's values to and from the cache."""

from __future__ import annotations

import json
from typing import Any

from shotgraph.api.frames import FrameSet
from shotgraph.api.kinds import arrays_of, frame_bytes, frame_of
from shotgraph.api.ports import Artifact, Table, port_specs
from shotgraph.digests import digest, digest_keys
from shotgraph.errors import OutputError
from shotgraph.pipeline.cache import Cache, Entry
from shotgraph.pipeline.grid import IdentityGrid
from shotgraph.pipeline.keys import Keyring
from shotgraph.pipeline.substitutes import Skipped
from shotgraph.pipeline.vertex import Graph, Vertex


class KeptStore:
    """Stores and loads the outputs of kept nodes of one graph."""

    def __init__(
        self,
        graph: Graph,
        keys: Keyring,
        cache: Cache,
        *,
        refresh: frozenset[str] = frozenset(),
        memory_bytes: int = 1 << 30,
    ) -> None:
        self._graph, self._keys, self._cache, self._refresh = graph, keys, cache, refresh
        self._spill: dict[bytes, Entry] = {}
        self._stand_ins: dict[tuple[str, int], Any] = {}
        self._spill_room_bytes = memory_bytes

    def present(self, name: str, wanted: FrameSet) -> FrameSet:
        """The output indices among `wanted` that are kept and intact."""
        vertex = self._graph.vertices[name]
        if name in self._refresh:
            return FrameSet()
        if not vertex.headers:
            return wanted
        return FrameSet.of(index for index in wanted if self._cache.has(self._key(name, index)))

    def _key(self, name: str, index: int) -> bytes:
        """What the kept result of one index is called."""
        vertex = self._graph.vertices[name]
        key = self._keys.frame(name, index)
        # A frame that is an input's unchanged has that input's key, but its own ports.
        return digest(key, *(p.encode() for p in vertex.headers)) if isinstance(vertex.grid, IdentityGrid) else key

    def valued(self, name: str) -> bool:
        """Whether the artifacts and tables of a whole-shot node are kept and intact; True where it has none."""
        if not any(port.medium != "stream" for port in port_specs(self._graph.vertices[name].cls.Out)):
            return True
        return name not in self._refresh and self._cache.has(self._keys.whole(name))

    def store(self, name: str, index: int, out: Any, *, needed: bool, substituted: bool = False) -> None:
        """Keep the stream outputs of one index.

        A cache that is full or read-only is passed through; what a later stage has to read (`needed`) then waits in memory.
        So does a substitute for a failed result, which must not outlive the run.

        Args:
            name: the node.
            index: output index.
            out: its `Out`, or what stands for a skipped one.
            needed: a later stage reads it.
            substituted: it is, or is made of, a substitute.
        """
        vertex = self._graph.vertices[name]
        if substituted:
            if needed:
                self._take_room(0 if isinstance(out, Skipped) else _out_bytes(vertex, out), name)
                self._stand_ins[name, index] = out
            return
        arrays: dict[str, Any] = {}
        meta: dict[str, str] = {"node": vertex.cls.id, "index": str(index)}
        for port in vertex.headers:
            kind, value = vertex.kinds[port], getattr(out, port)
            arrays |= {f"{port}/{part}": array for part, array in arrays_of(kind, value).items()}
            if kind == "native":
                meta[f"{port}/format"] = value.format.name
        key = self._key(name, index)
        if not self._cache.store(key, arrays, meta) and needed:
            self._spill_over(key, Entry(arrays, meta), name)

    def _spill_over(self, key: bytes, entry: Entry, name: str) -> None:
        """Hold in memory what the cache would not take."""
        self._take_room(sum(array.nbytes for array in entry.arrays.values()), name)
        self._spill[key] = entry

    def _take_room(self, taken_bytes: int, name: str) -> None:
        """Count memory that results of `name` take; `OutputError` when there is none left."""
        self._spill_room_bytes -= taken_bytes
        if self._spill_room_bytes < 0:
            raise OutputError(
                f"cache: {self._cache.root} must have room for the outputs of {name}, got a full or read-only disk and no memory "
                "left to hold them; free some space or choose another place with --cache"
            )

    def _entry(self, key: bytes) -> Entry | None:
        return self._spill.get(key) or self._cache.load(key)

    def load(self, name: str, index: int) -> Any:
        """The `Out` kept for one index; `OutputError` when it was there at planning time and is gone now."""
        out = self.find(name, index)
        if out is None:
            raise OutputError(
                f"cache: the kept result of {name} at {index} must stay until the run ends, got nothing at "
                f"{self._cache.path(self._key(name, index))}; run again to compute it"
            )
        return out

    def find(self, name: str, index: int) -> Any:
        """The `Out` kept for one index, or None."""
        stand_in = self._stand_ins.get((name, index))
        if stand_in is not None:
            return stand_in
        vertex = self._graph.vertices[name]
        entry = self._entry(self._key(name, index))
        if entry is None:
            return None
        streams = {port: _port_value(port, vertex.kinds[port], entry) for port in vertex.headers}
        others = {p.name: None for p in port_specs(vertex.out) if p.medium != "stream"}
        return vertex.out(**streams, **others)

    def store_value(self, name: str, out: Any, *, substituted: bool = False) -> None:
        """Keep the artifacts and tables of a whole-shot node; those made of a substitute only until the run ends."""
        vertex = self._graph.vertices[name]
        arrays: dict[str, Any] = {}
        meta: dict[str, str] = {"node": vertex.cls.id}
        for port in port_specs(vertex.cls.Out):
            value = None if port.medium == "stream" else getattr(out, port.name)
            if isinstance(value, Artifact):
                arrays |= {f"{port.name}/{part}": array for part, array in value.arrays.items()}
                meta[f"{port.name}/meta"] = json.dumps(value.meta)
            elif isinstance(value, Table):
                meta[f"{port.name}/table"] = json.dumps([value.columns, value.rows])
        key = self._keys.whole(name)
        if substituted or not self._cache.store(key, arrays, meta):
            self._spill_over(key, Entry(arrays, meta), name)

    def load_value(self, name: str, port: str) -> Artifact | Table:
        """The artifact or table that a whole-shot node keeps under `port`; `OutputError` when it is gone."""
        entry = self._entry(self._keys.whole(name))
        if entry is None:
            raise OutputError(f"cache: the kept {name}.{port} must stay until the run ends, got nothing; run again")
        table = entry.meta.get(f"{port}/table")
        if table is not None:
            columns, rows = json.loads(table)
            return Table(tuple(columns), tuple(tuple(row) for row in rows))
        arrays = {n.removeprefix(f"{port}/"): a for n, a in entry.arrays.items() if n.startswith(f"{port}/")}
        return Artifact(arrays, json.loads(entry.meta[f"{port}/meta"]))

    def store_state(self, name: str, frame: int, state: Artifact) -> None:
        """Keep the state of a stateful node behind `frame`."""
        self._cache.store(self._state_key(name, frame), state.arrays, {"meta": json.dumps(state.meta)})

    def load_state(self, name: str, frame: int) -> Artifact | None:
        """The state behind `frame`, or None."""
        entry = self._cache.load(self._state_key(name, frame))
        return None if entry is None else Artifact(entry.arrays, json.loads(entry.meta["meta"]))

    def restart(self, name: str, frame: int) -> int:
        """The frame a stateful node has to start at to give `frame`: behind the nearest saved state, else the first."""
        vertex = self._graph.vertices[name]
        start = vertex.domain.first
        # Upwards, because keys form a chain from the shot's first frame.
        for saved in range(start, frame if name not in self._refresh else start):
            if is_saved(vertex, saved) and self._cache.has(self._state_key(name, saved)):
                start = saved + 1
        return start

    def _state_key(self, name: str, frame: int) -> bytes:
        return digest_keys(digest(b"state"), (self._keys.frame(name, frame),))


def is_saved(vertex: Vertex, frame: int) -> bool:
    """Whether a stateful node saves its state behind `frame`: every so many frames from the shot's first."""
    every = getattr(vertex.contract, "checkpoint_every", 0)
    return bool(every) and (frame - vertex.domain.first + 1) % every == 0


def _out_bytes(vertex: Vertex, out: Any) -> int:
    return sum(frame_bytes(vertex.kinds[port], getattr(out, port)) for port in vertex.headers)


def _port_value(port: str, kind: str, entry: Entry) -> Any:
    prefix = f"{port}/"
    arrays = {name.removeprefix(prefix): array for name, array in entry.arrays.items() if name.startswith(prefix)}
    return frame_of(kind, arrays, pixel_format=entry.meta.get(f"{port}/format", ""))
