"""Channels by name: what is stored where, in files of every make, and sequences of them paired by number."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from pass_files import write_part, write_parts

from shotgraph.api import Colour, FrameRange, Rate
from shotgraph.errors import FrameRangeError, MediaError, MediaMissingError
from shotgraph.io.channels import channel_names, read_channels, read_numbers
from shotgraph.io.channelsource import ChannelSource, open_channels


def ramp(seed: int, *, height: int = 3, width: int = 5) -> NDArray[np.float32]:
    y, x = np.mgrid[:height, :width]
    return (100 * seed + 10 * y + x).astype(np.float32)


def test_channels_are_found_by_name_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "beauty.exr"
    names = ("R", "G", "B", "A", "forward.u", "forward.v", "Z")
    write_part(path, {name: ramp(seed) for seed, name in enumerate(names)})

    z, u, v = read_channels(path, ("Z", "forward.u", "forward.v"))

    assert sorted(channel_names(path)) == sorted(names)
    np.testing.assert_array_equal(z, ramp(6))
    np.testing.assert_array_equal(u, ramp(4))
    np.testing.assert_array_equal(v, ramp(5))
    assert (z.dtype, z.flags.writeable, z.flags.c_contiguous) == (np.float32, False, True)


def test_a_part_gives_its_name_to_its_channels(tmp_path: Path) -> None:
    path = tmp_path / "parts.exr"
    write_parts(
        path,
        {"rgba": {"R": ramp(1)}, "forward": {"u": ramp(2), "v": ramp(3)}, "backward": {"u": ramp(4), "v": ramp(5)}},
    )

    planes = read_channels(path, ("forward.u", "backward.v", "v", "R"))

    assert channel_names(path)[:3] == ("R", "u", "v")
    # A bare name is the first part's that has it.
    for found, seed in zip(planes, (2, 5, 3, 1), strict=True):
        np.testing.assert_array_equal(found, ramp(seed))


def test_integers_come_as_the_codes_they_are_and_half_as_float(tmp_path: Path) -> None:
    path = tmp_path / "mixed.exr"
    ids = np.array([[0, 7, 2**31 + 5]], np.uint32)
    write_part(path, {"id": ids})
    write_part(tmp_path / "half.exr", {"Z": np.array([[0.1, 2, 3]], np.float16)})
    write_part(tmp_path / "codes.png", {"Y": np.array([[0, 9, 255]], np.uint8)})

    (found,), (z,), (codes,) = (
        read_channels(tmp_path / name, (channel,))
        for name, channel in (("mixed.exr", "id"), ("half.exr", "Z"), ("codes.png", "Y"))
    )

    assert (found.dtype, found.tolist()) == (np.uint32, ids.tolist())
    assert (z.dtype, z[0, 0]) == (np.float32, np.float32(np.float16(0.1)))
    assert (codes.dtype, codes.tolist()) == (np.uint8, [[0, 9, 255]])


def test_a_crop_lies_where_it_is_shown_and_overscan_is_cut_off(tmp_path: Path) -> None:
    write_part(tmp_path / "crop.exr", {"Z": ramp(1, height=2, width=3)}, window=(1, 2), size=(6, 5))
    write_part(tmp_path / "over.exr", {"Z": ramp(1, height=5, width=7)}, window=(-2, -1), size=(4, 3))

    (crop,), (over,) = (read_channels(tmp_path / name, ("Z",)) for name in ("crop.exr", "over.exr"))

    expected = np.zeros((5, 6), np.float32)
    expected[2:4, 1:4] = ramp(1, height=2, width=3)
    np.testing.assert_array_equal(crop, expected)
    np.testing.assert_array_equal(over, ramp(1, height=5, width=7)[1:4, 2:6])


def test_a_channel_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    write_part(tmp_path / "z.exr", {"depth.Z": ramp(1), "A": ramp(2)})

    with pytest.raises(MediaError, match=r"z\.exr: image must have the channel Z, got A, depth\.Z; name the channel"):
        read_channels(tmp_path / "z.exr", ("Z",))


def test_damage_is_told(tmp_path: Path) -> None:
    write_part(tmp_path / "z.exr", {"Z": np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)})
    whole = (tmp_path / "z.exr").read_bytes()
    (tmp_path / "z.exr").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(MediaError, match=r"z\.exr: image must decode, got .+; render or copy it again"):
        read_channels(tmp_path / "z.exr", ("Z",))
    with pytest.raises(MediaMissingError, match=r"none\.exr: image must exist, got nothing there"):
        channel_names(tmp_path / "none.exr")


def test_doubles_are_refused(tmp_path: Path) -> None:
    write_part(tmp_path / "z.tif", {"Y": ramp(1).astype(np.float64)})

    with pytest.raises(MediaError, match=r"samples of Y must be uint8, uint16, uint, half, float, got double; convert"):
        read_channels(tmp_path / "z.tif", ("Y",))


def test_numbers_in_a_header_are_read_by_name(tmp_path: Path) -> None:
    write_part(tmp_path / "z.exr", {"Z": ramp(1)}, attributes={"shotgraph:low": 0.25})

    assert read_numbers(tmp_path / "z.exr", ("shotgraph:high", "shotgraph:low")) == (None, 0.25)


@pytest.fixture
def passes(tmp_path: Path) -> Callable[..., ChannelSource]:
    """``passes(numbers, **opening)``: Z passes with those numbers, whose values begin with 100 times it, opened."""

    def make(numbers: range, **opening: Any) -> ChannelSource:
        for number in numbers:
            clock = {"FramesPerSecond": (25, 1), "timecode": f"01:00:00:{number % 25:02d}"}
            write_part(tmp_path / f"z.{number:04d}.exr", {"Z": ramp(number)}, attributes=clock)
        return open_channels(tmp_path / "z.####.exr", lambda _: ("Z",), **opening)

    return make


def test_a_sequence_keeps_its_numbers_rate_and_timecode(passes: Callable[..., ChannelSource]) -> None:
    source = passes(range(1, 4))

    info = source.info
    assert (info.range, info.rate, str(info.start_timecode)) == (FrameRange(1, 3), Rate(Fraction(25)), "01:00:00:01")
    assert (info.width, info.height, info.colour, info.alpha) == (5, 3, Colour(), "none")
    np.testing.assert_array_equal(source.read(2)[0], ramp(2))
    assert {frame: file.name for frame, file in source.media.frame_files.items()} == {
        n: f"z.{n:04d}.exr" for n in (1, 2, 3)
    }
    assert source.media.warnings == ()


def test_an_offset_renumbers_and_frames_choose(passes: Callable[..., ChannelSource]) -> None:
    source = passes(range(1, 9), offset=1000, frames=FrameRange(1003, 1005))

    assert source.info.range == FrameRange(1003, 1005)
    # The timecode is that of the first frame given, whatever number it has.
    assert str(source.info.start_timecode) == "01:00:00:03"
    assert [file.name for file in source.media.files] == ["z.0003.exr", "z.0004.exr", "z.0005.exr"]
    np.testing.assert_array_equal(source.read(1004)[0], ramp(4))
    with pytest.raises(FrameRangeError, match=r"frame must be in 1003-1005, got 1002"):
        source.read(1002)


def test_frames_that_have_no_file_are_told_with_the_numbers_there_are(passes: Callable[..., ChannelSource]) -> None:
    with pytest.raises(
        MediaMissingError,
        match=r"every frame of 1001-1003, got none for 1001-1003 where files are numbered 1-4; .*set offset .*\(now 0\)",
    ):
        passes(range(1, 5), frames=FrameRange(1001, 1003))


def test_a_hole_in_a_sequence_is_told(tmp_path: Path) -> None:
    for number in (1, 2, 4):
        write_part(tmp_path / f"z.{number:04d}.exr", {"Z": ramp(number)})

    with pytest.raises(MediaMissingError, match=r"every frame of 1-4, got none for 3 where files are numbered 1-2,4"):
        open_channels(tmp_path / "z.####.exr", lambda _: ("Z",))


def test_files_that_lack_a_channel_or_differ_in_size_are_told(tmp_path: Path) -> None:
    write_part(tmp_path / "lacks.1.exr", {"Z": ramp(1)})
    write_part(tmp_path / "lacks.2.exr", {"A": ramp(1)})
    write_part(tmp_path / "size.1.exr", {"Z": ramp(1)})
    write_part(tmp_path / "size.2.exr", {"Z": ramp(1, width=4)})

    with pytest.raises(MediaError, match=r"lacks\.2\.exr: image must have the channel Z, got A"):
        open_channels(tmp_path / "lacks.#.exr", lambda _: ("Z",))
    with pytest.raises(MediaError, match=r"size\.2\.exr: image must be 5x3 grayf32 \(Z\) like the first .*, got 4x3"):
        open_channels(tmp_path / "size.#.exr", lambda _: ("Z",))


def test_a_file_that_was_replaced_by_another_size_is_told(tmp_path: Path, passes: Callable[..., ChannelSource]) -> None:
    source = passes(range(1, 3))
    write_part(tmp_path / "z.0002.exr", {"Z": ramp(1, width=4)})

    with pytest.raises(MediaError, match=r"z\.0002\.exr: image must be 5x3 like the first, got 4x3; render it again"):
        source.read(2)


def test_a_movie_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"plate\.mov: passes must be images, got what is read as a movie; name a seq"):
        open_channels(tmp_path / "plate.mov", lambda _: ("Z",))


def test_the_choice_sees_the_names_of_the_first_file_there_is(tmp_path: Path) -> None:
    write_part(tmp_path / "z.7.exr", {"depth": ramp(1)})
    seen: list[tuple[str, ...]] = []

    source = open_channels(tmp_path / "z.#.exr", lambda names: (seen.append(names), names)[1])

    assert (seen, source.channels) == ([("depth",)], ("depth",))


def test_a_sequence_is_probed_once_for_many_openings(
    tmp_path: Path, passes: Callable[..., ChannelSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = passes(range(1, 4))
    headers: list[Path] = []
    real = oiio.ImageInput.open
    monkeypatch.setattr(
        "shotgraph.io.imagefile.oiio.ImageInput",
        type("Counting", (), {"open": staticmethod(lambda name, *rest: (headers.append(name), real(name, *rest))[1])}),
    )

    def again(**opening: Any) -> int:
        headers.clear()
        open_channels(tmp_path / "z.####.exr", lambda _: ("Z",), known=first.media.probed, **opening)
        return len(headers)

    # The names in the first file are looked at every time.
    assert again() == 1
    assert again(offset=1) == 4
