"""Networks of edges and lines from controlnet-aux, asked directly, so that maps stay floats.

The package's own detectors round to 8 bits, resize to multiples of 64 and return that size; here the answer is brought back to the
frame in floats. Its classes and pre-processing are used, its loaders are not: they read pickles, and look for them on the hub.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shotgraph.annotators.pictures import planes_of, seen_size
from shotgraph.annotators.quiet import quietly
from shotgraph.maths.resize import resize
from shotgraph.models.loading import load_tensors

Kind = Literal["hed", "pidinet", "lineart", "teed"]

_MULTIPLE_PX = 64


def _sides(answer: Any, size: tuple[int, int]) -> Tensor:
    """Sigmoid of the mean of all side outputs, each at the size of the picture."""
    grown = [nn.functional.interpolate(side, size, mode="bilinear", align_corners=False) for side in answer]
    return torch.sigmoid(torch.stack(grown).mean(dim=0))


def _last(answer: Any, size: tuple[int, int]) -> Tensor:  # noqa: ARG001 - one signature for all
    return answer[-1]


def _dark(answer: Any, size: tuple[int, int]) -> Tensor:  # noqa: ARG001 - one signature for all
    """Lines come dark on light."""
    return 1 - answer


@dataclass(frozen=True, slots=True)
class _Family:
    """How a kind of network is asked.

    Attributes:
        build: the network, untrained.
        largest: what white is.
        blue_first: channels are B, G, R.
        told: (1, 1, h, w) in [0, 1] out of its answer.
    """

    build: Callable[[], nn.Module]
    largest: float
    blue_first: bool
    told: Callable[[Any, tuple[int, int]], Tensor]


def _families() -> Mapping[Kind, _Family]:
    with quietly():
        from controlnet_aux.hed import ControlNetHED_Apache2
        from controlnet_aux.lineart import Generator
        from controlnet_aux.pidi.model import pidinet
        from controlnet_aux.teed.ted import TED
    return {
        "hed": _Family(ControlNetHED_Apache2, 255.0, False, _sides),
        "pidinet": _Family(pidinet, 1.0, True, _last),
        "lineart": _Family(lambda: Generator(3, 1, 3), 1.0, False, _dark),
        "teed": _Family(TED, 255.0, False, _sides),
    }


@dataclass(frozen=True, slots=True)
class LineNetwork:
    """A network with the way it is asked.

    Attributes:
        network: in evaluation mode.
        family: how.
    """

    network: nn.Module
    family: _Family

    @torch.no_grad()
    def __call__(self, picture: NDArray[np.float32], *, detect_px: int) -> NDArray[np.float32]:
        """Lines of a picture.

        Args:
            picture: (H, W, 3|4) display values, clamped to [0, 1] here.
            detect_px: shorter side of what the network sees; both are rounded to multiples of 64.

        Returns:
            (H, W) in [0, 1], 1 on a line.
        """
        height, width = picture.shape[:2]
        rows, columns = seen_size(height, width, shorter_px=detect_px, multiple_px=_MULTIPLE_PX)
        seen = np.clip(resize(np.clip(picture[..., :3], 0, 1), width=columns, height=rows), 0, 1)
        ordered = seen[..., ::-1] if self.family.blue_first else seen
        planes = planes_of(ordered)[None] * self.family.largest
        device = next(self.network.parameters()).device
        told = self.family.told(self.network(planes.to(device)), (rows, columns))
        lines = told[0, 0].float().cpu().numpy()[..., None]
        return np.clip(resize(np.ascontiguousarray(lines), width=width, height=height)[..., 0], 0, 1)


def load_lines(kind: Kind, weights: Path, *, device: str) -> LineNetwork:
    """The network of a kind.

    Args:
        kind: which.
        weights: its file.
        device: where it shall live.

    Returns:
        The network, float32; `UnavailableError` where the file is damaged, holds more than tensors, or belongs to another network.
    """
    family = _families()[kind]
    network = family.build()
    load_tensors(network, weights, who=f"edges.{kind}")
    return LineNetwork(network.eval().requires_grad_(False).to(device), family)
