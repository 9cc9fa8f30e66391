from dataclasses import replace
from fractions import Fraction

import av
import pytest

from shotgraph.api import FrameRange, MediaRef
from shotgraph.errors import LossError, MediaError, MediaMissingError
from shotgraph.io.beside import accepted_indexes, stream_digests, survey
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.languages import canonical, spelled
from shotgraph.io.outputs import plan_output
from shotgraph.io.probe import probe
from shotgraph.io.sinks import open_sink

CHAPTERS = ("one", "two")
SURROUND = ("pcm_s24le", "5.1", "ger", "mix", 1)
MONO = ("pcm_s16le", "mono", "eng", "boom", 1)
STEREO_AAC = ("aac", "stereo", "fra", "music", 1)
CASES = {
    "pcm mov to mov": ("a.mov", [SURROUND, MONO], "b.mov", "prores_proxy"),
    "pcm mov to mp4": ("a.mov", [SURROUND, MONO], "b.mp4", "h264"),
    "pcm mov to mkv": ("mono.mov", [MONO], "b.mkv", "ffv1"),
    "aac mp4 to mp4": ("a.mp4", [STEREO_AAC], "b.mp4", "h264"),
    "aac mp4 to mov": ("a.mp4", [STEREO_AAC], "b.mov", "prores_proxy"),
    "aac mp4 to mkv": ("a.mp4", [STEREO_AAC], "b.mkv", "h264"),
    "flac mkv to mkv": ("a.mkv", [("flac", "5.1", "eng", "mix", 1)], "b.mkv", "ffv1"),
}


def _plate(path):
    return probe(path).stream_info()


@pytest.mark.parametrize("case", CASES)
def test_sound_is_copied_packet_for_packet(tmp_path, make_source, write_frames, case):
    source_name, sound, target, codec = CASES[case]
    source = make_source(source_name, sound)
    plate = _plate(source)

    write_frames(tmp_path / target, plate, audio_from=plate, codec=codec)

    copied, original = probe(tmp_path / target), probe(source)
    assert stream_digests(tmp_path / target) == stream_digests(source)
    assert len(set(stream_digests(source))) == len(sound)
    assert [(a.codec, a.channels, a.disposition) for a in copied.audios] == [
        (a.codec, a.channels, a.disposition) for a in original.audios
    ]
    assert [canonical(a.language) for a in copied.audios] == [canonical(language) for _, _, language, _, _ in sound]
    # Sound and picture keep their distance.
    ends = [
        clip.audios[0].start_seconds + clip.audios[0].duration_seconds - _first(clip) for clip in (copied, original)
    ]
    assert abs(ends[0] - ends[1]) <= Fraction(1, 1000)


def _first(clip):
    return clip.video().timing.pts[0] * clip.video().timing.time_base


@pytest.mark.parametrize(
    ("code", "container", "stored"), [("deu", "mov", "ger"), ("fre", "mov", "fra"), ("deu", "mp4", "deu")]
)
def test_languages_get_the_spelling_the_container_knows(tmp_path, make_source, write_frames, code, container, stored):
    plate = _plate(make_source(f"{code}.mkv", [("pcm_s16le", "stereo", code, "", 1)]))

    written = write_frames(tmp_path / f"b.{container}", plate, audio_from=plate, codec="h264")

    assert probe(tmp_path / f"b.{container}").audios[0].language == stored
    assert f"languages: {canonical(code)}" in written.checks


def test_language_without_a_quicktime_code_is_a_declared_loss(tmp_path, make_source, write_frames):
    plate = _plate(make_source("mri.mkv", [("pcm_s16le", "stereo", "mri", "", 1)]))

    written = write_frames(tmp_path / "b.mov", plate, audio_from=plate)

    assert spelled("mri", "mov") is None
    assert "languages: declared loss, expected mri, got -" in written.checks


def test_layout_of_pcm_is_a_declared_loss_in_mkv_beyond_stereo(tmp_path, make_source, write_frames):
    plate = _plate(make_source("a.mov", [SURROUND, MONO]))

    written = write_frames(tmp_path / "b.mkv", plate, audio_from=plate)

    assert "audio_layout: declared loss, expected 5.1, mono, got 6 channels, mono" in written.checks


def test_sound_is_not_carried_unless_named(tmp_path, make_source, write_frames):
    plate = _plate(make_source("a.mov", [SURROUND, MONO]))

    write_frames(tmp_path / "silent.mov", plate)
    write_frames(tmp_path / "muted.mov", plate, audio_from=plate, keep_audio=False)

    assert stream_digests(tmp_path / "silent.mov") == stream_digests(tmp_path / "muted.mov") == ()


def test_sound_longer_than_the_picture_is_kept(tmp_path, make_source, write_frames):
    source = make_source("long.mov", [("pcm_s16le", "stereo", "eng", "", 2)])
    plate = _plate(source)

    write_frames(tmp_path / "b.mov", plate, audio_from=plate)

    clip = probe(tmp_path / "b.mov")
    assert stream_digests(tmp_path / "b.mov") == stream_digests(source)
    assert clip.audios[0].duration_seconds > 1.9 > clip.video().duration_seconds


@pytest.mark.parametrize(("extension", "codec"), [("mov", "h264"), ("mp4", "h264")])
def test_titles_and_chapters_survive_in_mov_and_mp4(tmp_path, make_source, write_frames, extension, codec):
    source = make_source("t.mp4", [STEREO_AAC], titles="mov_text", chapters=CHAPTERS)
    plate = _plate(source)

    write_frames(tmp_path / f"b.{extension}", plate, audio_from=plate, codec=codec)

    clip = probe(tmp_path / f"b.{extension}")
    assert [chapter.title for chapter in clip.chapters] == ["one", "two"]
    assert [chapter.start_seconds for chapter in clip.chapters] == [0, Fraction(1, 2)]
    assert stream_digests(tmp_path / f"b.{extension}") == stream_digests(source)
    assert [title.codec for title in clip.subtitles] == ["mov_text"]


def test_srt_survives_in_mkv_and_chapters_too(tmp_path, make_source, write_frames):
    source = make_source("t.mkv", titles="subrip", chapters=CHAPTERS)
    plate = _plate(source)

    write_frames(tmp_path / "b.mkv", plate, audio_from=plate)

    assert stream_digests(tmp_path / "b.mkv") == stream_digests(source) != ()
    assert len(probe(tmp_path / "b.mkv").chapters) == 2


def test_titles_that_mkv_cannot_hold_are_dropped_with_a_warning(tmp_path, make_source, write_frames):
    source = make_source("t.mp4", [STEREO_AAC], titles="mov_text", chapters=CHAPTERS)
    plate = _plate(source)

    plan = plan_output(tmp_path / "b.mkv", plate, WriteSettings(), plate)
    write_frames(tmp_path / "b.mkv", plate, audio_from=plate)

    messages = [loss.message for loss in plan.losses if loss.property == "subtitles"]
    assert messages == ["subtitle stream 2 (mov_text) does not fit into mkv and is dropped"]
    assert stream_digests(tmp_path / "b.mkv") == stream_digests(source)[:1]


def test_timecode_track_of_the_source_is_not_copied(tmp_path, make_movie, write_frames):
    source = make_movie("tc.mov", stream_tags={"timecode": "05:00:00:00"}, audio_seconds=0.5, rate=Fraction(24))
    plate = _plate(source)
    later = plate.sliced(FrameRange(1003, 1008))

    write_frames(tmp_path / "b.mov", later, audio_from=plate)

    clip = probe(tmp_path / "b.mov")
    assert str(clip.timecode) == "05:00:00:02"
    assert [other.type for other in clip.others] == ["data"]


def test_part_of_a_shot_gets_its_part_of_the_sound_cut_at_packets(tmp_path, make_source, write_frames):
    source = make_source("a.mp4", [STEREO_AAC])
    plate = _plate(source)
    part = plate.sliced(FrameRange(1007, 1012))

    written = write_frames(tmp_path / "b.mp4", part, audio_from=plate, codec="h264")

    # Pictures 6 to 11 of 24 fps last from 0.25 s to 0.5 s. AAC packets start at n * 1024 / 48000 s, so the first inside
    # is number 12, 0.256 s: 6 ms late; the last that begins before 0.5 s is number 23.
    audio = probe(tmp_path / "b.mp4").audios[0]
    assert audio.packets == 12
    assert audio.start_seconds == Fraction(12 * 1024, 48000) - Fraction(1, 4)
    assert "sound 1 starts: 0.006000 s after the picture" in written.checks
    with av.open(str(source)) as container:
        packets = {packet.pts: bytes(packet) for packet in container.demux(audio=0) if packet.size}
    with av.open(str(tmp_path / "b.mp4")) as container:
        copied = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert copied == [packets[number * 1024] for number in range(12, 24)]


def test_part_of_a_shot_gets_the_title_and_chapter_that_are_under_way(tmp_path, make_source, write_frames):
    plate = _plate(make_source("t.mp4", [STEREO_AAC], titles="mov_text", chapters=CHAPTERS))
    part = plate.sliced(FrameRange(1013, 1018))

    write_frames(tmp_path / "b.mp4", part, audio_from=plate, codec="h264")

    # From 0.5 s to 0.75 s: the second title, shown since 0.45 s, and the second chapter.
    with av.open(str(tmp_path / "b.mp4")) as container:
        shown = [(packet.pts, bytes(packet)[2:]) for packet in container.demux(subtitles=0) if packet.size > 2]
    assert shown == [(0, b"second")]
    assert [(c.title, c.start_seconds) for c in probe(tmp_path / "b.mp4").chapters] == [("two", 0)]


def test_sound_moves_with_pictures_that_did_not_start_at_zero(tmp_path, make_movie, write_frames):
    # Pictures start 1/2 s into the file; they are rebased to 0, so the sound starts 1/2 s before them.
    pts = [6 + index for index in range(12)]
    source = make_movie(
        "late.mkv", codec="ffv1", pts=pts, time_base=Fraction(1, 12), rate=Fraction(12), audio_seconds=1.5
    )
    plate = _plate(source)

    write_frames(tmp_path / "b.mkv", plate, audio_from=plate)

    clip = probe(tmp_path / "b.mkv")
    distance = clip.video().timing.pts[0] * clip.video().timing.time_base - clip.audios[0].start_seconds
    original = probe(source)
    wanted = original.video().timing.pts[0] * original.video().timing.time_base - original.audios[0].start_seconds
    assert wanted > Fraction(2, 5)
    assert abs(distance - wanted) <= Fraction(2, 1000)


def test_survey_names_what_is_beside_the_picture(make_source):
    carried = survey(make_source("t.mp4", [STEREO_AAC], titles="mov_text", chapters=CHAPTERS))

    assert [(s.index, s.kind, s.codec, s.layout, s.language) for s in carried.streams] == [
        (1, "audio", "aac", "stereo", "fra"),
        (2, "subtitle", "mov_text", "", "spa"),
    ]
    assert (carried.chapters, carried.other_video) == (("one", "two"), 0)
    assert str(carried.streams[0]) == "audio stream 1 (aac, stereo)"
    assert accepted_indexes(carried, "mp4") == (1, 2)
    assert accepted_indexes(carried, "mkv") == (1,)


def test_missing_source_of_sound_is_named(tmp_path, header):
    info = header()
    gone = replace(info, media=MediaRef(str(tmp_path / "gone.mov")))

    with pytest.raises(MediaMissingError, match=r"gone\.mov: media must exist"):
        plan_output(tmp_path / "a.mov", info, WriteSettings(), gone)


def test_sequence_as_source_of_sound_has_none_and_loses_none(tmp_path, header):
    info = header()
    images = replace(info, media=MediaRef(str(tmp_path / "plate.####.exr")))

    plan = plan_output(tmp_path / "a.mkv", info, WriteSettings(), images)

    assert (plan.carry, plan.losses) == (None, ())


@pytest.fixture
def unnamed(make_source):
    """A source whose six PCM channels are only counted: mkv keeps no layout of them."""
    return make_source("unnamed.mkv", [SURROUND, MONO])


def test_pcm_without_a_layout_is_a_declared_loss_in_mp4(tmp_path, unnamed, write_frames):
    plate = _plate(unnamed)
    plan = plan_output(tmp_path / "b.mp4", plate, WriteSettings(), plate)

    write_frames(tmp_path / "b.mp4", plate, audio_from=plate)

    assert [loss.message for loss in plan.losses if loss.property == "audio"] == [
        "audio stream 1 (pcm_s24le, 6 channels) has no channel layout, which mp4 needs for PCM, and is dropped; "
        "mov keeps it"
    ]
    # The other stream is there, whole.
    assert stream_digests(tmp_path / "b.mp4") == stream_digests(unnamed)[1:]


def test_pcm_without_a_layout_is_refused_in_mp4_under_strict(tmp_path, unnamed):
    plate = _plate(unnamed)

    with pytest.raises(LossError, match=r"audio: audio stream 1 \(pcm_s24le, 6 channels\) has no channel layout"):
        plan_output(tmp_path / "b.mp4", plate, WriteSettings(strict=True), plate)


@pytest.mark.parametrize("extension", ["mov", "mkv"])
def test_pcm_without_a_layout_goes_into_mov_and_mkv_as_it_is(tmp_path, unnamed, write_frames, extension):
    plate = _plate(unnamed)

    written = write_frames(tmp_path / f"b.{extension}", plate, audio_from=plate, codec="h264")

    assert stream_digests(tmp_path / f"b.{extension}") == stream_digests(unnamed)
    assert "audio_layout: 6 channels, mono" in written.checks


@pytest.mark.parametrize(("source", "codec", "target"), [("l.mkv", "subrip", "mkv"), ("l.mp4", "mov_text", "mov")])
def test_language_of_titles_survives_and_is_compared(tmp_path, make_source, write_frames, source, codec, target):
    plate = _plate(make_source(source, [("aac", "stereo", "fra", "", 1)], titles=codec))

    written = write_frames(tmp_path / f"b.{target}", plate, audio_from=plate, codec="h264")

    assert "languages: fra, spa" in written.checks


def test_undetermined_is_no_language(make_source):
    assert [stream.language for stream in survey(make_source("und.mp4", [("aac", "stereo", "", "", 1)])).streams] == [
        ""
    ]


def test_a_cover_image_is_no_second_picture_stream(tmp_path, make_source, write_frames):
    plain = make_source("plain.mp4", [STEREO_AAC])
    covered = tmp_path / "covered.mp4"
    with av.open(str(plain)) as source, av.open(str(covered), "w") as output:
        cover = output.add_stream("png", rate=1)
        cover.width, cover.height, cover.pix_fmt = 16, 8, "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        copies = {item.index: output.add_stream_from_template(item) for item in source.streams}
        output.mux(cover.encode(av.VideoFrame(16, 8, "rgb24")))
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)

    carried = survey(covered)
    plate = _plate(covered)
    write_frames(tmp_path / "b.mov", plate, audio_from=plate)

    assert (carried.other_video, plate.width, plate.count) == (0, 66, 24)
    assert stream_digests(tmp_path / "b.mov") == stream_digests(plain)


def test_sound_that_breaks_off_blames_the_source_and_leaves_no_output(tmp_path, make_source, ramp_frame):
    source = make_source("breaks.mov", [MONO])
    plate = _plate(source)
    sink = open_sink(tmp_path / "b.mov", plate, WriteSettings(threads=1), plate)

    def broken():
        raise av.error.InvalidDataError(1, "cut")
        yield

    sink._carrier._packets = broken()
    with pytest.raises(MediaError, match=r"breaks\.mov: sound and subtitles must be readable .*copy_audio: false"):
        sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")

    assert list(tmp_path.iterdir()) == []


def test_a_movie_with_a_hash_in_its_name_keeps_its_sound(tmp_path, make_source, write_frames):
    source = make_source("take#1.mov", [MONO])
    plate = _plate(source)

    write_frames(tmp_path / "b#2.mov", plate, audio_from=plate)

    assert stream_digests(tmp_path / "b#2.mov") == stream_digests(source) != ()
