"""Rendered frames on disk, so that a training reads instead of rendering the same picture twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.worlds import Purpose, Split, draw_clip


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPlan:
    """Which frames.

    Attributes:
        split: whose clips.
        clips: how many.
        frames: of each clip, evenly spaced.
        side_px: width and height.
        purpose: what the clips show.
        sprites: objects in a clip; None draws one or two.
        start: first clip number.
    """

    split: Split
    clips: int
    frames: int = 1
    side_px: int = 128
    purpose: Purpose = "general"
    sprites: int | None = None
    start: int = 0

    @property
    def name(self) -> str:
        """Of the folder."""
        objects = "any" if self.sprites is None else str(self.sprites)
        return f"{self.purpose}-{self.split}-{self.side_px}px-{self.start}+{self.clips}x{self.frames}-{objects}"

    def spec(self, index: int) -> ClipSpec:
        """The clip at a place in the bank."""
        return draw_clip(
            self.start + index,
            self.split,
            purpose=self.purpose,
            side_px=self.side_px,
            frames=max(self.frames, 16),
            sprites=self.sprites,
        )


@dataclass(frozen=True, slots=True)
class Bank:
    """Frames that are there.

    Attributes:
        plan: which.
        frames: (clips, frames, H, W, 3) display codes, mapped from disk.
        captions: of each clip, in `FORMS` order.
    """

    plan: BankPlan
    frames: NDArray[np.uint8]
    captions: list[list[str]]


# What a picture is called: in full, then shorter, then with the other word for its colour.
FORMS: tuple[Callable[[ClipSpec], str], ...] = (
    lambda spec: caption(spec, motion=False),
    lambda spec: caption(spec, motion=False, size=False),
    lambda spec: caption(spec, motion=False, size=False, texture=False),
    lambda spec: caption(spec, motion=False, synonym=1),
)


def open_bank(plan: BankPlan, folder: Path, *, processes: int = 2) -> Bank:
    """The frames of `plan`, rendered once into `folder`.

    Args:
        plan: which frames.
        folder: where banks lie; about 50 kB a frame of 128 px.
        processes: that render.

    Returns:
        The bank.
    """
    place = folder / plan.name
    data, words = place / "frames.npy", place / "captions.json"
    if not words.exists():
        _render(plan, place, processes)
    return Bank(plan, np.load(data, mmap_mode="r"), json.loads(words.read_text(encoding="utf-8")))


def _render(plan: BankPlan, place: Path, processes: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    shape = (plan.clips, plan.frames, plan.side_px, plan.side_px, 3)
    part = place / "frames.part.npy"
    out = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
    spoken: list[list[str]] = []
    with get_context("spawn").Pool(processes) as pool:
        jobs = ((plan, index) for index in range(plan.clips))
        for index, (pictures, words) in enumerate(pool.imap(_one, jobs, chunksize=16)):
            out[index] = pictures
            spoken.append(words)
    out.flush()
    part.replace(place / "frames.npy")
    # Written last: a bank without captions was not finished.
    (place / "captions.json").write_text(json.dumps(spoken), encoding="utf-8")


def _one(job: tuple[BankPlan, int]) -> tuple[NDArray[np.uint8], list[str]]:
    plan, index = job
    spec = plan.spec(index)
    scene = Scene(spec)
    times = range(plan.frames) if plan.frames > 1 else [index % spec.frames]
    return np.stack([codes(scene.picture(time)) for time in times]), [form(spec) for form in FORMS]


def codes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Display values to 8 bits."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
