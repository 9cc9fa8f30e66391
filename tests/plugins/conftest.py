"""A stand-in for the engine, and a small shot whose every pixel is known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FlowFrame, FrameRange, FrameSet, Rate, Shot, StreamInfo, Timecode
from shotgraph.errors import FrameRangeError
from shotgraph.maths.warp import pixel_grid

RATE = Rate.parse("24000/1001")


def header(**changes: Any) -> StreamInfo:
    """A header of 64 x 40 RGB from frame 1001 on."""
    start = Timecode.parse("10:00:00:00", RATE)
    settings: dict[str, Any] = {"first_frame": 1001, "count": 8, "rate": RATE, "width": 64, "height": 40, "kind": "rgb"}
    return StreamInfo(**(settings | {"start_timecode": start} | changes))


@dataclass
class FakeReader:
    """A stream out of a function, which remembers what was read."""

    info: StreamInfo
    give: Callable[[int], Any]
    read: list[int] = field(default_factory=list)

    @property
    def frames(self) -> FrameSet:
        return FrameSet.of(self.info.range)

    def __getitem__(self, frame: int) -> Any:
        if frame not in self.info.range:
            raise FrameRangeError(f"fake reader: frame must lie in {self.info.range}, got {frame}")
        self.read.append(frame)
        return self.give(frame)


@dataclass
class FakeContext:
    """`shotgraph.api.Context` without an engine."""

    headers: Mapping[str, StreamInfo]
    frames: tuple[int, ...] = ()
    work: Path = Path("/nonexistent")
    node: str = "node"
    shot: Shot = field(default_factory=lambda: Shot(name="sh010", root=Path("/shots")))
    strict: bool = False
    force: bool = False
    index: int = 0
    anchors: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    dtype: str = "fp32"
    threads: int = 1
    leased: dict[str, Any] = field(default_factory=dict)
    emitted: dict[int, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    stop_after: int | None = None

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def lease(self, name: str, load: Callable[[], Any]) -> Any:
        if name not in self.leased:
            self.leased[name] = load()
        return self.leased[name]

    def progress(self, done: int, total: int) -> None:
        assert 0 <= done <= total

    def check_cancelled(self) -> None:
        pass

    def note(self, **values: Any) -> None:
        pass

    def save_checkpoint(self, step: int, state: Any) -> None:
        raise AssertionError(f"no node here uses checkpoints, got {step} {state}")

    def load_checkpoint(self) -> None:
        return None

    def emit(self, frame: int, out: Any) -> None:
        if self.stop_after is not None and len(self.emitted) == self.stop_after:
            raise KeyboardInterrupt
        self.emitted[frame] = out.video


@dataclass(frozen=True)
class Scene:
    """A disk with a texture of its own that moves and turns over a moving background.

    Every surface point has two colours: as shot, and as an artist would repaint it. Flow is exact.
    """

    width: int = 96
    height: int = 64
    count: int = 13
    first: int = 1001
    radius_px: float = 15
    start: tuple[float, float] = (26, 30)
    velocity: tuple[float, float] = (3.3, 0.7)
    turn_degrees: float = 2.0
    drift: tuple[float, float] = (-0.6, 0.35)
    disk_spot: tuple[float, float] = (-3, 2)
    back_spot: tuple[float, float] = (50, 34)

    def matrix(self, frame: int, layer: str) -> np.ndarray:
        """(3, 3) from a layer's own coordinates to the picture."""
        t = frame - self.first
        if layer == "back":
            return np.array([[1, 0, self.drift[0] * t], [0, 1, self.drift[1] * t], [0, 0, 1]])
        angle = np.deg2rad(self.turn_degrees) * t
        c, s = np.cos(angle), np.sin(angle)
        x, y = (start + v * t for start, v in zip(self.start, self.velocity, strict=True))
        return np.array([[c, -s, x], [s, c, y], [0, 0, 1]])

    def surface(self, frame: int, layer: str, at: np.ndarray) -> np.ndarray:
        """Own coordinates of picture positions `at`."""
        inverse = np.linalg.inv(self.matrix(frame, layer))
        return at @ inverse[:2, :2].T + inverse[:2, 2]

    def on_disk(self, frame: int, at: np.ndarray) -> np.ndarray:
        return (self.surface(frame, "disk", at) ** 2).sum(axis=-1) < self.radius_px**2

    @property
    def grid(self) -> np.ndarray:
        return pixel_grid(self.height, self.width).astype(np.float64)

    @staticmethod
    def texture(own: np.ndarray, seed: int) -> np.ndarray:
        """Cosines below 0.1 cycle a pixel, in [0.2, 0.8]."""
        rng = np.random.default_rng(seed)
        picture = np.zeros((*own.shape[:-1], 3))
        for _ in range(6):
            angle, frequency = rng.uniform(0, np.pi), rng.uniform(0.03, 0.1)
            along = own @ (frequency * np.array([np.cos(angle), np.sin(angle)]))
            picture += np.cos(2 * np.pi * (along[..., None] + rng.uniform(0, 1, 3)))
        return 0.5 + 0.05 * picture

    @staticmethod
    def repaint(own: np.ndarray, centre: tuple[float, float], radius_px: float) -> np.ndarray:
        """A soft spot of new colour."""
        distance = np.sqrt(((own - centre) ** 2).sum(axis=-1)) / radius_px
        amount = np.clip(1 - distance, 0, 1)[..., None]
        smooth = amount * amount * (3 - 2 * amount)
        return smooth * np.array([0.35, -0.3, 0.2])

    def picture(self, frame: int, *, disk_paint: bool = False, back_paint: bool = False) -> np.ndarray:
        back, disk = (self.surface(frame, layer, self.grid) for layer in ("back", "disk"))
        colour_back, colour_disk = self.texture(back, 1), self.texture(disk, 2)
        if back_paint:
            colour_back = colour_back + self.repaint(back, self.back_spot, 13)
        if disk_paint:
            colour_disk = colour_disk + self.repaint(disk, self.disk_spot, 10)
        owner = self.on_disk(frame, self.grid)[..., None]
        return np.where(owner, colour_disk, colour_back).astype(np.float32)

    def vectors(self, frame: int, to: int) -> np.ndarray:
        """(H, W, 2) exact displacement of what each pixel of `frame` shows."""
        moved = {}
        for layer in ("back", "disk"):
            own = self.surface(frame, layer, self.grid)
            matrix = self.matrix(to, layer)
            moved[layer] = own @ matrix[:2, :2].T + matrix[:2, 2] - self.grid
        owner = self.on_disk(frame, self.grid)[..., None]
        return np.where(owner, moved["disk"], moved["back"]).astype(np.float32)

    def hidden(self, frame: int, to: int) -> np.ndarray:
        """(H, W) True where what a pixel of `frame` shows cannot be seen in `to`."""
        target = self.grid + self.vectors(frame, to)
        inside = ((target >= 0) & (target <= [self.width - 1, self.height - 1])).all(axis=-1)
        return ~inside | (self.on_disk(to, target) != self.on_disk(frame, self.grid))

    def flow(self, frame: int) -> FlowFrame:
        if frame == self.info().range.last:
            nothing = np.full((self.height, self.width, 2), np.nan, np.float32)
            return FlowFrame(nothing, nothing, np.ones((self.height, self.width), np.float32))
        occluded = self.hidden(frame, frame + 1).astype(np.float32)
        return FlowFrame(self.vectors(frame, frame + 1), self.vectors(frame + 1, frame), occluded)

    def info(self, kind: str = "rgb") -> StreamInfo:
        return header(width=self.width, height=self.height, first_frame=self.first, count=self.count, kind=kind)

    @property
    def range(self) -> FrameRange:
        return self.info().range


@pytest.fixture
def make_header() -> Callable[..., StreamInfo]:
    return header


@pytest.fixture
def make_context() -> Callable[..., FakeContext]:
    return FakeContext


@pytest.fixture
def make_reader() -> Callable[..., FakeReader]:
    return FakeReader


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
    return Scene
