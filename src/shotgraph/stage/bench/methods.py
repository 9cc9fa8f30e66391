"""What the benchmark runs: anything with a name that turns a clip and an edit into frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import UsageError
from shotgraph.stage.edits import Edit

Frames = NDArray[np.float32]
_SEPARATOR, _JOINT = "@", "+"


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
        facts: numbers the method tells of itself, such as ``evaluations_per_frame``.
    """

    frames: Frames
    evaluations: int | None = 0
    facts: Mapping[str, float] = field(default_factory=dict[str, float])


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

    def run(self, frames: Frames, edit: Edit, seed: int, settings: Settings) -> Outcome:
        """Edit `frames`, (T, H, W, 3), of ``edit.source``."""
        ...


def varied(name: str, settings: Settings) -> tuple[str, Settings]:
    """A name such as ``per_frame@guidance=7.5+reconstruct`` taken apart.

    Args:
        name: a method, and what differs from the run's settings behind an ``@``.
        settings: of the run.

    Returns:
        The method's own name, and the settings of this variant.

    Raises:
        UsageError: a variation that is no setting.
    """
    base, _, variation = name.partition(_SEPARATOR)
    for item in variation.split(_JOINT) if variation else ():
        key, _, value = item.partition("=")
        if key in ("matte", "reconstruct") and not value:
            settings = replace(settings, **{key: True})
        elif key in ("steps", "inversion_steps", "guidance") and _is_number(value):
            kind = float if key == "guidance" else int
            settings = replace(settings, **{key: kind(float(value))})
        elif key and value:
            settings = replace(settings, extra={**settings.extra, key: _scalar(value)})
        else:
            raise UsageError(
                f"bench: a variation must be matte, reconstruct or name=value, got {item!r} in {name!r}; "
                "write METHOD@guidance=3+reconstruct"
            )
    return base, settings


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _scalar(text: str) -> Any:
    """Numbers and truth values as YAML would read them, anything else as text."""
    if text in ("true", "false"):
        return text == "true"
    if not _is_number(text):
        return text
    return int(text) if text.lstrip("-").isdigit() else float(text)
