"""Optical flow of two pictures by OpenCV's solvers, both ways and with occlusion; sources are named by the nodes that run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.api.kinds import FlowFrame
from shotgraph.maths.flow import pair_of, resize_flow
from shotgraph.maths.matte import luma
from shotgraph.maths.resize import resize

Preset = Literal["ultrafast", "fast", "medium"]

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
# An 8 px patch at the finest scale of the fast presets, a quarter: below 32 px OpenCV reads outside its pyramid.
_LEAST_SIDE_PX = 32
# Of Farneback's polynomial expansion: OpenCV's advice for a neighbourhood of 7 px.
_POLY_PX, _POLY_SIGMA = 7, 1.5
# Without it, OpenCV's Farneback finds half a pixel of motion at the border of two equal frames.
_BORDER_PX = 8

# F with ``first(p) ≈ second(p + F(p))``, (H, W, 2) px, x then y, of two (H, W) planes of 8-bit luma.
Solver = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]


def luma_codes(picture: NDArray[np.float32], *, scale: float) -> NDArray[np.uint8]:
    """8-bit luma of display values, clamped to [0, 1] first, at `scale` times the size."""
    height, width = picture.shape[:2]
    plane = np.clip(luma(picture), 0, 1)[..., None]
    small = resize(plane, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
    return np.rint(small[..., 0] * 255).astype(np.uint8)


def dis_flow(first: NDArray[np.uint8], second: NDArray[np.uint8], *, preset: Preset) -> NDArray[np.float32]:
    """F by dense inverse search."""
    height, width = first.shape
    padding = ((0, max(0, _LEAST_SIDE_PX - height)), (0, max(0, _LEAST_SIDE_PX - width)))
    solver = cv2.DISOpticalFlow.create(_PRESETS[preset])
    a, b = np.pad(first, padding, mode="edge"), np.pad(second, padding, mode="edge")
    # The stub knows no None, which OpenCV takes as "no initial flow"; an array of zeros would be one.
    none: Any = None
    flow = solver.calc(a, b, none)
    return np.ascontiguousarray(flow[:height, :width], np.float32)


def farneback_flow(
    first: NDArray[np.uint8], second: NDArray[np.uint8], *, levels: int, window_px: int, iterations: int
) -> NDArray[np.float32]:
    """F by polynomial expansion.

    Args:
        first: (H, W).
        second: same shape.
        levels: of a pyramid, each half as large.
        window_px: over which displacements are averaged.
        iterations: at each level.

    Returns:
        (H, W, 2).
    """
    none: Any = None
    a, b = (np.pad(codes, _BORDER_PX, mode="edge") for codes in (first, second))
    flow = cv2.calcOpticalFlowFarneback(
        a, b, none, 0.5, levels, window_px, iterations, _POLY_PX, _POLY_SIGMA, cv2.OPTFLOW_FARNEBACK_GAUSSIAN
    )
    return np.ascontiguousarray(flow[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX], np.float32)


def solved_pair(first: NDArray[np.float32], second: NDArray[np.float32], solver: Solver, *, scale: float) -> FlowFrame:
    """Forward and backward flow of two pictures, and what of the first cannot be seen in the second.

    Args:
        first: (H, W, 3|4) display values.
        second: same shape.
        solver: of one direction.
        scale: size of the pictures that are matched, relative to the frames.

    Returns:
        Flow at full size.
    """
    height, width = first.shape[:2]
    a, b = luma_codes(first, scale=scale), luma_codes(second, scale=scale)
    forward = resize_flow(solver(a, b), width=width, height=height)
    return pair_of(forward, resize_flow(solver(b, a), width=width, height=height))


def flow_of_pair(first: NDArray[np.float32], second: NDArray[np.float32], *, preset: Preset, scale: float) -> FlowFrame:
    """`solved_pair` by dense inverse search."""
    return solved_pair(first, second, lambda a, b: dis_flow(a, b, preset=preset), scale=scale)
