"""Text boxes on pictures, for review."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from shotgraph.maths.shapes import Image, Plane

Anchor = Literal["top_left", "top_right", "bottom_left", "bottom_right", "top", "bottom"]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# A capital of this font at scale 1 is about 21 pixels high.
_CAPITAL_PX = 21


def text_tile(text: str, *, height_px: int) -> Plane:
    """Coverage of one line of white text on a box of `height_px`: (height_px, width) in [0, 1]."""
    scale = height_px * 0.55 / _CAPITAL_PX
    thickness = max(1, round(height_px / 18))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = height_px // 4
    tile = np.zeros((height_px, text_width + 2 * margin), np.uint8)
    baseline = (height_px + text_height) // 2
    cv2.putText(tile, text, (margin, baseline), _FONT, scale, 255, thickness, cv2.LINE_AA)
    return tile.astype(np.float32) / np.float32(255)


def box_of(
    anchor: Anchor, *, box: tuple[int, int], frame: tuple[int, int], margin_px: int
) -> tuple[int, int, int, int]:
    """Where a box sits in a frame.

    Args:
        anchor: corner or edge it hangs on; ``top`` and ``bottom`` centre it.
        box: its (width, height) in pixels.
        frame: the frame's (width, height) in pixels.
        margin_px: distance to the frame's border.

    Returns:
        (left, top, right, bottom), right and bottom excluded, cut at the frame.
    """
    (width, height), (frame_width, frame_height) = box, frame
    left = margin_px
    if anchor.endswith("right"):
        left = frame_width - margin_px - width
    elif anchor in ("top", "bottom"):
        left = (frame_width - width) // 2
    top = margin_px if anchor.startswith("top") else frame_height - margin_px - height
    left, top = max(left, 0), max(top, 0)
    return left, top, min(left + width, frame_width), min(top + height, frame_height)


def burn(picture: Image, text: str, *, anchor: Anchor, height_px: int, opacity: float) -> Image:
    """`picture` with a line of white text in a black box; no pixel outside the box changes.

    Args:
        picture: (h, w, 3|4) display values; an alpha channel becomes 1 inside the box.
        text: one line; nothing is drawn when empty.
        anchor: where the box hangs.
        height_px: height of the box.
        opacity: of the black behind the text, in [0, 1].

    Returns:
        A new array, or `picture` itself for empty text.
    """
    if not text:
        return picture
    height, width = picture.shape[:2]
    tile = text_tile(text, height_px=height_px)
    box = (tile.shape[1], tile.shape[0])
    left, top, right, bottom = box_of(anchor, box=box, frame=(width, height), margin_px=height_px // 2)
    ink = tile[: bottom - top, : right - left, None]
    result = picture.copy()
    area = result[top:bottom, left:right]
    area[..., :3] = area[..., :3] * np.float32(1 - opacity) * (1 - ink) + ink
    area[..., 3:] = 1
    return result
