"""Keys: names for results that change exactly when the result could.

``frame_key = H(node_key, keys of exactly the frames needed)``. Node names, frame numbers, output paths and log levels are not in
a key; a node that draws frame numbers or timecode says `numbered` and gets them in.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from shotgraph.api.contracts import Clips
from shotgraph.api.params import field_flags
from shotgraph.api.stream import StreamInfo
from shotgraph.digests import canonical, digest, digest_keys, file_digest
from shotgraph.pipeline.chunkgrid import BlendGrid, ChunkGrid
from shotgraph.pipeline.grid import BatchGrid, FrameGrid, IdentityGrid, NeedsGrid
from shotgraph.pipeline.identity import MediaIdentity
from shotgraph.pipeline.vertex import Graph, Vertex

ENGINE_KEY_VERSION = 1
_BLANK = digest(b"blank")
# Frame keys held a node. Far more than a window reaches, and little beside one frame's pixels.
_REMEMBERED = 2048
_PATTERN = re.compile(r"#+|@+|%0?\d*d|\$F\d*")


class Keyring:
    """Every key of one graph, computed once and forgotten when the frame is.

    Frame keys are memoised, the latest few thousand of each node, so that the memory taken does not grow with the clip; one that
    was dropped is computed again when it is asked for.
    """

    def __init__(self, graph: Graph, identities: Mapping[str, MediaIdentity], environment: Mapping[str, str]) -> None:
        self._graph = graph
        self._identities = identities
        # Every shot of the run: what the key of a `Clips` node is made of.
        self.group: tuple[Keyring, ...] = (self,)
        self._environment = environment
        self._nodes: dict[str, bytes] = {}
        self._frames: dict[str, dict[int, bytes]] = {name: {} for name in graph.vertices}
        self._units: dict[str, tuple[int, bytes]] = {}
        self._links = {name: vertex.stream_links() for name, vertex in graph.vertices.items()}
        self._makers = {name: self._maker(vertex) for name, vertex in graph.vertices.items()}
        self._files = {
            name: dict(zip(v.media.files, identities[name].digests, strict=True))
            for name, v in graph.vertices.items()
            if v.media is not None and v.media.frame_files
        }

    def node(self, name: str) -> bytes:
        """Key of a node: everything but its frames."""
        if name not in self._nodes:
            self._nodes[name] = digest(*self.ingredients(name).values())
        return self._nodes[name]

    def ingredients(self, name: str) -> dict[str, bytes]:
        """What a node's key is made of, by label; `explain` compares these between two runs."""
        vertex = self._graph.vertices[name]
        parts: dict[str, Any] = {
            "engine": ENGINE_KEY_VERSION,
            "node": vertex.cls.id,
            "version": vertex.cls.version,
            "plugin": vertex.distribution,
            "contract": {"name": type(vertex.contract).__name__, **asdict(vertex.contract)},
            "wiring": {port: link.port for port, link in vertex.links.items() if not vertex.ports[port].header_only},
            "numerics": self._numerics(vertex),
            "pixels": {p: _pixel_tags(vertex.input_headers[p]) for p in vertex.stream_links()},
        }
        if vertex.cls.numbered:
            parts["labels"] = [self._graph.shot.name, *(_labels(i) for i in vertex.input_headers.values())]
        if vertex.media is not None:
            parts["decoder"] = vertex.media.decoder
        for port, link in vertex.value_links().items():
            parts[f"input {port}"] = self.whole(link.vertex).hex()
        labelled = {f"param {k}": v for k, v in semantic_params(vertex).items()}
        labelled |= {f"model {role}": digest for role, digest in vertex.models.items()}
        return {label: canonical([label, value]) for label, value in (parts | labelled).items()}

    def _numerics(self, vertex: Vertex) -> Any:
        if vertex.cls.numerics == "exact":
            return "exact"
        devices = {"device", "dtype", "gpu", "cuda"}
        return {k: v for k, v in self._environment.items() if vertex.cls.numerics == "device" or k not in devices}

    def frame(self, name: str, index: int) -> bytes:
        """Key of one output index of `name`: a frame, or a window of a `Chunk`."""
        known = self._frames[name]
        key = known.get(index)
        if key is None:
            key = known[index] = self._makers[name](index)
            if len(known) > _REMEMBERED:
                self.forget(name, oldest=_REMEMBERED // 2)
        return key

    def _maker(self, vertex: Vertex) -> Callable[[int], bytes]:
        """What makes the frame keys of `vertex`; decided once, because keys are the engine's hot path."""
        grid = vertex.grid
        if vertex.is_source:
            return partial(self._source, vertex)
        if vertex.is_clip:
            return partial(self._emitted, vertex)
        if vertex.is_sequential:
            return partial(self._chained, vertex)
        if isinstance(grid, BatchGrid):
            return partial(self._batched, vertex, grid)
        if isinstance(grid, BlendGrid):
            return partial(self._blended, vertex, grid)
        if isinstance(grid, FrameGrid) and not vertex.cls.numbered:
            return partial(self._framewise, vertex.name, [link.vertex for link in self._links[vertex.name].values()])
        return partial(self._unit, vertex)

    def _framewise(self, name: str, producers: list[str], frame: int) -> bytes:
        return digest_keys(self.node(name), [self.frame(producer, frame) for producer in producers])

    def _emitted(self, vertex: Vertex, frame: int) -> bytes:
        return digest_keys(self.whole(vertex.name), (_number(frame - vertex.domain.first),))

    def _batched(self, vertex: Vertex, grid: BatchGrid, frame: int) -> bytes:
        unit, place = divmod(frame - grid.outputs.first, grid.batch)
        return digest_keys(self._unit(vertex, unit), (_number(place),))

    def _blended(self, vertex: Vertex, grid: BlendGrid, frame: int) -> bytes:
        places = (_number(frame - grid.windows.start(k)) for k in grid.needs(frame)["windows"] if k is not None)
        return digest_keys(self._unit(vertex, frame), places)

    def _unit(self, vertex: Vertex, unit: int) -> bytes:
        """Key of one unit; the last one is remembered, since the frames of a batch ask for it one after the other."""
        known = self._units.get(vertex.name)
        if known is not None and known[0] == unit:
            return known[1]
        grid = vertex.grid
        links = self._links[vertex.name]
        same = grid.query(unit) if isinstance(grid, IdentityGrid) else None
        if same is not None:
            return self.frame(links[same].vertex, unit)
        keys: list[bytes] = []
        for port, indices in grid.needs(unit).items():
            producer = links[port].vertex
            keys.extend([_BLANK if i is None else self.frame(producer, i) for i in indices])
            if isinstance(grid, NeedsGrid):
                # Counts differ from unit to unit, so without them two ports could run into each other.
                keys.append(_number(len(indices)))
        if isinstance(grid, ChunkGrid) and grid.chunk.anchors:
            keys.extend(self.frame(links[port].vertex, f) for port in grid.ports for f in grid.anchors())
        if vertex.cls.numbered:
            keys.append(_number(unit))
        key = digest_keys(self.node(vertex.name), keys)
        self._units[vertex.name] = (unit, key)
        return key

    def _source(self, vertex: Vertex, frame: int) -> bytes:
        place = _number(frame - vertex.domain.first)
        files = self._files.get(vertex.name)
        if files is None or vertex.media is None:
            return digest_keys(self.node(vertex.name), (*self._identities[vertex.name].digests, place))
        file = vertex.media.frame_files.get(frame)
        return digest_keys(self.node(vertex.name), (digest(b"hole", place) if file is None else files[file],))

    def _chained(self, vertex: Vertex, frame: int) -> bytes:
        """Key of a stateful frame: it depends on every frame before it, so keys form a chain from the shot's first."""
        known, first = self._frames[vertex.name], vertex.domain.first
        before = frame - 1 if frame - 1 in known else max((f for f in known if f < frame), default=first - 1)
        key = known[before] if before in known else self.node(vertex.name)
        links = self._links[vertex.name].values()
        for f in range(before + 1, frame + 1):
            key = digest_keys(key, [self.frame(link.vertex, f) for link in links])
        return key

    def whole(self, name: str) -> bytes:
        """Key of a node that sees whole shots: its artifact's key."""
        label = f"{name} whole"
        if label not in self._nodes:
            is_group = isinstance(self._graph.vertices[name].contract, Clips)
            # Sorted: a group is a set of shots, in whatever order they were found.
            members = sorted(ring.inputs_of(name) for ring in self.group) if is_group else [self.inputs_of(name)]
            self._nodes[label] = digest_keys(self.node(name), members)
        return self._nodes[label]

    def inputs_of(self, name: str) -> bytes:
        """Digest of every frame of this shot that a whole-shot node reads."""
        vertex = self._graph.vertices[name]
        links = vertex.stream_links().items()
        keys = (self.frame(link.vertex, f) for port, link in links for f in vertex.input_headers[port].range)
        return digest_keys(b"", keys)

    def forget(self, name: str, *, oldest: int) -> None:
        """Drop the memoised keys of `name` that have been known longest; the chain of a stateful node goes on from the rest."""
        known = self._frames[name]
        for index in list(itertools.islice(known, oldest)):
            del known[index]


def semantic_params(vertex: Vertex) -> dict[str, Any]:
    """The parameters that can change a pixel; a path that is read stands as a digest of what is there."""
    values = vertex.params.model_dump(mode="json")
    semantic: dict[str, Any] = {}
    for name, value in values.items():
        flags = field_flags(type(vertex.params), name)
        if not flags["semantic"] or flags["path"] == "write":
            continue
        if flags["path"] == "read":
            if vertex.media is None:
                semantic[name] = _content(value)
            continue
        semantic[name] = value
    return semantic


def _content(path: Any) -> Any:
    """Digest of the file, or of every file of the sequence, that a parameter names."""
    if not isinstance(path, str) or not path:
        return None
    file = Path(path)
    if not _PATTERN.search(file.name):
        return file_digest(file).hex() if file.is_file() else None
    matcher = re.compile(r"-?\d+".join(re.escape(part) for part in _PATTERN.split(file.name)))
    names = sorted(p.name for p in file.parent.iterdir() if matcher.fullmatch(p.name)) if file.parent.is_dir() else []
    return {name: file_digest(file.parent / name).hex() for name in names}


def _number(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


def _pixel_tags(info: StreamInfo) -> list[str]:
    """What a node may read off a header to make pixels with; where the media lies is not among it."""
    colour = info.colour
    tags = [info.kind, info.pixel_format, colour.primaries, colour.transfer, colour.matrix, colour.range]
    return [*tags, info.alpha, info.field_order, str(info.sar)]


def _labels(info: StreamInfo) -> list[str]:
    return [str(info.first_frame), str(info.rate), str(info.start_timecode), info.reel]
