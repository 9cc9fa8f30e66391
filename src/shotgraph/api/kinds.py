"""The closed list of what one frame of a stream can be, and the few things the engine does to a frame of any kind.

A frame is an immutable numpy array or a record of arrays. A *stack* is the same kind with a leading time axis on every array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.pixels import NativeFrame, PixelFormat
from shotgraph.errors import ShapeError

StreamKind = Literal["native", "rgb", "rgb_linear", "mask", "flow", "depth", "trajectory", "keypoints"]
STREAM_KINDS: tuple[StreamKind, ...] = (
    "native",
    "rgb",
    "rgb_linear",
    "mask",
    "flow",
    "depth",
    "trajectory",
    "keypoints",
)

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class FlowFrame:
    """Optical flow of the pair (t, t + 1), filed under t; vectors are pixels, x then y.

    Attributes:
        forward: (H, W, 2) float32 on the grid of t: ``I_t(p) = I_{t+1}(p + forward(p))``; NaN at a stream's last frame.
        backward: (H, W, 2) float32 on the grid of t + 1: ``I_{t+1}(q) = I_t(q + backward(q))``; NaN at the last frame.
        occluded: (H, W) float32, 1 where a pixel of t cannot be seen in t + 1; 1 everywhere at the last frame.
    """

    forward: NDArray[np.float32]
    backward: NDArray[np.float32]
    occluded: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class DepthFrame:
    """Relative inverse depth: larger is nearer.

    Attributes:
        values: (H, W) float32.
        low: (,) float32, value that stands for far over the whole clip.
        high: (,) float32, value that stands for near over the whole clip.
    """

    values: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class KeypointsFrame:
    """Joints of the persons in a frame.

    Attributes:
        points: (P, K, 2) float32 pixels, x then y.
        scores: (P, K) float32 in [0, 1].
        tracks: (P,) int64, one id per person over the shot.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    tracks: NDArray[np.int64]


_RECORDS: Mapping[str, type[Any]] = {"flow": FlowFrame, "depth": DepthFrame, "keypoints": KeypointsFrame}
_ARRAY_NDIM = {"rgb": 3, "rgb_linear": 3, "mask": 2, "trajectory": 4}
_PICTURES = frozenset({"rgb", "rgb_linear"})
_FLOAT32 = np.dtype(np.float32)
# Member to (shape as people read it, rank, size of the last axis or None, dtype).
_MEMBERS: Mapping[str, Mapping[str, tuple[str, int, int | None, type[Any]]]] = {
    "flow": {
        "forward": ("(H, W, 2)", 3, 2, np.float32),
        "backward": ("(H, W, 2)", 3, 2, np.float32),
        "occluded": ("(H, W)", 2, None, np.float32),
    },
    "depth": {
        "values": ("(H, W)", 2, None, np.float32),
        "low": ("(,)", 0, None, np.float32),
        "high": ("(,)", 0, None, np.float32),
    },
    "keypoints": {
        "points": ("(P, K, 2)", 3, 2, np.float32),
        "scores": ("(P, K)", 2, None, np.float32),
        "tracks": ("(P,)", 1, None, np.int64),
    },
}


def arrays_of(kind: str, frame: Any) -> dict[str, Array]:
    """The arrays that `frame` is made of, by name."""
    if kind == "native":
        return {f"plane{i}": plane for i, plane in enumerate(cast(NativeFrame, frame).planes)}
    record = _RECORDS.get(kind)
    if record is None:
        return {kind: frame}
    return {item.name: getattr(frame, item.name) for item in fields(record)}


def frame_of(kind: str, arrays: Mapping[str, Array], *, pixel_format: str = "") -> Any:
    """The frame made of `arrays`; the inverse of `arrays_of`. `pixel_format` names the planes of a native frame."""
    if kind == "native":
        planes = tuple(arrays[f"plane{i}"] for i in range(len(arrays)))
        return NativeFrame(planes, PixelFormat.parse(pixel_format))
    record = _RECORDS.get(kind)
    return arrays[kind] if record is None else record(**arrays)


def _like(kind: str, frame: Any, arrays: Mapping[str, Array]) -> Any:
    name = cast(NativeFrame, frame).format.name if kind == "native" else ""
    return frame_of(kind, arrays, pixel_format=name)


def stack(kind: str, frames: Sequence[Any]) -> Any:
    """One stack of `frames`, which share shapes.

    Args:
        kind: one of `STREAM_KINDS`.
        frames: at least one frame of that kind; each is copied.

    Returns:
        The same kind with a leading time axis on every array, read-only.

    Raises:
        ShapeError: the frames differ in shape.
    """
    parts = [arrays_of(kind, frame) for frame in frames]
    try:
        stacked = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    except ValueError as error:
        shapes = sorted({str(next(iter(part.values())).shape) for part in parts})
        raise ShapeError(f"stack: frames of one stream must share a shape, got {' and '.join(shapes)}") from error
    return freeze(kind, _like(kind, frames[0], stacked))


def unstack(kind: str, stacked: Any) -> list[Any]:
    """The frames of a stack, as views."""
    arrays = arrays_of(kind, stacked)
    length = len(next(iter(arrays.values())))
    # The ellipsis keeps the (,) members of a depth stack arrays; a bare index would make them scalars.
    return [_like(kind, stacked, {name: array[t, ...] for name, array in arrays.items()}) for t in range(length)]


def blank(kind: str, frame: Any) -> Any:
    """A frame of zeros shaped like `frame`: what ``edge="blank"`` puts outside the shot."""
    return _like(kind, frame, {name: np.zeros_like(array) for name, array in arrays_of(kind, frame).items()})


def freeze(kind: str, frame: Any) -> Any:
    """`frame` with every array made read-only, so that no node can change what another one sees."""
    if kind in _ARRAY_NDIM:
        frame.setflags(write=False)
        return frame
    for array in arrays_of(kind, frame).values():
        array.setflags(write=False)
    return frame


def frame_bytes(kind: str, frame: Any) -> int:
    """Bytes of all arrays of `frame`."""
    return sum(array.nbytes for array in arrays_of(kind, frame).values())


def check_frame(kind: str, frame: Any, *, who: str) -> None:
    """Check that `frame` is what a port of `kind` carries.

    Args:
        kind: one of `STREAM_KINDS`.
        frame: what a node returned.
        who: ``node.port``, for the message.

    Raises:
        ShapeError: wrong type, rank, channel count or dtype, or members of a record that differ in size.
    """
    ndim = _ARRAY_NDIM.get(kind)
    expected_type: type[Any] = _RECORDS.get(kind, NativeFrame) if ndim is None else np.ndarray
    if not isinstance(frame, expected_type):
        raise ShapeError(f"{who}: a {kind} frame must be {expected_type.__name__}, got {type(frame).__name__}")
    if ndim is None:
        if kind in _MEMBERS:
            _check_members(kind, frame, who=who)
        return
    array: Array = frame
    fits = array.ndim == ndim and array.dtype == _FLOAT32
    if not fits or (kind in _PICTURES and array.shape[-1] not in (3, 4)):
        shape = {"rgb": "(H, W, 3|4)", "rgb_linear": "(H, W, 3|4)", "mask": "(H, W)"}.get(kind, "(steps, C, h, w)")
        raise ShapeError(f"{who}: a {kind} frame must be {shape} float32, got {array.shape} {array.dtype}")


def _check_members(kind: str, frame: Any, *, who: str) -> None:
    arrays = arrays_of(kind, frame)
    size = next(iter(arrays.values())).shape[:2]
    for name, (shape, ndim, last, dtype) in _MEMBERS[kind].items():
        array = arrays[name]
        fits = array.ndim == ndim and array.dtype == dtype and last in (None, array.shape[-1] if ndim else None)
        if not fits or array.shape[:2] != size[:ndim]:
            raise ShapeError(
                f"{who}: {name} of a {kind} frame must be {shape} {np.dtype(dtype)} of the size of the others, "
                f"got {array.shape} {array.dtype}"
            )
