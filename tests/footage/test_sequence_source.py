from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from shotgraph.api import Colour, FrameRange, FrameSet, NativeFrame, Rate, Timecode
from shotgraph.errors import FrameRangeError, MediaError, MediaMissingError
from shotgraph.io import smpte
from shotgraph.io.probe import probe
from shotgraph.io.sequences import find_sequence, is_sequence
from shotgraph.io.sources import open_source

R24 = Rate(Fraction(24))


def same(left: NativeFrame, right: NativeFrame) -> bool:
    return left.format == right.format and all(
        np.array_equal(a, b) for a, b in zip(left.planes, right.planes, strict=True)
    )


def exr_clock(first: str, rate: Rate = R24, *, text: bool = False) -> Callable[[int], Iterable[tuple[str, Any, Any]]]:
    """Header attributes of an EXR whose frame 1001 has timecode `first`."""

    def attributes(frame: int) -> Iterable[tuple[str, Any, Any]]:
        timecode = Timecode.parse(first, rate).plus(frame - 1001)
        yield "smpte:TimeCode", oiio.TypeTimeCode, (smpte.word_of(timecode), 0)
        yield "FramesPerSecond", oiio.TypeRational, (rate.fps.numerator, rate.fps.denominator)
        if text:
            yield "timecode", None, str(timecode)

    return attributes


@pytest.mark.parametrize(
    "spelling",
    ["shot.####.png", "shot.%04d.png", "shot.$F4.png", "shot.@@@@.png", "shot.1002.png", "shot.1001-1003#.png"],
)
def test_every_spelling_means_the_same_files(make_sequence: Callable[..., Path], spelling: str) -> None:
    folder = make_sequence("shot.%04d.png", range(1001, 1004))
    if spelling == "shot.1001-1003#.png":
        spelling = "shot.1001-1003####.png"

    found = find_sequence(folder / spelling)

    assert dict(found.files) == {n: folder / f"shot.{n}.png" for n in (1001, 1002, 1003)}
    assert found.pattern == str(folder / "shot.####.png")
    assert found.missing == FrameSet()


def test_four_hashes_are_four_digits(make_sequence: Callable[..., Path]) -> None:
    # fileseq's default reads #### as sixteen.
    folder = make_sequence("s.%04d.png", [7, 12345])
    make_sequence("s.%05d.png", [8], folder=folder)

    assert list(find_sequence(folder / "s.####.png").files) == [7, 12345]
    assert list(find_sequence(folder / "s.#####.png").files) == [8, 12345]


def test_a_single_hash_takes_unpadded_numbers(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%d.png", [9, 10, 11])

    assert list(find_sequence(folder / "s.#.png").files) == [9, 10, 11]


def test_negative_frames_keep_their_sign(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%05d.png", [-2, -1])
    make_sequence("s.%04d.png", [0, 1], folder=folder)

    found = find_sequence(folder / "s.####.png")

    assert (list(found.files), found.range) == ([-2, -1, 0, 1], FrameRange(-2, 1))


def test_a_range_in_the_pattern_is_what_must_be_there(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", range(1002, 1008))

    found = find_sequence(folder / "s.1001-1005####.png")

    assert (list(found.files), found.range, str(found.missing)) == (
        [1002, 1003, 1004, 1005],
        FrameRange(1001, 1005),
        "1001",
    )


def test_a_still_whose_name_ends_in_a_version_is_one_frame(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("plate_v%02d.png", [1, 2])

    with open_source(folder / "plate_v02.png", first_frame=55) as source:
        assert source.info.range == FrameRange(55, 55)
        assert source.media.files == (folder / "plate_v02.png",)


def test_special_characters_in_names_are_only_characters(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("a[1]{2}*?$(x).%04d.png", [1, 2])

    assert list(find_sequence(folder / "a[1]{2}*?$(x).####.png").files) == [1, 2]


def test_two_files_for_one_frame_are_refused(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [-1])
    make_sequence("s.%05d.png", [-1], folder=folder)

    with pytest.raises(MediaError, match=r"each frame must be one file, got s\.-0+1\.png and s\.-0+1\.png"):
        find_sequence(folder / "s.####.png")


def test_nothing_on_disk_is_missing_media(tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"s\.####\.exr: sequence must have a file on disk, got none"):
        open_source(tmp_path / "s.####.exr")
    with pytest.raises(MediaMissingError, match=r"still\.exr: media must exist"):
        open_source(tmp_path / "still.exr")


def test_images_are_told_from_movies_by_their_extension() -> None:
    assert [is_sequence(name) for name in ("a.####.exr", "a.PNG", "a.mov", "a.####.mov")] == [True, True, False, False]


@pytest.mark.parametrize(
    ("extension", "pixel_format"),
    [
        *(("png", name) for name in ("gbrp", "gbrap", "gbrp16", "gbrap16", "gray", "gray16")),
        *(("exr", name) for name in ("gbrpf16", "gbrapf16", "gbrpf32", "gbrapf32", "grayf16", "grayf32")),
        *(("tif", name) for name in ("gbrp", "gbrap16", "gbrpf32")),
        ("dpx", "gbrp16"),
    ],
)
def test_every_sample_is_read_as_stored(
    make_sequence: Callable[..., Path], ramp_frame: Callable[..., NativeFrame], extension: str, pixel_format: str
) -> None:
    folder = make_sequence(f"s.%04d.{extension}", [1001, 1002], pixel_format)

    with open_source(folder / f"s.####.{extension}") as source:
        picture = source.read(1002)

    assert source.info.pixel_format == pixel_format
    assert same(picture, ramp_frame(pixel_format, 20, 14, 1002))
    assert not any(plane.flags.writeable for plane in picture.planes)


def test_exr_is_linear_and_premultiplied_png_is_straight(make_sequence: Callable[..., Path]) -> None:
    exr = probe(make_sequence("s.%04d.exr", [1], "gbrapf16") / "s.####.exr").stream_info()
    png = probe(make_sequence("s.%04d.png", [1], "gbrap") / "s.####.png").stream_info()

    assert (exr.alpha, exr.colour) == ("premultiplied", Colour(transfer="linear", matrix="rgb", range="full"))
    assert (png.alpha, png.colour.matrix, png.colour.range) == ("straight", "rgb", "full")


def test_holes_are_an_error_that_lists_them(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1001, 1002, 1004, 1008, 1009])

    with pytest.raises(
        MediaMissingError, match=r"every frame of 1001-1009, got none for 1003,1005-1007; .*hold, black or skip"
    ):
        open_source(folder / "s.####.png")


def test_held_holes_repeat_the_frame_before(
    make_sequence: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    folder = make_sequence("s.%04d.png", [1002, 1005])

    with open_source(folder / "s.1001-1006####.png", holes="hold") as source:
        pictures = {frame: source.read(frame) for frame in source.info.range}

    assert source.info.range == FrameRange(1001, 1006)
    for frame, shown in {1001: 1002, 1002: 1002, 1003: 1002, 1004: 1002, 1005: 1005, 1006: 1005}.items():
        assert same(pictures[frame], ramp_frame("gbrp", 20, 14, shown))
        # A changed file must change the frames that stand on it.
        assert source.media.frame_files[frame].name == f"s.{shown}.png"


def test_black_holes_have_no_file(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1, 3], "gbrap16")

    with open_source(folder / "s.####.png", holes="black") as source:
        hole = source.read(2)

    assert [int(plane.max()) for plane in hole.planes] == [0, 0, 0, 65535]
    assert sorted(source.media.frame_files) == [1, 3]


def test_skipped_holes_keep_their_numbers_and_are_listed(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1, 2, 5])

    with open_source(folder / "s.####.png", holes="skip") as source:
        assert str(source.media.skipped) == "3-4"
        assert source.info.range == FrameRange(1, 5)
        assert same(source.read(4), source.read(2))


def test_mixed_sizes_name_the_odd_file(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1, 2])
    make_sequence("s.%04d.png", [3], size=(24, 14), folder=folder)

    with pytest.raises(MediaError, match=r"s\.0003\.png: image must be 20x14 gbrp .* got 24x14 gbrp"):
        open_source(folder / "s.####.png")


def test_a_file_that_changes_after_opening_is_named(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1, 2])

    with open_source(folder / "s.####.png") as source:
        source.read(1)
        make_sequence("s.%04d.png", [2], "gbrp16", folder=folder)
        with pytest.raises(MediaError, match=r"s\.0002\.png: image must be 20x14 gbrp R,G,B .* got 20x14 gbrp16"):
            source.read(2)


def test_a_file_that_vanishes_is_missing(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.png", [1, 2])

    with open_source(folder / "s.####.png") as source:
        (folder / "s.0002.png").unlink()
        with pytest.raises(MediaMissingError, match=r"s\.0002\.png: image must exist"):
            source.read(2)


@pytest.mark.parametrize("extension", ["png", "exr"])
def test_a_damaged_file_follows_the_policy(
    make_sequence: Callable[..., Path], ramp_frame: Callable[..., NativeFrame], extension: str
) -> None:
    name = {"png": "gbrp", "exr": "gbrpf16"}[extension]
    folder = make_sequence(f"s.%04d.{extension}", [1, 2, 3], name, size=(160, 90))
    victim = folder / f"s.0002.{extension}"
    victim.write_bytes(victim.read_bytes()[: int(victim.stat().st_size * 0.6)])
    pattern = folder / f"s.####.{extension}"

    with open_source(pattern) as strict, pytest.raises(MediaError, match=rf"s\.0002\.{extension}: image must"):
        strict.read(2)
    with open_source(pattern, corrupt="hold") as held, open_source(pattern, corrupt="black") as black:
        assert same(held.read(2), ramp_frame(name, 160, 90, 1))
        assert not black.read(2).planes[0].any()

    assert str(held.damaged) == "2"


def test_exr_timecode_rate_and_reel_are_read(make_sequence: Callable[..., Path]) -> None:
    def attributes(frame: int) -> Iterable[tuple[str, Any, Any]]:
        yield from exr_clock("01:00:00;02", Rate(Fraction(30000, 1001)))(frame)
        yield "reelName", None, "A001_C002"
        yield "PixelAspectRatio", None, 2.0

    folder = make_sequence("s.%04d.exr", range(1001, 1006), "gbrpf16", attributes=attributes)

    clip = probe(folder / "s.####.exr")
    info = clip.stream_info()

    assert (str(info.start_timecode), info.timecode_source, str(info.rate)) == ("01:00:00;02", "exr", "29.97")
    assert (info.reel, info.sar, clip.warnings) == ("A001_C002", 2, ())


def test_png_timecode_is_text(make_sequence: Callable[..., Path]) -> None:
    def attributes(frame: int) -> Iterable[tuple[str, Any, Any]]:
        yield "timecode", None, str(Timecode.parse("10:00:00:00", Rate(Fraction(25))).plus(frame - 1))
        yield "FramesPerSecond", None, "25/1"

    folder = make_sequence("s.%04d.png", [1, 2, 3], attributes=attributes)

    clip = probe(folder / "s.####.png")

    assert (str(clip.timecode), clip.timecode_source, str(clip.videos[0].timing.rate)) == (
        "10:00:00:00",
        "container",
        "25",
    )
    assert clip.warnings == ()


def test_text_carries_the_frame_numbers_that_the_word_cannot(make_sequence: Callable[..., Path]) -> None:
    rate = Rate(Fraction(60))
    folder = make_sequence(
        "s.%04d.exr", range(1001, 1004), "gbrpf16", attributes=exr_clock("01:00:00:47", rate, text=True)
    )

    clip = probe(folder / "s.####.exr")

    assert (str(clip.timecode), clip.warnings) == ("01:00:00:47", ())


def test_a_word_and_a_text_that_disagree_are_reported(make_sequence: Callable[..., Path]) -> None:
    def attributes(frame: int) -> Iterable[tuple[str, Any, Any]]:
        yield from exr_clock("01:00:00:00")(frame)
        yield "timecode", None, "09:00:00:00"

    folder = make_sequence("s.%04d.exr", [1001], "gbrpf16", attributes=attributes)

    clip = probe(folder / "s.####.exr")

    assert str(clip.timecode) == "01:00:00:00"
    assert clip.warnings == (
        "frame 1001: header timecode 01:00:00:00 and text timecode 09:00:00:00 disagree; the header is used",
    )


def test_a_timecode_that_jumps_is_reported(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.exr", [1001, 1002], "gbrpf16", attributes=exr_clock("01:00:00:00"))
    make_sequence("s.%04d.exr", [1003, 1004], "gbrpf16", attributes=exr_clock("02:00:00:00"), folder=folder)

    clip = probe(folder / "s.####.exr")

    assert str(clip.timecode) == "01:00:00:00"
    assert clip.warnings == (
        "timecode of frame 1003 is 02:00:00:02, expected 01:00:00:02 from the first frame and 1 more; "
        "frames are numbered from the first",
    )


def test_an_impossible_timecode_is_a_warning_and_none(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.exr", [1001], "gbrpf16", attributes=exr_clock("01:00:00:24", Rate(Fraction(25))))

    clip = probe(folder / "s.####.exr", rate=R24)

    assert (clip.timecode, clip.timecode_source) == (None, "none")
    assert any("timecode of frame 1001 is unusable" in text and "'01:00:00:24'" in text for text in clip.warnings)


def test_a_hole_at_the_start_moves_the_timecode_back(make_sequence: Callable[..., Path]) -> None:
    folder = make_sequence("s.%04d.exr", [1003, 1004], "gbrpf16", attributes=exr_clock("01:00:00:00"))

    with open_source(folder / "s.1001-1004####.exr", holes="hold") as source:
        assert str(source.info.start_timecode) == "01:00:00:00"
        assert str(source.info.timecode_of(1003)) == "01:00:00:02"


def test_an_unstated_rate_is_assumed_aloud(make_sequence: Callable[..., Path]) -> None:
    pattern = make_sequence("s.%04d.png", [1]) / "s.####.png"

    assert probe(pattern).warnings == ("frame rate is not stated by the images: 24 assumed; set it explicitly",)
    assert probe(pattern, rate=Rate(Fraction(25))).warnings == ()


def test_data_inside_a_larger_display_window_is_placed(tmp_path: Path) -> None:
    _windowed(tmp_path / "s.1001.exr", data=(2, 1, 4, 3), display=(0, 0, 8, 6))

    with open_source(tmp_path / "s.####.exr") as source:
        red = source.read(1001).planes[2]

    assert red.shape == (6, 8)
    assert red[1:4, 2:6].tolist() == np.arange(1, 13, dtype=np.float16).reshape(3, 4).tolist()
    assert np.count_nonzero(red) == 12
    assert any(
        "data window is smaller than the display window in frames 1001" in text for text in source.media.warnings
    )


def test_overscan_is_cut_to_the_display_window_and_said(tmp_path: Path) -> None:
    _windowed(tmp_path / "s.1001.exr", data=(-1, -2, 4, 3), display=(0, 0, 2, 1))

    with open_source(tmp_path / "s.####.exr") as source:
        red = source.read(1001).planes[2]

    assert red.tolist() == [[10, 11]]
    assert any("pixels outside the display window are cut off in frames 1001" in text for text in source.media.warnings)


def _windowed(path: Path, *, data: tuple[int, int, int, int], display: tuple[int, int, int, int]) -> None:
    spec = oiio.ImageSpec(data[2], data[3], 3, oiio.HALF)
    spec.x, spec.y = data[:2]
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display
    count = data[2] * data[3]
    red = np.arange(1, count + 1, dtype=np.float16).reshape(data[3], data[2])
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.stack([red, red * 0, red * 0], axis=-1))
    output.close()


def _channels(path: Path, names: tuple[str, ...]) -> None:
    spec = oiio.ImageSpec(4, 3, len(names), oiio.FLOAT)
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    output.write_image(np.arange(12 * len(names), dtype=np.float32).reshape(3, 4, len(names)))
    output.close()


def test_a_named_layer_is_read_when_there_is_no_other_and_the_rest_is_listed(tmp_path: Path) -> None:
    _channels(tmp_path / "s.1001.exr", ("beauty.R", "beauty.G", "beauty.B", "depth.Z"))

    with open_source(tmp_path / "s.####.exr") as source:
        green = source.read(1001).planes[0]

    assert source.info.pixel_format == "gbrpf32"
    assert green[0, 0] == 1
    assert any(text == "channels are not read: depth.Z" for text in source.media.warnings)


def test_one_channel_is_gray_whatever_its_name(tmp_path: Path) -> None:
    _channels(tmp_path / "s.1001.exr", ("depth.Z",))

    assert probe(tmp_path / "s.####.exr").videos[0].native_format == "grayf32"


def test_channels_that_make_no_picture_are_listed(tmp_path: Path) -> None:
    _channels(tmp_path / "s.1001.exr", ("motion.u", "motion.v"))

    with pytest.raises(MediaError, match=r"must have R, G, B \(A\) or one channel, got motion\.u, motion\.v"):
        probe(tmp_path / "s.####.exr")


@pytest.mark.parametrize("frame", [1000, 1003])
def test_a_frame_outside_a_sequence_is_refused(make_sequence: Callable[..., Path], frame: int) -> None:
    folder = make_sequence("s.%04d.png", [1001, 1002])

    with (
        open_source(folder / "s.####.png") as source,
        pytest.raises(FrameRangeError, match=f"frame must be in 1001-1002, got {frame}"),
    ):
        source.read(frame)
