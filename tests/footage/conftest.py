"""Small generated clips. Every frame differs from every other, in both directions and in every plane."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from shotgraph.api import NativeFrame, PixelFormat
from shotgraph.io.planes import native_to_av


def _ramp(name: str, width: int, height: int, index: int) -> NativeFrame:
    """A picture that tells x from y, planes from each other, and frame `index` from the next."""
    native = PixelFormat.parse(name)
    planes = []
    for plane in range(native.planes):
        rows, columns = native.plane_shape(plane, width=width, height=height)
        y, x = np.mgrid[:rows, :columns]
        codes = 3 * x + 5 * y + 7 * index + 11 * plane + 16
        if native.is_float:
            planes.append((codes / 64 - 0.5).astype(native.dtype))
        else:
            scale = 1 << (native.bits - 8)
            planes.append(((codes * scale + index) % (1 << native.bits)).astype(native.dtype))
    return NativeFrame(tuple(planes), native)


class MakeMovie(Protocol):
    """See `make_movie`."""

    def __call__(
        self,
        name: str,
        codec: str = ...,
        *,
        pix_fmt: str = ...,
        size: tuple[int, int] = ...,
        count: int = ...,
        rate: Fraction = ...,
        options: dict[str, str] | None = ...,
        stream_tags: dict[str, str] | None = ...,
        tags: dict[str, str] | None = ...,
        pts: Sequence[int] | None = ...,
        time_base: Fraction | None = ...,
        container: str | None = ...,
        container_options: dict[str, str] | None = ...,
        setup: Callable[[Any], None] | None = ...,
        audio_seconds: float = ...,
    ) -> Path: ...


# x264 without loss, B-frames in the way, and a keyframe every six frames.
LOSSLESS_X264 = {"qp": "0", "bf": "2", "g": "6", "x264-params": "scenecut=0"}


@pytest.fixture(scope="session")
def footage_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's clips are."""
    return tmp_path_factory.mktemp("footage")


@pytest.fixture(scope="session")
def ramp_frame() -> Callable[[str, int, int, int], NativeFrame]:
    """``ramp_frame(pixel_format, width, height, index)``: what `make_movie` and `make_sequence` put in frame `index`."""
    return _ramp


def _encode(container: Any, stream: Any, frames: Iterable[av.VideoFrame]) -> None:
    for frame in frames:
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_tone(container: Any, seconds: float) -> Any:
    stream = container.add_stream("pcm_s16le" if container.format.name == "mov" else "aac", rate=48000)
    samples = (np.sin(np.arange(int(seconds * 48000)) / 20) * 8000).astype(np.int16)
    packets = []
    for start in range(0, len(samples), 1024):
        block = samples[start : start + 1024]
        frame = av.AudioFrame.from_ndarray(np.repeat(block, 2)[None], format="s16", layout="stereo")
        frame.sample_rate, frame.pts = 48000, start
        packets += stream.encode(frame)
    return packets + stream.encode(None)


@pytest.fixture(scope="session")
def make_movie(footage_folder: Path) -> MakeMovie:
    """Make a movie of ramps. Frame n is ``ramp_frame(pix_fmt, *size, n)``; x264 is lossless unless options say else."""

    def make(
        name: str,
        codec: str = "libx264",
        *,
        pix_fmt: str = "yuv420p",
        size: tuple[int, int] = (64, 48),
        count: int = 12,
        rate: Fraction = Fraction(25),
        options: dict[str, str] | None = None,
        stream_tags: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        pts: Sequence[int] | None = None,
        time_base: Fraction | None = None,
        container: str | None = None,
        container_options: dict[str, str] | None = None,
        setup: Callable[[Any], None] | None = None,
        audio_seconds: float = 0,
    ) -> Path:
        path = footage_folder / name
        if options is None:
            options = LOSSLESS_X264 if codec == "libx264" else {}
        with av.open(str(path), "w", format=container, options=container_options or {}) as output:
            output.metadata.update(tags or {})
            stream = output.add_stream(codec, rate=rate, options=options)
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt if "p1" not in pix_fmt and "f" not in pix_fmt else f"{pix_fmt}le"
            stream.metadata.update(stream_tags or {})
            if time_base is not None:
                stream.time_base = stream.codec_context.time_base = time_base
            if setup is not None:
                setup(stream)
            tone = _add_tone(output, audio_seconds) if audio_seconds else []
            frames = []
            for index in range(count):
                frame = native_to_av(_ramp(pix_fmt, *size, index))
                frame.pts = index if pts is None else pts[index]
                frame.time_base = time_base or 1 / rate
                frames.append(frame)
            _encode(output, stream, frames)
            output.mux(tone)
        return path

    return make


@pytest.fixture(scope="session")
def damage_movie(footage_folder: Path) -> Callable[..., Path]:
    """``damage_movie(source, name, packets, how)``: the same movie with the payload of some packets spoilt.

    `how` is ``zero`` (all zeros, as a hole in a network file reads) or ``noise``.
    """

    def damage(source: Path, name: str, packets: Iterable[int], how: str = "zero") -> Path:
        path, wanted = footage_folder / name, set(packets)
        with av.open(str(source)) as original, av.open(str(path), "w") as output:
            stream = original.streams.video[0]
            copy = output.add_stream_from_template(stream)
            copy.codec_context.framerate = stream.average_rate
            number = 0
            for packet in original.demux(stream):
                if packet.size == 0:
                    continue
                if number in wanted:
                    payload = np.frombuffer(packet, np.uint8)
                    noise = np.random.default_rng(number).integers(0, 256, payload.size, dtype=np.uint8)
                    if how == "zero":
                        payload[:] = 0
                    else:
                        payload[payload.size // 8 :] = noise[payload.size // 8 :]
                number += 1
                packet.stream = copy
                output.mux(packet)
        return path

    return damage


@pytest.fixture(scope="session")
def make_sequence(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``make_sequence(pattern, frames, pixel_format, size, attributes)``: images of ramps in a folder of their own.

    `pattern` is like ``shot.%04d.exr``; `attributes` maps a frame number to (name, type or None, value) triples. Frame n
    holds ``ramp_frame(pixel_format, *size, n)``.
    """

    def make(
        pattern: str,
        frames: Iterable[int],
        pixel_format: str = "gbrp",
        size: tuple[int, int] = (20, 14),
        attributes: Callable[[int], Iterable[tuple[str, Any, Any]]] | None = None,
        folder: Path | None = None,
    ) -> Path:
        folder = folder or tmp_path_factory.mktemp("sequence")
        for frame in frames:
            _write_image(folder / (pattern % frame), _ramp(pixel_format, *size, frame), attributes, frame)
        return folder

    return make


def _write_image(path: Path, picture: NativeFrame, attributes: Any, frame: int) -> None:
    types = {
        np.dtype("u1"): oiio.UINT8,
        np.dtype("u2"): oiio.UINT16,
        np.dtype("f2"): oiio.HALF,
        np.dtype("f4"): oiio.FLOAT,
    }
    planes = picture.planes
    ordered = (planes[2], planes[0], planes[1], *planes[3:]) if picture.format.family == "rgb" else planes
    width, height = picture.size
    spec = oiio.ImageSpec(width, height, len(ordered), types[picture.format.dtype])
    spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, kind, value in attributes(frame) if attributes else ():
        spec.attribute(name, value) if kind is None else spec.attribute(name, kind, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), oiio.geterror()
    assert output.write_image(np.ascontiguousarray(np.stack(ordered, axis=-1))), output.geterror()
    output.close()


@pytest.fixture(scope="session")
def ffprobe() -> Callable[[Path], dict[str, Any]]:
    """``ffprobe(path)``: what the ffprobe of the system says, as JSON; skips the test where there is none."""
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("ffprobe is not installed")

    def run(path: Path) -> dict[str, Any]:
        command = [program, "-v", "error", "-of", "json", "-show_streams", "-show_format", "-count_frames", str(path)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return run
