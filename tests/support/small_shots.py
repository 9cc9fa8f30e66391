"""Tiny shots for whole runs: a texture that moves, with timecode, reel and sound. Made with PyAV and OpenImageIO alone.

The files under test are written and read by `shotgraph.io`; what makes and judges them here must not be.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

WIDTH, HEIGHT = 64, 48
FIRST = 1001
NTSC_FILM = Fraction(24000, 1001)
LOSSLESS = {"qp": "0", "g": "4", "preset": "ultrafast"}


@dataclass
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    @property
    def shot(self) -> dict[str, Any]:
        """The only shot of `run --json`."""
        (shot,) = self.document["shots"]
        return shot


def texture(index: int, *, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.float64]:
    """(H, W) in [0, 1]: waves that drift by (1.5, 0.5) pixels a frame, so that there is flow to find."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = x - 1.5 * index, y - 0.5 * index
    total = np.sin(x / 3) + np.sin(y / 2.3 + 1) + np.sin((x + 2 * y) / 5) + np.sin((2 * x - y) / 7)
    return total / 8 + 0.5


def codes(index: int, *, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """(H * 3 / 2, W) of yuv420p: the texture, chroma that tells x from y, and the frame's number in the first sample."""
    luma = (16 + texture(index, width=width, height=height) * 219).astype(np.uint8)
    luma[0, 0] = 16 + index
    y, x = np.mgrid[: height // 2, : width // 2]
    chroma = [(96 + x).astype(np.uint8), (96 + 2 * y).astype(np.uint8)]
    return np.concatenate([luma.reshape(-1), *(plane.reshape(-1) for plane in chroma)]).reshape(-1, width)


def write_movie(
    path: Path,
    *,
    frames: int = 10,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    rate: Fraction = NTSC_FILM,
    timecode: str | None = "01:00:10:00",
    reel: str = "A001C002",
    tone: bool = True,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    setup: Callable[[Any], None] | None = None,
    movflags: str = "",
    offset: int = 0,
) -> Path:
    """A movie of the texture from picture `offset` on; x264 without loss and with B-frames unless told otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    with av.open(f"file:{path}", "w", options={"movflags": movflags} if movflags else {}) as container:
        stream = container.add_stream(
            codec, rate=rate, options=options if options is not None else LOSSLESS if codec == "libx264" else {}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        if timecode is not None:
            stream.metadata["timecode"] = timecode
            if reel:
                stream.metadata["reel_name"] = reel
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if setup is not None:
            setup(stream)
        sound = _tone(container, float(frames / rate)) if tone else []
        for index in range(frames):
            picture = _picture(index + offset, size, pix_fmt)
            picture.pts, picture.time_base = (index if pts is None else pts[index]), time_base or 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        container.mux(sound)
    return path


def _picture(index: int, size: tuple[int, int], pix_fmt: str) -> av.VideoFrame:
    width, height = size
    if pix_fmt == "yuv420p" and width % 2 == height % 2 == 0:
        return av.VideoFrame.from_ndarray(codes(index, width=width, height=height), format="yuv420p")
    luma = (16 + texture(index, width=width, height=height) * 219).astype(np.uint8)
    planes = np.stack((luma, np.full_like(luma, 110), np.full_like(luma, 140)))
    picture = av.VideoFrame.from_ndarray(planes, format="yuv444p")
    return picture if pix_fmt == "yuv444p" else picture.reformat(format=pix_fmt)


def _tone(container: Any, seconds: float) -> list[av.Packet]:
    stream = container.add_stream("pcm_s16le", rate=48000, layout="stereo")
    samples = (np.sin(np.arange(round(seconds * 48000)) / 20) * 8000).astype(np.int16)
    packets = []
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(
            np.repeat(samples[start : start + 1024], 2)[None], format="s16", layout="stereo"
        )
        frame.sample_rate, frame.pts = 48000, start
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def write_image(path: Path, pixels: NDArray[Any], *, timecode: str = "", alpha: bool = False) -> Path:
    """One image file of (H, W, C); uint8 and uint16 for PNG, float16 or float32 for EXR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {"uint8": oiio.UINT8, "uint16": oiio.UINT16, "float16": oiio.HALF, "float32": oiio.FLOAT}
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, kinds[pixels.dtype.name])
    spec.attribute("oiio:UnassociatedAlpha", int(alpha))
    if timecode:
        spec.attribute("timecode", timecode)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), oiio.geterror()
    assert output.write_image(np.ascontiguousarray(pixels)), output.geterror()
    output.close()
    return path


def rgb(index: int, *, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """(H, W, 3): the texture in three tints, with the frame's number in the first pixel."""
    levels = texture(index, width=width, height=height)[..., None] * (200, 220, 180) + (10, 20, 30)
    pixels = levels.astype(np.uint8)
    pixels[0, 0] = index % 256
    return pixels


def write_sequence(
    folder: Path, frames: Iterable[int], *, name: str = "plate", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Path:
    """PNG files ``name.1001.png`` of the texture; the pattern that names them all."""
    width, height = size
    for frame in frames:
        write_image(folder / f"{name}.{frame:04d}.png", rgb(frame - FIRST, width=width, height=height))
    return folder / f"{name}.####.png"


def write_paint(path: Path, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """A red blot with straight alpha, off centre."""
    width, height = size
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[height // 4 : height // 2, width // 3 : width // 2] = (230, 20, 40, 255)
    return write_image(path, pixels, alpha=True)


def decoded(path: Path) -> list[str]:
    """A digest of every picture of a movie, as coded."""
    with av.open(f"file:{path}") as container:
        return [_digest(frame) for frame in container.decode(video=0)]


def _digest(frame: av.VideoFrame) -> str:
    state = hashlib.blake2b(f"{frame.format.name} {frame.width}x{frame.height}".encode(), digest_size=8)
    for plane, component in zip(frame.planes, frame.format.components, strict=False):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        state.update(rows[:, : component.width * (2 if component.bits > 8 else 1)].tobytes())
    return state.hexdigest()


def images(folder: Path, suffix: str) -> dict[str, str]:
    """File name to a digest of its content, of every image in `folder`."""
    return {
        f.name: hashlib.blake2b(f.read_bytes(), digest_size=8).hexdigest() for f in sorted(folder.glob(f"*{suffix}"))
    }


def sound(path: Path) -> list[bytes]:
    """The packets of the first sound stream."""
    with av.open(f"file:{path}") as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def visible(folder: Path) -> list[str]:
    """Every file below `folder` that is not our own bookkeeping."""
    return sorted(
        str(f.relative_to(folder))
        for f in folder.rglob("*")
        if f.is_file() and ".shotgraph" not in f.relative_to(folder).parts
    )


def ffprobe(path: Path) -> dict[str, Any]:
    """What the ffprobe of the system says; skips the test where there is none."""
    program = shutil.which("ffprobe")
    if program is None:
        pytest.skip("ffprobe is not installed")
    command = [program, "-v", "error", "-of", "json", "-show_streams", "-show_format", "-count_frames", str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
