"""Decomposing a small scene through the node, and files for its atlases."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from command_line import own_folders, shotgraph

from shotgraph.api import Artifact, FlowFrame, StreamInfo
from shotgraph.plugins.decompose.layers import Decompose
from tests.plugins.conftest import FakeContext, FakeReader, Scene

__all__ = ["own_folders", "shotgraph"]

FRAMES = 6
SHORT = {"steps": 150, "step_pixels": 2048}


@dataclass
class KeepingContext(FakeContext):
    """Keeps checkpoints, notes what is told, and can be killed."""

    kept: dict[str, tuple[int, Artifact]] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    killed_after: int | None = None
    steps: int = 0

    def save_checkpoint(self, step: int, state: Artifact) -> None:
        self.kept["newest"] = (step, state)

    def load_checkpoint(self) -> tuple[int, Artifact] | None:
        return self.kept.get("newest")

    def note(self, **values: Any) -> None:
        self.notes |= values

    def check_cancelled(self) -> None:
        self.steps += 1
        if self.steps == self.killed_after:
            raise KeyboardInterrupt


@dataclass(frozen=True)
class Footage:
    """What the node gets.

    Attributes:
        info: of the plate.
        video: frame number to (H, W, 3).
        flow: frame number to a record.
        mattes: the nearest first: frame number to (H, W).
    """

    info: StreamInfo
    video: Callable[[int], np.ndarray]
    flow: Callable[[int], FlowFrame]
    mattes: tuple[Callable[[int], np.ndarray], ...] = ()


@dataclass(frozen=True)
class TakenApart:
    """What the node gave.

    Attributes:
        layers: the artifact.
        report: rows of the table, as dictionaries.
        ctx: what it was told and told.
    """

    layers: Artifact
    report: list[dict[str, Any]]
    ctx: KeepingContext


def footage_of(scene: Scene, *, matte: bool = True) -> Footage:
    mattes = (lambda frame: scene.on_disk(frame, scene.grid).astype(np.float32),) if matte else ()
    return Footage(scene.info(), scene.picture, scene.flow, mattes)


def headers_of(footage: Footage) -> dict[str, StreamInfo]:
    ports = ("video", "flow", *("matte", "matte_2", "matte_3")[: len(footage.mattes)])
    return dict.fromkeys(ports, footage.info)


def take_apart(footage: Footage, ctx: KeepingContext | None = None, **params: Any) -> TakenApart:
    """Run `decompose.layers`, briefly unless `params` say otherwise."""
    torch.set_num_threads(1)
    info, settings = footage.info, Decompose.Params(**(SHORT | params))
    ctx = ctx or KeepingContext(headers={})
    ctx.headers, ctx.frames, ctx.node = headers_of(footage), tuple(info.range), "layers"
    Decompose.info(settings, ctx)
    readers = [FakeReader(info, give) for give in footage.mattes]
    ports = dict(zip(("matte", "matte_2", "matte_3"), readers, strict=False))
    inputs = Decompose.In(video=FakeReader(info, footage.video), flow=FakeReader(info, footage.flow), **ports)
    out = Decompose().process(inputs, settings, ctx)
    rows = [dict(zip(out.report.columns, row, strict=True)) for row in out.report.rows]
    return TakenApart(out.layers, rows, ctx)


def save(path: Path, picture: np.ndarray, *, channels: tuple[str, ...] = ("R", "G", "B", "A")) -> Path:
    """Write an image: codes for integers, floats as they are; alpha as given."""
    kind = {"uint8": oiio.UINT8, "uint16": oiio.UINT16, "float32": oiio.FLOAT}[picture.dtype.name]
    spec = oiio.ImageSpec(picture.shape[1], picture.shape[0], picture.shape[2], kind)
    spec.channelnames = channels[: picture.shape[2]]
    spec.attribute("oiio:UnassociatedAlpha", 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(picture)), output.geterror()
    output.close()
    return path


def run_frames(node: Any, footage: Footage, settings: Any, **ports: Any) -> tuple[dict[int, np.ndarray], FakeContext]:
    """Run a `Frame` node over the whole shot; ports that are functions give a value a frame."""
    ctx = FakeContext(headers={"video": footage.info}, node="edit")
    running = node()
    running.setup(settings, ctx)
    pictures: dict[int, np.ndarray] = {}
    for frame in footage.info.range:
        ctx.frames = (frame,)
        given = {name: value(frame) if callable(value) else value for name, value in ports.items()}
        pictures[frame] = running.process(node.In(video=footage.video(frame), **given), settings, ctx).video
    running.teardown(ctx)
    return pictures, ctx


@pytest.fixture(scope="session")
def scene() -> Scene:
    # The spot on the ground is in sight on all frames.
    return Scene(count=FRAMES, back_spot=(76, 40))


@pytest.fixture(scope="session")
def footage(scene: Scene) -> Footage:
    return footage_of(scene)


@pytest.fixture(scope="session")
def apart(footage: Footage) -> TakenApart:
    """The scene in two layers."""
    return take_apart(footage)
