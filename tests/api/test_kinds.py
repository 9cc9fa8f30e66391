"""What the engine does to a frame of any kind: split, stack, blank, freeze, check."""

from typing import Any

import numpy as np
import pytest

from shotgraph.api import DepthFrame, FlowFrame, KeypointsFrame, NativeFrame, PixelFormat
from shotgraph.api.kinds import (
    STREAM_KINDS,
    arrays_of,
    blank,
    check_frame,
    frame_bytes,
    frame_of,
    freeze,
    stack,
    unstack,
)
from shotgraph.errors import ShapeError

H, W = 3, 5


def ramp(*shape: int, start: int = 0, dtype: Any = np.float32) -> np.ndarray:
    return (np.arange(np.prod(shape, dtype=int)).reshape(shape) + start).astype(dtype)


def frame(kind: str, start: int = 0) -> Any:
    """A frame of `kind` in which no two members hold the same values."""
    match kind:
        case "native":
            planes = (
                ramp(H, W, start=start, dtype=np.uint8),
                *(ramp(2, 3, start=start + n, dtype=np.uint8) for n in (40, 60)),
            )
            return NativeFrame(planes, PixelFormat.parse("yuv420p"))
        case "flow":
            return FlowFrame(ramp(H, W, 2, start=start), ramp(H, W, 2, start=start + 50), ramp(H, W, start=start + 90))
        case "depth":
            return DepthFrame(
                ramp(H, W, start=start), np.array(start - 1, np.float32), np.array(start + 99, np.float32)
            )
        case "keypoints":
            return KeypointsFrame(
                ramp(2, 4, 2, start=start), ramp(2, 4, start=start + 20), ramp(2, start=start, dtype=np.int64)
            )
        case "mask":
            return ramp(H, W, start=start)
        case "trajectory":
            return ramp(6, 4, H, W, start=start)
        case _:
            return ramp(H, W, 3, start=start)


def same(kind: str, left: Any, right: Any) -> bool:
    a, b = arrays_of(kind, left), arrays_of(kind, right)
    return list(a) == list(b) and all(
        isinstance(b[name], np.ndarray) and a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name])
        for name in a
    )


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_a_frame_is_its_arrays_and_back(kind: str) -> None:
    original = frame(kind)

    again = frame_of(kind, arrays_of(kind, original), pixel_format="yuv420p")

    assert type(again) is type(original)
    assert same(kind, original, again)
    assert not same(kind, original, frame(kind, start=1))


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_a_stack_gives_its_frames_back_in_order(kind: str) -> None:
    frames = [frame(kind, start) for start in (0, 7, 3)]

    stacked = stack(kind, frames)

    assert all(array.shape[0] == 3 for array in arrays_of(kind, stacked).values())
    assert [same(kind, a, b) for a, b in zip(frames, unstack(kind, stacked), strict=True)] == [True, True, True]


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_the_frames_of_a_stack_pass_the_check_of_their_port(kind: str) -> None:
    for single in unstack(kind, stack(kind, [frame(kind), frame(kind, 5)])):
        check_frame(kind, single, who="node.port")


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_blank_is_zero_everywhere_and_leaves_the_frame_alone(kind: str) -> None:
    original = frame(kind, start=1)

    empty = blank(kind, original)

    assert all(not array.any() for array in arrays_of(kind, empty).values())
    assert [a.shape for a in arrays_of(kind, empty).values()] == [a.shape for a in arrays_of(kind, original).values()]
    assert same(kind, original, frame(kind, start=1))


@pytest.mark.parametrize("kind", STREAM_KINDS)
def test_a_frozen_frame_cannot_be_written(kind: str) -> None:
    frozen = freeze(kind, frame(kind))

    for array in arrays_of(kind, frozen).values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_stacks_are_read_only() -> None:
    stacked = stack("mask", [frame("mask"), frame("mask")])

    with pytest.raises(ValueError, match="read-only"):
        stacked[0, 0, 0] = 1


def test_frames_of_different_sizes_do_not_stack() -> None:
    with pytest.raises(ShapeError, match=r"must share a shape, got \(3, 5\) and \(3, 6\)"):
        stack("mask", [ramp(3, 5), ramp(3, 6)])


def test_bytes_count_every_member() -> None:
    assert frame_bytes("flow", frame("flow")) == (2 + 2 + 1) * H * W * 4
    assert frame_bytes("native", frame("native")) == H * W + 2 * 2 * 3


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        ("native", ramp(H, W, 3), "a native frame must be NativeFrame, got ndarray"),
        ("flow", ramp(H, W, 2), "a flow frame must be FlowFrame, got ndarray"),
        ("rgb", frame("native"), "a rgb frame must be ndarray, got NativeFrame"),
        ("rgb", ramp(H, W, 2), r"must be \(H, W, 3\|4\) float32, got \(3, 5, 2\) float32"),
        ("rgb", ramp(H, W, 3, dtype=np.float64), r"must be \(H, W, 3\|4\) float32, got \(3, 5, 3\) float64"),
        ("rgb", np.array(1, np.float32), r"must be \(H, W, 3\|4\) float32, got \(\) float32"),
        ("rgb_linear", ramp(2, H, W, 3), r"got \(2, 3, 5, 3\) float32"),
        ("mask", ramp(H, W, 1), r"a mask frame must be \(H, W\) float32, got \(3, 5, 1\) float32"),
        ("mask", ramp(H, W, dtype=np.uint8), r"a mask frame must be \(H, W\) float32, got \(3, 5\) uint8"),
        ("trajectory", ramp(4, H, W), r"must be \(steps, C, h, w\) float32, got \(4, 3, 5\) float32"),
    ],
)
def test_a_frame_of_another_kind_is_refused(kind: str, wrong: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"^edit.video: .*{message}"):
        check_frame(kind, wrong, who="edit.video")


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        (
            "flow",
            FlowFrame(ramp(H, W, 2), ramp(H, W, 3), ramp(H, W)),
            r"backward of a flow frame must be \(H, W, 2\) float32 of .*, got \(3, 5, 3\) float32",
        ),
        (
            "flow",
            FlowFrame(ramp(H, W, 2), ramp(H, W, 2), ramp(W, H)),
            r"occluded of a flow frame must be \(H, W\) float32 of the size of the others, got \(5, 3\) float32",
        ),
        (
            "flow",
            FlowFrame(ramp(H, W, 2, dtype=np.float64), ramp(H, W, 2), ramp(H, W)),
            r"forward of a flow frame .*, got \(3, 5, 2\) float64",
        ),
        (
            "depth",
            DepthFrame(ramp(H, W), ramp(1), np.array(1, np.float32)),
            r"low of a depth frame must be \(,\) float32 .*, got \(1,\) float32",
        ),
        (
            "keypoints",
            KeypointsFrame(ramp(2, 4, 2), ramp(2, 4), ramp(3, dtype=np.int64)),
            r"tracks of a keypoints frame must be \(P,\) int64 of the size of the others, got \(3,\) int64",
        ),
    ],
)
def test_a_record_whose_members_do_not_fit_is_refused(kind: str, wrong: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=f"^flow.out: {message}"):
        check_frame(kind, wrong, who="flow.out")
