"""Headers and written movies for the tests of the writing half."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from shotgraph.api import Colour, NativeFrame, Rate, StreamInfo, Timecode, WrittenOutput
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.planes import native_from_av, native_to_av
from shotgraph.io.sinks import open_sink

BT709 = Colour("bt709", "bt709", "bt709", "limited")
PC_RGB = Colour("bt709", "iec61966-2-1", "rgb", "full")


@pytest.fixture(scope="session")
def header() -> Callable[..., StreamInfo]:
    """``header(pixel_format="yuv420p", timecode="01:00:00:00", **fields)``: six frames of 66x50 from frame 1001."""

    def make(pixel_format: str = "yuv420p", *, timecode: str | None = "01:00:00:00", **fields: Any) -> StreamInfo:
        rate = Rate(fields.pop("fps", Fraction(24000, 1001)))
        drop = None if timecode is None else ";" in timecode
        plain = {
            "first_frame": 1001,
            "count": 6,
            "width": 66,
            "height": 50,
            "colour": PC_RGB if pixel_format.startswith("gbr") else BT709,
            "alpha": "straight" if "yuva" in pixel_format or "gbra" in pixel_format else "none",
            "start_timecode": None if timecode is None else Timecode.parse(timecode, rate, drop=drop),
        }
        return StreamInfo(rate=rate, pixel_format=pixel_format, **(plain | fields))

    return make


@pytest.fixture(scope="session")
def write_frames(ramp_frame: Callable[..., NativeFrame]) -> Callable[..., WrittenOutput]:
    """``write_frames(path, info, frames=None, audio_from=None, **settings)``: open, write ramps (or `frames`), finish."""

    def write(
        path: Path,
        info: StreamInfo,
        frames: Sequence[Any] | None = None,
        audio_from: StreamInfo | None = None,
        **settings: Any,
    ) -> WrittenOutput:
        sink = open_sink(path, info, WriteSettings(preset="ultrafast", threads=1, **settings), audio_from)
        for index, number in enumerate(info.range):
            ramp = ramp_frame(info.pixel_format, info.width, info.height, index) if frames is None else frames[index]
            sink.write(number, ramp, f"key{number}")
        return sink.finish()

    return write


@pytest.fixture(scope="session")
def decoded() -> Callable[[Path], list[NativeFrame]]:
    """``decoded(path)``: the planes of every frame of a movie, copied."""

    def read(path: Path) -> list[NativeFrame]:
        with av.open(str(path)) as container:
            views = [native_from_av(frame) for frame in container.decode(video=0)]
            return [replace(view, planes=tuple(plane.copy() for plane in view.planes)) for view in views]

    return read


@pytest.fixture(scope="session")
def mediainfo() -> Callable[[Path], dict[str, Any]]:
    """``mediainfo(path)``: tracks by type, as the mediainfo of the system says; skips the test where there is none."""
    program = shutil.which("mediainfo")
    if program is None:
        pytest.skip("mediainfo is not installed")

    def run(path: Path) -> dict[str, Any]:
        text = subprocess.run([program, "--Output=JSON", str(path)], check=True, capture_output=True, text=True).stdout
        return {track["@type"]: track for track in json.loads(text)["media"]["track"]}

    return run


# Codec, layout, language, title, seconds.
Sound = tuple[str, str, str, str, float]
AUDIO_BLOCK = 1024


def _sound(container: Any, seed: int, wanted: Sound) -> list[av.Packet]:
    """Packets of a stream of noise, so that every one differs."""
    codec, layout, language, title, seconds = wanted
    stream = container.add_stream(codec, rate=48000, layout=layout)
    stream.metadata.update({"language": language, "title": title})
    channels = av.AudioLayout(layout).nb_channels
    generator = np.random.default_rng((seed, channels))
    packets = []
    for start in range(0, int(seconds * 48000), AUDIO_BLOCK):
        samples = generator.integers(-9000, 9000, (1, AUDIO_BLOCK * channels)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate, frame.pts = 48000, start
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def _titles(container: Any, codec: str, texts: Iterable[tuple[int, int, str]]) -> list[av.Packet]:
    stream = container.add_mux_stream(codec)
    stream.metadata["language"] = "spa"
    stream.time_base = Fraction(1, 1000)
    packets = []
    for start, end, text in texts:
        payload = len(text).to_bytes(2, "big") + text.encode() if codec == "mov_text" else text.encode()
        packet = av.Packet(payload)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = end - start
        packets.append(packet)
    return packets


def _chapter(number: int, title: str) -> Any:
    """Half a second."""
    milliseconds = Fraction(1, 1000)
    return {
        "id": number,
        "start": 500 * number,
        "end": 500 * (number + 1),
        "time_base": milliseconds,
        "metadata": {"title": title},
    }


@pytest.fixture(scope="module")
def make_source(
    tmp_path_factory: pytest.TempPathFactory, ramp_frame: Callable[..., NativeFrame]
) -> Callable[..., Path]:
    """``make_source(name, sound=[...], titles=codec, chapters=("one", ...))``: 1 s of pictures at 24 fps, and what is asked."""
    folder = tmp_path_factory.mktemp("sources")

    def make(
        name: str, sound: Sequence[Sound] = (), titles: str = "", chapters: Sequence[str] = (), seed: int = 1
    ) -> Path:
        path = folder / name
        with av.open(str(path), "w") as output:
            video = output.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
            video.width, video.height, video.pix_fmt = 66, 50, "yuv420p"
            beside = [_sound(output, seed, wanted) for wanted in sound]
            if titles:
                shown = [(200, 400, "first"), (450, 800, "second")]
                beside.append(_titles(output, titles, shown))
            if chapters:
                output.set_chapters([_chapter(number, title) for number, title in enumerate(chapters)])
            for index in range(24):
                frame = native_to_av(ramp_frame("yuv420p", 66, 50, index))
                frame.pts, frame.time_base = index, Fraction(1, 24)
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            for packets in beside:
                output.mux(packets)
        return path

    return make
