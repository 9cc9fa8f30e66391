"""The representation: K layers, each an atlas, where every pixel of every frame lies in it, and how much of it is seen.

One representation for two papers: with one layer it is a canonical image and a deformation field (Ouyang et al., "CoDeF: Content
Deformation Fields for Temporally Consistent Video Processing", CVPR 2024), with more it is layered neural atlases (Kasten, Ofri,
Wang, Dekel, ACM ToG 40(6), 2021). Layers are ordered from the back to the front.

Departures from the papers:
    - Where a pixel lies is a chain of transforms (`maths.planar`) plus a residual on grids, and not a network.
    - The atlas is a pyramid of grids that is read linearly, or a hashed field.
    - Alpha reaches 0 and 1 as closely as a logit can; in the first paper it cannot.

Symbols: p (x, y) in [-1, 1]^2 across the frame's pixel centres; t frame index, t' the same in [-1, 1]; T_k,t the chain in these
units; R_k residual; uv in [-1, 1]^2 across layer k's box; a_k alpha; w_k weight; c colour.

    uv_k(p, t) = T_k,t p + R_k(p, t')
    w_k = a_k prod_{j > k} (1 - a_j)        a_0 = 1
    c(p, t) = sum_k w_k atlas_k(uv_k(p, t))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shotgraph.decomposition.fields import DenseField, HashField, SmallField, halved
from shotgraph.errors import NodeError
from shotgraph.maths.planar import Motion, moved

Backend = Literal["grid", "hash"]
Box = tuple[float, float, float, float]

# Residual grids: one for so many frames, and so many cells a side.
_RESIDUAL = ((1, 1), (1, 2), (2, 4), (1, 8), (1, 16))
_COARSEST_ATLAS_PX = 16
# The hashed residual: levels, cells a side of the coarsest, and pixels to a cell of the finest.
_HASHED_RESIDUAL = (6, 4, 8)
# Cells of the correction of a matte, px.
_CORRECTION = (8, 2)
_CODES = 255
# A logit gives alpha from -_DOUBT to 1 + _DOUBT, cut to [0, 1]: so 0 and 1 are reached. What a matte asks for lies a little
# nearer, so that its own 0 and 1 are beyond the cut by a quarter of a logit: sure, and not beyond correction.
_DOUBT, _ASKED = 0.02, 0.015
_MARGIN = 0.05
# Of finding the pixel that lies at a place: each takes off what the residual changes over the error of the one before.
_RETURNS = 8
# A layer that runs away further than this, in frames, has no atlas that could be painted on.
_LARGEST_BOX = 12.0


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the layers say of B pixels.

    Attributes:
        colour: (B, 3) composite.
        weights: (K, B) share of each layer, back to front; sums to 1.
        alphas: (K - 1, B) logits of every layer but the back one.
        places: (K, B, 2) where each lies in the layers' atlases.
        residuals: (K, B, 2) the part of it that the chain does not explain.
    """

    colour: Tensor
    weights: Tensor
    alphas: Tensor
    places: Tensor
    residuals: Tensor


class Layer(nn.Module):
    """One layer.

    Attributes:
        maps: (N, 3, 3) from the frame's [-1, 1]^2 to the atlas's.
        box: left, upper, right and lower border of the atlas, pixels of the frame of reference.
        density: texels to such a pixel.
        backend: of atlas and residual.
        size: (height, width) of the atlas at its full density, px.
        atlas: colour without its mean.
        residual: of where a pixel lies.
        matte: (N, H, W) uint8, what the layer's matte says; empty for the back layer, which is behind all others.
        alpha: correction of the matte's logit; None for the back layer.
        mean: (3,) of the layer's colour.
        coverage: (h, w) uint8, the largest share that any frame shows of each texel; 0 until `render.cover` has looked.
    """

    maps: Tensor
    mean: Tensor
    matte: Tensor
    coverage: Tensor

    def __init__(self, motion: Motion, box: Box, *, frame: tuple[int, int], density: float, backend: Backend) -> None:
        """A back layer of no colour but gray, where `motion` puts it; `frame` is (height, width)."""
        super().__init__()
        self.box, self.density, self.backend, frames = box, density, backend, len(motion.maps)
        self.size = atlas_size(box, density)
        self.register_buffer("maps", torch.from_numpy(_in_units(motion.maps, box, frame).astype(np.float32)))
        self.register_buffer("mean", torch.full((3,), 0.5))
        self.register_buffer("coverage", torch.zeros(self.size, dtype=torch.uint8))
        self.atlas = _atlas_field(self.size, backend)
        self.residual = _residual_field(frames, frame, backend)
        self.register_buffer("matte", torch.empty((0, *frame), dtype=torch.uint8))
        self.alpha: nn.Module | None = None

    def add_alpha(self, matte: Tensor) -> None:
        """Put the layer before others, as an (N, H, W) matte says."""
        frames, height, width = matte.shape
        self.matte = (matte.clamp(0, 1) * _CODES).round().to(torch.uint8)
        self.alpha = DenseField(1, [(frames, -(-height // by), -(-width // by)) for by in _CORRECTION])

    def place(self, times: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """((B, 2), (B, 2)): uv of (B, 2) points at (B,) frame indices, and the residual in it."""
        maps = self.maps[times]
        carried = (maps[:, :, :2] * points[:, None, :]).sum(dim=2) + maps[:, :, 2]
        residual = self.residual(self._in_time(times, points))
        return carried[:, :2] / carried[:, 2:] + residual, residual

    def pixel(self, times: Tensor, uv: Tensor) -> Tensor:
        """(B, 2) points whose `place` is (B, 2) uv at (B,) frame indices; some lie outside the frame."""
        back = torch.linalg.inv(self.maps)[times]

        def carried(places: Tensor) -> Tensor:
            points = (back[:, :, :2] * places[:, None, :]).sum(dim=2) + back[:, :, 2]
            return points[:, :2] / points[:, 2:]

        points = carried(uv)
        for _ in range(_RETURNS):
            points = carried(uv - self.residual(self._in_time(times, points)))
        return points

    def colour(self, uv: Tensor) -> Tensor:
        """(B, 3) of the atlas at (B, 2)."""
        return self.mean + self.atlas(uv)

    def logit(self, times: Tensor, points: Tensor) -> Tensor:
        """(B,) of alpha; of a layer that is not the back one."""
        if self.alpha is None:
            msg = "layers: the back layer must have no alpha to be asked for, got a question for it"
            raise NodeError(msg)
        return asked_of(self._matte_at(times, points)) + self.alpha(self._in_time(times, points))[:, 0]

    def _matte_at(self, times: Tensor, points: Tensor) -> Tensor:
        """(B,) in [0, 1]: read linearly, pixel by pixel, so that the whole is never brought to floats."""
        height, width = self.matte.shape[1:]
        x, y = ((points + 1) / 2 * points.new_tensor([width - 1, height - 1])).unbind(dim=1)
        left, upper = x.floor().clamp(0, max(0, width - 2)), y.floor().clamp(0, max(0, height - 2))
        across, down = (x - left).clamp(0, 1), (y - upper).clamp(0, 1)
        total = torch.zeros_like(x)
        for row, of_row in ((0, 1 - down), (1, down)):
            for column, of_column in ((0, 1 - across), (1, across)):
                rows, columns = (upper + row).clamp(max=height - 1).long(), (left + column).clamp(max=width - 1).long()
                total = total + of_row * of_column * self.matte[times, rows, columns]
        return total / _CODES

    def _in_time(self, times: Tensor, points: Tensor) -> Tensor:
        last = max(1, len(self.maps) - 1)
        return torch.cat((points, (2 * times.to(points.dtype) / last - 1)[:, None]), dim=1)


class Layers(nn.Module):
    """All of them.

    Attributes:
        layers: back to front.
        frame: (height, width) of the clip.
    """

    def __init__(self, layers: Sequence[Layer], frame: tuple[int, int]) -> None:
        """`layers` from the back to the front, of a clip of (height, width)."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.frame = frame

    def __getitem__(self, index: int) -> Layer:
        """The layer at `index`, from the back."""
        layer = self.layers[index]
        assert isinstance(layer, Layer)  # noqa: S101 - narrows what the container forgot
        return layer

    def __len__(self) -> int:
        """How many there are."""
        return len(self.layers)

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return len(self[0].maps)

    def forward(self, times: Tensor, points: Tensor) -> Sampled:
        """What the layers say of (B, 2) points at (B,) frame indices."""
        found = [self[index].place(times, points) for index in range(len(self))]
        logits = [self[index].logit(times, points) for index in range(1, len(self))]
        weights = weights_of(logits, points)
        colours = torch.stack([self[index].colour(uv) for index, (uv, _) in enumerate(found)])
        return Sampled(
            colour=(weights[..., None] * colours).sum(dim=0),
            weights=weights,
            alphas=torch.stack(logits) if logits else points.new_zeros((0, len(points))),
            places=torch.stack([uv for uv, _ in found]),
            residuals=torch.stack([residual for _, residual in found]),
        )


def asked_of(matte: Tensor) -> Tensor:
    """(B,) logits that give (B,) values of a matte in [0, 1] as alpha."""
    return torch.logit((matte + _ASKED) / (1 + 2 * _ASKED))


def weights_of(logits: Sequence[Tensor], points: Tensor) -> Tensor:
    """(K, B): the share of each layer, back to front, out of the (B,) logits of all but the back one."""
    left = points.new_ones(len(points))
    shares: list[Tensor] = []
    for logit in reversed(logits):
        # A matte's own 0 and 1 are that and nothing else: what is not seen must not be learnt, however little it counts.
        alpha = (torch.sigmoid(logit) * (1 + 2 * _DOUBT) - _DOUBT).clamp(0, 1)
        shares.append(left * alpha)
        left = left * (1 - alpha)
    return torch.stack((left, *reversed(shares)))


def frame_points(columns: Tensor, rows: Tensor, frame: tuple[int, int]) -> Tensor:
    """(B, 2) pixels of a frame of (height, width) in [-1, 1]^2."""
    height, width = frame
    return torch.stack((2 * columns / max(1, width - 1) - 1, 2 * rows / max(1, height - 1) - 1), dim=-1)


def layer_box(motion: Motion, mattes: Sequence[NDArray[np.float32]]) -> Box:
    """What a layer covers over all frames, in pixels of its frame of reference, with a margin.

    Args:
        motion: of the layer.
        mattes: N of (H, W), what is seen of it.

    Returns:
        Left, upper, right and lower border.

    Raises:
        NodeError: the layer runs away further than any atlas can hold, or is never seen.
    """
    corners: list[NDArray[np.float64]] = []
    for transform, matte in zip(motion.maps, mattes, strict=True):
        inside = cv2.findNonZero((matte > 0.5).astype(np.uint8))
        if inside is not None:
            # A box turned with its layer would be larger than what it holds.
            corners.append(moved(transform, cv2.convexHull(inside)[:, 0].astype(np.float64)))
    if not corners:
        msg = "layers: a layer must be seen in some frame, got a matte that is empty throughout; take it away"
        raise NodeError(msg)
    low, high = np.concatenate(corners).min(axis=0), np.concatenate(corners).max(axis=0)
    height, width = mattes[0].shape
    if (high - low > _LARGEST_BOX * np.array([width, height])).any() or not np.isfinite(high - low).all():
        spans = (high - low) / [width, height]
        raise NodeError(
            f"layers: a layer must stay within {_LARGEST_BOX:g} frames, got {spans[0]:.0f} x {spans[1]:.0f}; "
            "fit fewer frames at a time, or give it a matte of one rigid object"
        )
    margin = np.maximum(_MARGIN * (high - low), 2)
    (left, upper), (right, lower) = low - margin, high + margin
    return float(left), float(upper), float(right), float(lower)


def atlas_size(box: Box, density: float) -> tuple[int, int]:
    """(height, width) px of an atlas with `density` texels to a pixel of the frame of reference."""
    left, upper, right, lower = box
    return max(2, round((lower - upper) * density) + 1), max(2, round((right - left) * density) + 1)


def _in_units(maps: NDArray[np.float64], box: Box, frame: tuple[int, int]) -> NDArray[np.float64]:
    """The chain between [-1, 1]^2 on either side; in float64, for it multiplies what may nearly cancel."""
    height, width = frame
    left, upper, right, lower = box
    half_x, half_y = max(1, width - 1) / 2, max(1, height - 1) / 2
    to_px = np.array([[half_x, 0, half_x], [0, half_y, half_y], [0, 0, 1]])
    wide, high = right - left, lower - upper
    to_uv = np.array([[2 / wide, 0, -2 * left / wide - 1], [0, 2 / high, -2 * upper / high - 1], [0, 0, 1]])
    return to_uv @ maps @ to_px


def _atlas_field(size: tuple[int, int], backend: Backend) -> nn.Module:
    if backend == "hash":
        return HashField(3, 2, coarsest=min(_COARSEST_ATLAS_PX, max(size)), finest=max(size))
    longer = max(size)
    sides = halved(longer, least=_COARSEST_ATLAS_PX)
    return DenseField(3, [tuple(max(2, round(side * edge / longer)) for edge in size) for side in sides])


def _residual_field(frames: int, frame: tuple[int, int], backend: Backend) -> nn.Module:
    if backend == "hash":
        levels, coarsest, cell_px = _HASHED_RESIDUAL
        return HashField(2, 3, coarsest=coarsest, finest=max(coarsest, max(frame) // cell_px), levels=levels)
    return SmallField(2, [(-(-frames // every), side, side) for every, side in _RESIDUAL])
