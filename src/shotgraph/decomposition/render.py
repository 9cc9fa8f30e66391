"""Frames out of layers: as they were fitted, and what an edit of their atlases changes.

Follows the edit path of layered neural atlases (Kasten et al. 2021), section 3.4, with the difference composited onto the frame:

    out = frame + sum_k w_k (edited_k(uv_k) - atlas_k(uv_k))

so that what nobody painted keeps its bits, however well or badly the layers reconstruct it.

Symbols: as in `layers`; e_k (h, w, 3) what was painted on layer k minus what was there, multiplied by its opacity; o_k (h, w) the
opacity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shotgraph.decomposition.layers import Layer, Layers, Sampled, frame_points
from shotgraph.maths.paint import Edit
from shotgraph.maths.shapes import Colours, Image, NewImage, NewPlane, Plane, Points, Vectors
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample

# Pixels asked at a time: bounds memory at any size of frame.
BAND = 1 << 17
# Where less of a layer is seen, paint is not taken for paint on it.
_LEAST_SHARE = 0.1
_CODES = np.float32(255)


@dataclass(frozen=True, slots=True, eq=False)
class FrameLayers:
    """One frame, layer by layer, back to front.

    Attributes:
        colour: (H, W, 3) composite.
        weights: (K, H, W) share of each layer in what is seen.
        places: (K, H, W, 2) where each pixel lies in the layers' atlases, texels, x then y.
    """

    colour: Colours
    weights: NDArray[np.float32]
    places: NDArray[np.float32]


@torch.no_grad()
def frame_layers(layers: Layers, time: int, size: tuple[int, int] | None = None) -> FrameLayers:
    """What the layers say of one frame.

    Args:
        layers: fitted.
        time: index of the frame.
        size: (height, width) of the frame wanted; the fitted one's when left out.

    Returns:
        Composite, weights and places.
    """
    height, width = size or layers.frame
    device = layers[0].maps.device
    pixels = pixel_grid(height, width).reshape(-1, 2)
    parts: list[Sampled] = []
    for start in range(0, height * width, BAND):
        points = points_of(pixels[start : start + BAND], (height, width), layers)
        parts.append(layers(torch.full((len(points),), time, device=device), points))
    weights = torch.cat([part.weights for part in parts], dim=1)
    places = torch.cat([part.places for part in parts], dim=1)
    sizes = [layers[index].size for index in range(len(layers))]
    return FrameLayers(
        colour=torch.cat([part.colour for part in parts]).reshape(height, width, 3).cpu().numpy(),
        weights=weights.reshape(-1, height, width).cpu().numpy(),
        places=np.stack([texels_of(place, size) for place, size in zip(places, sizes, strict=True)]).reshape(
            -1, height, width, 2
        ),
    )


def points_of(pixels: Points, size: tuple[int, int], layers: Layers) -> Tensor:
    """(B, 2) pixels, x then y, of a frame shown at (height, width) as points of the fitted one, where the layers live."""
    scale = np.array([layers.frame[1] / size[1], layers.frame[0] / size[0]], np.float32)
    # Frames of two sizes share their edges, not the centres of their outermost pixels.
    fitted = (pixels + np.float32(0.5)) * scale - np.float32(0.5)
    return _in_units(fitted, layers.frame).to(layers[0].maps.device)


def pixels_of(points: Tensor, size: tuple[int, int], layers: Layers) -> Points:
    """(B, 2) pixels of a frame shown at (height, width), of points of the fitted one; undoes `points_of`."""
    scale = np.array([size[1] / layers.frame[1], size[0] / layers.frame[0]], np.float32)
    return (texels_of(points, layers.frame) + np.float32(0.5)) * scale - np.float32(0.5)


def uv_of(texels: Points, layer: Layer) -> Tensor:
    """(B, 2) in [-1, 1]^2 of texels of a layer's atlas, where it lives; undoes `texels_of`."""
    return _in_units(texels, layer.size).to(layer.maps.device)


def _in_units(pixels: Points, size: tuple[int, int]) -> Tensor:
    x, y = (torch.from_numpy(np.ascontiguousarray(pixels[..., axis])) for axis in range(2))
    return frame_points(x, y, size)


def texels_of(uv: Tensor, size: tuple[int, int]) -> Points:
    """(B, 2) in [-1, 1]^2 as texels of an atlas of (height, width), x then y."""
    return ((uv + 1) / 2 * uv.new_tensor([size[1] - 1, size[0] - 1])).cpu().numpy()


def atlas_picture(layers: Layers, index: int) -> Image:
    """(h, w, 4): a layer's atlas and, as straight alpha, how much of each texel some frame shows.

    Args:
        layers: fitted, and looked at by `cover`.
        index: of the layer, from the back.

    Returns:
        What an artist paints on.
    """
    return np.dstack((atlas_colour(layers, index), atlas_coverage(layers, index)))


@torch.no_grad()
def atlas_colour(layers: Layers, index: int) -> Colours:
    """(h, w, 3): a layer's atlas, whether any frame shows it or not."""
    layer = layers[index]
    height, width = layer.size
    uv = uv_of(pixel_grid(height, width).reshape(-1, 2), layer)
    return torch.cat([layer.colour(part) for part in uv.split(BAND)]).reshape(height, width, 3).cpu().numpy()


def atlas_coverage(layers: Layers, index: int) -> Plane:
    """(h, w) in [0, 1]: the largest share that any frame shows of each texel, as `cover` left it."""
    return layers[index].coverage.cpu().numpy().astype(np.float32) / _CODES


def cover(layers: Layers) -> None:
    """Look at every frame, and file with each layer how much of its atlas is ever shown."""
    best = [np.zeros(layers[index].size, np.float32) for index in range(len(layers))]
    for time in range(layers.frames):
        found = frame_layers(layers, time)
        for index, so_far in enumerate(best):
            shown, _ = splatted(found.weights[index][..., None], found.places[index], layers[index].size)
            np.maximum(so_far, shown[..., 0], out=so_far)
    for index, share in enumerate(best):
        # Rounded up: what any frame shows, however little, is not 0.
        layers[index].coverage.copy_(torch.from_numpy(np.ceil(np.clip(share, 0, 1) * _CODES).astype(np.uint8)))


def splatted(values: Image, places: Vectors, size: tuple[int, int]) -> tuple[NewImage, NewPlane]:
    """Values of a frame's pixels, put where they lie in an atlas.

    Args:
        values: (H, W, C).
        places: (H, W, 2) texels, x then y.
        size: (height, width) of the atlas.

    Returns:
        ((h, w, C), (h, w)): the mean by linear weights, 0 where nothing fell; and the sum of weights.
    """
    height, width = size
    channels = values.shape[2]
    x, y = places[..., 0].ravel(), places[..., 1].ravel()
    inside = (x > -1) & (x < width) & (y > -1) & (y < height)
    x, y, flat = x[inside], y[inside], values.reshape(-1, channels)[inside]
    left, upper = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    total, weight = np.zeros((height * width, channels), np.float64), np.zeros(height * width, np.float64)
    for row, of_row in ((upper, 1 - (y - upper)), (upper + 1, y - upper)):
        for column, of_column in ((left, 1 - (x - left)), (left + 1, x - left)):
            fits = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            share, cell = (of_row * of_column)[fits], (row * width + column)[fits]
            weight += np.bincount(cell, share, height * width)
            for channel in range(channels):
                total[:, channel] += np.bincount(cell, share * flat[fits, channel], height * width)
    mean = np.divide(total, weight[:, None], out=np.zeros_like(total), where=weight[:, None] > 0)
    return mean.reshape(height, width, channels).astype(np.float32), weight.reshape(height, width).astype(np.float32)


def painted_frame(frame: Image, found: FrameLayers, index: int, edit: Edit) -> Image:
    """`frame` with what was painted on the atlas of one layer.

    Args:
        frame: (H, W, 3|4) of the plate; a fourth channel stays.
        found: what the layers say of that frame.
        index: of the layer, from the back.
        edit: on the atlas's grid.

    Returns:
        The frame; where no paint is seen it is the frame to the last bit.
    """
    places, weight = found.places[index], found.weights[index]
    height, width = edit.alpha.shape
    shown = (weight > 0) & ~leaves_frame(places, height=height, width=width)
    seen = np.zeros(weight.shape, np.bool_)
    seen[shown] = sample(edit.alpha[..., None], places[shown], kernel="linear")[..., 0] > 0
    result = frame.copy()
    result[seen, :3] += weight[seen][:, None] * sample(edit.difference, places[seen], kernel="linear")
    return result


def paint_on_atlas(edit: Edit, found: FrameLayers, index: int, size: tuple[int, int]) -> Edit:
    """An edit painted on one frame, as the atlas of a layer takes it.

    Args:
        edit: on the frame's grid.
        found: what the layers say of that frame.
        index: of the layer, from the back, that the paint lies on.
        size: (height, width) of its atlas.

    Returns:
        The edit on the atlas's grid, of which the frame shows as much as was painted; seen where the frame shows the layer.
    """
    share = np.where(found.weights[index] > _LEAST_SHARE, found.weights[index], np.float32(0))[..., None]
    # Of least squared error, sum_p b (D - w E)^2: a rim shows a part of its paint, and less is known of it.
    parts = (share * edit.difference, share * share * edit.alpha[..., None], share * share)
    mean, _ = splatted(np.dstack(parts), found.places[index], size)
    known = mean[..., 4:]
    shown = known > _LEAST_SHARE**2
    solved = np.divide(mean[..., :4], known, out=np.zeros_like(mean[..., :4]), where=shown)
    return Edit(solved[..., :3], solved[..., 3], shown[..., 0])
