"""Layers bent: what lies on an atlas is moved there, and goes with its matte through every frame.

Follows Y.-C. Lee, J.-Z. G. Jang, Y.-T. Chen, E. Qiu, J.-B. Huang, "Shape-aware Text-driven Layered Video Editing Method", CVPR
2023: a new shape is a vector field on the atlas, and not a new texture.

Departures from the paper:
    - The field is given, as an image or by points with thin-plate splines between them; no optimisation follows.
    - The difference is composited onto the plate, and what layers do not explain of it (grain, light) goes with its surface.

Symbols: p pixel of frame t; uv_k where it lies in the atlas of layer k; d_k the field, texels: what is shown at q was at q + d_k(q);
w_k share of the layer, w'_k the same afterwards; c composite of the layers; r = plate - c.

    o_k(p) = uv_k^-1(uv_k(p) + d_k(uv_k(p)))                   the pixel of the same frame that p's content was at
    out(p) = sum_k w'_k(p) atlas_k(uv_k(o_k(p)))  +  sum_k min(w'_k(p), w_k(o_k(p))) r(o_k(p))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from torch import Tensor

from shotgraph.decomposition.layers import Layers, weights_of
from shotgraph.decomposition.render import (
    BAND,
    FrameLayers,
    atlas_coverage,
    frame_layers,
    pixels_of,
    points_of,
    uv_of,
)
from shotgraph.errors import NodeError
from shotgraph.maths.shapes import Colours, Image, PlaneMask, Points, Vectors
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

# A shorter vector is the rounding of a spline through points that stay.
_STILL_TEXELS = 1e-3
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Displacement:
    """Where what is shown at each texel of an atlas comes from.

    Attributes:
        vectors: (h, w, 2) texels, x then y, from each texel to the one whose content it shows; beyond, the border repeats.
        origin: (x, y) texel of the first vector.
    """

    vectors: Vectors
    origin: tuple[float, float] = (0.0, 0.0)

    def at(self, texels: Points) -> Points:
        """(..., 2) vectors at (..., 2) places of the atlas."""
        return sample(self.vectors, texels - np.array(self.origin, np.float32), kernel="linear")


@dataclass(frozen=True, slots=True, eq=False)
class Bent:
    """A frame whose layers were bent.

    Attributes:
        picture: (H, W, 3|4); where no bent layer is or was seen it is the plate to the last bit.
        guessed: share of the pixels that become visible whose texel no frame ever showed.
    """

    picture: Image
    guessed: float


def centred(vectors: Vectors, size: tuple[int, int]) -> Displacement:
    """A field on an atlas of (height, width), or on a canvas that is larger by the same number of texels on either side."""
    height, width = vectors.shape[:2]
    return Displacement(vectors, ((size[1] - width) / 2, (size[0] - height) / 2))


def through_points(
    points: Sequence[tuple[float, float, float, float]], size: tuple[int, int], *, who: str = "reshape"
) -> Displacement:
    """The thin-plate spline that takes points of an atlas to others.

    Args:
        points: three or more that lie on no line: texels before, x then y, and after. One that stays where it is holds what
            is about it.
        size: (height, width) of the atlas.
        who: for messages.

    Returns:
        A field on the atlas and half of its size on every side.

    Raises:
        NodeError: there are too few, two end at one place, or all of them lie on a line.
    """
    pairs = np.array(points, np.float64).reshape(-1, 4)
    before, after = pairs[:, :2], pairs[:, 2:]
    spread = np.linalg.matrix_rank(np.column_stack((after - after.mean(axis=0), np.ones(len(after)))))
    if spread < 3 or len(np.unique(after, axis=0)) < len(after):
        raise NodeError(
            f"{who}: points must end at three or more places, no two the same and not all on a line, got {after.tolist()}; "
            "add points that stay where they are"
        )
    height, width = size
    x, y = -(width // 2), -(height // 2)
    grid = pixel_grid(2 * height, 2 * width) + np.array([x, y], np.float32)
    spline = RBFInterpolator(after, before - after, kernel="thin_plate_spline")
    vectors = np.asarray(spline(grid.reshape(-1, 2).astype(np.float64)), np.float32)
    return Displacement(vectors.reshape(*grid.shape), (float(x), float(y)))


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """One frame of a plate, and what its layers say of it.

    Attributes:
        layers: fitted.
        time: index of the frame.
        found: its layers.
        rest: (H, W, 3) what they do not explain.
    """

    layers: Layers
    time: int
    found: FrameLayers
    rest: Colours


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What one layer brings to B pixels.

    Attributes:
        colour: (B, 3) of its atlas.
        logit: (B,) of its alpha; zeros for the back layer.
        share: (B,) of it, where its content comes from.
        rest: (B, 3) what no layer explains there; 0 outside the frame.
        known: (B,) whether some frame shows that texel.
    """

    colour: NDArray[np.float32]
    logit: Tensor
    share: NDArray[np.float32]
    rest: NDArray[np.float32]
    known: NDArray[np.bool_]


@torch.no_grad()
def bent_frame(plate: Image, layers: Layers, time: int, fields: Mapping[int, Displacement]) -> Bent:
    """`plate` with the content of layers moved on their atlases.

    Args:
        plate: (H, W, 3|4); a fourth channel stays.
        layers: fitted, and looked at by `render.cover`.
        time: index of the frame.
        fields: layer, from the back, to its field.

    Returns:
        The frame.
    """
    found = frame_layers(layers, time, (plate.shape[0], plate.shape[1]))
    fitted = _Fitted(layers, time, found, plate[..., :3] - found.colour)
    moves = {index: _moves(found.places[index], field) for index, field in fields.items()}
    picture, revealed, guessed = plate.copy(), 0, 0
    for rows, columns in _bands(np.logical_or.reduce(list(moves.values()))):
        pieces = [_piece(fitted, index, fields.get(index), rows, columns) for index in range(len(layers))]
        before = found.weights[:, rows, columns]
        after = weights_of([piece.logit for piece in pieces[1:]], pieces[0].logit).cpu().numpy()
        touched = np.zeros(len(rows), np.bool_)
        for index, moved in moves.items():
            touched |= moved[rows, columns] & (np.maximum(before[index], after[index]) > 0)
        colours = sum(_seen(piece, share) for piece, share in zip(pieces, after, strict=True))
        picture[rows[touched], columns[touched], :3] = np.asarray(colours)[touched]
        appears = after - before > _HALF
        revealed += int(appears.sum())
        guessed += int((appears & ~np.stack([piece.known for piece in pieces])).sum())
    return Bent(picture, guessed / max(revealed, 1))


def _moves(places: Vectors, field: Displacement) -> PlaneMask:
    return np.linalg.norm(field.at(places), axis=-1) > _STILL_TEXELS


def _bands(chosen: PlaneMask) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows and columns of the chosen pixels, a bounded number at a time."""
    rows, columns = np.nonzero(chosen)
    for start in range(0, len(rows), BAND):
        yield rows[start : start + BAND], columns[start : start + BAND]


def _seen(piece: _Piece, share: NDArray[np.float32]) -> NDArray[np.float32]:
    return share[:, None] * piece.colour + np.minimum(share, piece.share)[:, None] * piece.rest


def _piece(
    fitted: _Fitted, index: int, field: Displacement | None, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> _Piece:
    layers, layer, found = fitted.layers, fitted.layers[index], fitted.found
    size = (found.colour.shape[0], found.colour.shape[1])
    pixels, places = np.stack((columns, rows), axis=-1).astype(np.float32), found.places[index][rows, columns]
    share, rest = found.weights[index][rows, columns], fitted.rest[rows, columns]
    times, points = torch.full((len(rows),), fitted.time, device=layer.maps.device), points_of(pixels, size, layers)
    if field is not None:
        places = places + field.at(places)
        points = layer.pixel(times, uv_of(places, layer))
        pixels = pixels_of(points, size, layers)
        share = layers(times, points).weights[index].cpu().numpy()
        rest = sample(fitted.rest, pixels)
        rest[leaves_frame(pixels, height=size[0], width=size[1])] = 0
    shown = sample(atlas_coverage(layers, index)[..., None], places, kernel="linear")[..., 0]
    return _Piece(
        colour=layer.colour(uv_of(places, layer)).cpu().numpy(),
        logit=layer.logit(times, points) if index else points.new_zeros(len(points)),
        share=share,
        rest=rest,
        known=shown > _HALF,
    )
