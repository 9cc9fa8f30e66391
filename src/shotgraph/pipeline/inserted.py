"""The two nodes that the planner puts into a graph by itself: native pixels to RGB, and windows to a stream."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.context import Context
from shotgraph.api.contracts import Frame
from shotgraph.api.graph import NodeSpec
from shotgraph.api.kinds import arrays_of, frame_of
from shotgraph.api.node import Node
from shotgraph.api.params import Field, Params
from shotgraph.api.pixels import NativeFrame, PixelFormat
from shotgraph.api.ports import Native, Ports, PortSpec, Rgb
from shotgraph.errors import GraphError
from shotgraph.pipeline.chunkgrid import BlendGrid, ChunkGrid, contract_grid
from shotgraph.pipeline.vertex import Link, Vertex

ENGINE = "shotgraph engine"


class NativeToRgb(Node):
    """Exact, unclamped conversion of coded planes to RGB as coded by the source's transfer."""

    id = "engine.native_to_rgb"
    version = "1"
    contract = Frame()

    class In(Ports):
        """Planes."""

        video: Native

    class Out(Ports):
        """(H, W, 3) or, with alpha, (H, W, 4)."""

        video: Rgb

    class Params(Params):
        """Both settled when the graph was compiled, never guessed per frame."""

        matrix: str = Field(..., description="YUV coefficients, FFmpeg's name")
        range: str = Field(..., description="limited or full")

    def setup(self, params: Params, ctx: Context) -> None:
        """Import the maths here, so that planning stays light."""
        from shotgraph.maths.yuv import rgb_from_native

        self._convert = rgb_from_native

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=self._convert(frames.video, matrix=params.matrix, range=params.range))


class BlendWindows(Node):
    """Cross-fades the overlapping windows of a `Chunk` node to one stream; the engine calls `blend` itself."""

    id = "engine.blend_windows"
    version = "1"
    contract = Frame()
    numerics = "exact"


def blend(kind: str, windows: list[tuple[int, Any]], *, frame: int, grid: ChunkGrid) -> Any:
    """One frame out of the windows that hold it.

    Args:
        kind: stream kind of the port.
        windows: (window index, stack) of every window that covers `frame`, index ascending.
        frame: shot frame number.
        grid: where the windows lie.

    Returns:
        The frame: float32 sum in index order, so that order of arrival never changes a bit. A frame in one window only is
        that window's frame, untouched.
    """
    parts = [_frame_of_window(kind, stacked, frame - grid.start(index)) for index, stacked in windows]
    if len(parts) == 1:
        return parts[0]
    weights = np.array([grid.weight(index, frame) for index, _ in windows], np.float64)
    weights /= weights.sum()
    names = arrays_of(kind, parts[0]).keys()
    mixed = {name: _weighted([arrays_of(kind, part)[name] for part in parts], weights) for name in names}
    pixel_format = parts[0].format.name if isinstance(parts[0], NativeFrame) else ""
    return frame_of(kind, mixed, pixel_format=pixel_format)


def _frame_of_window(kind: str, stacked: Any, place: int) -> Any:
    arrays = {name: array[place] for name, array in arrays_of(kind, stacked).items()}
    pixel_format = stacked.format.name if isinstance(stacked, NativeFrame) else ""
    return frame_of(kind, arrays, pixel_format=pixel_format)


def _weighted(arrays: list[NDArray[Any]], weights: NDArray[np.float64]) -> NDArray[Any]:
    total = np.zeros(arrays[0].shape, np.float32)
    for array, weight in zip(arrays, weights, strict=True):
        total += np.float32(weight) * array.astype(np.float32)
    if np.issubdtype(arrays[0].dtype, np.integer):
        return np.rint(total).astype(arrays[0].dtype)
    return total.astype(arrays[0].dtype)


def conversion_of(producer: Vertex, port: str, *, name: str) -> Vertex:
    """The vertex that turns a native output into RGB, with its matrix and range settled here and said in its note.

    Args:
        producer: gives native frames at `port`.
        port: its output.
        name: of the new vertex.

    Returns:
        A vertex whose header says what the conversion took the pixels for.
    """
    # The maths load when a graph needs them, not when presets are checked.
    from shotgraph.maths.yuv import coding_of

    info = producer.headers[port]
    coding = coding_of(info.colour, PixelFormat.parse(info.pixel_format), width=info.width, height=info.height)
    return Vertex(
        name=name,
        cls=NativeToRgb,
        params=NativeToRgb.Params(matrix=coding.matrix, range=coding.range),
        contract=Frame(),
        links={"video": Link(producer.name, port)},
        ports={"video": PortSpec("video", "stream", ("native",))},
        kinds={"video": "rgb"},
        headers={
            "video": replace(info, kind="rgb", colour=replace(info.colour, matrix=coding.matrix, range=coding.range))
        },
        input_headers={"video": info},
        domain=producer.domain,
        grid=contract_grid(Frame(), ("video",), producer.domain),
        spec=NodeSpec(name=name, node=NativeToRgb.id, where=producer.spec.where),
        distribution=ENGINE,
        inserted=True,
        note=f"{info.pixel_format} to rgb, matrix {coding.matrix}, range {coding.range}, transfer {info.colour.transfer}",
        warnings=[f"{producer.name}: {guess}" for guess in coding.guessed],
    )


def blend_of(chunk: Vertex) -> Vertex:
    """The vertex that turns the windows of a `Chunk` node into a stream; `GraphError` for any other node."""
    grid = chunk.grid
    if not isinstance(grid, ChunkGrid):
        raise GraphError(f"{chunk.name}: a Chunk node must have a chunk grid, got {type(grid).__name__}")
    name = f"{chunk.name}>blend"
    return Vertex(
        name=name,
        cls=BlendWindows,
        params=BlendWindows.Params(),
        contract=Frame(),
        links={"windows": Link(chunk.name, "")},
        ports={"windows": PortSpec("windows", "stream", tuple(chunk.kinds.values()))},
        kinds=chunk.kinds,
        headers=chunk.headers,
        input_headers={"windows": next(iter(chunk.headers.values()))},
        domain=chunk.domain,
        grid=BlendGrid(("windows",), grid),
        spec=replace(chunk.spec, name=name, materialize=False),
        distribution=ENGINE,
        inserted=True,
        note=f"{grid.chunk.blend} over {grid.chunk.overlap} of {grid.chunk.size} frames",
        blends=chunk.cls.Out,
    )
