"""Verify finds every difference it looks for: each property is changed on purpose, alone, and must be named, alone."""

from dataclasses import replace
from fractions import Fraction

import av
import pytest

from shotgraph.api import Colour, FrameRange
from shotgraph.errors import Exit, MediaError, VerifyError
from shotgraph.io import avsink
from shotgraph.io.beside import stream_digests, survey
from shotgraph.io.carry import CarryReport
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.outputs import plan_output
from shotgraph.io.probe import probe
from shotgraph.io.sinks import open_sink
from shotgraph.io.verify import Expectation, compare, require, verify

# x264 writes these as SEI messages; probing and verify read them back.
MASTERING = "mastering-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):cll=1000,400"
TAGS = (("artist", "Ünal"), ("title", "opening"))


def _failed(checks):
    return {check.name for check in checks if check.failed}


def _wanted(path, info, **changes):
    """What `path` itself should say, with `changes`."""
    carried = survey(path)
    return Expectation(info=info, streams=carried.streams, chapters=carried.chapters, **changes)


@pytest.fixture(scope="module")
def plate(tmp_path_factory, header, write_frames):
    """A movie whose every property has a value of its own, and its header."""
    path = tmp_path_factory.mktemp("verify") / "plate.mov"
    info = header(reel="A001", sar=Fraction(4, 3), rotation=90, tags=TAGS, field_order="tt", height=52)
    write_frames(path, info, codec="h264_lossless")
    return path, info


def test_every_property_of_a_sound_movie_agrees(plate):
    path, info = plate

    checks = verify(path, _wanted(path, info, pixel_format="yuv420p"))

    assert _failed(checks) == set()
    assert [check.name for check in checks] == [
        *("size", "pixel_format", "frame_count", "rate", "pts", "sar", "rotation", "field_order"),
        *("primaries", "transfer", "matrix", "range", "timecode", "reel", "tags"),
        *("audio", "audio_layout", "languages", "chapters"),
    ]


CHANGES = {
    "size": {"width": 64},
    "frame_count": {"count": 5},
    "rate": {"fps": Fraction(24), "timecode": "01:00:00:00"},
    "sar": {"sar": Fraction(2)},
    "rotation": {"rotation": 270},
    "field_order": {"field_order": "bb"},
    "primaries": {"colour": Colour("bt2020", "bt709", "bt709", "limited")},
    "transfer": {"colour": Colour("bt709", "smpte2084", "bt709", "limited")},
    "matrix": {"colour": Colour("bt709", "bt709", "smpte170m", "limited")},
    "range": {"colour": Colour("bt709", "bt709", "bt709", "full")},
    "timecode": {"timecode": "01:00:00:01"},
    "reel": {"reel": "A002"},
    "tags": {"tags": (("artist", "Unal"), ("title", "opening"))},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_property_is_found_and_named(tmp_path, plate, header, write_frames, name):
    _, info = plate
    path = tmp_path / "changed.mov"
    common = {"reel": "A001", "sar": Fraction(4, 3), "rotation": 90, "tags": TAGS, "field_order": "tt", "height": 52}
    write_frames(path, header(**(common | CHANGES[name])), codec="h264_lossless")

    checks = verify(path, _wanted(path, info))

    assert _failed(checks) == {name}
    with pytest.raises(VerifyError, match=rf"got 1 differences; do not deliver it\n  {name}: DIFFERS, expected"):
        require(checks, path)


def test_a_missing_timecode_and_a_missing_tag_are_found(tmp_path, plate, header, write_frames):
    _, info = plate
    path = tmp_path / "bare.mov"
    write_frames(
        path, header(timecode=None, sar=info.sar, rotation=90, field_order="tt", height=52), codec="h264_lossless"
    )

    checks = verify(path, _wanted(path, info))

    assert _failed(checks) == {"timecode", "reel", "tags"}


def test_pixel_format_and_profile_are_found(tmp_path, header, write_frames):
    path = tmp_path / "a.mov"
    info = header("yuv422p10")
    write_frames(path, info, codec="prores_lt")

    checks = verify(path, _wanted(path, info, pixel_format="yuv444p12", profile="HQ"))

    assert _failed(checks) == {"pixel_format", "profile"}
    assert "profile: DIFFERS, expected HQ, got LT" in map(str, checks)


def test_one_frame_shown_at_another_time_is_found(tmp_path, header, write_frames):
    pts = (0, 1001, 2002, 5005, 6007, 9010)
    info = header(pts=pts, time_base=Fraction(1, 24000))
    write_frames(tmp_path / "a.mov", info, codec="h264")
    moved = replace(info, pts=(*pts[:3], 5006, *pts[4:]))

    right = verify(tmp_path / "a.mov", _wanted(tmp_path / "a.mov", info))
    wrong = verify(tmp_path / "a.mov", _wanted(tmp_path / "a.mov", moved))

    assert _failed(right) == set()
    assert [str(check) for check in wrong if check.failed] == [
        "pts: DIFFERS, expected as planned, got 1 of 6 frame times differ"
    ]


def test_a_variable_rate_is_no_constant_one(tmp_path, header, write_frames):
    info = header(pts=(0, 1001, 2002, 5005, 6007, 9010), time_base=Fraction(1, 24000))
    write_frames(tmp_path / "a.mov", info, codec="h264")

    checks = verify(tmp_path / "a.mov", _wanted(tmp_path / "a.mov", replace(info, pts=None, time_base=None)))

    assert "pts: DIFFERS, expected constant, got variable" in map(str, checks)


@pytest.fixture
def graded(make_movie):
    """A movie with HDR10 mastering data, as x264 writes it."""

    def make(name, params):
        return make_movie(name, options={"preset": "ultrafast", "x264-params": params}, size=(66, 50), count=6)

    return make


def test_hdr_data_is_carried_and_a_change_is_found(tmp_path, graded, write_frames):
    graded_info = probe(graded("hdr.mov", MASTERING)).stream_info()
    other_info = probe(graded("dim.mov", MASTERING.replace("1000,400", "600,400"))).stream_info()
    write_frames(tmp_path / "a.mp4", graded_info)
    write_frames(tmp_path / "b.mp4", other_info)

    expectation = Expectation.of_plan(
        plan_output(tmp_path / "c.mp4", graded_info, WriteSettings()), CarryReport(digests=())
    )

    assert "cll=1000,400" in next(str(c) for c in verify(tmp_path / "a.mp4", expectation) if c.name == "hdr")
    assert _failed(verify(tmp_path / "a.mp4", expectation)) == set()
    assert _failed(verify(tmp_path / "b.mp4", expectation)) == {"hdr"}


def test_hdr_data_of_a_file_with_a_colon_in_its_name_is_read(tmp_path, graded, write_frames, monkeypatch):
    # From its own folder the name looks like "protocol:address".
    monkeypatch.chdir(graded("a:b.mov", MASTERING).parent)
    info = probe("a:b.mov").stream_info()

    written = write_frames(tmp_path / "a.mp4", info)

    assert any(check.startswith("hdr: mastering-display") for check in written.checks)


SOUND = ("pcm_s16le", "5.1", "deu", "mix", 1)


@pytest.mark.parametrize(
    ("name", "sound", "chapters"),
    [
        ("audio", [SOUND], ("one", "two")),
        ("audio_layout", [("pcm_s16le", "hexagonal", "deu", "mix", 1)], ("one", "two")),
        ("languages", [("pcm_s16le", "5.1", "fra", "mix", 1)], ("one", "two")),
        ("chapters", [SOUND], ("one", "2")),
    ],
)
def test_a_change_beside_the_picture_is_found(tmp_path, make_source, write_frames, name, sound, chapters):
    plate = make_source(f"whole_{name}.mov", [SOUND], chapters=("one", "two"))
    info = probe(plate).stream_info()
    other = make_source(f"other_{name}.mov", sound, chapters=chapters, seed=2 if name == "audio" else 1)
    other_info = probe(other).stream_info()
    write_frames(tmp_path / "a.mov", info, audio_from=info)
    write_frames(tmp_path / "b.mov", replace(info, media=None), audio_from=other_info)
    digests = stream_digests(tmp_path / "a.mov")
    expectation = _wanted(tmp_path / "a.mov", info, digests=digests)

    assert _failed(verify(tmp_path / "a.mov", expectation)) == set()
    assert _failed(verify(tmp_path / "b.mov", expectation)) == {name}


def test_one_bit_of_sound_is_found(tmp_path, make_source, write_frames):
    info = probe(make_source("bit.mov", [SOUND])).stream_info()
    write_frames(tmp_path / "a.mov", info, audio_from=info)
    expectation = _wanted(tmp_path / "a.mov", info, digests=stream_digests(tmp_path / "a.mov"))
    with av.open(str(tmp_path / "a.mov")) as container:
        packet = next(packet for packet in container.demux(audio=0) if packet.size)
        place = packet.pos + 11
    content = bytearray((tmp_path / "a.mov").read_bytes())
    content[place] ^= 1
    (tmp_path / "a.mov").write_bytes(content)

    assert _failed(verify(tmp_path / "a.mov", expectation)) == {"audio"}


def test_a_declared_loss_is_shown_but_no_failure(plate, header):
    path, _ = plate
    wanted = _wanted(path, header(sar=Fraction(2), rotation=90, field_order="tt", height=52), lost=frozenset({"sar"}))

    checks = verify(path, wanted)

    sar = next(check for check in checks if check.name == "sar")
    assert str(sar) == "sar: declared loss, expected 2, got 4/3"
    assert not sar.failed
    assert _failed(checks) == {"reel"}


def test_an_output_that_does_not_open_again_is_a_failed_output(tmp_path, header, ramp_frame, monkeypatch):
    def cut_then_verify(path, expectation):
        path.write_bytes(path.read_bytes()[:2000])
        return verify(path, expectation)

    sink = open_sink(tmp_path / "a.mov", header(count=1), WriteSettings(threads=1))
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    monkeypatch.setattr(avsink, "verify", cut_then_verify)

    with pytest.raises(VerifyError, match=r"a\.mov: .*a\.mov\.part: movie must have its index") as failed:
        sink.finish()

    assert failed.value.exit_code == Exit.IO_FAILED
    assert [item.name for item in tmp_path.iterdir()] == ["a.mov.part"]


def test_an_output_is_compared_with_its_source(tmp_path, make_source, write_frames):
    source = make_source("source.mov", [SOUND], chapters=("one", "two"))
    info = probe(source).stream_info()
    write_frames(tmp_path / "same.mov", info, audio_from=info, codec="h264")
    write_frames(tmp_path / "silent.mov", info, codec="h264")
    write_frames(tmp_path / "part.mov", info.sliced(FrameRange(1002, 1006)), audio_from=info, codec="h264")

    assert _failed(compare(tmp_path / "same.mov", source)) == set()
    assert _failed(compare(tmp_path / "silent.mov", source)) == {"audio", "audio_layout", "languages", "chapters"}
    assert {"frame_count", "audio"} <= _failed(compare(tmp_path / "part.mov", source))


def test_what_an_outputs_container_cannot_keep_is_declared_in_a_comparison(tmp_path, make_source, write_frames):
    source = make_source("source6.mov", [SOUND])
    info = probe(source).stream_info()
    write_frames(tmp_path / "a.mkv", info, audio_from=info, codec="h264")

    checks = compare(tmp_path / "a.mkv", source)

    assert _failed(checks) == set()
    assert "audio_layout: declared loss, expected 5.1, got 6 channels" in map(str, checks)


def test_a_comparison_with_what_does_not_open_is_refused(tmp_path, plate):
    (tmp_path / "text.mov").write_text("no movie")

    with pytest.raises(MediaError, match=r"text\.mov: movie must have its index"):
        compare(tmp_path / "text.mov", plate[0])
