"""Layers as one value that is kept, handed on and read again: arrays and a description."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from shotgraph.api.ports import Artifact
from shotgraph.decomposition.layers import Layer, Layers
from shotgraph.errors import NodeError
from shotgraph.maths.planar import Motion

KIND = "layers"
_FORMAT = 1


def to_artifact(layers: Layers, *, first: int, **facts: Any) -> Artifact:
    """Layers as an artifact.

    Args:
        layers: fitted.
        first: shot number of the first frame.
        **facts: anything else worth knowing, as JSON.

    Returns:
        Arrays by the names of the state, and what it takes to build it again.
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in layers.state_dict().items()}
    described = [
        {"box": list(layer.box), "density": layer.density, "backend": layer.backend, "matte": layer.alpha is not None}
        for layer in (layers[index] for index in range(len(layers)))
    ]
    meta = {
        "format": _FORMAT,
        "first": first,
        "frames": layers.frames,
        "frame": list(layers.frame),
        "layers": described,
    }
    return Artifact(arrays, meta | {"facts": facts})


def from_artifact(artifact: Artifact, *, device: str = "cpu") -> Layers:
    """The layers that an artifact holds.

    Args:
        artifact: as `to_artifact` gives it.
        device: where they shall live.

    Returns:
        Layers to be read, not to be fitted further.

    Raises:
        NodeError: it holds something else.
    """
    meta = artifact.meta
    if meta.get("format") != _FORMAT or "layers" not in meta:
        raise NodeError(f"layers: an artifact must be of format {_FORMAT}, got {meta.get('format')!r}; fit it again")
    frames, frame = int(meta["frames"]), (int(meta["frame"][0]), int(meta["frame"][1]))
    still = Motion(np.stack([np.eye(3)] * frames), 0, ())
    built: list[Layer] = []
    for described in meta["layers"]:
        left, upper, right, lower = described["box"]
        layer = Layer(
            still,
            (left, upper, right, lower),
            frame=frame,
            density=float(described["density"]),
            backend=described["backend"],
        )
        if described["matte"]:
            layer.add_alpha(torch.zeros((frames, *frame)))
        built.append(layer)
    layers = Layers(built, frame)
    layers.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in artifact.arrays.items()})
    return layers.requires_grad_(False).to(device)


def is_fitted(artifact: Artifact, frame: int) -> bool:
    """Whether a shot's frame is among those that were fitted."""
    first, count = int(artifact.meta["first"]), int(artifact.meta["frames"])
    return first <= frame < first + count


def frame_index(artifact: Artifact, frame: int) -> int:
    """Index of a shot's frame among those that were fitted; `NodeError` for one that was not."""
    first, count = int(artifact.meta["first"]), int(artifact.meta["frames"])
    if not is_fitted(artifact, frame):
        raise NodeError(
            f"layers: frames must be among those fitted, {first}-{first + count - 1}, got {frame}; fit the whole shot"
        )
    return frame - first
