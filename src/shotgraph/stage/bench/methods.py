"""What the benchmark runs: anything with a name that turns a clip and an edit into frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.edits import Edit, Family

Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every method of a run is given alike.

    Attributes:
        model: model reference of diffusion methods; empty when there is none.
        steps: sampling steps.
        inversion_steps: steps of an inversion.
        guidance: classifier-free guidance.
        matte: the edit's matte is linked; such rows are a group of their own.
        reconstruct: the target prompt is the source prompt, so that the clip should come back.
        extra: parameters of one method only.
    """

    model: str = ""
    steps: int = 25
    inversion_steps: int = 50
    guidance: float = 3.0
    matte: bool = False
    reconstruct: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def group(self) -> str:
        """``free``, or ``matte`` where the method is told where to edit: the two are never ranked against each other unsaid."""
        return "matte" if self.matte else "free"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a method gave.

    Attributes:
        frames: (T, H, W, 3) display values.
        evaluations: frames put through the noise predictor; 0 without one, None when they could not be counted.
        facts: finite numbers the method tells of itself, such as ``evaluations_per_frame``.
        seconds: wall time without what the bench did for the method; None where it did nothing, and all of it counts.
    """

    frames: Frames
    evaluations: int | None = 0
    facts: Mapping[str, float] = field(default_factory=dict[str, float])
    seconds: float | None = None


class Method(Protocol):
    """One way to edit a clip.

    Attributes:
        name: in rows and claims.
        version: joins the key of its rows.
        is_control: gives no claim of its own; its answer is known.
    """

    @property
    def name(self) -> str:
        """In rows and claims."""
        ...

    @property
    def version(self) -> str:
        """Joins the key of its rows."""
        ...

    @property
    def is_control(self) -> bool:
        """Whether its answer is known beforehand."""
        ...

    def is_sampled(self, settings: Settings) -> bool:
        """Whether the seed changes its answer."""
        ...

    def missing(self, settings: Settings) -> str:
        """What keeps it from running here; empty when nothing does."""
        ...

    def refuses(self, family: Family) -> str:
        """Why it cannot take edits of that family, where nothing is missing; empty when it can."""
        ...

    def identity(self, settings: Settings) -> Mapping[str, str]:
        """What decides its answer beside version and settings, where nothing is missing: weights, libraries, machine."""
        ...

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:
        """Edit `frames`, (T, H, W, 3), of ``edit.source``."""
        ...
