"""What is said to be lost before the render: each rule, its neighbour that loses nothing, and the proof in a written file."""

from dataclasses import replace
from fractions import Fraction

import pytest

from shotgraph.api import Colour, Rate
from shotgraph.errors import Exit, LossError
from shotgraph.io.capability import Loss, refuse
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.outputs import plan_output
from shotgraph.io.probe import probe
from shotgraph.io.sinks import expect_output

FULL = Colour("bt709", "bt709", "bt709", "full")
LINEAR = Colour("bt709", "linear", "rgb", "full")
VARIABLE = {"pts": (0, 1001, 2002, 5005, 6007, 9010), "time_base": Fraction(1, 24000)}
FIELDS = {"height": 52, "field_order": "tt"}
ODD_RATE = Fraction(1000, 33)

# Pixel format, other fields of the header, target, codec, what is lost, and how that is said. Beside each loss stands the
# nearest case without it. A lossy codec's own loss ("pixels") is left out.
CASES = {
    "alpha in a codec without": (
        *("yuva444p10", {}, "mov", "h264", "alpha", "h264 as yuv444p10 has no alpha; prores_4444"),
    ),
    "alpha in a codec with": ("yuva444p10", {}, "mov", "prores_4444", "", ""),
    "4:4:4 in a 4:2:2 codec": ("yuv444p10", {}, "mov", "prores_hq", "chroma", "chroma of yuv444p10 is averaged down"),
    "4:2:0 in a 4:2:2 codec": ("yuv420p10", {}, "mov", "prores_hq", "", ""),
    "12 bits in 10": (
        "yuv422p12",
        {},
        "mov",
        "prores_hq",
        "bit_depth",
        "12-bit yuv422p12 is rounded to 10-bit yuv422p10",
    ),
    "12 bits in ffv1": ("yuv422p12", {}, "mkv", "ffv1", "", ""),
    "8 bits in 10": ("yuv422p", {}, "mov", "prores_hq", "", ""),
    "float in integers": (
        "gbrpf32",
        {"colour": LINEAR},
        "mkv",
        "ffv1",
        "bit_depth",
        "clipped and rounded to 16-bit codes",
    ),
    "float in half": ("gbrpf32", {"colour": LINEAR, "depth": 16}, "exr", "", "bit_depth", "rounded to half float"),
    "float in float": ("gbrpf32", {"colour": LINEAR}, "exr", "", "", ""),
    "rgb in lossless yuv of its depth": (
        *("gbrp10", {}, "mov", "h264_lossless", "bit_depth", "10-bit gbrp10 is rounded to 10-bit yuv444p10"),
    ),
    "yuv in png": ("yuv420p", {}, "png", "", "pixels", "values of yuv420p outside black and white are clipped"),
    "full range in prores": ("yuv422p10", {"colour": FULL}, "mov", "prores_hq", "range", "cannot be tagged full"),
    "full range in h264": ("yuv422p10", {"colour": FULL}, "mov", "h264", "", ""),
    "aspect of ffv1 in mkv": ("yuv420p", {"sar": Fraction(2)}, "mkv", "ffv1", "sar", "pixel aspect 2 of ffv1 is not"),
    "aspect of h264 in mkv": ("yuv420p", {"sar": Fraction(2)}, "mkv", "h264", "", ""),
    "coded order in h264": (
        *("yuv422p", {**FIELDS, "field_order": "bt"}, "mov", "h264", "field_order", "stores field order bt as tt"),
    ),
    "coded order in prores": ("yuv422p10", {**FIELDS, "field_order": "bt"}, "mov", "prores_hq", "", ""),
    "interlaced 4:2:0 to 4:2:2": ("yuv420p10", FIELDS, "mov", "prores_hq", "chroma", "is resampled across fields"),
    "interlaced 4:2:2 to 4:2:2": ("yuv422p10", FIELDS, "mov", "prores_hq", "", ""),
    "256 fps in a timecode track": (
        *(
            "yuv420p",
            {"fps": Fraction(256), "timecode": "01:00:00:000"},
            "mp4",
            "",
            "timecode",
            "at most 255 fps, not 256",
        ),
    ),
    "255 fps in a timecode track": ("yuv420p", {"fps": Fraction(255), "timecode": "01:00:00:000"}, "mp4", "", "", ""),
    "256 fps without a timecode": ("yuv420p", {"fps": Fraction(256), "timecode": None}, "mp4", "", "", ""),
    "variable rate in mkv": ("yuv420p", VARIABLE, "mkv", "ffv1", "pts", "rounded to milliseconds by mkv"),
    "variable rate in mp4": ("yuv420p", VARIABLE, "mp4", "", "", ""),
    "odd rate in mkv": ("yuv420p", {"fps": ODD_RATE, "timecode": None}, "mkv", "ffv1", "rate", "nanoseconds a frame"),
    "odd rate in mov": ("yuv420p", {"fps": ODD_RATE, "timecode": None}, "mov", "h264", "", ""),
    "standard rate in mkv": ("yuv420p", {"fps": Fraction(120000, 1001), "timecode": None}, "mkv", "ffv1", "", ""),
    "rotation in images": (
        "gbrp",
        {"rotation": 90},
        "png",
        "",
        "rotation",
        "rotation of 90 degrees has no place in png",
    ),
    "scan order in images": ("gbrp", FIELDS, "png", "", "field_order", "scan order tt has no place in png"),
    "tags in images": ("gbrp", {"tags": (("title", "a"),)}, "png", "", "tags", "1 tags of the source have no place"),
    "display light in exr": ("gbrp", {}, "exr", "", "transfer", "scene-linear, not iec61966-2-1"),
    "linear light in exr": ("gbrpf16", {"colour": LINEAR}, "exr", "", "", ""),
    "half a colour in png": (
        *("gbrp", {"colour": Colour(primaries="bt2020", matrix="rgb", range="full")}, "png", ""),
        *("primaries", "only where both primaries and transfer are known"),
    ),
    "no colour in png": ("gbrp", {"colour": Colour(matrix="rgb", range="full")}, "png", "", "", ""),
    "straight alpha in exr": (
        *("gbrapf16", {"colour": LINEAR}, "exr", "", "alpha", "straight alpha is stored as it is, which exr"),
    ),
    "premultiplied alpha in exr": ("gbrapf16", {"colour": LINEAR, "alpha": "premultiplied"}, "exr", "", "", ""),
}


def _case(header, tmp_path, name, **settings):
    pixel_format, fields, extension, codec, lost, text = CASES[name]
    fields = dict(fields)
    depth = fields.pop("depth", None)
    path = tmp_path / (f"a.{extension}" if extension in ("mov", "mp4", "mkv") else f"a.####.{extension}")
    return path, header(pixel_format, **fields), WriteSettings(codec=codec, bit_depth=depth, **settings), lost, text


@pytest.mark.parametrize("name", CASES)
def test_what_will_be_lost_is_said_before_the_render(tmp_path, header, name):
    path, info, settings, lost, text = _case(header, tmp_path, name)

    plan = plan_output(path, info, settings)

    found = [loss for loss in plan.losses if not loss.chosen]
    assert [loss.property for loss in found] == ([lost] if lost else [])
    assert all(text in loss.message for loss in found)
    assert plan.lost >= {lost} - {""}


@pytest.mark.parametrize("name", CASES)
def test_strict_refuses_exactly_what_would_be_lost(tmp_path, header, name):
    path, info, settings, lost, text = _case(header, tmp_path, name, strict=True)

    if not lost:
        plan_output(path, info, settings)
        return
    with pytest.raises(
        LossError, match=r"must keep everything under strict, got 1 losses; choose another codec"
    ) as found:
        plan_output(path, info, settings)

    assert f"\n  {lost}: " in str(found.value)
    assert text in str(found.value)
    assert found.value.exit_code == Exit.USAGE


@pytest.mark.parametrize("name", CASES)
def test_nothing_else_is_lost_in_the_file(tmp_path, header, write_frames, name):
    path, info, settings, lost, _ = _case(header, tmp_path, name)

    # Reopening compares everything: a loss that was not declared would raise.
    written = write_frames(path, info, codec=settings.codec, bit_depth=settings.bit_depth)

    declared = {check.split(":")[0] for check in written.checks if "declared loss" in check}
    # Samples are not among what a movie is checked for after a lossy codec; the plan's own losses of samples are.
    assert declared <= {lost, "pixels"}


@pytest.mark.parametrize("name", ["aspect of ffv1 in mkv", "variable rate in mkv", "256 fps in a timecode track"])
def test_a_declared_loss_is_real(tmp_path, header, write_frames, name):
    path, info, settings, lost, _ = _case(header, tmp_path, name)

    written = write_frames(path, info, codec=settings.codec)

    assert any(check.startswith(f"{lost}: declared loss, expected") for check in written.checks)


def test_a_lossy_codec_is_a_choice_that_strict_accepts(tmp_path, header):
    plan = plan_output(tmp_path / "a.mp4", header(), WriteSettings(strict=True))

    assert [str(loss) for loss in plan.losses] == [
        "pixels: h264 is a lossy codec; ffv1 or h264_lossless keep every sample"
    ]
    assert all(loss.chosen for loss in plan.losses)


def test_a_lossless_codec_loses_nothing(tmp_path, header):
    assert plan_output(tmp_path / "a.mkv", header("yuv422p10"), WriteSettings()).losses == ()


def test_losses_and_assumptions_reach_the_plan(tmp_path, header):
    info = header("yuva444p10", kind="rgb", colour=Colour(range="limited"))

    expected = expect_output(tmp_path / "a.mp4", info, WriteSettings())

    assert "alpha: h264 as yuv444p10 has no alpha; prores_4444, ffv1, exr and png do" in expected.losses
    assert any("matrix" in text for text in expected.losses)


def test_all_losses_are_listed_at_once():
    found = (Loss("sar", "lost"), Loss("pixels", "lossy", chosen=True), Loss("pts", "rounded"))

    with pytest.raises(LossError, match=r"x\.mkv: .* got 2 losses; .*\n  sar: lost\n  pts: rounded$"):
        refuse(found, path="x.mkv")

    refuse(found[1:2], path="x.mkv")


def test_sound_and_chapters_that_images_cannot_hold_are_named(tmp_path, header, make_source):
    source = make_source("beside.mp4", [("aac", "stereo", "fra", "music", 1)], chapters=("one",))
    info = replace(header("gbrp"), count=24, rate=Rate(Fraction(24)), start_timecode=None)

    plate = probe(source).stream_info()
    plan = plan_output(tmp_path / "a.####.png", info, WriteSettings(), plate)

    assert [str(loss) for loss in plan.losses] == [
        "audio: audio stream 1 (aac, stereo) does not fit into image files and is dropped",
        "chapters: 1 chapters have no place in image files and are dropped",
    ]
    assert plan.carry is None


@pytest.mark.parametrize("kind", ["flow", "depth", "mask"])
def test_what_is_no_picture_has_no_light_to_lose(tmp_path, header, kind):
    data = replace(header("gbrp"), kind=kind)

    assert "transfer" not in plan_output(tmp_path / "a.####.exr", data, WriteSettings()).lost
    assert "transfer" in plan_output(tmp_path / "a.####.exr", header("gbrp"), WriteSettings()).lost
