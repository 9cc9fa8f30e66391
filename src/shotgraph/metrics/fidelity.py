"""How close pictures are to given ones: PSNR, SSIM and GMSD, over whole frames or over a region.

Follows Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
Similarity", IEEE TIP 2004, Eq. (13), as scikit-image has it (uniform 7 x 7 window, sample covariance, border left out); and
W. Xue, L. Zhang, X. Mou, A. Bovik, "Gradient Magnitude Similarity Deviation", IEEE TIP 2014, Eq. (4)-(6). GMSD is the
weight-free stand-in for LPIPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from shotgraph.errors import ShapeError
from shotgraph.maths.matte import distance_outside, luma
from shotgraph.metrics.arrays import Bools, Doubles, Floats, require_mask, require_shape, require_some

_SSIM_WINDOW_PX = 7
# Xue et al. give 170 for code values up to 255.
_GMSD_C = 170 / 255**2
_PREWITT_X = np.array([[1, 0, -1]] * 3, np.float64) / 3
_TOUCHED = 0.02
# A background must keep clear of the soft edge of what was edited: 3 % of the longer side.
_MARGIN_SHARE = 0.03
# And at least the half diagonal of an SSIM window, which would else see the matte from outside.
_LEAST_MARGIN_PX = _SSIM_WINDOW_PX // 2 * math.sqrt(2)


@dataclass(frozen=True, slots=True)
class Psnr:
    """Peak signal-to-noise ratio of a clip.

    Attributes:
        clip_db: of all pixels of all frames pooled; infinite where nothing differs.
        worst_db: of the frame that has the lowest; frames without a pixel in the mask are left out.
    """

    clip_db: float
    worst_db: float


def psnr_db(mean_squared_error: float) -> float:
    """``-10 log10 MSE`` for display values in [0, 1]; infinite for 0."""
    return math.inf if mean_squared_error == 0 else -10 * math.log10(mean_squared_error)


def squared_error(picture: Floats, truth: Floats, *, mask: Bools | None = None) -> tuple[float, int]:
    """Sum of squared differences and how many values it is over, so that frames can be pooled.

    Args:
        picture: (H, W, C).
        truth: same shape.
        mask: (H, W), which pixels count; None for all.

    Returns:
        (sum, values): with a mask, the count is that of the masked pixels, not of the frame.
    """
    require_shape(picture, truth.shape, who="psnr", name="picture")
    difference = picture.astype(np.float64) - truth
    if mask is not None:
        require_mask(mask, truth.shape[:2], who="psnr", name="mask")
        difference = difference[mask]
    return float(np.square(difference).sum()), difference.size


def psnr(frames: Floats, truth: Floats, *, mask: Bools | None = None) -> Psnr:
    """PSNR of a clip against the true one.

    Args:
        frames: (T, H, W, C) in [0, 1].
        truth: same shape.
        mask: (T, H, W), which pixels count; None for all.

    Returns:
        In dB, higher is better.
    """
    require_shape(truth, ("T", "H", "W", "C"), who="psnr", name="truth")
    require_shape(frames, truth.shape, who="psnr", name="frames")
    if mask is not None:
        require_mask(mask, truth.shape[:3], who="psnr", name="mask")
        require_some(mask, who="psnr", name="mask")
    masks = [None] * len(truth) if mask is None else list(mask)
    parts = [squared_error(a, b, mask=m) for a, b, m in zip(frames, truth, masks, strict=True)]
    errors = [total / count for total, count in parts if count]
    pooled = sum(total for total, _ in parts) / sum(count for _, count in parts)
    return Psnr(psnr_db(pooled), psnr_db(max(errors)))


def ssim_map(picture: Floats, truth: Floats) -> Doubles:
    """(H, W): SSIM of the window around each pixel, mean over channels; the 3 outermost pixels look past the border.

    Args:
        picture: (H, W, C) in [0, 1], at least 7 x 7.
        truth: same shape.

    Returns:
        In [-1, 1].

    Raises:
        ShapeError: pictures of different shapes, or smaller than a window.
    """
    require_shape(picture, truth.shape, who="ssim", name="picture")
    if min(truth.shape[:2]) < _SSIM_WINDOW_PX:
        raise ShapeError(
            f"ssim: pictures must be at least {_SSIM_WINDOW_PX} px a side, got {truth.shape[:2]}; measure larger ones"
        )
    # Single precision is too coarse for variances of nearly flat windows.
    pair = picture.astype(np.float64), truth.astype(np.float64)
    # Its annotations miss that the length of the answer depends on `full`.
    measured: Any = structural_similarity
    return measured(*pair, data_range=1.0, channel_axis=-1, full=True)[1].mean(axis=-1)


def ssim(picture: Floats, truth: Floats, *, mask: Bools | None = None) -> float:
    """Mean SSIM of a picture: 1 where nothing differs.

    Args:
        picture: (H, W, C) in [0, 1], at least 7 x 7.
        truth: same shape.
        mask: (H, W), which pixels count; their windows may reach outside it. None for all but the 3 outermost.

    Returns:
        In [-1, 1], higher is better.
    """
    values = ssim_map(picture, truth)
    edge = _SSIM_WINDOW_PX // 2
    counted = np.zeros(values.shape, np.bool_)
    counted[edge : values.shape[0] - edge, edge : values.shape[1] - edge] = True
    if mask is not None:
        require_mask(mask, values.shape, who="ssim", name="mask")
        counted &= mask
    require_some(counted, who="ssim", name="mask inside the border of 3 px")
    return float(values[counted].mean())


def gmsd(picture: Floats, truth: Floats, *, mask: Bools | None = None) -> float:
    """Deviation of gradient magnitude similarity: 0 where nothing differs; it sees blur and texture that PSNR forgives.

    Args:
        picture: (H, W, 3) in [0, 1].
        truth: same shape.
        mask: (H, W), which pixels count; a 2 x 2 block counts when it lies inside. None for all.

    Returns:
        Lower is better; rarely above 0.35.
    """
    require_shape(picture, truth.shape, who="gmsd", name="picture")
    first, second = _gradient(_halved(_luma(picture))), _gradient(_halved(_luma(truth)))
    # Eq. (4)
    similarity = (2 * first * second + _GMSD_C) / (first**2 + second**2 + _GMSD_C)
    if mask is None:
        return float(similarity.std())
    require_mask(mask, truth.shape[:2], who="gmsd", name="mask")
    counted = _halved(mask.astype(np.float64)) == 1
    require_some(counted, who="gmsd", name="mask at half size")
    # Eq. (6), over the region.
    return float(similarity[counted].std())


def _luma(picture: Floats) -> Doubles:
    return luma(picture.astype(np.float32)).astype(np.float64)


def _halved(plane: Doubles) -> Doubles:
    """The mean of each 2 x 2 block; an odd last row or column is left out."""
    rows, columns = (length // 2 * 2 for length in plane.shape)
    return plane[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))


def _gradient(plane: Doubles) -> Doubles:
    along_x = np.asarray(cv2.filter2D(plane, cv2.CV_64F, _PREWITT_X, borderType=cv2.BORDER_REPLICATE))
    along_y = np.asarray(cv2.filter2D(plane, cv2.CV_64F, _PREWITT_X.T, borderType=cv2.BORDER_REPLICATE))
    return np.hypot(along_x, along_y)


def background_of(matte: Floats) -> Bools:
    """(H, W): what an edit must leave alone: further from the matte than 3 % of the longer side, and than an SSIM window sees.

    Args:
        matte: (H, W) in [0, 1], above 0.02 wherever something may change: less is a codec's noise, or the tail of a soft rim.

    Returns:
        True outside.
    """
    require_shape(matte, ("H", "W"), who="background", name="matte")
    return distance_outside(matte > _TOUCHED) > max(_MARGIN_SHARE * max(matte.shape), _LEAST_MARGIN_PX)
