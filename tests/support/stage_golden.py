"""What clips of the stage look like, for all time: ``python tests/support/stage_golden.py`` writes ``tests/golden/stage.json``.

Trained models know this world: when this file changes, they do not any more.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.pipeline.host import cpu_capability
from shotgraph.stage.edits import FAMILIES, draw_edit
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.worlds import draw_clip

GOLDEN = Path(__file__).parents[1] / "golden" / "stage.json"
_BLOCK_PX = 16


def numerics() -> str:
    """Hosts that agree in this agree in every bit."""
    return f"numpy {np.__version__}, {cpu_capability()}"


def clips() -> dict[str, ClipSpec]:
    """Name to clip: of every purpose, drawn for training and held out, and the target of every edit."""
    purposes = ("general", "flow", "depth", "figure")
    drawn = {
        f"{purpose} {split} {number}": draw_clip(number, split, purpose=purpose)
        for purpose in purposes
        for split in ("train", "held-out")
        for number in range(3)
    }
    return drawn | {f"{family} 0": draw_edit(family, 0, "held-out").target for family in FAMILIES}


def specification(clip: ClipSpec) -> str:
    """A digest of what the clip is, however its fields are ordered; floats to nine digits, as libm may differ."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: rounded(item) for name, item in sorted(value.items())}
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return f"{value:.9g}" if isinstance(value, float) else value

    text = json.dumps(rounded(clip.model_dump(mode="json")))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def blocks(clip: ClipSpec) -> list[int]:
    """Mean colour of every block of 16 pixels of frame 5, in thousandths: what any host must see."""
    picture = Scene(clip).picture(5)
    rows, columns = clip.height // _BLOCK_PX, clip.width // _BLOCK_PX
    means = picture.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX, 3).mean(axis=(1, 3), dtype=np.float64)
    return [int(value) for value in np.rint(means.ravel() * 1000)]


def bits(clip: ClipSpec) -> str:
    """A digest of every bit of frame 5."""
    return hashlib.blake2b(Scene(clip).picture(5).tobytes(), digest_size=8).hexdigest()


def document() -> dict[str, Any]:
    """Everything that is kept."""
    kept = {
        name: {"spec": specification(clip), "bits": bits(clip), "blocks": blocks(clip)}
        for name, clip in clips().items()
    }
    return {"python": sys.version.split()[0], "numerics": numerics(), "clips": kept}


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(document()).replace('"], ', '"],\n').replace("]}, ", "]},\n") + "\n", encoding="utf-8")
