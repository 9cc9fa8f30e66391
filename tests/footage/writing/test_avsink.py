from fractions import Fraction

import av
import numpy as np
import pytest

from shotgraph.api import Colour, NativeFrame, PixelFormat
from shotgraph.api.stream import UNSPECIFIED
from shotgraph.io.codecs import CODECS, WriteSettings
from shotgraph.io.probe import probe
from shotgraph.io.sinks import open_sink
from shotgraph.maths.yuv import rgb_from_native

LOSSLESS = [
    ("h264_lossless", extension, name) for extension in ("mov", "mp4", "mkv") for name in CODECS["h264"].formats
]
LOSSLESS += [("ffv1", "mkv", name) for name in CODECS["ffv1"].formats]
# FFV1 drops chroma of an incomplete block of four samples, so these two are written only in whole blocks.
SIZES = {"yuv411p": (68, 50), "yuv410p": (68, 52)}
PRORES = {
    "prores_proxy": ("Proxy", "apco", "yuv422p10"),
    "prores_lt": ("LT", "apcs", "yuv422p10"),
    "prores_422": ("Standard", "apcn", "yuv422p10"),
    "prores_hq": ("HQ", "apch", "yuv422p10"),
    "prores_4444": ("4444", "ap4h", "yuv444p12"),
    "prores_4444xq": ("XQ", "ap4x", "yuv444p12"),
}


def _planes_equal(one: NativeFrame, other: NativeFrame) -> bool:
    return one.format == other.format and all(map(np.array_equal, one.planes, other.planes))


@pytest.mark.parametrize(("codec", "extension", "pixel_format"), LOSSLESS)
def test_lossless_codecs_give_every_plane_back_bit_for_bit(
    tmp_path, header, write_frames, decoded, ramp_frame, codec, extension, pixel_format
):
    path = tmp_path / f"a.{extension}"

    width, height = SIZES.get(pixel_format, (66, 50))

    written = write_frames(path, header(pixel_format, count=3, width=width, height=height), codec=codec)

    frames = decoded(path)
    expected = [ramp_frame(pixel_format, width, height, index) for index in range(3)]
    assert all(map(_planes_equal, frames, expected))
    assert len(frames) == written.frames == 3
    # The same comparison tells neighbouring frames apart.
    assert not _planes_equal(frames[0], expected[1])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10", "yuv420p16", "gbrp12", "yuva444p10"])
def test_ffv1_keeps_odd_sizes_bit_for_bit(tmp_path, header, write_frames, decoded, ramp_frame, pixel_format):
    path = tmp_path / "odd.mkv"

    write_frames(path, header(pixel_format, width=65, height=47, count=2))

    assert _planes_equal(decoded(path)[1], ramp_frame(pixel_format, 65, 47, 1))


@pytest.mark.parametrize("extension", ["mov", "mkv"])
@pytest.mark.parametrize("codec", PRORES)
def test_prores_profiles_are_what_they_are_called(tmp_path, header, write_frames, codec, extension):
    profile, tag, pixel_format = PRORES[codec]
    path = tmp_path / f"a.{extension}"

    write_frames(path, header("yuv422p10"), codec=codec)

    video = probe(path).video()
    assert (video.profile, video.native_format, video.field_order) == (profile, pixel_format, "progressive")
    with av.open(str(path)) as container:
        # Matroska keeps QuickTime's tag in a field of its own.
        assert extension == "mkv" or container.streams.video[0].codec_tag == tag


def test_prores_4444_keeps_alpha(tmp_path, header, write_frames, decoded, ramp_frame):
    path = tmp_path / "a.mov"

    write_frames(path, header("yuva444p10"), codec="prores_4444")

    assert probe(path).video().native_format == "yuva444p12"
    alpha = decoded(path)[2].planes[3].astype(int)
    # Decoders give 12 bits; the alpha of ProRes is lossless.
    assert np.array_equal(alpha >> 2, ramp_frame("yuva444p10", 66, 50, 2).planes[3])
    assert not np.array_equal(alpha >> 2, ramp_frame("yuva444p10", 66, 50, 1).planes[3])


COLOURS = {
    "video": Colour("bt709", "bt709", "bt709", "limited"),
    "full": Colour("bt709", "iec61966-2-1", "bt709", "full"),
    "pal": Colour("bt470bg", "bt709", "bt470bg", "limited"),
    "hlg": Colour("bt2020", "arib-std-b67", "bt2020nc", "limited"),
    "p3 full": Colour("smpte432", "smpte2084", "bt2020nc", "full"),
    "matrix only": Colour(matrix="smpte170m"),
    "range only": Colour(range="limited"),
    "full range only": Colour(range="full"),
    "untagged": Colour(),
}


@pytest.mark.parametrize(("codec", "extension"), [("h264", "mp4"), ("h264", "mkv"), ("ffv1", "mkv"), ("h264", "mov")])
@pytest.mark.parametrize("name", COLOURS)
def test_colour_tags_are_read_back_as_given(tmp_path, header, write_frames, codec, extension, name):
    path = tmp_path / f"a.{extension}"

    write_frames(path, header(colour=COLOURS[name], count=2), codec=codec)

    got = probe(path).video().colour
    assert (got.primaries, got.transfer, got.matrix) == (
        COLOURS[name].primaries,
        COLOURS[name].transfer,
        COLOURS[name].matrix,
    )
    # Untagged H.264 is limited: it says so where nobody did, and leaves it out where it is the only tag.
    wanted = COLOURS[name].range
    assert got.range == wanted or (codec == "h264" and {got.range, wanted} == {UNSPECIFIED, "limited"})


def test_full_range_is_scaled_for_prores_which_cannot_be_tagged_full(tmp_path, header, write_frames, decoded):
    path = tmp_path / "a.mov"
    full = Colour("bt709", "bt709", "bt709", "full")
    white = PixelFormat.parse("yuv422p10")
    levels = (1023, 512, 512)
    planes = tuple(
        np.full(white.plane_shape(i, width=66, height=50), level, np.uint16) for i, level in enumerate(levels)
    )

    written = write_frames(path, header("yuv422p10", colour=full, count=2), [NativeFrame(planes, white)] * 2)

    assert probe(path).video().colour.range == "limited"
    assert abs(int(decoded(path)[0].planes[0][20, 30]) - 940) <= 1
    assert "range: limited" in written.checks


def test_rgb_read_from_yuv_goes_back_to_the_same_codes(tmp_path, header, write_frames, decoded, ramp_frame):
    path = tmp_path / "a.mkv"
    plates = [ramp_frame("yuv420p10", 66, 50, index) for index in range(2)]
    pictures = [rgb_from_native(plate, matrix="bt709", range="limited") for plate in plates]

    write_frames(path, header("yuv420p10", kind="rgb", count=2), pictures)

    assert all(map(_planes_equal, decoded(path), plates))


def test_mask_becomes_sixteen_bit_gray_in_ffv1_and_a_gray_picture_elsewhere(tmp_path, header, write_frames, decoded):
    mask = np.tile(np.linspace(0, 1, 66, dtype=np.float32), (50, 1))
    info = header("", kind="mask", colour=Colour(), count=2)

    write_frames(tmp_path / "mask.mkv", info, [mask, mask])
    write_frames(tmp_path / "mask.mp4", info, [mask, mask], codec="h264_lossless", pixel_format="yuv420p")

    gray = decoded(tmp_path / "mask.mkv")[0]
    assert gray.format.name == "gray16"
    assert np.array_equal(gray.planes[0], np.rint(mask * 65535).astype(np.uint16))
    luma, cb, cr = decoded(tmp_path / "mask.mp4")[0].planes
    assert (luma[0, 0], luma[0, 65]) == (16, 235)
    assert set(cb.ravel()) == set(cr.ravel()) == {128}


@pytest.mark.parametrize(
    ("extension", "codec"), [("mov", "prores_hq"), ("mov", "h264"), ("mp4", "h264"), ("mkv", "h264")]
)
def test_pixel_aspect_and_rotation_survive(tmp_path, header, write_frames, extension, codec):
    path = tmp_path / f"a.{extension}"

    write_frames(path, header(sar=Fraction(64, 45), rotation=90), codec=codec)

    video = probe(path).video()
    assert (video.sar, video.rotation) == (Fraction(64, 45), 90)


@pytest.mark.parametrize("order", ["tt", "bb", "tb", "bt"])
def test_prores_keeps_every_scan_order(tmp_path, header, write_frames, order):
    write_frames(tmp_path / "a.mov", header("yuv422p10", field_order=order))

    assert probe(tmp_path / "a.mov").video().field_order == order


@pytest.mark.parametrize(("order", "stored"), [("tt", "tt"), ("bb", "bb"), ("tb", "bb"), ("bt", "tt")])
def test_h264_keeps_which_field_is_shown_first(tmp_path, header, write_frames, order, stored):
    written = write_frames(tmp_path / "a.mp4", header(field_order=order, height=52))

    assert probe(tmp_path / "a.mp4").video().field_order == stored
    assert f"field_order: {stored}" in written.checks


@pytest.mark.parametrize("extension", ["mov", "mp4", "mkv"])
@pytest.mark.parametrize("timecode", ["01:00:00:00", None])
def test_reel_and_any_tag_survive(tmp_path, header, write_frames, extension, timecode):
    path = tmp_path / f"a.{extension}"
    tags = (("artist", "Ünal <b>"), ("show:unit", "2"), ("title", "$(touch x)'\";"))

    write_frames(path, header(reel="<script>", tags=tags, timecode=timecode), codec="h264")

    clip = probe(path)
    found = {key.casefold(): value for key, value in clip.tags}
    assert clip.reel == "<script>"
    assert {key: found[key] for key, _ in tags} == dict(tags)


def test_facts_about_the_source_file_are_not_carried(tmp_path, header, write_frames):
    tags = (("compatible_brands", "isomiso2"), ("encoder", "HandBrake"), ("major_brand", "isom"))

    write_frames(tmp_path / "a.mov", header(tags=tags))

    assert dict(probe(tmp_path / "a.mov").tags)["major_brand"] == "qt  "


@pytest.mark.parametrize(("extension", "codec"), [("mov", "prores_hq"), ("mp4", "h264"), ("mov", "h264")])
def test_variable_frame_times_are_exact_in_mov_and_mp4(tmp_path, header, write_frames, extension, codec):
    path = tmp_path / f"a.{extension}"
    pts = (0, 1001, 2002, 5005, 6007, 9010)

    write_frames(path, header(pts=pts, time_base=Fraction(1, 24000)), codec=codec)

    timing = probe(path).video().timing
    assert timing.variable
    assert [tick * timing.time_base * 24000 for tick in timing.pts] == list(pts)


def test_variable_frame_times_in_mkv_are_a_declared_loss(tmp_path, header, write_frames):
    written = write_frames(
        tmp_path / "a.mkv", header(pts=(0, 1001, 2002, 5005, 6007, 9010), time_base=Fraction(1, 24000))
    )

    assert any(check.startswith("pts: declared loss") for check in written.checks)


def test_encoder_gets_the_options_of_the_user(tmp_path, header, write_frames):
    coarse = write_frames(tmp_path / "coarse.mp4", header(), quality=45)
    fine = write_frames(tmp_path / "fine.mp4", header(), quality=1)
    intra = write_frames(tmp_path / "intra.mp4", header(), quality=1, options={"g": "1"})

    assert coarse.bytes < fine.bytes < intra.bytes


@pytest.mark.parametrize("codec", ["ffv1", "prores_hq"])
def test_intra_codecs_do_not_depend_on_the_number_of_threads(tmp_path, header, codec, ramp_frame):
    digests = set()
    for threads in (1, 2, 4):
        info = header("yuv422p10")
        path = tmp_path / f"{threads}.mkv"
        sink = open_sink(path, info, WriteSettings(codec=codec, threads=threads))
        for number in info.range:
            sink.write(number, ramp_frame("yuv422p10", 66, 50, number), "")
        sink.finish()
        with av.open(str(path)) as container:
            digests.add(b"".join(bytes(packet) for packet in container.demux(video=0)))

    assert len(digests) == 1
