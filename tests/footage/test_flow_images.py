"""Flow as `core.write` leaves it: a file is about one frame, a record about two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pass_files import write_part

from shotgraph.api import FlowFrame
from shotgraph.errors import MediaError, MediaMissingError
from shotgraph.io.flowimages import flow_pixels, read_flow
from shotgraph.io.passnames import FLOW


def record(seed: int, *, height: int = 3, width: int = 5) -> FlowFrame:
    rng = np.random.default_rng(seed)
    forward, backward = rng.normal(0, 4, (2, height, width, 2)).astype(np.float32)
    return FlowFrame(forward, backward, (forward[..., 0] > 2).astype(np.float32))


def last(height: int = 3, width: int = 5) -> FlowFrame:
    nothing = np.full((height, width, 2), np.nan, np.float32)
    return FlowFrame(nothing, nothing, np.ones((height, width), np.float32))


def channels(pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return dict(zip(FLOW, np.moveaxis(pixels, -1, 0), strict=True))


def test_both_layers_of_a_file_lie_on_its_own_pixels_and_grow_upwards() -> None:
    before, now = record(1), record(2)

    found = channels(flow_pixels((now, before)))

    np.testing.assert_array_equal(found["forward.u"], now.forward[..., 0])
    np.testing.assert_array_equal(found["forward.v"], -now.forward[..., 1])
    # The record before leads back from this frame's pixels; this frame's own leads back from the next one's.
    np.testing.assert_array_equal(found["backward.u"], before.backward[..., 0])
    np.testing.assert_array_equal(found["backward.v"], -before.backward[..., 1])
    np.testing.assert_array_equal(found["occluded"], now.occluded)


def test_what_leads_out_of_the_shot_is_no_motion_and_no_nan() -> None:
    first, ending = channels(flow_pixels((record(1),))), channels(flow_pixels((last(), record(1))))

    assert (first["backward.u"] == 0).all()
    assert (ending["forward.v"] == 0).all()
    assert (ending["occluded"] == 1).all()
    assert (ending["backward.u"] != 0).all()


def test_two_files_make_the_record_of_their_pair(tmp_path: Path) -> None:
    records = [record(1), record(2), last()]
    for index, now in enumerate(records):
        pixels = channels(flow_pixels((now, *records[index - 1 : index])))
        write_part(tmp_path / f"flow.{index}.exr", {**pixels, "extra": pixels["occluded"]})

    found = read_flow(tmp_path / "flow.1.exr", tmp_path / "flow.2.exr")

    np.testing.assert_array_equal(found.forward, records[1].forward)
    np.testing.assert_array_equal(found.backward, records[1].backward)
    np.testing.assert_array_equal(found.occluded, records[1].occluded)


def test_files_that_are_no_flow_or_no_pair_are_told(tmp_path: Path) -> None:
    write_part(tmp_path / "flow.exr", channels(flow_pixels((record(1), record(2)))))
    write_part(tmp_path / "picture.exr", dict.fromkeys("RGB", record(1).occluded))
    small = (record(1, width=4), record(2, width=4))
    write_part(tmp_path / "small.exr", channels(flow_pixels(small)))

    with pytest.raises(MediaError, match=r"picture\.exr: image must have the channel forward\.u, got R, G, B; name"):
        read_flow(tmp_path / "picture.exr", tmp_path / "flow.exr")
    with pytest.raises(MediaMissingError, match=r"none\.exr: image must exist, got nothing there"):
        read_flow(tmp_path / "flow.exr", tmp_path / "none.exr")
    with pytest.raises(
        MediaError, match=r"small\.exr: flow must be 5x3 like the frame before, got 4x3; write it again"
    ):
        read_flow(tmp_path / "flow.exr", tmp_path / "small.exr")
