from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from shotgraph.api import FrameSet, NativeFrame
from shotgraph.errors import Exit, MediaError, MediaMissingError
from shotgraph.io.probe import probe
from shotgraph.io.sources import open_source

PRORES = {"codec": "prores_ks", "pix_fmt": "yuv422p10"}


def same(left: NativeFrame, right: NativeFrame) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left.planes, right.planes, strict=True))


def read_all(path: Path, **policy: str) -> tuple[list[NativeFrame], FrameSet]:
    with open_source(path, **policy) as source:
        return [source.read(frame) for frame in source.info.range], source.damaged


@pytest.fixture
def whole(make_movie: Callable[..., Path]) -> Path:
    return make_movie("whole.mov", count=48, container_options={"movflags": "faststart"}, **PRORES)


def test_a_movie_without_its_index_is_cut_short(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    complete = make_movie("index_last.mp4", count=48).read_bytes()
    path = footage_folder / "no_moov.mp4"
    path.write_bytes(complete[: len(complete) // 2])

    with pytest.raises(MediaError, match=r"no_moov\.mp4: movie must have its index \(moov\).*copy it again"):
        probe(path)


def test_a_movie_that_ends_before_its_index_says_is_cut_short(footage_folder: Path, whole: Path) -> None:
    path = footage_folder / "moov_first.mov"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 48

    with pytest.raises(
        MediaError, match=r"movie must be complete, got \d\d of 48 frames before it breaks off"
    ) as caught:
        probe(path)

    assert caught.value.exit_code == Exit.MEDIA_CORRUPT


def test_a_cut_matroska_file_is_cut_short(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    complete = make_movie("complete.mkv", "ffv1", count=48).read_bytes()
    path = footage_folder / "cut.mkv"
    path.write_bytes(complete[: len(complete) // 2])

    with pytest.raises(MediaError, match=r"movie must be complete, got \d\.\d\d of 1\.92 seconds"):
        probe(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mov", b"", "media must hold data, got an empty file; copy or export it again"),
        ("text.mov", b"just some text\n" * 50, "movie must have its index (moov), got a file cut short or none at all"),
        ("text.mkv", b"just some text\n" * 50, "media must be a movie that libav can read, got"),
    ],
)
def test_what_is_no_movie_is_refused(footage_folder: Path, name: str, content: bytes, message: str) -> None:
    path = footage_folder / name
    path.write_bytes(content)

    with pytest.raises(MediaError, match=re.escape(f"{name}: {message}")):
        probe(path)


def test_a_missing_movie_is_missing_media(footage_folder: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"nowhere\.mov: media must exist") as caught:
        probe(footage_folder / "nowhere.mov")

    assert caught.value.exit_code == Exit.MEDIA_MISSING


def test_a_folder_is_no_movie(footage_folder: Path) -> None:
    with pytest.raises(MediaError, match="must be a movie file, got a folder; name a file in it"):
        probe(footage_folder)


def test_sound_alone_is_refused(footage_folder: Path) -> None:
    path = footage_folder / "sound.wav"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.int16), format="s16", layout="stereo")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))

    with pytest.raises(MediaError, match="must have a video stream, got only audio"):
        probe(path)


def test_a_playlist_opens_nothing_else(footage_folder: Path, make_movie: Callable[..., Path]) -> None:
    make_movie("innocent.ts")
    path = footage_folder / "playlist.mov"
    path.write_text("ffconcat version 1.0\nfile http://127.0.0.1:9/x.ts\n")

    with pytest.raises(MediaError, match=r"playlist\.mov: media must be a movie"):
        probe(path)


def test_damage_is_an_error_that_names_file_frame_and_timecode(
    make_movie: Callable[..., Path], damage_movie: Callable[..., Path]
) -> None:
    source = make_movie("for_damage.mov", count=48, stream_tags={"timecode": "01:00:00:00"}, **PRORES)
    path = damage_movie(source, "damaged.mov", {20})

    with open_source(path, timecode="01:00:00:00") as damaged:
        damaged.read(1020)
        with pytest.raises(
            MediaError, match=r"damaged\.mov: frame 1021 \(timecode 01:00:00:20\) must decode.*hold or black"
        ):
            damaged.read(1021)
        after = damaged.read(1022)

    with open_source(source) as intact:
        assert same(after, intact.read(1022))


@pytest.mark.parametrize("how", ["zero", "noise"])
@pytest.mark.parametrize("lost", [{20, 21}, {7, 30}, {0}, {47}, {0, 1, 2}, {46, 47}])
def test_lost_intra_packets_leave_their_own_slots(
    whole: Path, damage_movie: Callable[..., Path], lost: set[int], how: str
) -> None:
    path = damage_movie(whole, f"intra_{'_'.join(map(str, sorted(lost)))}_{how}.mov", lost, how)
    expected, _ = read_all(whole)

    pictures, damaged = read_all(path, corrupt="hold")

    assert damaged == FrameSet.of(1001 + packet for packet in lost)
    for slot, picture in enumerate(pictures):
        held = next((s for s in range(slot, -1, -1) if s not in lost), None)
        held = min(set(range(48)) - lost) if held is None else held
        assert same(picture, expected[held])


def test_decoding_goes_on_after_a_bad_packet(
    make_movie: Callable[..., Path], damage_movie: Callable[..., Path]
) -> None:
    # `container.decode()` stops for good at the first one.
    source = make_movie("goes_on.mp4", count=48)
    path = damage_movie(source, "goes_on_damaged.mp4", {20, 31})
    with av.open(str(path)) as container, pytest.raises(av.error.InvalidDataError):
        list(container.decode(video=0))
    expected, _ = read_all(source)

    pictures, damaged = read_all(path, corrupt="hold")

    assert 2 <= len(damaged) <= 12
    # Keyframes come every six frames: outside the damaged groups nothing is touched.
    intact = [n for n in range(48) if not any(g - 3 <= n < g + 6 for g in (18, 30))]
    assert all(same(pictures[n], expected[n]) for n in intact)


@pytest.mark.parametrize(
    ("how", "lost"),
    [*(("zero", lost) for lost in ({7}, {20, 21}, {0}, {12}, {47})), *(("noise", {n}) for n in (0, 12, 18))],
)
def test_damage_reads_the_same_in_any_order(
    make_movie: Callable[..., Path], damage_movie: Callable[..., Path], lost: set[int], how: str
) -> None:
    source = make_movie("any_order.mp4", count=48)
    path = damage_movie(source, f"any_order_{min(lost)}_{len(lost)}_{how}.mp4", lost, how)
    once, damaged = read_all(path, corrupt="black")

    again, same_damage = read_all(path, corrupt="black")
    with open_source(path, corrupt="black") as backwards:
        reverse = {frame: backwards.read(frame) for frame in range(1048, 1000, -1)}

    assert damaged
    assert same_damage == damaged
    assert all(map(same, once, again))
    assert backwards.damaged == damaged
    assert all(same(picture, reverse[1001 + n]) for n, picture in enumerate(once))


def test_black_is_black_in_the_codes_of_the_stream(whole: Path, damage_movie: Callable[..., Path]) -> None:
    pictures, _ = read_all(damage_movie(whole, "black.mov", {5}), corrupt="black")

    assert [set(np.unique(plane)) for plane in pictures[5].planes] == [{64}, {512}, {512}]


def test_a_movie_with_nothing_intact_is_refused(whole: Path, damage_movie: Callable[..., Path]) -> None:
    path = damage_movie(whole, "nothing_left.mov", set(range(48)))

    with pytest.raises(MediaError, match="video must decode, got no frame from prores"):
        open_source(path, corrupt="hold")


def test_negative_stamps_leave_fewer_frames_and_none_is_wrong(
    make_movie: Callable[..., Path], ramp_frame: Callable[..., NativeFrame]
) -> None:
    options = {"qp": "0", "bf": "0", "g": "1"}
    path = make_movie("negative_pts.mov", count=5, pts=[-2, -1, 0, 1, 2], options=options)

    pictures, _ = read_all(path)

    assert len(pictures) == 3
    for picture, index in zip(pictures, itertools.count(2), strict=False):
        assert same(picture, ramp_frame("yuv420p", 64, 48, index))
