"""Mattes out of any channel, and out of ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pass_files import write_part

from shotgraph.errors import GraphError, MediaError
from shotgraph.plugins.analysis.matte_read import Read

RAMP = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)


@pytest.fixture
def read(tmp_path: Path, make_context: Callable[..., Any]) -> Callable[..., Any]:
    """``read(plate=None, name="m.####.exr", **params)``: an open reader."""

    def make(plate: Any = None, name: str = "m.####.exr", **params: Any) -> Any:
        ctx = make_context(headers={} if plate is None else {"video": plate}, node="roto")
        settings = Read.Params(file=str(tmp_path / name), **params)
        media = Read.media(settings, ctx)
        reader = Read().open(media, settings, ctx)
        reader.media, reader.warnings = media, ctx.warnings
        return reader

    return make


def test_alpha_is_taken_where_there_is_one(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "m.1001.exr", {**dict.fromkeys("RGB", 1 - RAMP), "A": RAMP})

    matte = read().read(1001)

    np.testing.assert_array_equal(matte, RAMP)
    assert matte.dtype == np.float32


def test_the_only_channel_is_the_matte_whatever_its_name(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "m.1001.exr", {"hero.mask": RAMP})

    np.testing.assert_array_equal(read().read(1001), RAMP)


def test_any_other_channel_has_to_be_named(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "m.1001.exr", {"R": RAMP, "G": 1 - RAMP, "B": RAMP})

    with pytest.raises(
        MediaError,
        match=r"roto: .*m\.####\.exr: channel must be named where there is none of A, got R, G, B; set it to one",
    ):
        read()
    np.testing.assert_array_equal(read(channel="G").read(1001), 1 - RAMP)


def test_codes_are_shares_of_their_largest(tmp_path: Path, read: Any) -> None:
    codes = np.rint(RAMP * 255).astype(np.uint8)
    write_part(tmp_path / "m.1001.png", {"Y": codes})

    np.testing.assert_array_equal(read(name="m.####.png").read(1001), (codes / 255).astype(np.float32))


def test_what_lies_outside_0_to_1_is_clipped(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "m.1001.exr", {"A": 3 * RAMP - 1})

    matte = read().read(1001)

    np.testing.assert_array_equal(matte, np.clip(3 * RAMP - 1, 0, 1))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.uint32])
def test_chosen_ids_are_inside(tmp_path: Path, read: Any, kind: Any) -> None:
    ids = np.arange(48).reshape(6, 8).astype(kind)
    write_part(tmp_path / "m.1001.exr", {"id": ids})

    matte = read(ids=(3, 40)).read(1001)

    assert np.flatnonzero(matte).tolist() == [3, 40]
    assert set(matte.ravel().tolist()) == {0.0, 1.0}


def test_ids_as_large_as_hashes_are_told_apart(tmp_path: Path, read: Any) -> None:
    # float32 cannot tell these two.
    ids = np.array([[2**31 + 1, 2**31 + 2]], np.uint32)
    write_part(tmp_path / "m.1001.exr", {"id": ids})

    assert read(ids=(2**31 + 1,)).read(1001).tolist() == [[1.0, 0.0]]


def test_ids_that_are_no_whole_numbers_are_met_as_precisely_as_they_are_stored(tmp_path: Path, read: Any) -> None:
    write_part(tmp_path / "m.1001.exr", {"id": np.array([[0.1, 0.2, 0.1001]], np.float32)})
    write_part(tmp_path / "h.1001.exr", {"id": np.array([[0.1, 0.2]], np.float16)})

    assert read(ids=(0.1,)).read(1001).tolist() == [[1.0, 0.0, 0.0]]
    assert read(ids=(0.1,), tolerance=0.001).read(1001).tolist() == [[1.0, 0.0, 1.0]]
    assert read(name="h.####.exr", ids=(0.1,)).read(1001).tolist() == [[0.0, 0.0]]
    assert read(name="h.####.exr", ids=(0.1,), tolerance=0.001).read(1001).tolist() == [[1.0, 0.0]]
    with pytest.raises(GraphError, match=r"roto: tolerance must go with ids, got 0\.001 and no ids; name them"):
        read(tolerance=0.001)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_counted_or_taken_for_outside(tmp_path: Path, read: Any, bad: float) -> None:
    spoilt = RAMP.copy()
    spoilt[4, 2:5] = bad
    write_part(tmp_path / "m.1001.exr", {"A": spoilt})

    with pytest.raises(
        MediaError, match=r"roto: matte must be finite, got 3 of 48 pixels NaN or infinite on frame 1001"
    ):
        read().read(1001)
    matte = read(nonfinite="zero").read(1001)
    assert (matte[4, 2:5] == 0).all()
    assert matte[4, 5] == RAMP[4, 5]


def test_frames_that_show_nothing_are_told_in_the_end(tmp_path: Path, read: Any) -> None:
    for frame in range(1001, 1008):
        # Faint is not shown.
        level = 1 if frame in (1001, 1002, 1005) else 0.4
        write_part(tmp_path / f"m.{frame}.exr", {"A": level * RAMP})
    reader, calm = read(), read()

    for frame in range(1001, 1008):
        reader.read(frame)
    calm.read(1005)
    for one in (reader, reader, calm):
        one.close()

    assert reader.warnings == ["roto: the matte shows nothing on frames 1003-1004,1006-1007"]
    assert calm.warnings == []


def test_another_size_than_the_plates_is_refused_unless_it_may_be_stretched(
    tmp_path: Path, read: Any, make_header: Any
) -> None:
    write_part(tmp_path / "m.1001.exr", {"A": RAMP})
    plate = make_header(width=16, height=6, count=1)

    with pytest.raises(
        MediaError, match=r"roto: .*m\.####\.exr must be 16x6 like video, got 8x6; .*set fit to stretch"
    ):
        read(plate)
    matte = read(plate, fit="stretch").read(1001)
    assert matte.shape == (6, 16)
    # The rows stay, and along them it still ascends from edge to edge, never above 1.
    assert (np.diff(matte, axis=1) >= 0).all()
    np.testing.assert_allclose(matte.mean(axis=1), RAMP.mean(axis=1), atol=1e-3)
    assert matte.max() <= 1


def test_a_frame_stands_on_its_own_file_alone(tmp_path: Path, read: Any) -> None:
    for frame in (1, 2):
        write_part(tmp_path / f"m.{frame:04d}.exr", {"A": RAMP})

    media = read(offset=1000).media

    assert {frame: file.name for frame, file in media.frame_files.items()} == {1001: "m.0001.exr", 1002: "m.0002.exr"}
