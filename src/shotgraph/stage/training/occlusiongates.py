"""Gates of occlusion, which need no model: how much of what the two-way test finds with exact flow it finds with DIS.

The camera moves, as it does on the clips that the thresholds come from. Before a still camera the ground holds too little that a
patch could lock onto, DIS drags it along with whatever passes, and nearly nothing is found: see docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from shotgraph.maths.flow import occlusion
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.metrics.flow import overlap
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.vaegates import CLIPS_OF_A_SEED
from shotgraph.stage.worlds import draw_clip

# DIS has to reach more on larger frames: its patches are a smaller part of them.
SIDES_PX = (128, 256)
CLIPS, PAIRS = 8, 4


def measure(models: Path, seed: int) -> list[Gate]:
    """What DIS finds of the true occlusion, as a share of what exact flow finds, on clips drawn for flow; no model is asked."""
    del models
    values: dict[str, float] = {}
    for side_px in SIDES_PX:
        by_dis, by_flow = np.mean([_found(*pair) for pair in _pairs(seed, side_px)], axis=0)
        values[f"occlusion.dis_share_{side_px}px"] = float(by_dis / by_flow)
    return gates_of(values)


def _pairs(seed: int, side_px: int) -> Iterator[tuple[Scene, int]]:
    """Clips and times at which something is hidden one frame later."""
    for number in range(CLIPS):
        spec = draw_clip(CLIPS_OF_A_SEED * seed + number, "held-out", purpose="flow", side_px=side_px)
        scene = Scene(spec)
        yield from ((scene, time) for time in range(PAIRS) if not scene.visible(time, time + 1).all())


def _found(scene: Scene, time: int) -> tuple[float, float]:
    """IoU with the truth by DIS and by exact flow."""
    later = time + 1
    truth = ~scene.visible(time, later)
    exact = np.asarray(occlusion(scene.flow(time, later), scene.flow(later, time)))
    dis = flow_of_pair(scene.picture(time), scene.picture(later), preset="medium", scale=1.0).occluded > 0
    return overlap(dis, truth).iou, overlap(exact, truth).iou
