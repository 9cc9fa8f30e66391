import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import OpenImageIO as oiio
import pytest

from shotgraph.api import Colour, DepthFrame, FlowFrame, FrameSet
from shotgraph.errors import Exit, OutputError, OutputExistsError, ShapeError, UsageError, VerifyError
from shotgraph.io import numberedstills
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.framelog import log_path
from shotgraph.io.numberedstills import frame_path
from shotgraph.io.probe import probe
from shotgraph.io.sinks import open_sink
from shotgraph.io.sources import open_source
from shotgraph.io.stills import read_header
from shotgraph.io.stillwriter import Still, write_still
from shotgraph.maths.yuv import native_from_rgb, rgb_from_native


def _channels(path):
    source = oiio.ImageInput.open(str(path))
    planes = np.moveaxis(source.read_image(oiio.FLOAT), -1, 0)
    names = source.spec().channelnames
    source.close()
    return dict(zip(names, planes, strict=True))


def _attributes(path):
    source = oiio.ImageInput.open(str(path))
    found = {item.name: item.value for item in source.spec().extra_attribs}
    source.close()
    return found


@pytest.mark.parametrize("pixel_format", ["gbrp", "gbrap", "gray", "gbrp16", "gbrap16", "gray16"])
def test_png_gives_integer_planes_back_bit_for_bit(tmp_path, header, write_frames, ramp_frame, pixel_format):
    pattern = tmp_path / "a.####.png"

    write_frames(pattern, header(pixel_format, colour=Colour(matrix="rgb", range="full"), count=2))

    with open_source(pattern) as source:
        frame = source.read(1002)
    assert frame.format.name == pixel_format
    assert all(map(np.array_equal, frame.planes, ramp_frame(pixel_format, 66, 50, 1).planes))


@pytest.mark.parametrize("pixel_format", ["gbrpf16", "gbrapf16", "grayf16", "gbrpf32", "gbrapf32", "grayf32"])
@pytest.mark.parametrize("compression", ["none", "rle", "zip", "zips", "piz"])
def test_exr_gives_float_planes_back_bit_for_bit(tmp_path, header, write_frames, ramp_frame, pixel_format, compression):
    pattern = tmp_path / "a.####.exr"

    write_frames(pattern, header(pixel_format, count=1), compression=compression)

    with open_source(pattern) as source:
        frame = source.read(1001)
    assert frame.format.name == pixel_format
    assert all(map(np.array_equal, frame.planes, ramp_frame(pixel_format, 66, 50, 0).planes))
    assert _attributes(frame_path(pattern, 1001))["compression"] == compression


@pytest.mark.parametrize(("extension", "pixel_format"), [("exr", "yuv420p10"), ("png", "yuv420p"), ("exr", "yuv444p")])
def test_yuv_plates_come_back_exactly_through_the_files_rgb(
    tmp_path, header, write_frames, ramp_frame, extension, pixel_format
):
    pattern = tmp_path / f"a.####.{extension}"
    # Codes near the middle, in both directions: PNG clips what lies outside black and white.
    plate = ramp_frame(pixel_format, 66, 50, 0)
    middle = 1 << (plate.format.bits - 1)
    calm = replace(plate, planes=tuple((middle + (plane % 16) - 8).astype(plane.dtype) for plane in plate.planes))

    write_frames(pattern, header(pixel_format, count=1), [calm])

    with open_source(pattern) as source:
        rgb = rgb_from_native(source.read(1001), matrix="rgb", range="full")
    back = native_from_rgb(rgb, plate.format, matrix="bt709", range="limited")
    assert all(map(np.array_equal, back.planes, calm.planes))


def test_every_exr_carries_its_own_timecode_as_word_and_text(tmp_path, header, write_frames):
    pattern = tmp_path / "a.####.exr"

    write_frames(pattern, header("gbrpf16", fps=Fraction(50), timecode="01:00:00:38", reel="A001C002", sar=Fraction(2)))

    third = _attributes(frame_path(pattern, 1003))
    assert third["timecode"] == "01:00:00:40"
    assert third["smpte:TimeCode"][0] & 0xFFFFFF00 == 0x01000000
    assert (third["FramesPerSecond"], third["reelName"], third["PixelAspectRatio"]) == ((50, 1), "A001C002", 2.0)
    assert third["chromaticities"] == pytest.approx((0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))


@pytest.mark.parametrize("extension", ["exr", "png"])
@pytest.mark.parametrize(
    ("fps", "label"),
    [(Fraction(60), "01:00:00:57"), (Fraction(30000, 1001), "01:00:59;28"), (Fraction(120), "01:00:00:118")],
)
def test_sequences_are_read_back_with_timecode_rate_and_reel(tmp_path, header, write_frames, extension, fps, label):
    pattern = tmp_path / f"a.####.{extension}"

    write_frames(pattern, header("gbrp", fps=fps, timecode=label, reel="A001"))

    clip = probe(pattern)
    assert (str(clip.timecode), clip.video().timing.rate.fps, clip.reel) == (label, fps, "A001")
    assert clip.warnings == ()


def test_png_keeps_colour_and_pixel_aspect(tmp_path, header, write_frames):
    pattern = tmp_path / "a.####.png"
    colour = Colour("bt2020", "smpte2084", "rgb", "full")

    written = write_frames(pattern, header("gbrp16", colour=colour, sar=Fraction(2), count=1))

    still = read_header(frame_path(pattern, 1001))
    assert (still.colour, still.sar) == (colour, 2)
    assert not any("loss" in check for check in written.checks)


def test_png_colour_is_kept_from_yuv_too(tmp_path, header, write_frames):
    pattern = tmp_path / "a.####.png"

    write_frames(pattern, header("yuv420p", count=1))

    assert read_header(frame_path(pattern, 1001)).colour == Colour("bt709", "bt709", "rgb", "full")


def test_flow_goes_into_the_layers_that_other_programs_know(tmp_path, header, write_frames):
    pattern = tmp_path / "flow.####.exr"
    y, x = np.mgrid[:50, :66].astype(np.float32)
    nothing = np.full((50, 66, 2), np.nan, np.float32)
    pair = FlowFrame(forward=np.dstack((x, -y)) / 7, backward=np.dstack((y, x)), occluded=(x > 40).astype(np.float32))
    ending = FlowFrame(forward=nothing, backward=nothing, occluded=np.ones((50, 66), np.float32))

    write_frames(pattern, header("", kind="flow", colour=Colour(), count=2), [(pair,), (ending, pair)])

    first, second = (_channels(frame_path(pattern, frame)) for frame in (1001, 1002))
    assert set(first) == {"forward.u", "forward.v", "backward.u", "backward.v", "occluded"}
    assert np.array_equal(first["forward.u"], x / 7)
    assert np.array_equal(first["forward.v"], y / 7)
    assert np.array_equal(first["occluded"], pair.occluded)
    assert np.array_equal(second["backward.u"], y)
    assert np.array_equal(second["backward.v"], -x)
    assert (first["backward.u"] == 0).all()
    assert (second["forward.u"] == 0).all()


def test_depth_is_kept_as_float_with_its_limits(tmp_path, header, write_frames):
    pattern = tmp_path / "depth.####.exr"
    values = np.linspace(-1e6, 1e6, 50 * 66, dtype=np.float32).reshape(50, 66)
    depth = DepthFrame(values=values, low=np.float32(-2.5), high=np.float32(7))

    write_frames(pattern, header("", kind="depth", colour=Colour(), count=1), [depth])

    with open_source(pattern) as source:
        assert np.array_equal(source.read(1001).planes[0], values)
    found = _attributes(frame_path(pattern, 1001))
    assert (found["shotgraph:low"], found["shotgraph:high"]) == (-2.5, 7.0)
    assert read_header(frame_path(pattern, 1001)).channels == ("Z",)


def test_data_of_another_size_is_refused(tmp_path, header):
    sink = open_sink(tmp_path / "d.####.exr", header("", kind="depth", colour=Colour()), WriteSettings())
    depth = DepthFrame(values=np.zeros((66, 50), np.float32), low=np.float32(0), high=np.float32(1))

    with pytest.raises(ShapeError, match=r"frame 1001: write: depth frame must be 66x50 like its stream, got 50x66"):
        sink.write(1001, depth, "")


def test_mask_is_written_as_one_channel(tmp_path, header, write_frames):
    mask = np.tile(np.linspace(0, 1, 66, dtype=np.float32), (50, 1))
    info = header("", kind="mask", colour=Colour(), count=1)

    write_frames(tmp_path / "m.####.png", info, [mask])
    write_frames(tmp_path / "m.####.exr", info, [mask], bit_depth=32)

    with open_source(tmp_path / "m.####.png") as png, open_source(tmp_path / "m.####.exr") as exr:
        assert np.array_equal(png.read(1001).planes[0], np.rint(mask * 65535))
        assert np.array_equal(exr.read(1001).planes[0], mask)
    assert read_header(frame_path(tmp_path / "m.####.exr", 1001)).channels == ("A",)


def test_values_that_overflow_half_are_an_error_with_the_cure(tmp_path, header, write_frames):
    picture = np.full((50, 66, 3), 1e5, np.float32)
    info = header("", kind="rgb", colour=Colour(), count=1)

    with pytest.raises(OutputError, match=r"frame 1001: samples must be within 65504 .*set bit_depth to 32"):
        write_frames(tmp_path / "a.####.exr", info, [picture])

    assert not frame_path(tmp_path / "a.####.exr", 1001).exists()
    assert write_frames(tmp_path / "a.####.exr", info, [picture], bit_depth=32).frames == 1


def test_two_runs_write_the_same_bytes(tmp_path, header, write_frames):
    (tmp_path / "one").mkdir()
    first = write_frames(tmp_path / "one" / "a.####.exr", header("gbrpf16"))

    second = write_frames(tmp_path / "two" / "a.####.exr", header("gbrpf16"))

    other = write_frames(tmp_path / "three" / "a.####.exr", header("gbrpf16", reel="B"))
    assert first.digest == second.digest != other.digest


@pytest.mark.parametrize(
    ("pattern", "frame", "name"),
    [("a.####.exr", 7, "a.0007.exr"), ("a_#.png", 12, "a_12.png"), ("a.##.png", 1234, "a.1234.png")],
)
def test_numbers_fill_the_marks(tmp_path, pattern, frame, name):
    assert frame_path(tmp_path / pattern, frame).name == name


def test_pattern_without_marks_is_refused(tmp_path, header):
    with pytest.raises(UsageError, match=r"file must hold one run of # for the frame number, got 'a\.exr'"):
        open_sink(tmp_path / "a.exr", header("gbrpf16"), WriteSettings())


def test_lossy_exr_compression_is_refused(tmp_path, header):
    with pytest.raises(UsageError, match="compression must be one of none, rle, zip, zips, piz, got 'dwaa'"):
        open_sink(tmp_path / "a.####.exr", header("gbrpf16"), WriteSettings(compression="dwaa"))


def test_frames_of_an_earlier_run_are_found_by_their_key(tmp_path, header, ramp_frame):
    info, pattern = header("gbrp", count=3), tmp_path / "a.####.png"
    first = open_sink(pattern, info, WriteSettings())
    for number in (1002, 1001):
        first.write(number, ramp_frame("gbrp", 66, 50, number), f"key{number}")

    second = open_sink(pattern, info, WriteSettings())

    assert [second.done(number, f"key{number}") for number in info.range] == [True, True, False]
    assert not second.done(1001, "another key")
    second.write(1003, ramp_frame("gbrp", 66, 50, 1003), "key1003")
    written = second.finish()
    assert "samples: 1 files read back, 2 of an earlier run found intact" in written.checks


@pytest.mark.parametrize("damage", [b"", b"\x89PNG short", None])
def test_a_damaged_frame_is_not_done(tmp_path, header, write_frames, damage):
    info, pattern = header("gbrp", count=2), tmp_path / "a.####.png"
    write_frames(pattern, info)
    path = frame_path(pattern, 1002)
    whole = path.read_bytes()
    # None flips one bit and keeps the size.
    path.write_bytes(whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:] if damage is None else damage)

    sink = open_sink(pattern, info, WriteSettings(force=True))

    assert [sink.done(number, f"key{number}") for number in info.range] == [True, False]
    with pytest.raises(VerifyError, match="got no intact file for 1002 and 0 more"):
        sink.finish()


def test_own_frames_are_replaced_when_their_key_changes(tmp_path, header, write_frames, ramp_frame):
    info, pattern = header("gbrp", count=1), tmp_path / "a.####.png"
    write_frames(pattern, info)
    sink = open_sink(pattern, info, WriteSettings())

    sink.write(1001, ramp_frame("gbrp", 66, 50, 9), "new")

    assert sink.done(1001, "new")
    assert not sink.done(1001, "key1001")
    assert sink.finish().frames == 1


def test_foreign_images_are_kept_without_force(tmp_path, header, write_frames):
    pattern = tmp_path / "a.####.png"
    frame_path(pattern, 1003).write_bytes(b"somebody's")

    with pytest.raises(OutputExistsError, match=r"a\.1003\.png: the output path must be free") as refused:
        write_frames(pattern, header("gbrp"))

    assert refused.value.exit_code == Exit.CANNOT_CREATE
    assert frame_path(pattern, 1003).read_bytes() == b"somebody's"
    assert write_frames(pattern, header("gbrp"), force=True).frames == 6


def test_a_frame_that_somebody_retouched_is_foreign(tmp_path, header, write_frames):
    pattern = tmp_path / "a.####.png"
    write_frames(pattern, header("gbrp"))
    frame_path(pattern, 1002).write_bytes(b"retouched")

    with pytest.raises(OutputExistsError, match=r"a\.1002\.png"):
        write_frames(pattern, header("gbrp"))


def test_missing_frames_are_an_error_at_the_end(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.####.png", header("gbrp"), WriteSettings())
    sink.write(1001, ramp_frame("gbrp", 66, 50, 0), "")

    with pytest.raises(VerifyError, match="all of 1001-1006 must be written, got no intact file for 1002 and 4 more"):
        sink.finish()


def test_frame_outside_the_plan_is_refused(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.####.png", header("gbrp"), WriteSettings())

    with pytest.raises(OutputError, match="frame must be in 1001-1006, got 1007"):
        sink.write(1007, ramp_frame("gbrp", 66, 50, 0), "")


def test_torn_line_of_the_log_counts_as_not_written(tmp_path, header, write_frames):
    info, pattern = header("gbrp", count=2), tmp_path / "a.####.png"
    write_frames(pattern, info)
    log = log_path(pattern)
    log.write_text(log.read_text()[:-30])

    sink = open_sink(pattern, info, WriteSettings(force=True))

    assert [sink.done(number, f"key{number}") for number in info.range] == [True, False]


def test_log_cannot_name_files_outside_its_folder(tmp_path, header, write_frames):
    info, pattern = header("gbrp", count=1), tmp_path / "in" / "a.####.png"
    write_frames(pattern, info)
    log = log_path(pattern)
    entry = json.loads(log.read_text())
    outside = frame_path(pattern, 1001).rename(tmp_path / "a.1001.png")
    log.write_text(json.dumps(entry | {"file": "../a.1001.png"}) + "\n")

    sink = open_sink(pattern, info, WriteSettings())

    assert outside.exists()
    assert not sink.done(1001, "key1001")


def test_image_that_does_not_come_back_sample_for_sample_is_refused(tmp_path):
    noise = np.random.default_rng(1).random((50, 66, 1)).astype(np.float16)

    write_still(tmp_path / "whole.exr", Still(noise, ("Y",), (("compression", None, "zip"),)))

    with pytest.raises(OutputError, match=r"image must come back sample for sample, got \d+ of 3300 that differ"):
        write_still(tmp_path / "lossy.exr", Still(noise, ("Y",), (("compression", None, "b44"),)))


@pytest.mark.parametrize("name", ["a#b.####.png", "a.##_##.exr"])
def test_two_runs_of_marks_are_refused(tmp_path, header, name):
    # With only one place for the number every frame would get the same name.
    with pytest.raises(UsageError, match=rf"file must hold one run of # for the frame number, got '{name}'"):
        open_sink(tmp_path / name, header("gbrp"), WriteSettings())


def test_versions_do_not_see_each_other(tmp_path, header, write_frames):
    info = header("gbrp", count=2)

    first = write_frames(tmp_path / "a_v001.####.png", info)
    second = write_frames(tmp_path / "a_v002.####.png", info)

    assert "samples: 2 files read back" in second.checks
    assert first.digest == second.digest
    assert len(list(tmp_path.glob("a_v00?.*.png"))) == 4


def test_a_run_killed_before_a_frame_got_its_name_goes_on(tmp_path, header, ramp_frame, monkeypatch):
    info, pattern = header("gbrp", count=2), tmp_path / "a.####.png"
    killed = open_sink(pattern, info, WriteSettings())
    killed.write(1001, ramp_frame("gbrp", 66, 50, 1), "old")

    def die(*_):
        raise KeyboardInterrupt

    # Once over a file of its own, once over nothing: both are announced, neither is renamed.
    with monkeypatch.context() as patch:
        patch.setattr(numberedstills, "settle", die)
        for number, key in ((1001, "new"), (1002, "new")):
            with pytest.raises(KeyboardInterrupt):
                killed.write(number, ramp_frame("gbrp", 66, 50, 7), key)
    again = open_sink(pattern, info, WriteSettings())

    assert (again.done(1001, "old"), again.done(1001, "new"), again.done(1002, "new")) == (True, False, False)
    for number in info.range:
        again.write(number, ramp_frame("gbrp", 66, 50, 7), "new")
    assert again.finish().frames == 2


def test_a_run_killed_after_a_frame_got_its_name_knows_it(tmp_path, header, ramp_frame, monkeypatch):
    info, pattern = header("gbrp", count=1), tmp_path / "a.####.png"
    killed = open_sink(pattern, info, WriteSettings())

    def settle_and_die(part, final):
        part.replace(final)
        raise KeyboardInterrupt

    monkeypatch.setattr(numberedstills, "settle", settle_and_die)
    with pytest.raises(KeyboardInterrupt):
        killed.write(1001, ramp_frame("gbrp", 66, 50, 1), "key")

    assert open_sink(pattern, info, WriteSettings()).done(1001, "key")


def test_a_frame_after_a_torn_line_is_remembered(tmp_path, header, write_frames, ramp_frame):
    info, pattern = header("gbrp", count=2), tmp_path / "a.####.png"
    write_frames(pattern, info)
    log = log_path(pattern)
    log.write_text(log.read_text()[:-30])
    frame_path(pattern, 1002).unlink()

    open_sink(pattern, info, WriteSettings()).write(1002, ramp_frame("gbrp", 66, 50, 1), "again")

    assert open_sink(pattern, info, WriteSettings()).done(1002, "again")


def test_a_file_that_appears_during_the_render_is_kept(tmp_path, header, ramp_frame):
    pattern = tmp_path / "a.####.png"
    sink = open_sink(pattern, header("gbrp"), WriteSettings())
    frame_path(pattern, 1001).write_bytes(b"somebody's")

    with pytest.raises(OutputExistsError, match=r"a\.1001\.png: the output path must be free"):
        sink.write(1001, ramp_frame("gbrp", 66, 50, 0), "")

    assert [item.name for item in tmp_path.iterdir()] == ["a.1001.png"]
    assert frame_path(pattern, 1001).read_bytes() == b"somebody's"


def test_only_the_frames_asked_for_are_written_and_proved(tmp_path, header, ramp_frame):
    pattern = tmp_path / "a.####.png"
    sink = open_sink(pattern, header("gbrp"), WriteSettings(), frames=FrameSet.parse("1001,1004-1005"))

    for number in (1001, 1004, 1005):
        sink.write(number, ramp_frame("gbrp", 66, 50, number), "")
    with pytest.raises(OutputError, match="frame must be in 1001,1004-1005, got 1002"):
        sink.write(1002, ramp_frame("gbrp", 66, 50, 2), "")

    assert sink.finish().frames == 3


def test_what_a_killed_run_left_half_written_is_written_over(tmp_path, header, write_frames):
    (tmp_path / ".a.1001.part.png").write_bytes(b"half")

    write_frames(tmp_path / "a.####.png", header("gbrp", count=1))

    assert sorted(item.name for item in tmp_path.iterdir()) == [".a.####.png.jsonl", "a.1001.png"]


def test_a_log_that_cannot_be_written_is_an_output_error(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.####.png", header("gbrp"), WriteSettings())
    log_path(tmp_path / "a.####.png").mkdir()

    with pytest.raises(OutputError, match=r"frame 1001 must be written, got .*Is a directory.*; free space") as failed:
        sink.write(1001, ramp_frame("gbrp", 66, 50, 0), "")

    assert failed.value.exit_code == Exit.IO_FAILED
    assert list(tmp_path.glob("*.png")) == []
