"""FFV1 of libav loses the last chroma samples of 4:1:1 and 4:1:0 where a block of four is incomplete."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest


@pytest.mark.parametrize("name", ["yuv411p", "yuv410p"])
@pytest.mark.parametrize("size", [(101, 67), (102, 69)])
def test_an_incomplete_block_goes_into_finer_chroma_and_nothing_is_lost(
    tmp_path: Path, header: Any, write_frames: Any, ramp_frame: Any, decoded: Any, name: str, size: tuple[int, int]
) -> None:
    width, height = size

    write_frames(tmp_path / "out.mkv", header(name, width=width, height=height), codec="ffv1")

    for index, frame in enumerate(decoded(tmp_path / "out.mkv")):
        assert frame.format.chroma_shift < (2, 2)
        x, y = frame.format.chroma_shift
        before = ramp_frame(name, width, height, index)
        across, down = 1 << (before.format.chroma_shift[0] - x), 1 << (before.format.chroma_shift[1] - y)
        np.testing.assert_array_equal(frame.planes[0], before.planes[0])
        for plane in (1, 2):
            np.testing.assert_array_equal(frame.planes[plane][::down, ::across], before.planes[plane])


@pytest.mark.parametrize("name", ["yuv411p", "yuv410p"])
def test_whole_blocks_stay_what_they_are(
    tmp_path: Path, header: Any, write_frames: Any, ramp_frame: Any, decoded: Any, name: str
) -> None:
    write_frames(tmp_path / "out.mkv", header(name, width=104, height=68), codec="ffv1")

    for index, frame in enumerate(decoded(tmp_path / "out.mkv")):
        assert frame.format.name == name
        for after, before in zip(frame.planes, ramp_frame(name, 104, 68, index).planes, strict=True):
            np.testing.assert_array_equal(after, before)


def test_libav_still_loses_them(tmp_path: Path, ramp_frame: Any, decoded: Any) -> None:
    # When this fails, libav has learned it, and `whole_blocks` of FFV1 can go.
    before = ramp_frame("yuv411p", 101, 67, 0)
    picture = av.VideoFrame(101, 67, "yuv411p")
    for plane, samples in zip(picture.planes, before.planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[: samples.shape[0], : samples.shape[1]] = samples
        plane.update(rows.tobytes())
    with av.open(str(tmp_path / "out.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25, options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = 101, 67, "yuv411p"
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))

    (after,) = decoded(tmp_path / "out.mkv")

    np.testing.assert_array_equal(after.planes[0], before.planes[0])
    assert (after.planes[1][:, 25] != before.planes[1][:, 25]).any()
