"""What moves against the camera: what the pictures of two neighbours say of every pixel, and mattes made of that.

Follows J.-M. Odobez, P. Bouthemy, "Separation of Moving Regions from Background in an Image Sequence Acquired with a Mobile
Camera", in Video Data Compression for Multimedia Computing, Kluwer 1997: a pixel moves where the dominant motion does not explain
the pictures. Here a pixel's own flow is asked as well.

Symbols: A (3, 3) where the camera takes a pixel, from a frame to a neighbour; F (H, W, 2) where flow says it goes, px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from shotgraph.maths.matte import grow, shrink
from shotgraph.maths.planar import Transform, moved
from shotgraph.maths.shapes import Colours, Image, NewImage, Plane, PlaneMask, Vectors
from shotgraph.maths.warp import leaves_frame, pixel_grid

# Grain goes before pictures are compared; so near to the frame's border it takes in what lies beyond.
_SMOOTH_PX, _MARGIN_PX = 1.0, 2
# By so much a pixel's own flow has to explain it better than the camera does.
_BETTER = 1.5
# A difference counts from so many times the usual one, which where nothing moves is noise, and from half a code of 8 bits.
_OVER_NOISE, _LEAST_DIFFERENCE = 2.0, 0.5 / 255
# The difference at an edge has to be this share of what it is beside it: an edge is soft, and moves as far as it can be seen.
_EDGE_SHARE = 0.5
# Motion breaks off at the rim of a hole where it is so many times the least one there.
_BREAKS_OFF = 3.0
_RIM_PX = 3
_SPECK_PX = 1.0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A frame beside the one at hand.

    Attributes:
        picture: (H, W, 3) as `smoothed` gives it.
        flow: (H, W, 2) px from the frame at hand to it; NaN where unknown.
        camera: (3, 3) from pixels of the frame at hand to its own, of what stands still.
    """

    picture: Image
    flow: Vectors
    camera: Transform


@dataclass(frozen=True, slots=True)
class Cues:
    """What the neighbours say of every pixel of a frame.

    Attributes:
        by_camera: (H, W) what the camera's motion leaves unexplained, of display values; infinite where it leads out of both.
        by_flow: the same of the pixel's own flow.
        away_px: (H, W) from where the camera takes a pixel to where flow says it goes, the larger of both; NaN where unknown.
        usual: median of `by_camera`: what it is where nothing moves.
    """

    by_camera: Plane
    by_flow: Plane
    away_px: Plane
    usual: float


def read(image: Image, places: Vectors) -> NewImage:
    """The image at `places`, linearly; the border repeats.

    Not `maths.warp.sample`: OpenCV rounds to 1/32 px, which is less than any motion that is looked for, in a thirtieth of the time.
    """
    safe = np.nan_to_num(places)
    # The stub knows no None, which OpenCV takes as "two coordinates in one map".
    nothing: Any = None
    found = cv2.remap(image, safe, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32).reshape(*places.shape[:2], image.shape[2])


def smoothed(picture: Image) -> Colours:
    """(H, W, 3) display values of (H, W, 3|4), clamped to [0, 1] and without their finest grain; NaN is black."""
    shown = np.clip(np.nan_to_num(picture[..., :3]), 0, 1)
    return np.asarray(cv2.GaussianBlur(shown, (0, 0), _SMOOTH_PX), np.float32)


def cues_of(picture: Image, neighbours: Sequence[Neighbour]) -> Cues:
    """Cues of one frame; a pixel that one neighbour hides is judged by the other.

    Args:
        picture: (H, W, 3) as `smoothed` gives it.
        neighbours: two at most.

    Returns:
        What both say together.
    """
    height, width = picture.shape[:2]
    here = pixel_grid(height, width)
    shape = (height, width)
    by_camera, by_flow = np.full(shape, np.inf, np.float32), np.full(shape, np.inf, np.float32)
    away_px = np.full(shape, np.nan, np.float32)
    for neighbour in neighbours:
        still, gone = moved(neighbour.camera, here).astype(np.float32), here + neighbour.flow
        by_camera = np.minimum(by_camera, _difference(picture, neighbour.picture, still))
        by_flow = np.minimum(by_flow, _difference(picture, neighbour.picture, gone))
        away_px = np.fmax(away_px, np.hypot(*np.moveaxis(gone - still, -1, 0)))
    known = by_camera[np.isfinite(by_camera)]
    return Cues(by_camera, by_flow, away_px, float(np.median(known)) if known.size else 0.0)


def _difference(picture: Image, other: Image, places: Vectors) -> Plane:
    """(H, W): distance in colour from a picture to another one at `places`; infinite at and beyond the border."""
    squares = np.square(read(other, places) - picture)
    distance = np.sqrt(squares[..., 0] + squares[..., 1] + squares[..., 2])
    height, width = (length - 2 * _MARGIN_PX for length in picture.shape[:2])
    for at in (places, pixel_grid(*picture.shape[:2])):
        distance[leaves_frame(at - np.float32(_MARGIN_PX), height=height, width=width)] = np.inf
    return distance


def moving(cues: Cues, *, least_px: float) -> Plane:
    """1 where a pixel goes its own way, and its own way explains the pictures better than the camera's.

    Args:
        cues: of the frame.
        least_px: a smaller distance from the camera's motion is none.

    Returns:
        (H, W) in {0, 1}; with holes where a surface has nothing to be seen moving by.
    """
    told = np.where(np.isfinite(cues.by_camera), cues.by_camera, np.float32(0))
    beside = cv2.dilate(told, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    better = told > _BETTER * cues.by_flow + max(_OVER_NOISE * cues.usual, _LEAST_DIFFERENCE)
    return (better & (told > _EDGE_SHARE * np.asarray(beside)) & (cues.away_px > least_px)).astype(np.float32)


def cleaned(matte: Plane, cues: Cues, *, close_px: float, least_px: float) -> Plane:
    """A matte whose gaps are closed, whose enclosed parts are filled, and whose hairs are gone.

    Args:
        matte: (H, W) in {0, 1}.
        cues: of its frame.
        close_px: gaps up to twice this are bridged.
        least_px: see `moving`.

    Returns:
        (H, W) in {0, 1}.
    """
    closed = shrink(grow(matte, close_px), close_px)
    return grow(shrink(fill_enclosed(closed, cues, least_px=least_px), _SPECK_PX), _SPECK_PX)


def fill_enclosed(matte: Plane, cues: Cues, *, least_px: float) -> Plane:
    """The matte with its holes filled, but for those through which what lies behind is seen.

    Such a hole the camera explains better than flow, which was dragged along with its surroundings; or flow itself breaks off at
    its rim, where the middle of something that grows or turns comes to rest little by little.

    Args:
        matte: (H, W) in {0, 1}.
        cues: of its frame.
        least_px: see `moving`.

    Returns:
        (H, W) in {0, 1}; what touches the frame's border is never a hole.
    """
    height, width = matte.shape
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((matte < 0.5).astype(np.uint8), connectivity=4)
    filled = matte.copy()
    for label in range(1, count):
        left, top, wide, high = (int(value) for value in boxes[label, :4])
        if left == 0 or top == 0 or left + wide == width or top + high == height:
            continue
        rows, columns = _around(top, high, height), _around(left, wide, width)
        hole = labels[rows, columns] == label
        if not _is_window(hole, cues, rows, columns, least_px):
            filled[rows, columns][hole] = 1
    return filled


def _around(start: int, length: int, whole: int) -> slice:
    return slice(max(0, start - _RIM_PX), min(whole, start + length + _RIM_PX))


def _is_window(hole: PlaneMask, cues: Cues, rows: slice, columns: slice, least_px: float) -> bool:
    """Whether something that stands still is seen through a hole; `hole` is that part of the frame."""
    by_camera, by_flow = cues.by_camera[rows, columns][hole], cues.by_flow[rows, columns][hole]
    # Medians: whatever passes before a hole covers its rim in both neighbours.
    if np.median(by_flow) > _BETTER * np.median(by_camera):
        return True
    away = cues.away_px[rows, columns]
    rim = (grow(hole.astype(np.float32), _RIM_PX) > 0.5) & ~hole
    return bool(np.median(away[hole]) <= least_px and np.median(away[rim]) > _BREAKS_OFF * least_px)


def large_parts(matte: Plane, *, least_share: float) -> Plane:
    """The parts of a matte of {0, 1} that are at least this share of the frame."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((matte > 0.5).astype(np.uint8), connectivity=8)
    large = np.asarray(stats)[:, cv2.CC_STAT_AREA] >= least_share * matte.size
    large[0] = False
    return large[np.asarray(labels, np.intp)].astype(np.float32)


def carried(places: Vectors, known: PlaneMask, step: Vectors, hidden: PlaneMask) -> tuple[Vectors, PlaneMask]:
    """Pixels carried one frame further.

    Args:
        places: (H, W, 2) where the pixels of a frame lie in another.
        known: (H, W) which of them are in sight there.
        step: (H, W, 2) px from that frame to the next; NaN where unknown.
        hidden: (H, W) which pixels of that frame cannot be seen in the next.

    Returns:
        Places in the next frame, and which are in sight there.
    """
    height, width = known.shape
    lost = (hidden | np.isnan(step[..., 0])).astype(np.float32)
    told = read(np.dstack((np.nan_to_num(step), lost)), places)
    further = places + told[..., :2]
    return further, known & (told[..., 2] < 0.5) & ~leaves_frame(further, height=height, width=width)
