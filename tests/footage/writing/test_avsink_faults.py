import errno
import re
import shutil
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shotgraph.errors import Exit, MediaError, OutputError, OutputExistsError, ShapeError, UsageError
from shotgraph.io import avsink
from shotgraph.io.avsink import AvSink
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.fitting import PictureFitter
from shotgraph.io.outputs import plan_output
from shotgraph.io.probe import probe
from shotgraph.io.sinks import open_sink


def test_odd_sizes_go_into_a_format_of_h264_that_takes_them(tmp_path, header, write_frames, decoded, ramp_frame):
    path = tmp_path / "odd.mp4"

    write_frames(path, header(width=65, height=47, count=2), codec="h264_lossless")

    frame, plate = decoded(path)[1], ramp_frame("yuv420p", 65, 47, 1)
    assert frame.format.name == "yuv444p"
    assert np.array_equal(frame.planes[0], plate.planes[0])
    # Chroma is repeated, so every second sample is the plate's.
    assert np.array_equal(frame.planes[1][::2, ::2], plate.planes[1])


def test_odd_size_in_a_forced_420_is_refused_before_the_render(tmp_path, header):
    settings = WriteSettings(codec="h264", pixel_format="yuv420p")

    with pytest.raises(UsageError, match="yuv420p must suit h264 at 65x47"):
        plan_output(tmp_path / "odd.mp4", header(width=65, height=47), settings)


@pytest.mark.parametrize("extension", ["mov", "mp4", "mkv"])
def test_one_frame_is_a_movie_with_timecode(tmp_path, header, write_frames, extension):
    path = tmp_path / f"a.{extension}"

    written = write_frames(path, header(count=1))

    assert written.frames == probe(path).video().timing.count == 1
    assert str(probe(path).timecode) == "01:00:00:00"


def test_no_frames_is_an_error_and_no_file(tmp_path, header):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())

    with pytest.raises(OutputError, match="6 frames must be written, got 0"):
        sink.finish()

    assert list(tmp_path.iterdir()) == []


def test_missing_last_frame_is_an_error_and_no_file(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())
    for number in range(1001, 1006):
        sink.write(number, ramp_frame("yuv420p", 66, 50, number), "")

    with pytest.raises(OutputError, match="6 frames must be written, got 5"):
        sink.finish()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("numbers", "got"), [((1001, 1003), 1003), ((1001, 1001), 1001), ((1000,), 1000)])
def test_frames_out_of_order_are_refused(tmp_path, header, ramp_frame, numbers, got):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())
    *before, wrong = numbers
    for number in before:
        sink.write(number, ramp_frame("yuv420p", 66, 50, number), "")

    with pytest.raises(OutputError, match=f"of 1001-1006, got {got}"):
        sink.write(wrong, ramp_frame("yuv420p", 66, 50, wrong), "")

    sink.abort()


def test_more_frames_than_planned_are_refused(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.mov", header(count=1), WriteSettings())
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")

    with pytest.raises(OutputError, match="got 1002"):
        sink.write(1002, ramp_frame("yuv420p", 66, 50, 0), "")

    sink.abort()


@pytest.mark.parametrize("pts", [(0, 1, 1, 3), (0, 2, 1, 3)])
def test_duplicate_and_unsorted_frame_times_are_refused_before_the_render(tmp_path, header, pts):
    info = header(count=4, pts=pts, time_base=Fraction(1, 24))

    with pytest.raises(MediaError, match=r"must ascend, got 1 after [12] at frame 1003"):
        plan_output(tmp_path / "a.mov", info, WriteSettings())


def test_too_few_frame_times_are_refused(tmp_path, header):
    with pytest.raises(MediaError, match="frame times must be 6 with a time base, got 2 and 1/24"):
        plan_output(tmp_path / "a.mov", header(pts=(0, 1), time_base=Fraction(1, 24)), WriteSettings())


def test_frame_of_another_size_is_refused_not_scaled(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")

    with pytest.raises(ShapeError, match=r"frame 1002: write: frame must be 66x50 like its stream, got 50x66"):
        sink.write(1002, ramp_frame("yuv420p", 50, 66, 1), "")

    sink.abort()


def test_planes_of_another_format_never_reach_the_encoder(tmp_path, header, ramp_frame, monkeypatch):
    sink = open_sink(tmp_path / "a.mp4", header(), WriteSettings(codec="h264"))
    monkeypatch.setattr(PictureFitter, "fit", lambda _, value: value)

    with pytest.raises(OutputError, match="frame 1001 must be written, got yuv422p 66x50 is not what the encoder"):
        sink.write(1001, ramp_frame("yuv422p", 66, 50, 0), "")

    assert list(tmp_path.iterdir()) == []


def test_foreign_file_is_kept_without_force(tmp_path, header, write_frames):
    path = tmp_path / "a.mov"
    path.write_bytes(b"somebody's")

    with pytest.raises(OutputExistsError, match=r"a\.mov: the output path must be free") as refused:
        write_frames(path, header())

    assert refused.value.exit_code == Exit.CANNOT_CREATE
    assert path.read_bytes() == b"somebody's"


def test_force_replaces_a_foreign_file_only_when_the_new_one_is_finished(tmp_path, header, ramp_frame):
    path = tmp_path / "a.mov"
    path.write_bytes(b"somebody's")
    sink = open_sink(path, header(count=1), WriteSettings(force=True))
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    during = path.read_bytes()

    sink.finish()

    assert during == b"somebody's"
    assert probe(path).video().timing.count == 1


def test_file_that_appears_during_the_render_is_kept(tmp_path, header, ramp_frame):
    path = tmp_path / "a.mov"
    sink = open_sink(path, header(count=1), WriteSettings())
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    path.write_bytes(b"somebody's")

    with pytest.raises(OutputExistsError, match="the output path must be free"):
        sink.finish()

    assert path.read_bytes() == b"somebody's"


def test_abort_leaves_nothing_and_may_be_called_twice(tmp_path, header, ramp_frame):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    before = [item.name for item in tmp_path.iterdir()]

    sink.abort()
    sink.abort()

    assert before == ["a.mov.part"]
    assert list(tmp_path.iterdir()) == []


def test_a_movie_is_never_done_in_parts(tmp_path, header):
    sink = open_sink(tmp_path / "a.mov", header(), WriteSettings())

    assert sink.done(1001, "key") is False

    sink.abort()


def test_folder_that_cannot_be_made_is_an_output_error(tmp_path, header):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(OutputError, match="the header must be written"):
        open_sink(tmp_path / "file" / "a.mov", header(), WriteSettings())


def test_unknown_encoder_option_is_refused(tmp_path, header):
    with pytest.raises(UsageError, match="options must be options of libx264, got tune_in"):
        open_sink(tmp_path / "a.mp4", header(), WriteSettings(options={"tune_in": "1", "g": "3"}))

    assert list(tmp_path.iterdir()) == []


class _FullDisk:
    """A container whose disk is full."""

    def __init__(self, container):
        self._container = container

    def mux_one(self, packet):
        raise OSError(errno.ENOSPC, "No space left on device")

    def close(self):
        self._container.close()


def test_full_disk_is_an_output_error_that_names_frame_and_cure(tmp_path, header, ramp_frame):
    sink = AvSink(plan_output(tmp_path / "a.mov", header(), WriteSettings(threads=1)))
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    sink._container = _FullDisk(sink._container)

    with pytest.raises(OutputError, match=r"frame 1002 must be written, got .*No space left.*; free space on") as full:
        sink.write(1002, ramp_frame("yuv420p", 66, 50, 1), "")

    assert full.value.exit_code == Exit.IO_FAILED
    assert list(tmp_path.iterdir()) == []


class _FullAtTheEnd:
    """A container whose disk is full when its index is written."""

    def __init__(self, container):
        self._container = container

    def mux_one(self, packet):
        self._container.mux_one(packet)

    def close(self):
        self._container.close()
        raise OSError(errno.ENOSPC, "No space left on device")


def test_full_disk_at_the_trailer_leaves_nothing(tmp_path, header, ramp_frame):
    sink = AvSink(plan_output(tmp_path / "a.mov", header(count=1), WriteSettings(threads=1)))
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    sink._container = _FullAtTheEnd(sink._container)

    with pytest.raises(OutputError, match=r"the trailer must be written, got .*No space left.*; free space on") as full:
        sink.finish()

    assert full.value.exit_code == Exit.IO_FAILED
    assert list(tmp_path.iterdir()) == []


def test_what_libav_only_logs_at_the_trailer_is_an_error_and_leaves_nothing(tmp_path, header, ramp_frame, monkeypatch):
    sink = AvSink(plan_output(tmp_path / "a.mov", header(count=1), WriteSettings(threads=1)))
    sink.write(1001, ramp_frame("yuv420p", 66, 50, 0), "")
    monkeypatch.setattr(avsink, "captured_errors", lambda: nullcontext(["mov: something is wrong"]))

    with pytest.raises(OutputError, match=r"the trailer must be written, got \['mov: something is wrong'\]"):
        sink.finish()

    assert list(tmp_path.iterdir()) == []


_LIMITED = """
import os, resource, sys
from fractions import Fraction
import numpy as np
from shotgraph.api import NativeFrame, PixelFormat, Rate, StreamInfo
from shotgraph.errors import OutputError
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.sinks import open_sink

limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
pattern = PixelFormat.parse("gbrp")
info = StreamInfo(first_frame=1, count=20, rate=Rate(Fraction(25)), width=128, height=96, pixel_format="gbrp")
generator = np.random.default_rng(1)
try:
    sink = open_sink(sys.argv[1], info, WriteSettings(threads=1, bit_depth=int(sys.argv[2]) or None))
    for frame in range(1, 21):
        noise = generator.integers(0, 256, (3, 96, 128), dtype=np.uint8)
        sink.write(frame, NativeFrame(tuple(noise), pattern), "")
    sink.finish()
except OutputError as error:
    print(error)
    print("left:", *(name for name in os.listdir(os.path.dirname(sys.argv[1])) if not name.endswith(".jsonl")))
    sys.exit(error.exit_code)
"""


def _noise_movie(path, depth, limit_bytes):
    command = [sys.executable, "-c", _LIMITED, str(path), str(depth), str(limit_bytes)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# Runs a command that sees a disk of 100 kB at the folder $0; the disk goes when the command ends.
_ON_A_SMALL_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=100k none "$0" && exec "$@"']


@pytest.mark.parametrize(("name", "depth"), [("a.mkv", 0), ("a.mov", 0), ("a.mp4", 0), ("a.####.exr", 32)])
def test_a_disk_that_is_really_full_ends_with_exit_74_and_no_output(tmp_path, name, depth):
    if (
        shutil.which("unshare") is None
        or subprocess.run([*_ON_A_SMALL_DISK, str(tmp_path), "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this machine lets nobody mount a disk of his own (unshare -rm)")
    command = [*_ON_A_SMALL_DISK, str(tmp_path), sys.executable, "-c", _LIMITED, str(tmp_path / name), str(depth), "0"]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (Exit.IO_FAILED, "")
    assert re.search(r"must be written, got .*[Nn]o space left.*; free space|image must be written", ended.stdout)
    # Finished images stay: the next run goes on from there.
    left = ended.stdout.rpartition("left:")[2].split()
    assert [item for item in left if "part" in item or not item.endswith(".exr")] == []


@pytest.mark.parametrize(
    ("name", "depth"), [("a.mkv", 0), ("a.mov", 0), ("a.mp4", 0), ("a.####.exr", 32), ("a.####.png", 16)]
)
def test_file_that_may_not_grow_ends_with_exit_74_and_no_output(tmp_path, name, depth):
    ended = _noise_movie(tmp_path / name, depth, 60_000)

    assert (ended.returncode, ended.stderr) == (Exit.IO_FAILED, "")
    assert "must be written" in ended.stdout
    assert [item.name for item in tmp_path.iterdir() if item.suffix != ".jsonl"] == []


@pytest.mark.parametrize(("name", "depth"), [("a.mp4", 0), ("a.####.png", 16)])
def test_the_same_file_with_room_to_grow_is_written(tmp_path, name, depth):
    ended = _noise_movie(tmp_path / name, depth, 60_000_000)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_kinds_that_are_no_pictures_are_refused_in_movies(tmp_path, header):
    with pytest.raises(
        UsageError, match=r"frames must be native, rgb, rgb_linear, mask, got flow; write flow and depth"
    ):
        plan_output(tmp_path / "a.mov", header("", kind="flow"), WriteSettings())


def test_linear_light_is_refused_in_movies(tmp_path, header):
    with pytest.raises(UsageError, match="must be display-encoded, got rgb_linear"):
        plan_output(tmp_path / "a.mov", header("", kind="rgb_linear"), WriteSettings())


def test_matrix_that_nobody_can_invert_is_refused_only_where_it_must_be_converted(tmp_path, header, write_frames):
    info = header(colour=replace(header().colour, matrix="ictcp"))

    write_frames(tmp_path / "native.mp4", info)

    with pytest.raises(UsageError, match=r"matrix must be one of .* to convert, got 'ictcp'"):
        plan_output(tmp_path / "rgb.mp4", replace(info, kind="rgb"), WriteSettings())
