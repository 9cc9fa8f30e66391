from __future__ import annotations

import gc
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from shotgraph.api import Colour, FrameRange, NativeFrame, Rate
from shotgraph.errors import FrameRangeError, MediaError, TimecodeError
from shotgraph.io.forward import ForwardPass
from shotgraph.io.planes import native_to_av
from shotgraph.io.probe import probe
from shotgraph.io.sources import FrameSource, open_source

OPEN_GOP = {"qp": "0", "bf": "3", "g": "8", "x264-params": "open-gop=1:b-pyramid=normal:scenecut=0"}
LOSSLESS = [
    ("b_frames.mp4", "libx264", "yuv420p", None),
    ("open_gop.mp4", "libx264", "yuv420p", OPEN_GOP),
    ("open_gop.mkv", "libx264", "yuv420p10", OPEN_GOP),
    ("open_gop.ts", "libx264", "yuv420p", OPEN_GOP),
    ("b_frames.avi", "libx264", "yuv420p", None),
    ("b_frames.h264", "libx264", "yuv420p", None),
    ("hevc.mp4", "libx265", "yuv420p10", {"x265-params": "lossless=1:bframes=3:keyint=9:open-gop=1:log-level=none"}),
    ("ffv1.mkv", "ffv1", "yuv422p12", None),
    ("rgb.mkv", "ffv1", "gbrap16", None),
    ("vp9.webm", "libvpx-vp9", "yuv444p", {"lossless": "1", "lag-in-frames": "12", "auto-alt-ref": "1"}),
]


def same(left: NativeFrame, right: NativeFrame) -> bool:
    return left.format == right.format and all(
        np.array_equal(a, b) for a, b in zip(left.planes, right.planes, strict=True)
    )


def read_through(source: FrameSource) -> list[NativeFrame]:
    return [source.read(frame) for frame in source.info.range]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), LOSSLESS)
def test_any_order_of_reading_gives_the_frames_that_were_encoded(
    make_movie: Callable[..., Path],
    ramp_frame: Callable[..., NativeFrame],
    name: str,
    codec: str,
    pix_fmt: str,
    options: dict[str, str] | None,
) -> None:
    container = "h264" if name.endswith("h264") else None
    path = make_movie(name, codec, pix_fmt=pix_fmt, options=options, count=40, container=container)
    expected = [ramp_frame(pix_fmt, 64, 48, index) for index in range(40)]
    shuffled = [*range(1001, 1041), *range(1001, 1041, 7)]
    random.Random(4).shuffle(shuffled)

    with open_source(path) as forward, open_source(path) as jumping:
        in_order = [forward.read(frame) for frame in forward.info.range]
        jumps = {frame: jumping.read(frame) for frame in shuffled}

    assert forward.info.range == FrameRange(1001, 1040)
    assert all(same(got, want) for got, want in zip(in_order, expected, strict=True))
    assert all(same(jumps[frame], expected[frame - 1001]) for frame in shuffled)


def test_backwards_equals_forwards(make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]) -> None:
    path = make_movie("backwards.mp4", options=OPEN_GOP, count=40)

    with open_source(path) as source:
        pictures = {frame: source.read(frame) for frame in range(1040, 1000, -1)}

    assert all(same(pictures[1001 + index], ramp_frame("yuv420p", 64, 48, index)) for index in range(40))


def test_a_far_jump_seeks_and_still_lands_on_its_frame(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    path = make_movie("far.mkv", options=OPEN_GOP, count=90)

    with open_source(path, first_frame=0) as source:
        pictures = [source.read(frame) for frame in (0, 71, 89, 3)]

    assert [same(got, ramp_frame("yuv420p", 64, 48, n)) for got, n in zip(pictures, (0, 71, 89, 3), strict=True)] == [
        True
    ] * 4


def test_a_movie_that_starts_late_starts_at_its_first_frame(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    path = make_movie("starts_late.ts", pts=[400 + n for n in range(12)])

    with open_source(path) as source:
        assert same(source.read(1001), ramp_frame("yuv420p", 64, 48, 0))
        assert same(source.read(1012), ramp_frame("yuv420p", 64, 48, 11))


def test_an_edit_list_hides_frames_and_the_first_visible_one_comes_first(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    pts = [n - 12 for n in range(48)]
    path = make_movie("edit_list.mov", count=48, pts=pts, stream_tags={"timecode": "01:00:00:00"})

    with open_source(path) as source:
        count = source.info.count
        first, last = source.read(1001), source.read(1000 + count)

    assert count == 36
    assert str(source.info.start_timecode) == "01:00:00:00"
    assert same(first, ramp_frame("yuv420p", 64, 48, 12))
    assert same(last, ramp_frame("yuv420p", 64, 48, 47))


def test_variable_rate_gives_every_frame_its_own_slot(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    pts = [0, 1001, 2002, 3003, 5005, 6006, 7507, 8008]
    rate = Fraction(30000, 1001)
    path = make_movie("slots.mp4", count=8, rate=rate, pts=pts, time_base=Fraction(1, 30000), options=OPEN_GOP)

    with open_source(path) as source:
        pictures = [source.read(frame) for frame in source.info.range]

    assert all(same(got, ramp_frame("yuv420p", 64, 48, n)) for n, got in enumerate(pictures))


def test_vp9_keeps_its_alpha(make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]) -> None:
    options = {"lossless": "1", "auto-alt-ref": "0"}
    path = make_movie("alpha_planes.webm", "libvpx-vp9", pix_fmt="yuva420p", options=options)

    with open_source(path) as source:
        pictures = [source.read(frame) for frame in (1001, 1012, 1004)]

    expected = [ramp_frame("yuva420p", 64, 48, index) for index in (0, 11, 3)]
    assert [picture.format.name for picture in pictures] == ["yuva420p"] * 3
    assert [np.array_equal(a.planes[3], b.planes[3]) for a, b in zip(pictures, expected, strict=True)] == [True] * 3


def test_odd_sizes_are_read_whole(make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]) -> None:
    path = make_movie("odd_planes.mkv", "ffv1", size=(65, 47))

    with open_source(path) as source:
        picture = source.read(1003)

    assert picture.planes[1].shape == (24, 33)
    assert same(picture, ramp_frame("yuv420p", 65, 47, 2))


def test_a_cropped_stream_gives_the_visible_part(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    # H.264 stores whole macroblocks: 70x50 is coded as 80x64 and cropped by the decoder.
    path = make_movie("cropped.mp4", size=(70, 50))

    with open_source(path) as source:
        assert same(source.read(1005), ramp_frame("yuv420p", 70, 50, 4))


def test_interlaced_frames_are_read_whole_and_say_so(make_movie: Callable[..., Path]) -> None:
    def interlaced(stream: Any) -> None:
        stream.codec_context.field_order = 2
        stream.codec_context.flags |= (1 << 18) | (1 << 29)

    path = make_movie("interlaced.mov", "prores_ks", pix_fmt="yuv422p10", setup=interlaced)

    with open_source(path) as source:
        picture = source.read(1001)

    assert source.info.field_order == "tt"
    assert picture.size == (64, 48)


def test_one_frame_is_read(make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]) -> None:
    with open_source(make_movie("single_frame.mp4", count=1)) as source:
        assert source.info.range == FrameRange(1001, 1001)
        assert same(source.read(1001), ramp_frame("yuv420p", 64, 48, 0))


def test_pictures_outlive_their_source(make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]) -> None:
    source = open_source(make_movie("outlived.mp4", count=30))
    pictures = [source.read(frame) for frame in source.info.range]

    source.close()
    source.close()
    del source
    gc.collect()

    assert all(same(got, ramp_frame("yuv420p", 64, 48, n)) for n, got in enumerate(pictures))
    assert not pictures[0].planes[0].flags.writeable


def test_a_closed_source_opens_again_when_it_is_read(make_movie: Callable[..., Path]) -> None:
    source = open_source(make_movie("reopened.mp4"))
    before = source.read(1004)

    source.close()

    assert same(source.read(1004), before)
    source.close()


@pytest.mark.parametrize("frame", [1000, 1013, -1])
def test_a_frame_outside_is_refused(make_movie: Callable[..., Path], frame: int) -> None:
    with (
        open_source(make_movie("outside.mp4")) as source,
        pytest.raises(FrameRangeError, match=f"frame must be in 1001-1012, got {frame}"),
    ):
        source.read(frame)


def test_a_change_of_size_is_named_with_its_frame(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    path = footage_folder / "two_sizes.ts"
    second = make_movie("second_half.ts", size=(96, 64), pts=[12 + n for n in range(12)])
    path.write_bytes(make_movie("first_half.ts").read_bytes() + second.read_bytes())

    with (
        open_source(path) as source,
        pytest.raises(MediaError, match=r"frame 1013 must be yuv420p 64x48.*got yuv420p 96x64"),
    ):
        read_through(source)


def test_time_that_runs_backwards_is_refused(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    half = make_movie("half.ts", options={"qp": "0", "bf": "0"})
    shifted = make_movie(
        "half_shifted.ts", options={"qp": "0", "bf": "0"}, time_base=Fraction(1, 50), pts=[2 * n + 1 for n in range(12)]
    )
    path = footage_folder / "restarting.ts"
    path.write_bytes(half.read_bytes() + shifted.read_bytes())

    with pytest.raises(MediaError, match=r"time stamps must ascend, got frame 12 earlier than the one before it"):
        open_source(path)


def test_stamps_that_contradict_the_decoder_are_refused(make_movie: Callable[..., Path]) -> None:
    path = make_movie("contradicted.mp4")
    timing = probe(path).videos[0].timing
    swapped = replace(timing, pts=(*timing.pts[:4], timing.pts[5], timing.pts[4], *timing.pts[6:]))
    forward = ForwardPass(path, 0, swapped, start=-1, threads=False)

    for _ in range(5):
        forward.next()

    with pytest.raises(MediaError, match="shown in the order of their time stamps, got frame 4 after 5"):
        forward.next()
    forward.close()


def test_overrides_win_over_the_file(make_movie: Callable[..., Path]) -> None:
    path = make_movie("overridden.mov", stream_tags={"timecode": "01:00:00:00"})

    with open_source(
        path,
        first_frame=86400,
        colour=Colour(matrix="bt709", range="limited"),
        timecode="10:00:00:23",
        rate=Rate(Fraction(24)),
    ) as source:
        info = source.info

    assert (info.range, info.rate) == (FrameRange(86400, 86411), Rate(Fraction(24)))
    assert (str(info.start_timecode), info.timecode_source) == ("10:00:00:23", "preset")
    assert info.colour == Colour(matrix="bt709", range="limited")
    assert "frame rate is taken as 24; the file says 25" in source.media.warnings


def test_another_rate_reads_the_same_label(make_movie: Callable[..., Path]) -> None:
    path = make_movie("other_rate.mov", stream_tags={"timecode": "01:00:00:10"})

    with open_source(path, rate=Rate(Fraction(24))) as source:
        start = source.info.start_timecode

    assert start is not None
    assert (str(start), start.frames) == ("01:00:00:10", 86410)


def test_an_impossible_timecode_override_is_refused(make_movie: Callable[..., Path]) -> None:
    with pytest.raises(TimecodeError, match="'01:00:00:25'"):
        open_source(make_movie("bad_override.mov"), timecode="01:00:00:25")


def test_media_names_what_decodes_and_what_was_noticed(make_movie: Callable[..., Path]) -> None:
    path = make_movie("named.mkv", rate=Fraction(60000, 1001))

    with open_source(path, corrupt="hold") as source:
        media = source.media

    assert media.files == (path,)
    assert f"PyAV {av.__version__}, h264, stream 0" in media.decoder
    assert "corrupt=hold" in media.decoder
    assert media.warnings == ("frame rate 19001/317 was snapped to 60000/1001",)
    assert media.info.media is not None


def test_a_second_video_stream_is_read_on_its_own(footage_folder: Path, ramp_frame: Callable[..., NativeFrame]) -> None:
    path = footage_folder / "two_streams.mkv"
    with av.open(str(path), "w") as output:
        streams = []
        for size in ((64, 48), (32, 30)):
            stream = output.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append((stream, size))
        for index in range(6):
            for stream, size in streams:
                frame = native_to_av(ramp_frame("yuv420p", *size, index))
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
        for stream, _ in streams:
            output.mux(stream.encode(None))

    with open_source(path, stream=1) as source:
        picture = source.read(1004)

    assert same(picture, ramp_frame("yuv420p", 32, 30, 3))
