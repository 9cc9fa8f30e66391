"""What there is to measure with on this machine: the trained judge and the stage's own CLIP, where they are installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shotgraph.errors import UnavailableError
from shotgraph.models.registry import Model, Places, resolve
from shotgraph.stage.bench.methods import Frames
from shotgraph.stage.bench.scores import Instruments

JUDGE, CLIP = "stage-judge", "stage-clip"


@dataclass(frozen=True)
class TrainedJudge:
    """The judge in a folder, loaded when it is first asked.

    Attributes:
        folder: of the model.
    """

    folder: Path

    @cached_property
    def _model(self) -> Any:
        from shotgraph.stage.training.judge import load_judge

        return load_judge(self.folder)

    def __call__(self, pictures: Frames) -> dict[str, list[str]]:
        """For every head the word for each of (N, H, W, 3) pictures, or ``unclear``."""
        from shotgraph.stage.training.judge import answers

        return answers(self._model, pictures)


def instruments_here(places: Places | None = None) -> Instruments:
    """Trained judges and an embedder, where they are installed; else the reason stands in their place.

    Args:
        places: where models are looked for; None for the user's own.

    Returns:
        What there is.
    """
    judge, _ = _found(JUDGE, places)
    clip, no_clip = _found(CLIP, places)
    version = " ".join(f"{model.name} {model.digest}" for model in (judge, clip) if model is not None)
    reader = TrainedJudge(judge.place) if judge is not None else None
    if clip is None:
        return Instruments(reader=reader, version=version, no_embedder=no_clip)
    from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip

    return Instruments(
        reader=reader,
        embedder=FolderClip.load(clip.place),
        consistency=FolderClip.load(clip.place, head=INSTANCE_HEAD),
        version=version,
    )


def _found(name: str, places: Places | None) -> tuple[Model | None, str]:
    try:
        return resolve(name, places), ""
    except UnavailableError:
        return None, f"{name} is not installed"
