"""Headers and written movies for the tests of the writing half."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from shotgraph.api import Colour, NativeFrame, Rate, StreamInfo, Timecode, WrittenOutput
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.planes import native_from_av
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
