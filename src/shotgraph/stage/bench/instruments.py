"""What there is to measure with on this machine: the trained judge and the stage's own CLIP, where they can be loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shotgraph.errors import UnavailableError
from shotgraph.models.registry import Places, resolve
from shotgraph.stage.bench.methods import Frames
from shotgraph.stage.bench.scores import Instruments

JUDGE, CLIP = "stage-judge", "stage-clip"
_Loaded = TypeVar("_Loaded")


@dataclass(frozen=True)
class TrainedJudge:
    """The judge.

    Attributes:
        model: in memory.
    """

    model: Any

    @classmethod
    def load(cls, folder: Path) -> TrainedJudge:
        """The judge in a folder; `UnavailableError` when it holds none."""
        from shotgraph.stage.training.judge import load_judge

        try:
            return cls(load_judge(folder))
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UnavailableError(
                f"judge: {folder} must hold a trained judge, got {reason}; install it again"
            ) from error

    def __call__(self, pictures: Frames) -> dict[str, list[str]]:
        """For every head the word for each of (N, H, W, 3) pictures, or ``unclear``."""
        from shotgraph.stage.training.judge import answers

        return answers(self.model, pictures)


def instruments_here(places: Places | None = None) -> Instruments:
    """Trained judge and embedders, where they can be loaded; else the reason stands in their place.

    Args:
        places: where models are looked for; None for the user's own.

    Returns:
        What there is.
    """
    judge, judge_version, no_reader = _loaded(JUDGE, TrainedJudge.load, places)
    embedder, clip_version, no_embedder = _loaded(CLIP, _embedder, places)
    consistency, head_version, no_consistency = _loaded(CLIP, _flicker_embedder, places)
    return Instruments(
        reader=judge,
        embedder=embedder,
        consistency=consistency,
        version=" ".join(filter(None, (judge_version, clip_version, head_version and f"consistency {head_version}"))),
        no_reader=no_reader,
        no_embedder=no_embedder,
        no_consistency=no_consistency,
    )


def _loaded(name: str, load: Callable[[Path], _Loaded], places: Places | None) -> tuple[_Loaded | None, str, str]:
    """What a model holds with its digest, or why there is nothing."""
    try:
        model = resolve(name, places)
        return load(model.place), f"{name} {model.digest}", ""
    except UnavailableError as error:
        return None, "", str(error)


def _embedder(folder: Path) -> Any:
    from shotgraph.metrics.folder_clip import FolderClip

    return FolderClip.load(folder)


def _flicker_embedder(folder: Path) -> Any:
    from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip

    return FolderClip.load(folder, head=INSTANCE_HEAD)
