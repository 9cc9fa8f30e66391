"""Footage in and out through the two ends of a graph; `tests/footage` has the formats."""

from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from small_shots import write_image

from shotgraph.api import Colour, FrameRange, MediaRef, NativeFrame, PixelFormat, Rate, Shot, Timecode
from shotgraph.errors import LossError, MediaError, MediaMissingError, OutputExistsError
from shotgraph.io import probed
from shotgraph.io.codecs import WriteSettings
from shotgraph.plugins.core.read import Read
from shotgraph.plugins.core.write import Write, part_path

LAYOUT = PixelFormat.parse("yuv422p10")
WHOLE = FrameRange(1001, 1006)
RATE = Rate(Fraction(24000, 1001))


def frame(number: int) -> NativeFrame:
    rng = np.random.default_rng(number)
    shapes = [LAYOUT.plane_shape(i, width=64, height=48) for i in range(3)]
    return NativeFrame(tuple(rng.integers(64, 940, s).astype(np.uint16) for s in shapes), LAYOUT)


@pytest.fixture
def header(make_header: Any):
    def make(**changes: Any) -> Any:
        settings = {
            "width": 64,
            "height": 48,
            "count": 6,
            "kind": "native",
            "pixel_format": LAYOUT.name,
            "colour": Colour("bt709", "bt709", "bt709", "limited"),
            "start_timecode": Timecode.parse("10:00:00:00", RATE),
            "timecode_source": "preset",
        }
        return make_header(**(settings | changes))

    return make


@pytest.fixture
def write(make_context: Any, header: Any):
    def run(path: Path, frames: FrameRange = WHOLE, *, info: Any = None, context: Any = None, **params: Any) -> Any:
        ctx = make_context(headers={"video": info or header()}, **(context or {}))
        settings = Write.Params(file=str(path), **params)
        expected = Write.expects(frames, settings, ctx)
        writer = Write().open(expected, settings, ctx)
        for number in frames:
            writer.write(number, frame(number), f"key{number}")
        return expected, writer.finish()

    return run


@pytest.fixture
def read(make_context: Any):
    def run(path: Path | str, *, first_frame: int = 1001, **params: Any) -> tuple[Any, Any]:
        ctx = make_context(headers={}, shot=Shot(name="sh", root=Path("/"), first_frame=first_frame), node="plate")
        settings = Read.Params(file=str(path), **params)
        media = Read.media(settings, ctx)
        return media, Read().open(media, settings, ctx)

    return run


def test_what_is_written_is_read_back_plane_for_plane(tmp_path: Path, write: Any, read: Any) -> None:
    expected, written = write(tmp_path / "out.mkv", codec="ffv1")

    media, reader = read(tmp_path / "out.mkv", first_frame=2001)

    assert (expected.path, expected.frames) == (str(tmp_path / "out.mkv"), "1001-1006")
    assert written.frames == 6
    assert (media.info.first_frame, media.info.count) == (2001, 6)
    assert str(media.info.start_timecode) == "10:00:00:00"
    for offset in (3, 0, 5):
        for before, after in zip(frame(1001 + offset).planes, reader.read(2001 + offset).planes, strict=True):
            np.testing.assert_array_equal(after, before)
    reader.close()


def test_a_part_is_written_with_its_timecode_advanced(tmp_path: Path, write: Any, read: Any) -> None:
    expected, _ = write(tmp_path / "part.mov", FrameRange(1003, 1005), codec="prores_422")

    media, reader = read(tmp_path / "part.1003-1005.mov")
    reader.close()

    assert expected.frames == "1003-1005"
    assert media.info.count == 3
    assert str(media.info.start_timecode) == "10:00:00:02"


def test_overrides_beat_what_the_file_says(tmp_path: Path, write: Any, read: Any) -> None:
    write(tmp_path / "out.mkv", codec="ffv1")

    media, reader = read(
        tmp_path / "out.mkv",
        first_frame=7,
        matrix="smpte170m",
        range="full",
        primaries="bt470bg",
        transfer="smpte170m",
        rate="25",
        timecode="02:00:00:00",
    )
    reader.close()

    assert media.info.colour == Colour("bt470bg", "smpte170m", "smpte170m", "full")
    assert media.info.rate == Rate(Fraction(25))
    assert str(media.info.start_timecode) == "02:00:00:00"
    assert media.info.first_frame == 7


def test_the_nodes_own_first_frame_beats_the_shots(tmp_path: Path, write: Any, make_context: Any) -> None:
    write(tmp_path / "out.mkv", codec="ffv1")
    ctx = make_context(headers={}, shot=Shot(name="sh", root=tmp_path, first_frame=1001))

    media = Read.media(Read.Params(file=str(tmp_path / "out.mkv"), first_frame=5), ctx)

    assert media.info.first_frame == 5


def test_interlaced_footage_is_refused_unless_taken_as_frames(
    tmp_path: Path, write: Any, read: Any, header: Any
) -> None:
    write(tmp_path / "woven.mov", codec="prores_422", info=header(field_order="tt"))

    with pytest.raises(MediaError, match=r"plate: .*woven\.mov must be progressive, got field order tt; deinterlace"):
        read(tmp_path / "woven.mov")

    media, reader = read(tmp_path / "woven.mov", interlaced="as_frames")
    reader.close()
    assert media.info.field_order == "tt"


def test_the_stream_asked_for_is_read(tmp_path: Path, read: Any) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("ffv1", rate=24) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for stream, level in zip(streams, (30, 200), strict=True):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64), level, np.uint8), format="gray")
            container.mux([*stream.encode(picture), *stream.encode(None)])

    levels = []
    for number in (0, 1):
        _, reader = read(path, stream=number)
        levels.append(int(reader.read(1001).planes[0][5, 7]))
        reader.close()

    assert levels == [30, 200]


@pytest.mark.parametrize(("policy", "expected"), [("hold", 40), ("black", 0)])
def test_a_hole_becomes_what_the_policy_says(tmp_path: Path, read: Any, policy: str, expected: int) -> None:
    for number, level in ((1001, 40), (1003, 90)):
        write_image(tmp_path / f"plate.{number}.png", np.full((8, 12, 3), level, np.uint8))

    media, reader = read(tmp_path / "plate.####.png", holes=policy)

    assert media.info.count == 3
    assert [int(reader.read(frame).planes[0][2, 3]) for frame in (1001, 1002, 1003)] == [40, expected, 90]
    reader.close()


def test_a_hole_is_an_error_unless_a_policy_says_otherwise(tmp_path: Path, read: Any) -> None:
    for number in (1001, 1003):
        write_image(tmp_path / f"plate.{number}.png", np.full((8, 12, 3), number % 256, np.uint8))

    with pytest.raises(MediaMissingError, match="1002"):
        read(tmp_path / "plate.####.png")


def test_a_damaged_frame_becomes_what_the_policy_says(tmp_path: Path, write: Any, read: Any) -> None:
    write(tmp_path / "out.mkv", codec="ffv1")
    content = bytearray((tmp_path / "out.mkv").read_bytes())
    # FFV1 keeps a checksum of every slice, so any flipped bit inside a picture is found.
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "out.mkv").write_bytes(content)

    _, strict = read(tmp_path / "out.mkv")
    _, black = read(tmp_path / "out.mkv", corrupt="black")

    with pytest.raises(MediaError, match=r"frame 100[3-5] .*must decode, got damaged data"):
        [strict.read(number) for number in WHOLE]
    lost = [number for number in WHOLE if not (black.read(number).planes[0] == frame(number).planes[0]).all()]
    assert len(lost) == 1
    assert np.unique(black.read(lost[0]).planes[0]).tolist() == [64]
    strict.close()
    black.close()


def test_every_parameter_of_write_reaches_the_encoder() -> None:
    params = Write.Params(
        file="a.exr",
        codec="exr",
        quality=21,
        preset="slow",
        pixel_format="gbrpf16",
        options={"tune": "film"},
        compression="piz",
        bit_depth=16,
        copy_audio=False,
    )

    assert Write.settings(params, strict=True, force=True, threads=3) == WriteSettings(
        codec="exr",
        quality=21,
        preset="slow",
        pixel_format="gbrpf16",
        options={"tune": "film"},
        compression="piz",
        bit_depth=16,
        threads=3,
        keep_audio=False,
        force=True,
        strict=True,
    )


def test_missing_footage_is_named(tmp_path: Path, read: Any) -> None:
    with pytest.raises(MediaMissingError, match=r"nothing\.mov: media must exist"):
        read(tmp_path / "nothing.mov")


@pytest.mark.parametrize(("context", "params"), [({"strict": True}, {}), ({}, {"strict": True})], ids=["run", "node"])
def test_a_loss_is_refused_under_strict(tmp_path: Path, write: Any, header: Any, context: Any, params: Any) -> None:
    full_chroma = header(pixel_format="yuv444p10")

    with pytest.raises(LossError, match="chroma"):
        write(tmp_path / "out.mov", codec="prores_422", info=full_chroma, context=context, **params)


def test_a_loss_is_said_before_the_render_otherwise(tmp_path: Path, write: Any) -> None:
    expected, _ = write(tmp_path / "out.mov", codec="prores_422")

    assert any("prores_422" in loss for loss in expected.losses)


def test_a_foreign_file_stays_unless_forced(tmp_path: Path, write: Any) -> None:
    (tmp_path / "out.mkv").write_text("somebody's")

    with pytest.raises(OutputExistsError, match=r"out\.mkv"):
        write(tmp_path / "out.mkv", codec="ffv1")
    write(tmp_path / "out.mkv", codec="ffv1", context={"force": True})

    assert (tmp_path / "out.mkv").stat().st_size > 1000


@pytest.mark.parametrize(("copy_audio", "looked_for"), [(True, True), (False, False)])
def test_sound_is_looked_for_in_the_linked_streams_movie(
    tmp_path: Path, make_context: Any, header: Any, copy_audio: bool, looked_for: bool
) -> None:
    gone = header(media=MediaRef(str(tmp_path / "gone.mov")))
    ctx = make_context(headers={"video": header(), "audio_from": gone})
    settings = Write.Params(file=str(tmp_path / "a.mov"), codec="prores_422", copy_audio=copy_audio)

    with pytest.raises(MediaMissingError, match=r"gone\.mov") if looked_for else nullcontext():
        Write.expects(WHOLE, settings, ctx)


def test_footage_is_probed_once_for_its_header_and_every_reader(
    tmp_path: Path, write: Any, make_context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "out.mkv", codec="ffv1")
    ctx = make_context(headers={}, shot=Shot(name="sh", root=tmp_path, first_frame=1001))
    settings = Read.Params(file=str(tmp_path / "out.mkv"))
    probes: list[Path] = []
    real = probed.probe_movie
    monkeypatch.setattr(probed, "probe_movie", lambda path: (probes.append(path), real(path))[1])

    media = Read.media(settings, ctx)
    for _ in range(2):
        Read().open(media, settings, ctx).close()

    assert len(probes) == 1


def test_a_part_of_a_movie_with_a_hash_in_its_name_does_not_replace_the_whole() -> None:
    part = part_path("a#1.mov", FrameRange(1002, 1003), whole=WHOLE, handles=0)

    assert part == Path("a#1.1002-1003.mov")
    assert part_path("a.####.png", FrameRange(1002, 1003), whole=WHOLE, handles=0) == Path("a.####.png")
    assert part_path("a#1.mov", FrameRange(1002, 1005), whole=WHOLE, handles=1) == Path("a#1.mov")
