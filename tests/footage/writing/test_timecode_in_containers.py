from fractions import Fraction

import pytest

from shotgraph.api import Rate, Timecode
from shotgraph.errors import OutputError, UsageError
from shotgraph.io import avsink
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.outputs import plan_output
from shotgraph.io.probe import probe

# Rate, label of the first frame, frames since midnight: near the end of a minute, so that drop-frame counts differ.
RATES = {
    "23.976": (Fraction(24000, 1001), "01:00:59:20", 86_400 + 59 * 24 + 20),
    "24": (Fraction(24), "01:00:00:23", 86_400 + 23),
    "25": (Fraction(25), "10:00:00:24", 900_024),
    "29.97 drop": (Fraction(30000, 1001), "01:01:00;02", 107_892 + 1800),
    "29.97 non-drop": (Fraction(30000, 1001), "01:00:00:29", 108_029),
    "30": (Fraction(30), "01:00:00:29", 108_029),
    "48": (Fraction(48), "01:00:00:47", 172_847),
    "50": (Fraction(50), "01:00:00:49", 180_049),
    "59.94 drop": (Fraction(60000, 1001), "01:00:00;59", 215_784 + 59),
    "59.94 non-drop": (Fraction(60000, 1001), "01:00:00:59", 216_059),
    "60": (Fraction(60), "01:00:00:59", 216_059),
    "120": (Fraction(120), "01:00:00:119", 432_119),
    "119.88 drop": (Fraction(120000, 1001), "01:00:00;119", 431_568 + 119),
}
TARGETS = {"mov": "prores_proxy", "mp4": "h264", "mkv": "ffv1"}


@pytest.fixture(scope="module")
def written(tmp_path_factory, header, write_frames):
    """``written(extension, rate name)``: a movie of four frames with that start timecode."""
    folder = tmp_path_factory.mktemp("timecode")

    def make(extension, name):
        fps, label, _ = RATES[name]
        path = folder / f"{name.replace(' ', '_')}.{extension}"
        if not path.exists():
            write_frames(path, header(fps=fps, timecode=label, count=4, reel="A001"), codec=TARGETS[extension])
        return path

    return make


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("extension", TARGETS)
def test_start_timecode_rate_and_reel_are_read_back(written, extension, name):
    fps, label, count = RATES[name]

    clip = probe(written(extension, name))

    assert str(clip.timecode) == label
    assert clip.timecode.frames == count
    assert clip.video().timing.rate == Rate(fps)
    assert clip.reel == "A001"


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("extension", TARGETS)
def test_ffprobe_reads_the_same_timecode(written, extension, name, ffprobe):
    tags = [{k.lower(): v for k, v in s.get("tags", {}).items()} for s in ffprobe(written(extension, name))["streams"]]

    labels = {item["timecode"] for item in tags if "timecode" in item}

    assert labels == {RATES[name][1]}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("extension", TARGETS)
def test_mediainfo_reads_the_same_timecode(written, extension, name, mediainfo):
    tracks = mediainfo(written(extension, name))

    label = tracks["Video" if extension == "mkv" else "Other"]["TimeCode_FirstFrame"]

    # mediainfo pads frames to the width of the rate's own count, as labels do.
    assert label == RATES[name][1]


def test_timecode_beside_a_full_day_wraps_to_zero_in_a_later_part(tmp_path, header, write_frames):
    info = header(fps=Fraction(25), timecode="23:59:59:23", count=6)
    part = info.sliced(type(info.range)(1003, 1006))

    write_frames(tmp_path / "late.mov", part)

    assert str(probe(tmp_path / "late.mov").timecode) == "00:00:00:00"


def test_timecode_at_another_rate_is_refused_before_the_render(header, tmp_path):
    info = header(fps=Fraction(25), timecode=None, start_timecode=Timecode.parse("01:00:00:00", Rate(Fraction(24))))

    with pytest.raises(UsageError, match=r"count at the stream's 25 fps, got 01:00:00:00 at 24"):
        plan_output(tmp_path / "a.mov", info, WriteSettings())


def test_timecode_above_255_fps_is_declared_lost_in_mov_and_kept_in_mkv(tmp_path, header, write_frames):
    info = header(fps=Fraction(300), timecode="01:00:00:007")

    mov = write_frames(tmp_path / "fast.mov", info)
    write_frames(tmp_path / "fast.mkv", info)

    assert "timecode: declared loss, expected 01:00:00:007, got none" in mov.checks
    assert str(probe(tmp_path / "fast.mkv").timecode) == "01:00:00:007"


def test_timecode_that_the_muxer_drops_is_an_error_although_it_raises_nothing(
    tmp_path, header, write_frames, monkeypatch
):
    monkeypatch.setattr(avsink, "stream_tags", lambda *_, **__: {"timecode": "01:00:00;00"})

    with pytest.raises(OutputError, match=r"the header must be written, got .*[Dd]rop frame"):
        write_frames(tmp_path / "a.mov", header(fps=Fraction(25)))

    assert list(tmp_path.iterdir()) == []


def test_timecode_that_the_muxer_alters_is_found_when_the_file_is_reopened(tmp_path, header, write_frames, monkeypatch):
    # Frame 25 does not exist at 25 fps: the muxer silently writes 01:00:01:00.
    monkeypatch.setattr(avsink, "stream_tags", lambda *_, **__: {"timecode": "01:00:00:25"})

    with pytest.raises(OutputError, match="timecode: DIFFERS, expected 01:00:00:24, got 01:00:01:00"):
        write_frames(tmp_path / "a.mov", header(fps=Fraction(25), timecode="01:00:00:24"))

    assert [item.name for item in tmp_path.iterdir()] == ["a.mov.part"]


def test_container_tag_named_timecode_does_not_beat_the_stream(tmp_path, header, write_frames):
    tags = (("TimeCode", "02:00:00:00"), ("title", "opening"))

    write_frames(tmp_path / "a.mov", header(tags=tags))

    assert str(probe(tmp_path / "a.mov").timecode) == "01:00:00:00"
    assert dict(probe(tmp_path / "a.mov").tags)["title"] == "opening"


def test_no_timecode_is_invented(tmp_path, header, write_frames):
    write_frames(tmp_path / "a.mov", header(timecode=None))

    clip = probe(tmp_path / "a.mov")

    assert clip.timecode is None
    assert clip.others == ()
