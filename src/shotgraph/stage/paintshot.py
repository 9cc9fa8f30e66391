"""The paint shot: a textured disc that turns and drifts over a panning ground, and one frame of it painted on.

Textures are sums of waves no shorter than 8 pixels, so they survive resampling; edges are one pixel soft.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shotgraph.api.rates import Rate
from shotgraph.api.stream import MediaRef, StreamInfo
from shotgraph.api.timecode import Timecode
from shotgraph.io.codecs import WriteSettings
from shotgraph.io.sinks import open_sink
from shotgraph.stage.footage import REC709, write_tone

FIRST_FRAME = 1001
PAINTED_FRAME = 1012
_FRAMES = 24
_WIDTH, _HEIGHT = 640, 360
_RADIUS_PX = 84.0

Plane = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PaintShot:
    """Where everything of the paint demo lies.

    Attributes:
        root: folder to run a preset on.
        plate: the movie.
        paint: the painted frame.
        name: of the shot.
    """

    root: Path
    plate: Path
    paint: Path
    name: str


def waves(x: Plane, y: Plane, *, lengths_px: tuple[float, ...]) -> Plane:
    """(H, W) in [-1, 1]: a sum of plane waves, one per length, each in a direction of its own."""
    total = np.zeros_like(x)
    for index, length in enumerate(lengths_px):
        angle = 0.7 + 2.4 * index
        total += np.sin((x * math.cos(angle) + y * math.sin(angle)) * (2 * math.pi / length) + index)
    return total / np.float32(len(lengths_px))


def disc_position(frame: int) -> tuple[float, float, float]:
    """(x, y, angle) of the disc at `frame`: pixels and radians."""
    t = frame - FIRST_FRAME
    return 190 + 9.5 * t, 190 + 36 * math.sin(t / 7), 0.035 * t


def object_coordinates(frame: int) -> tuple[Plane, Plane]:
    """(H, W) each: where every pixel of `frame` lies on the disc, in pixels from its centre."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    cx, cy, angle = disc_position(frame)
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return cos * dx + sin * dy, cos * dy - sin * dx


def plate_frame(frame: int) -> Plane:
    """(H, W, 3) display values in [0, 1] of the demo shot at `frame`."""
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH].astype(np.float32)
    pan = np.float32(1.5 * (frame - FIRST_FRAME))
    ground = 0.34 + 0.16 * waves(x + pan, y, lengths_px=(19, 31, 53, 87))
    picture = np.stack((ground * 0.75, ground * 0.9, ground * 1.1), axis=-1)
    u, v = object_coordinates(frame)
    surface = 0.55 + 0.25 * waves(u, v, lengths_px=(11, 17, 29))
    disc = np.stack((surface * 0.55, surface * 0.85, surface), axis=-1)
    inside = _soft_edge(_RADIUS_PX - np.hypot(u, v))[..., None]
    return np.clip(picture + inside * (disc - picture), 0, 1).astype(np.float32)


def painted(frame: int) -> tuple[Plane, Plane]:
    """((H, W, 3), (H, W)): the disc's emblem as an artist would paint it on `frame`, and where; a five-petalled flower."""
    u, v = object_coordinates(frame)
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    cover = _soft_edge(42 + 14 * np.cos(5 * angle) - radius)
    eye = _soft_edge(14 - radius)[..., None]
    petals = np.array([0.92, 0.42, 0.12], np.float32) * (0.8 + 0.2 * waves(u, v, lengths_px=(13, 23))[..., None])
    colour = petals + eye * (np.array([0.98, 0.86, 0.3], np.float32) - petals)
    return colour.astype(np.float32), cover


def _soft_edge(distance_px: NDArray[np.floating]) -> Plane:
    """1 inside, 0 outside, a ramp one pixel wide between."""
    return np.clip(distance_px + 0.5, 0, 1).astype(np.float32)


def make_paint_shot(root: Path) -> PaintShot:
    """Render the paint demo: ``shape.mov`` with timecode, reel and sound, and ``paint/shape.1012.png``.

    Args:
        root: folder to make it in; created when absent.

    Returns:
        Where everything is.
    """
    root.mkdir(parents=True, exist_ok=True)
    shot = PaintShot(root, root / "shape.mov", root / "paint" / f"shape.{PAINTED_FRAME}.png", "shape")
    rate = Rate.parse("23.976")
    info = StreamInfo(
        first_frame=FIRST_FRAME,
        count=_FRAMES,
        rate=rate,
        width=_WIDTH,
        height=_HEIGHT,
        kind="rgb",
        pixel_format="gbrpf32",
        start_timecode=Timecode.parse("10:00:00:00", rate),
        timecode_source="preset",
        reel="A001DEMO",
        colour=REC709,
    )
    tone = root / ".shape.wav"
    write_tone(tone, seconds=float(_FRAMES / rate.fps))
    sound = replace(info, media=MediaRef(str(tone)))
    settings = WriteSettings(codec="prores_hq", force=True)
    writer = open_sink(shot.plate, info, settings, sound)
    for frame in info.range:
        writer.write(frame, plate_frame(frame), "")
    writer.finish()
    tone.unlink()
    _write_paint(shot.paint, info)
    return shot


def _write_paint(path: Path, info: StreamInfo) -> None:
    """The painted frame as RGBA, transparent where nobody painted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour, cover = painted(PAINTED_FRAME)
    header = replace(
        info.sliced(type(info.range)(PAINTED_FRAME, PAINTED_FRAME)), alpha="straight", pixel_format="gbrap"
    )
    writer = open_sink(path.with_name("shape.####.png"), header, WriteSettings(codec="png", force=True))
    writer.write(PAINTED_FRAME, np.dstack((colour, cover)), "")
    writer.finish()
