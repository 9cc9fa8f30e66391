from __future__ import annotations

import dataclasses
import gc
import pickle
from collections.abc import Callable
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from shotgraph.api import Colour, FrameRange, FrameSet, Rate, Timecode
from shotgraph.errors import MediaError
from shotgraph.io.hdr import read_hdr
from shotgraph.io.probe import probe

NTSC_24, NTSC_30 = Fraction(24000, 1001), Fraction(30000, 1001)
NTSC_60, NTSC_120 = Fraction(60000, 1001), Fraction(120000, 1001)
# The thirteen that must survive: rate and first label.
TIMECODES = [
    (NTSC_24, "01:00:00:02"),
    (Fraction(24), "01:00:00:02"),
    (Fraction(25), "01:00:00:02"),
    (NTSC_30, "01:00:00;02"),
    (NTSC_30, "01:00:00:02"),
    (Fraction(30), "01:00:00:02"),
    (Fraction(48), "01:00:00:47"),
    (Fraction(50), "01:00:00:02"),
    (NTSC_60, "01:00:00;04"),
    (NTSC_60, "01:00:00:04"),
    (Fraction(60), "01:00:00:59"),
    (Fraction(120), "01:00:00:119"),
    (NTSC_120, "01:00:00;008"),
]


def plain(value: Any) -> bool:
    """Whether `value` is made of nothing but ordinary data."""
    if dataclasses.is_dataclass(value):
        return all(plain(getattr(value, item.name)) for item in dataclasses.fields(value))
    if isinstance(value, tuple):
        return all(plain(item) for item in value)
    return type(value) in (str, int, bool, Fraction, type(None)) and not isinstance(value, Enum)


def test_what_is_probed_outlives_its_container(make_movie: Callable[..., Path]) -> None:
    # PyAV crashes the process when a stream is read after its container closed: nothing may point there.
    path = make_movie("outlives.mov", stream_tags={"timecode": "01:00:00:00"}, audio_seconds=0.2)

    clip = probe(path)
    gc.collect()

    assert plain(clip)
    assert pickle.loads(pickle.dumps(clip)) == clip
    with av.open(str(path)) as container:
        assert not plain(container.streams[0])


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
@pytest.mark.parametrize(("rate", "label"), TIMECODES)
def test_timecode_and_rate_are_read_for_every_rate(
    make_movie: Callable[..., Path], container: str, rate: Fraction, label: str
) -> None:
    name = f"tc_{rate.numerator}_{rate.denominator}_{label.translate(str.maketrans(':;', '-_'))}.{container}"
    path = make_movie(name, rate=rate, count=10, stream_tags={"timecode": label})

    clip = probe(path)

    assert clip.videos[0].timing.rate == Rate(rate)
    assert clip.timecode == Timecode.parse(label, Rate(rate))
    assert str(clip.timecode) == label
    assert clip.timecode_source == ("stream" if container == "mkv" else "tmcd")
    assert clip.warnings == () or clip.warnings[0].endswith(f"was snapped to {rate}")


@pytest.mark.parametrize("label", ["garbage", "01:00:00:25", "01:00:60:00", "-00:00:01:00"])
def test_an_invalid_label_is_a_warning_and_no_timecode(make_movie: Callable[..., Path], label: str) -> None:
    path = make_movie("invalid_label.mkv", stream_tags={"timecode": label})

    clip = probe(path)

    assert (clip.timecode, clip.timecode_source) == (None, "none")
    assert [candidate.label for candidate in clip.candidates] == [label]
    assert any("stream is unusable, so there is none" in text and repr(label) in text for text in clip.warnings)


def test_a_label_that_drop_frame_skips_is_a_warning(make_movie: Callable[..., Path]) -> None:
    path = make_movie("skipped_label.mkv", rate=NTSC_30, stream_tags={"timecode": "01:01:00;00"})

    clip = probe(path)

    assert clip.timecode is None
    assert any("'01:01:00;00' does not exist in drop-frame" in text for text in clip.warnings)


def test_the_timecode_track_beats_a_tag_that_disagrees(make_movie: Callable[..., Path]) -> None:
    path = make_movie(
        "two_timecodes.mov", tags={"timecode": "01:00:00:00"}, container_options={"movflags": "use_metadata_tags"}
    )
    written = path.read_bytes()
    assert written.count(b"01:00:00:00") == 1
    path.write_bytes(written.replace(b"01:00:00:00", b"02:00:00:00"))

    clip = probe(path)

    assert str(clip.timecode) == "01:00:00:00"
    assert {(found.source, found.label) for found in clip.candidates} >= {
        ("tmcd", "01:00:00:00"),
        ("container", "02:00:00:00"),
    }
    assert any("tmcd says 01:00:00:00, container says 02:00:00:00; tmcd is used" in text for text in clip.warnings)


def test_no_timecode_is_none_and_nothing_is_invented(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("no_timecode.mp4"))

    assert (clip.timecode, clip.timecode_source, clip.candidates, clip.warnings) == (None, "none", (), ())


def test_mxf_keeps_its_timecode_in_the_container(make_movie: Callable[..., Path]) -> None:
    path = make_movie("timecode.mxf", "mpeg2video", stream_tags={"timecode": "10:11:12:13"}, options={"bf": "0"})

    clip = probe(path)

    assert (str(clip.timecode), clip.timecode_source) == ("10:11:12:13", "mxf")
    # The GOP header of this file counts from zero, which nobody meant.
    assert clip.warnings == ()


def test_a_gop_header_is_the_last_resort(make_movie: Callable[..., Path]) -> None:
    options = {"gop_timecode": "01:00:00:00", "bf": "0"}

    clip = probe(make_movie("gop.mpg", "mpeg2video", options=options))

    assert (str(clip.timecode), clip.timecode_source) == ("01:00:00:00", "gop")


@pytest.mark.parametrize("container", ["mov", "mkv"])
def test_reel_is_found_whatever_its_case(make_movie: Callable[..., Path], container: str) -> None:
    key = "REEL_NAME" if container == "mkv" else "reel_name"
    path = make_movie(f"reel.{container}", stream_tags={"timecode": "01:00:00:00", key: "A001_C002"})

    assert probe(path).reel == "A001_C002"


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv", "ts", "avi"])
def test_frames_are_counted_not_believed(make_movie: Callable[..., Path], container: str) -> None:
    path = make_movie(f"counted.{container}", count=11)

    assert probe(path).videos[0].timing.count == 11


def test_matroska_states_no_frame_count_and_a_rounded_rate(make_movie: Callable[..., Path]) -> None:
    path = make_movie("rounded.mkv", rate=NTSC_60, count=11)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.frames, stream.average_rate) == (0, Fraction(19001, 317))

    clip = probe(path)

    assert clip.videos[0].timing.rate == Rate(NTSC_60)
    assert clip.videos[0].timing.measured == Fraction(19001, 317)
    assert clip.warnings == ("frame rate 19001/317 was snapped to 60000/1001",)


def test_frames_hidden_by_an_edit_list_do_not_count(make_movie: Callable[..., Path]) -> None:
    # What negative time stamps, and copying from the middle of a movie, leave behind.
    path = make_movie("negative.mov", count=5, pts=[-2, -1, 0, 1, 2], options={"qp": "0", "bf": "0", "g": "1"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 5

    clip = probe(path)

    assert clip.videos[0].timing.count == 3


def test_a_stream_that_starts_late_keeps_its_stamps_and_its_rate(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("late.ts", pts=[40 + n for n in range(12)]))

    timing = clip.videos[0].timing
    assert timing.pts[0] > 0
    assert (timing.count, timing.rate, timing.variable) == (12, Rate(Fraction(25)), False)


def test_variable_rate_keeps_exact_stamps(make_movie: Callable[..., Path]) -> None:
    pts = [0, 1001, 2002, 3003, 5005, 6006, 7507, 8008]
    path = make_movie("variable.mp4", count=8, rate=NTSC_30, pts=pts, time_base=Fraction(1, 30000))

    clip = probe(path)
    info = clip.stream_info()

    assert clip.videos[0].timing.variable
    assert info.rate == Rate(NTSC_30)
    assert info.pts is not None
    assert info.time_base is not None
    assert [stamp * info.time_base for stamp in info.pts] == [Fraction(stamp, 30000) for stamp in pts]
    assert any("frame rate is variable" in text for text in clip.warnings)


def test_constant_rate_carries_no_stamps(make_movie: Callable[..., Path]) -> None:
    info = probe(make_movie("constant.mp4")).stream_info()

    assert (info.pts, info.time_base) == (None, None)


def test_one_frame_is_a_movie(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("one.mov", count=1, stream_tags={"timecode": "09:00:00:00"}))

    assert (clip.videos[0].timing.count, str(clip.timecode)) == (1, "09:00:00:00")
    assert clip.videos[0].timing.rate == Rate(Fraction(25))


def test_raw_streams_are_counted_and_say_so(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("raw.h264", container="h264"))

    assert clip.videos[0].timing.counted
    assert clip.videos[0].timing.count == 12
    assert any("frames lack time stamps" in text for text in clip.warnings)


def test_audio_may_be_longer_than_video(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("long_audio.mov", count=25, audio_seconds=2.0))

    assert clip.videos[0].duration_seconds == 1
    assert clip.audios[0].duration_seconds == 2
    assert (clip.audios[0].codec, clip.audios[0].sample_rate, clip.audios[0].layout) == ("pcm_s16le", 48000, "stereo")


def test_odd_sizes_are_read(make_movie: Callable[..., Path]) -> None:
    video = probe(make_movie("odd.mkv", "ffv1", size=(65, 47))).videos[0]

    assert (video.width, video.height, video.native_format) == (65, 47, "yuv420p")


def test_pixel_aspect_is_read(make_movie: Callable[..., Path]) -> None:
    def anamorphic(stream: Any) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    path = make_movie("anamorphic.mov", "prores_ks", pix_fmt="yuv422p10", setup=anamorphic)

    assert probe(path).stream_info().sar == 2


@pytest.mark.parametrize("degrees", [90, -90, 180])
def test_rotation_is_counter_clockwise_and_its_matrix_is_kept(make_movie: Callable[..., Path], degrees: int) -> None:
    path = make_movie(f"rotated{degrees}.mp4", setup=lambda stream: stream.set_display_rotation(degrees))

    video = probe(path).videos[0]

    assert video.rotation % 360 == degrees % 360
    assert video.display_matrix is not None
    assert len(video.display_matrix) == 9
    assert (video.width, video.height) == (64, 48)


@pytest.mark.parametrize(("number", "order"), [(1, "progressive"), (2, "tt"), (3, "bb"), (4, "tb"), (5, "bt")])
def test_field_order_is_read(make_movie: Callable[..., Path], number: int, order: str) -> None:
    def interlaced(stream: Any) -> None:
        stream.codec_context.field_order = number
        if number > 1:
            stream.codec_context.flags |= (1 << 18) | (1 << 29)

    path = make_movie(f"fields_{order}.mov", "prores_ks", pix_fmt="yuv422p10", setup=interlaced)

    assert probe(path).stream_info().field_order == order


def test_colour_tags_are_read(make_movie: Callable[..., Path]) -> None:
    def tagged(stream: Any) -> None:
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, 16, 9, 2

    path = make_movie("pq.mp4", pix_fmt="yuv420p10", setup=tagged)

    assert probe(path).stream_info().colour == Colour("bt2020", "smpte2084", "bt2020nc", "full")


def test_untagged_stays_unspecified(make_movie: Callable[..., Path]) -> None:
    assert probe(make_movie("untagged.mp4")).stream_info().colour == Colour()


def test_hdr_metadata_is_noticed(make_movie: Callable[..., Path]) -> None:
    params = "mastering-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):cll=1000,400"
    path = make_movie("hdr.mp4", pix_fmt="yuv420p10", options={"qp": "0", "x264-params": params})

    assert probe(path).videos[0].hdr == ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")


def test_unreadable_side_data_costs_a_warning_and_no_crash(
    footage_folder: Path, make_sequence: Callable[..., Path]
) -> None:
    # PyAV 18 has no name for EXIF, and one unnamed kind makes it raise for all of them.
    still = make_sequence("exif.%04d.png", [1], attributes=lambda _: [("XResolution", None, 100.0)]) / "exif.0001.png"
    path = footage_folder / "exif.mov"
    with av.open(str(still)) as original, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(original.streams.video[0])
        packet = next(original.demux(original.streams.video[0]))
        packet.stream = copy
        output.mux(packet)

    clip = probe(path)

    assert any("side data of the frames cannot be read (31 is not a valid Type)" in text for text in clip.warnings)
    assert not read_hdr(path)


def test_vp9_alpha_is_seen(make_movie: Callable[..., Path]) -> None:
    path = make_movie("alpha.webm", "libvpx-vp9", pix_fmt="yuva420p", options={"lossless": "1"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].pix_fmt == "yuv420p"

    video = probe(path).videos[0]

    assert (video.native_format, video.alpha) == ("yuva420p", "straight")


def test_streams_tags_and_chapters_are_listed(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    source = make_movie("for_chapters.mov", tags={"title": "Shot 10"}, audio_seconds=0.5)
    path = footage_folder / "chapters.mkv"
    with av.open(str(source)) as original, av.open(str(path), "w") as output:
        output.metadata["title"] = "Shot 10"
        copies = {index: output.add_stream_from_template(original.streams[index]) for index in (0, 1)}
        copies[1].metadata.update({"language": "deu", "title": "Ton"})
        tick = Fraction(1, 1000)
        output.set_chapters([{"id": 1, "start": 0, "end": 200, "time_base": tick, "metadata": {"title": "One"}}])
        for packet in original.demux(0, 1):
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)

    clip = probe(path)

    assert [(chapter.end_seconds, chapter.title) for chapter in clip.chapters] == [(Fraction(1, 5), "One")]
    assert dict(clip.tags)["title"] == "Shot 10"
    assert (clip.audios[0].language, clip.audios[0].title, clip.audios[0].channels) == ("deu", "Ton", 2)


def test_streams_of_other_rates_read_the_label_at_their_own(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("one_rate.mov", stream_tags={"timecode": "01:00:00:00"}))
    timing = dataclasses.replace(clip.videos[0].timing, rate=Rate(Fraction(50)))
    second = dataclasses.replace(clip.videos[0], index=1, timing=timing)

    info = dataclasses.replace(clip, videos=(*clip.videos, second)).stream_info(1)

    assert info.start_timecode == Timecode(180_000, Rate(Fraction(50)))


def test_a_stream_that_is_not_there_is_named(make_movie: Callable[..., Path]) -> None:
    clip = probe(make_movie("single.mp4"))

    with pytest.raises(MediaError, match=r"stream must be in \[0, 1\), got 2"):
        clip.stream_info(2)


@pytest.mark.parametrize("name", ["a:b.mov", "$(touch x)'\";.mov", "späce näme.mov", "%d.mov"])
def test_any_file_name_is_only_a_file_name(make_movie: Callable[..., Path], name: str) -> None:
    source = make_movie("plain_name.mov")
    path = source.with_name(name)
    path.write_bytes(source.read_bytes())

    clip = probe(path)

    assert clip.stream_info(first_frame=7).range == FrameRange(7, 18)
    assert clip.stream_info().media is not None
    assert clip.path == str(path)
    assert clip.missing == FrameSet()


@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_ffprobe_agrees(make_movie: Callable[..., Path], ffprobe: Callable[..., Any], container: str) -> None:
    path = make_movie(f"agreed.{container}", rate=NTSC_24, count=17, pix_fmt="yuv422p10", size=(80, 62))
    stream = ffprobe(path)["streams"][0]

    clip = probe(path)
    video = clip.videos[0]

    assert int(stream["nb_read_frames"]) == video.timing.count
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (video.width, video.height, video.pixel_format)
    assert stream["codec_name"] == video.codec
    assert Rate(Fraction(stream["avg_frame_rate"])).snapped() == video.timing.rate
