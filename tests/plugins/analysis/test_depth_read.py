"""Z passes with everything that renderers put where nothing is, read as inverse depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pass_files import write_part

from shotgraph.errors import GraphError, MediaError
from shotgraph.plugins.analysis.depth_read import Read

# A floor from 2 to 6.8 units away.
Z = (2 + 0.1 * np.arange(48, dtype=np.float32)).reshape(6, 8)


@pytest.fixture
def read(tmp_path: Path, make_context: Callable[..., Any]) -> Callable[..., Any]:
    """``read(plate=None, **params)``: an open reader of ``z.####.exr``."""

    def make(plate: Any = None, **params: Any) -> Any:
        ctx = make_context(headers={} if plate is None else {"video": plate}, node="depth")
        settings = Read.Params(file=str(tmp_path / "z.####.exr"), **params)
        media = Read.media(settings, ctx)
        reader = Read().open(media, settings, ctx)
        reader.media, reader.warnings = media, ctx.warnings
        return reader

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """``write(*frames, channel="Z", **attributes)``: passes from frame 1001 on."""

    def make(*frames: NDArray[Any], channel: str = "Z", attributes: Any = None) -> None:
        for index, plane in enumerate(frames):
            write_part(tmp_path / f"z.{1001 + index}.exr", {channel: plane}, attributes=attributes)

    return make


def with_background(value: float) -> NDArray[np.float32]:
    """The floor, and a corner of 2 x 3 pixels where nothing is."""
    plane = Z.copy()
    plane[:2, 5:] = value
    return plane


def test_distance_becomes_its_inverse_with_the_range_of_the_whole_clip(write: Any, read: Any) -> None:
    write(Z, Z + 10)

    frames = [read().read(frame) for frame in (1001, 1002)]

    np.testing.assert_allclose(frames[0].values, 1 / Z, rtol=1e-6)
    np.testing.assert_allclose(frames[1].values, 1 / (Z + 10), rtol=1e-6)
    low, high = np.percentile(np.concatenate((1 / Z.ravel(), 1 / (Z.ravel() + 10))), (1, 99))
    for frame in frames:
        assert (float(frame.low), float(frame.high)) == pytest.approx((low, high), rel=1e-5)
        assert (frame.values.dtype, frame.low.dtype, frame.low.ndim) == (np.float32, np.float32, 0)
    # The range is every file's business, so that no frame may stand on its own file alone.
    assert dict(read().media.frame_files) == {}


@pytest.mark.parametrize("value", [np.inf, 1e10, 3e38, 0.0])
def test_where_nothing_is_seen_depth_is_infinitely_far_and_no_part_of_the_range(
    write: Any, read: Any, value: float
) -> None:
    write(with_background(value))

    frame = read().read(1001)

    np.testing.assert_allclose(frame.values[2:], 1 / Z[2:], rtol=1e-6)
    assert (frame.values[:2, 5:] == 0).all()
    assert float(frame.low) > 1 / 7
    assert float(frame.low) == pytest.approx(np.percentile(1 / Z[with_background(0) > 0], 1), rel=1e-5)


def test_the_distance_of_the_background_is_chosen(write: Any, read: Any) -> None:
    # The largest that half floats hold stands for infinity in some files.
    write(with_background(65504).astype(np.float16))

    assert (read(background=65504).read(1001).values[:2, 5:] == 0).all()
    assert (read().read(1001).values[:2, 5:] > 0).all()


def test_a_distance_of_0_is_a_fault_where_that_was_said(write: Any, read: Any) -> None:
    write(with_background(0))

    with pytest.raises(
        MediaError,
        match=r"depth: distance must not be 0, got 6 of 48 pixels of 0 on frame 1001 \(.*z\.1001\.exr\); render it again, "
        r"or set zero to background",
    ):
        read(zero="error").read(1001)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_what_is_no_distance_is_counted_or_taken_for_background(write: Any, read: Any, value: float) -> None:
    write(Z, with_background(value))

    with pytest.raises(
        MediaError,
        match=r"depth: distance must be finite, got 6 of 48 pixels NaN or infinite on frame 1002 .*; render it again, or set "
        r"nonfinite",
    ):
        read().read(1001)
    assert (read(nonfinite="background").read(1002).values[:2, 5:] == 0).all()


def test_negative_distances_are_counted_or_turned_round(write: Any, read: Any) -> None:
    write(-Z)

    with pytest.raises(
        MediaError,
        match=r"depth: distance must not be negative, got 48 of 48 pixels below 0 on frame 1001 .*; set negate",
    ):
        read().read(1001)
    np.testing.assert_allclose(read(negate=True).read(1001).values, 1 / Z, rtol=1e-6)
    with pytest.raises(GraphError, match=r"depth: negate must go with distances, got meaning 'inverse'; leave it out"):
        read(negate=True, meaning="inverse")


def test_inverse_depth_is_taken_as_it_is(write: Any, read: Any) -> None:
    # Relative: its zero means nothing, and there may be less.
    values = 3 - Z
    write(values)

    frame = read(meaning="inverse").read(1001)

    np.testing.assert_array_equal(frame.values, values)
    assert (float(frame.low), float(frame.high)) == pytest.approx(tuple(np.percentile(values, (1, 99))), rel=1e-5)
    write(with_background(np.inf))
    with pytest.raises(MediaError, match=r"depth: inverse depth must be finite, got 6 of 48 pixels"):
        read(meaning="inverse").read(1001)


def test_a_range_that_the_files_state_is_theirs(write: Any, read: Any) -> None:
    write(1 / Z, attributes={"shotgraph:low": 0.125, "shotgraph:high": 2.0})

    stated, told = read().read(1001), read(meaning="distance").read(1001)

    np.testing.assert_array_equal(stated.values, 1 / Z)
    assert (float(stated.low), float(stated.high)) == (0.125, 2.0)
    np.testing.assert_allclose(told.values, Z, rtol=1e-6)
    assert float(told.high) > 6


def test_a_range_that_changes_on_the_way_is_refused(tmp_path: Path, read: Any) -> None:
    for frame, high in ((1001, 2.0), (1002, 3.0)):
        limits = {"shotgraph:low": 0.0, "shotgraph:high": high}
        write_part(tmp_path / f"z.{frame}.exr", {"Z": Z}, attributes=limits)

    with pytest.raises(
        MediaError,
        match=r"depth: the range of depth must be one for the clip, got \(0\.0, 2\.0\) on frame 1001 and \(0\.0, 3",
    ):
        read()


@pytest.mark.parametrize("channel", ["Z", "depth.Z", "depth", "zdepth"])
def test_the_usual_names_are_found_and_so_is_the_only_channel(write: Any, read: Any, channel: str) -> None:
    write(Z, channel=channel)

    np.testing.assert_allclose(read().read(1001).values, 1 / Z, rtol=1e-6)


def test_an_unusual_name_among_others_has_to_be_said(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "z.1001.exr", {"P.z": Z, "A": Z + 1})

    with pytest.raises(
        MediaError,
        match=r"depth: .*z\.####\.exr: channel must be named where there is none of Z, depth\.Z, depth, got A, P\.z; set it",
    ):
        read()
    np.testing.assert_allclose(read(channel="P.z").read(1001).values, 1 / Z, rtol=1e-6)


def test_a_stretched_pass_has_no_depth_that_was_not_there(write: Any, read: Any, make_header: Any) -> None:
    plane = np.where(np.arange(8) < 4, np.float32(1), np.float32(100)) * np.ones((6, 1), np.float32)
    write(plane)

    frame = read(make_header(width=24, height=9, count=1), fit="stretch").read(1001)

    assert frame.values.shape == (9, 24)
    assert sorted(set(frame.values.ravel().tolist())) == [pytest.approx(0.01), 1.0]


def test_a_clip_without_depth_is_told(write: Any, read: Any) -> None:
    write(np.full((6, 8), 1e10, np.float32))
    reader = read()

    frame = reader.read(1001)

    assert (frame.values == 0).all()
    assert reader.warnings == ["depth: depth must differ somewhere in the clip, got 0 everywhere it is known"]
