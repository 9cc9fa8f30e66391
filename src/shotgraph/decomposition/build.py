"""Layers to begin with: the chain of every layer, its box, its mean colour and its matte, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from shotgraph.api.kinds import FlowFrame
from shotgraph.decomposition.fit import Clip
from shotgraph.decomposition.layers import Backend, Layer, Layers, layer_box
from shotgraph.maths.matte import luma
from shotgraph.maths.planar import Motion, layer_motion
from shotgraph.maths.shapes import Plane


def seen_of_each(mattes: Sequence[Sequence[Plane]], frames: int, size: tuple[int, int]) -> list[list[Plane]]:
    """What is seen of each layer, back to front, out of the mattes of all but the back one: N of (H, W) each."""
    left = [np.ones(size, np.float32) for _ in range(frames)]
    shares: list[list[Plane]] = []
    for matte in reversed(mattes):
        shares.append([a * share for a, share in zip(matte, left, strict=True)])
        left = [share * (1 - a) for a, share in zip(matte, left, strict=True)]
    return [left, *reversed(shares)]


def clip_of(video: Sequence[Plane], mattes: Sequence[Sequence[Plane]], pairs: Sequence[FlowFrame]) -> Clip:
    """The arrays that a fit reads.

    Args:
        video: N of (H, W, 3|4).
        mattes: of every layer but the back one, back to front: N of (H, W) each.
        pairs: N - 1 records of flow.

    Returns:
        The clip, copied.
    """
    height, width = video[0].shape[:2]
    shape = (len(video), height, width)
    forward = np.stack([pair.forward for pair in pairs]) if pairs else np.zeros((0, height, width, 2), np.float32)
    known = np.isfinite(forward[..., 0] + forward[..., 1])
    seen = np.stack([pair.occluded < 0.5 for pair in pairs]) if pairs else np.zeros((0, height, width), np.bool_)
    return Clip(
        video=np.stack([frame[..., :3] for frame in video]),
        mattes=np.stack([np.stack(matte) for matte in mattes]) if mattes else np.zeros((0, *shape), np.float32),
        flow=np.where(known[..., None], forward, np.float32(0)),
        valid=seen & known,
    )


def layers_of(
    clip: Clip, pairs: Sequence[FlowFrame], *, density: float = 1.0, backend: Backend = "grid"
) -> tuple[Layers, list[Motion]]:
    """Layers whose atlases are their mean colours, placed by the chains alone.

    Args:
        clip: what is going to be fitted.
        pairs: N - 1 records of flow.
        density: texels to a pixel of the frame of reference.
        backend: of atlas and residual.

    Returns:
        The layers, and how each moves.
    """
    frames, height, width = clip.video.shape[:3]
    seen = seen_of_each([list(matte) for matte in clip.mattes], frames, (height, width))
    lumas = [luma(frame) for frame in clip.video]
    layers: list[Layer] = []
    motions: list[Motion] = []
    for index, mattes in enumerate(seen):
        motion = layer_motion(mattes, pairs, lumas)
        box = layer_box(motion, mattes)
        layer = Layer(motion, box, frame=(height, width), density=density, backend=backend)
        weight = np.stack(mattes)
        mean = (clip.video * weight[..., None]).sum(axis=(0, 1, 2)) / max(float(weight.sum()), 1.0)
        layer.mean.copy_(torch.from_numpy(mean.astype(np.float32)))
        if index:
            layer.add_alpha(torch.from_numpy(clip.mattes[index - 1]))
        layers.append(layer)
        motions.append(motion)
    return Layers(layers, (height, width)), motions
