"""Gates of occlusion, which need no model: what the two-way test finds with estimated flow, with exact flow, and with exact ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.maths.flow import occlusion
from shotgraph.metrics.flow import overlap
from shotgraph.plugins.analysis.flow import flow_of_pair
from shotgraph.stage.scene import Scene
from shotgraph.stage.training.gating import Gate, at_least
from shotgraph.stage.training.vaegates import CLIPS_OF_A_SEED
from shotgraph.stage.worlds import draw_clip

# Side in pixels to the share of the exact-flow IoU that DIS has to reach; its patches are the smaller part of a larger frame.
SHARES = {128: 0.40, 256: 0.50}
CLIPS, PAIRS = 8, 4
Bools = NDArray[np.bool_]


def measure(models: Path, seed: int) -> list[Gate]:
    """How much of the true occlusion is found on held-out clips drawn for flow; no model is asked."""
    del models
    rows: list[Gate] = []
    for side_px, share in SHARES.items():
        by_dis, by_flow, by_ids = np.mean([_found(*pair) for pair in _pairs(seed, side_px)], axis=0)
        rows.append(at_least(f"occlusion.dis_share_{side_px}px", float(by_dis / by_flow), share))
        rows.append(at_least(f"occlusion.ids_iou_{side_px}px", float(by_ids), 0.98))
    return rows


def _pairs(seed: int, side_px: int) -> Iterator[tuple[Scene, int]]:
    """Clips and times at which something is hidden one frame later."""
    for number in range(CLIPS):
        spec = draw_clip(CLIPS_OF_A_SEED * seed + number, "held-out", purpose="flow", side_px=side_px)
        scene = Scene(spec)
        yield from ((scene, time) for time in range(PAIRS) if not scene.visible(time, time + 1).all())


def _found(scene: Scene, time: int) -> tuple[float, float, float]:
    """IoU with the truth by DIS, by exact flow, and by exact flow with ids."""
    later = time + 1
    truth = ~scene.visible(time, later)
    forward, backward = scene.flow(time, later), scene.flow(later, time)
    dis = flow_of_pair(scene.picture(time), scene.picture(later), preset="medium", scale=1.0).occluded > 0
    kinds = (dis, np.asarray(occlusion(forward, backward)), hidden_by_ids(forward, scene.ids(time), scene.ids(later)))
    by_dis, by_flow, by_ids = (overlap(found, truth).iou for found in kinds)
    return by_dis, by_flow, by_ids


def hidden_by_ids(flow: NDArray[np.float32], now: NDArray[np.integer], later: NDArray[np.integer]) -> Bools:
    """Where what a pixel shows is not what lies where it goes: of ids (H, W) and exact flow (H, W, 2); True outside too."""
    rows, columns = np.indices(now.shape, np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    outside = (x < 0) | (y < 0) | (x > now.shape[1] - 1) | (y > now.shape[0] - 1)
    there = cv2.remap(later.astype(np.float32), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return outside | (np.asarray(there) != now)
