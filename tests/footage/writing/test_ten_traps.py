"""The ten traps of PyAV, FFmpeg and their neighbours, by number: each sprung on purpose with the bare library, then avoided.

1 a stream read after its container closed crashes · 2 a timecode vanishes without an exception · 3 RGB is encoded with the
wrong matrix · 4 high-depth RGB of limited range is wrong · 5 non-drop timecode turns into drop-frame · 6 `####` means 16
digits · 7 decoding stops at the first bad packet · 8 pictures before time 0 are hidden · 9 picture types of the source force
keyframes · 10 Matroska rounds, renames and forgets.
"""

from dataclasses import fields, is_dataclass
from fractions import Fraction

import av
import fileseq
import numpy as np
import pytest

from shotgraph.api import FrameSet, NativeFrame, PixelFormat, Rate, Timecode
from shotgraph.errors import TimecodeError
from shotgraph.io.planes import native_to_av
from shotgraph.io.probe import probe
from shotgraph.io.sources import open_source
from shotgraph.maths.yuv import native_from_rgb, rgb_from_native


def _encoded(path, pictures, *, codec="libx264", pix_fmt="yuv420p", options=None, setup=None):
    """A movie of `pictures`, by PyAV alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, pix_fmt
        if setup is not None:
            setup(stream)
        for picture in pictures:
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def pictures(ramp_frame):
    """``pictures(count, first_pts=0)``: ramps for PyAV at 25 fps."""

    def make(count, first_pts=0):
        made = [native_to_av(ramp_frame("yuv420p", 66, 50, index)) for index in range(count)]
        for index, picture in enumerate(made):
            picture.pts, picture.time_base = first_pts + index, Fraction(1, 25)
        return made

    return make


def _values(value):
    """`value` and everything inside it."""
    yield value
    if is_dataclass(value):
        for item in fields(value):
            yield from _values(getattr(value, item.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _values(item)


def test_trap_1_nothing_that_was_probed_points_into_a_closed_container(make_movie):
    clip = probe(make_movie("plain.mov", stream_tags={"timecode": "01:00:00:00"}, audio_seconds=0.5))

    modules = {type(value).__module__.split(".")[0] for value in _values(clip)}

    # Reading a stream of PyAV here would crash the process, so there must be none.
    assert "av" not in modules
    assert modules <= {"shotgraph", "builtins", "fractions"}


@pytest.mark.parametrize("label", ["garbage", "01:00:00;00", "-00:00:01:00", "01:00:00:25"])
def test_trap_2_a_timecode_that_cannot_be_is_refused_instead_of_vanishing(tmp_path, pictures, label):
    path = _encoded(tmp_path / "a.mov", pictures(2), setup=lambda stream: stream.metadata.update(timecode=label))

    # PyAV raised nothing; what came out is not what went in.
    assert str(probe(path).timecode) != label
    with pytest.raises(TimecodeError, match=f"got '{label}'|got 25 fps|drop-frame must be at 29"):
        open_source(path, timecode=label)


def test_trap_3_rgb_gets_the_matrix_of_its_tag(tmp_path, header, write_frames, decoded):
    red = np.zeros((50, 66, 3), np.float32)
    red[..., 0] = 1

    def tagged(stream):
        stream.codec_context.colorspace = 1

    frame = av.VideoFrame.from_ndarray((red * 255).astype(np.uint8), format="rgb24")
    _encoded(tmp_path / "bare.mkv", [frame], pix_fmt="yuv444p", setup=tagged)
    write_frames(tmp_path / "ours.mkv", header("yuv444p", kind="rgb", count=2), [red, red], codec="h264_lossless")

    bare, ours = (
        [int(plane[10, 20]) for plane in decoded(tmp_path / f"{name}.mkv")[0].planes] for name in ("bare", "ours")
    )
    assert bare == [81, 90, 240]  # BT.601, under a BT.709 tag
    assert ours == [63, 102, 240]
    assert {probe(tmp_path / f"{name}.mkv").video().colour.matrix for name in ("bare", "ours")} == {"bt709"}


def test_trap_4_white_is_one_and_superwhite_stays_above_it():
    layout = PixelFormat.parse("yuv444p10")
    levels = np.tile(np.array([[64, 940, 1000]], np.uint16), (4, 1))
    gray = np.full_like(levels, 512)
    plate = NativeFrame((levels, gray, gray), layout)

    swscale = native_to_av(plate).reformat(format="rgb48le", src_colorspace=1, src_color_range=1, dst_color_range=2)
    ours = rgb_from_native(plate, matrix="bt709", range="limited")
    back = native_from_rgb(ours, layout, matrix="bt709", range="limited")

    assert swscale.to_ndarray()[0, 1, 1] != 65535
    assert ours[0, :, 1].tolist() == pytest.approx([0, 1, 936 / 876], abs=1e-6)
    assert all(map(np.array_equal, back.planes, plate.planes))


@pytest.mark.parametrize(
    ("fps", "label", "frames"),
    [(Fraction(30000, 1001), "01:00:00:02", 108_002), (Fraction(120000, 1001), "01:00:00:008", 432_008)],
)
@pytest.mark.parametrize("extension", ["mov", "mp4", "mkv"])
def test_trap_5_non_drop_stays_non_drop(tmp_path, header, write_frames, fps, label, frames, extension):
    write_frames(tmp_path / f"a.{extension}", header(fps=fps, timecode=label), codec="h264")

    timecode = probe(tmp_path / f"a.{extension}").timecode

    assert (str(timecode), timecode.drop, timecode.frames) == (label, False, frames)
    assert Timecode.parse(label.replace(":00:00:", ":00:00;"), Rate(fps)).frames != frames


def test_trap_6_four_marks_are_four_digits(make_sequence):
    folder = make_sequence("s.%04d.png", (1001, 1002))

    with open_source(folder / "s.####.png") as source:
        found = source.info.range

    assert fileseq.FileSequence(f"{folder}/s.1001-1002####.png").frame(1001).endswith("s.0000000000001001.png")
    assert FrameSet((found,)) == FrameSet.parse("1001-1002")


def test_trap_7_a_bad_packet_costs_only_its_own_frame(make_movie, damage_movie):
    source = make_movie("intra7.mov", "prores_ks", pix_fmt="yuv422p10", count=12)
    path = damage_movie(source, "bad7.mov", {4})

    with av.open(str(path)) as container:
        bare = container.decode(video=0)
        with pytest.raises(av.error.InvalidDataError):
            [next(bare) for _ in range(12)]
        after = list(bare)
    with open_source(path, corrupt="black") as damaged, open_source(source) as whole:
        same = [all(map(np.array_equal, damaged.read(n).planes, whole.read(n).planes)) for n in damaged.info.range]

    assert len(after) < 7
    assert same == [True] * 4 + [False] + [True] * 7


def test_trap_8_pictures_before_zero_are_moved_instead_of_hidden(tmp_path, header, write_frames, decoded, pictures):
    bare = _encoded(tmp_path / "bare.mov", pictures(5, first_pts=-2), options={"qp": "0", "bf": "0"})
    info = header(pts=(-2002, -1001, 0, 1001, 2002, 3504), time_base=Fraction(1, 24000))

    write_frames(tmp_path / "ours.mov", info)

    assert len(decoded(bare)) == 3
    assert len(decoded(tmp_path / "ours.mov")) == 6
    assert probe(tmp_path / "ours.mov").video().timing.pts[0] == 0


def _keyframes(path):
    with av.open(str(path)) as container:
        return [packet.is_keyframe for packet in container.demux(video=0) if packet.size]


def test_trap_9_picture_types_of_the_source_do_not_force_keyframes(tmp_path, write_frames, make_movie):
    # A keyframe every second frame in the source; x264's own choice is one in 12.
    plate = make_movie("intra9.mp4", options={"g": "2", "bf": "0"}, count=12, size=(66, 50))
    with av.open(str(plate)) as container:
        _encoded(tmp_path / "bare.mp4", list(container.decode(video=0)), options={"preset": "ultrafast"})

    with open_source(plate) as source:
        frames = [source.read(number) for number in source.info.range]
        write_frames(tmp_path / "ours.mp4", source.info, frames)

    assert _keyframes(tmp_path / "bare.mp4") == [True, False] * 6
    assert _keyframes(tmp_path / "ours.mp4") == [True] + [False] * 11


def test_trap_10_matroska_keeps_what_it_can_and_the_rest_is_declared(tmp_path, header, write_frames):
    path = tmp_path / "a.mkv"
    info = header(fps=Fraction(60000, 1001), timecode="01:00:00;04", reel="A001", sar=Fraction(2))

    written = write_frames(path, info, codec="ffv1")

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        bare = (stream.frames, stream.metadata.get("timecode"), stream.average_rate)
    clip = probe(path)
    assert bare[:2] == (0, None)
    assert bare[2] != Fraction(60000, 1001)
    assert (clip.video().timing.count, str(clip.timecode), clip.reel) == (6, "01:00:00;04", "A001")
    assert clip.video().timing.rate == Rate(Fraction(60000, 1001))
    assert "sar: declared loss, expected 2, got 1" in written.checks
