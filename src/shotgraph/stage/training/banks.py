"""Rendered frames on disk, so that a training reads instead of rendering the same picture twice.

A bank's name ends with a digest of what the world looks like: clips that are drawn or rendered in another way get another bank.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.pipeline.state import replace_text
from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.worlds import Purpose, Split, crossing, draw_clip

_PROBES, _PROBE_PX = 24, 64
_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPlan:
    """Which frames.

    Attributes:
        split: whose clips.
        clips: how many.
        frames: of each clip, from its first on; a single one is taken from anywhere in the clip.
        side_px: width and height.
        purpose: what the clips show.
        sprites: objects in a clip; None draws one or two.
        start: first clip number.
        length: frames of the clips that are drawn: objects stay inside the picture for as long.
        crossing: in every second clip the objects cross the picture.
    """

    split: Split
    clips: int
    frames: int = 1
    side_px: int = 128
    purpose: Purpose = "general"
    sprites: int | None = None
    start: int = 0
    length: int = _LENGTH
    crossing: bool = False

    @property
    def name(self) -> str:
        """Of the folder, but for the world's digest."""
        objects = "any" if self.sprites is None else str(self.sprites)
        lasts = "" if self.length == _LENGTH else f"-of{self.length}"
        ways = "-crossing" if self.crossing else ""
        return f"{self.purpose}-{self.split}-{self.side_px}px-{self.start}+{self.clips}x{self.frames}-{objects}{lasts}{ways}"

    def spec(self, index: int) -> ClipSpec:
        """The clip at a place in the bank; `UsageError` where an object has no room to cross the picture."""
        number = self.start + index
        drawn = self._drawn(number)
        return crossing(drawn, number) if self.crossing and index % 2 == 0 else drawn

    def _drawn(self, number: int) -> ClipSpec:
        return draw_clip(
            number,
            self.split,
            purpose=self.purpose,
            side_px=self.side_px,
            frames=max(self.frames, self.length),
            sprites=self.sprites,
        )

    def times(self, index: int) -> tuple[int, ...]:
        """The times of the frames of that clip."""
        return tuple(range(self.frames)) if self.frames > 1 else (index % max(self.frames, self.length),)


@dataclass(frozen=True, slots=True)
class Bank:
    """Frames that are there.

    Attributes:
        plan: which.
        frames: (clips, frames, H, W, 3) display codes, mapped from disk.
        captions: of each clip, in `FORMS` order.
        place: its folder, for what is derived from it.
    """

    plan: BankPlan
    frames: NDArray[np.uint8]
    captions: list[list[str]]
    place: Path


# What a picture is called: in full, then shorter, then with the other word for its colour.
FORMS: tuple[Callable[[ClipSpec], str], ...] = (
    lambda spec: caption(spec, motion=False),
    lambda spec: caption(spec, motion=False, size=False),
    lambda spec: caption(spec, motion=False, size=False, texture=False),
    lambda spec: caption(spec, motion=False, synonym=1),
)
# The same of a clip, whose motion can be seen.
MOTION_FORMS: tuple[Callable[[ClipSpec], str], ...] = (
    lambda spec: caption(spec, motion=True),
    lambda spec: caption(spec, motion=True, size=False),
    lambda spec: caption(spec, motion=True, size=False, texture=False),
    lambda spec: caption(spec, motion=True, synonym=1),
)


def forms_of(plan: BankPlan) -> tuple[Callable[[ClipSpec], str], ...]:
    """How the bank's clips are called: a single frame cannot show motion."""
    return FORMS if plan.frames == 1 else MOTION_FORMS


@cache
def world_digest(purpose: Purpose) -> str:
    """What clips of that purpose are drawn and how they look, in eight digits: equal pixels whatever became of the code."""
    digest = hashlib.blake2b(digest_size=4)
    for number in range(_PROBES):
        spec = draw_clip(number, "train" if number % 2 else "held-out", purpose=purpose, side_px=_PROBE_PX)
        told = (spec, crossing(spec, number))
        digest.update(" ".join(form(each) for each in told for form in (*FORMS, *MOTION_FORMS)).encode())
        digest.update(told[1].model_dump_json().encode())
        digest.update(codes(Scene(spec).picture(number)).tobytes())
    return digest.hexdigest()


def bank_name(plan: BankPlan) -> str:
    """Of its folder: which clips of which world."""
    return f"{plan.name}-{world_digest(plan.purpose)}"


def open_bank(plan: BankPlan, folder: Path, *, processes: int = 2) -> Bank:
    """The frames of `plan`, rendered once into `folder`.

    Args:
        plan: which frames.
        folder: where banks lie; about 50 kB a frame of 128 px.
        processes: that render.

    Returns:
        The bank.
    """
    place = folder / bank_name(plan)
    words = place / "captions.json"
    shape = (plan.frames, plan.side_px, plan.side_px, 3)
    frames = open_table(place / "frames.npy", plan, shape, pictures_of, processes=processes)
    if not words.exists():
        spoken = [[form(spec) for form in forms_of(plan)] for spec in map(plan.spec, range(plan.clips))]
        replace_text(words, json.dumps(spoken))
    return Bank(plan, frames, json.loads(words.read_text(encoding="utf-8")), place)


Draw = Callable[[BankPlan, int], NDArray[np.uint8]]


def open_table(path: Path, plan: BankPlan, shape: tuple[int, ...], draw: Draw, *, processes: int = 2) -> NDArray[Any]:
    """(clips, *shape): something of every clip of `plan`, made once.

    Args:
        path: of the ``.npy`` file.
        plan: which clips.
        shape: of one of them.
        draw: makes it; a function of a module, since other processes call it.
        processes: that draw; 1 stays in this one.

    Returns:
        Codes, mapped from disk.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        out = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(plan.clips, *shape))
        for index, drawn in enumerate(_drawn(plan, draw, processes)):
            out[index] = drawn
        out.flush()
        part.replace(path)
    return np.load(path, mmap_mode="r")


def _drawn(plan: BankPlan, draw: Draw, processes: int) -> Iterable[NDArray[np.uint8]]:
    jobs = ((draw, plan, index) for index in range(plan.clips))
    if processes == 1:
        yield from map(_one, jobs)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_one, jobs, chunksize=16)


def _one(job: tuple[Draw, BankPlan, int]) -> NDArray[np.uint8]:
    draw, plan, index = job
    return draw(plan, index)


def pictures_of(plan: BankPlan, index: int) -> NDArray[np.uint8]:
    """(frames, H, W, 3) display codes of one clip."""
    scene = Scene(plan.spec(index))
    return np.stack([codes(scene.picture(time)) for time in plan.times(index)])


def codes(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Display values to 8 bits."""
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
