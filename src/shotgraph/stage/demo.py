"""The demo: a stage shot, edited by prompt, and what the truth says of the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shotgraph.errors import MediaError
from shotgraph.io.display import rgb_of
from shotgraph.io.sources import open_source
from shotgraph.metrics.fidelity import background_of, psnr
from shotgraph.metrics.success import stage_score
from shotgraph.stage.edits import Asked, Edit, draw_edit
from shotgraph.stage.footage import ShotFolder, write_shot_folder
from shotgraph.stage.judges import verdicts

SHOT = "stage"
# One object, as the shipped model was taught on, before a ground that it leaves alone.
_NUMBER, _FRAMES = 15, 12


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the demo's wish.

    Attributes:
        asked: the attribute, before and after.
        frames: of the result.
        gained: frames in which the new value is seen and the old one is not.
        background_psnr_db: of what should have stayed as it was, against the plate; infinite when it did to the last bit.
        timecodes: of plate and result.
    """

    asked: Asked
    frames: int
    gained: int
    background_psnr_db: float
    timecodes: tuple[str, str]


def demo_edit() -> Edit:
    """A new colour for an object that no model has seen in training."""
    return draw_edit("E1", _NUMBER, "held-out", frames=_FRAMES)


def make_demo_shot(root: Path) -> ShotFolder:
    """Render the demo's shot below `root`, over an earlier one."""
    return write_shot_folder(root / SHOT, demo_edit(), force=(root / SHOT).is_dir())


def report_of(plate: Path, result: Path, edit: Edit) -> Report:
    """Judge the edited movie.

    Args:
        plate: as rendered.
        result: what a graph made of it.
        edit: what was asked for.

    Returns:
        The verdict.
    """
    before, start = _read(plate)
    after, edited_start = _read(result)
    seen = verdicts(after, edit)
    kept = np.stack([background_of(edit.matte(time)) for time in range(len(after))])
    return Report(
        asked=edit.asked[0],
        frames=len(after),
        gained=round(stage_score(seen.target, seen.source).mean * len(after)),
        background_psnr_db=psnr(after, before, mask=kept).clip_db,
        timecodes=(start, edited_start),
    )


def _read(path: Path) -> tuple[NDArray[np.float32], str]:
    """((T, H, W, 3) in [0, 1], start timecode) of a movie."""
    with open_source(str(path)) as source:
        frames = np.stack([rgb_of(source, frame)[..., :3] for frame in source.info.range]).clip(0, 1)
        if source.info.start_timecode is None:
            raise MediaError(f"{path}: movie must have a timecode, got none; write it with core.write")
        return frames, str(source.info.start_timecode)
