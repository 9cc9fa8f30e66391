import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.fidelity import background_of, gmsd, psnr, psnr_db, squared_error, ssim, ssim_map


def picture(seed: int = 0, height: int = 24, width: int = 37) -> np.ndarray:
    """Something between a ramp and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([x / width, y / height, (x + y) / (height + width)], axis=-1)
    return (0.7 * smooth + 0.3 * rng.random((height, width, 3))).astype(np.float32)


def clip(seed: int = 0) -> np.ndarray:
    return np.stack([picture(seed + t) for t in range(3)])


@given(st.integers(0, 20), st.floats(0.001, 0.3))
def test_psnr_is_that_of_scikit_image(seed: int, sigma: float) -> None:
    truth = clip(seed)
    frames = truth + np.random.default_rng(99).normal(0, sigma, truth.shape).astype(np.float32)

    expected = peak_signal_noise_ratio(truth.astype(np.float64), frames.astype(np.float64), data_range=1)

    assert psnr(frames, truth).clip_db == pytest.approx(expected, abs=1e-6)


def test_psnr_pools_pixels_and_names_the_worst_frame() -> None:
    truth = clip()
    frames = truth.copy()
    frames[1] += 0.1
    frames[2] += 0.2

    found = psnr(frames, truth)

    assert found.clip_db == pytest.approx(-10 * math.log10((0.01 + 0.04) / 3), abs=1e-4)
    assert found.worst_db == pytest.approx(-10 * math.log10(0.04), abs=1e-4)


def test_masked_psnr_divides_by_the_masked_pixels_not_by_the_frame() -> None:
    truth, mask = clip(), np.zeros((3, 24, 37), np.bool_)
    mask[:, 2:5, 3:9] = True
    frames = np.where(mask[..., None], truth + 0.1, truth + 0.5).astype(np.float32)

    masked = psnr(frames, truth, mask=mask).clip_db
    whole_frame = -10 * math.log10(0.01 * mask.mean())

    assert masked == pytest.approx(20, abs=1e-4)
    assert abs(masked - whole_frame) > 10
    assert psnr(frames, truth).clip_db < 7


def test_a_full_mask_changes_nothing_and_a_frame_without_mask_is_left_out() -> None:
    truth, frames = clip(), clip(5)
    mask = np.ones((3, 24, 37), np.bool_)

    assert psnr(frames, truth, mask=mask) == psnr(frames, truth)
    mask[1:] = False
    assert psnr(frames, truth, mask=mask).clip_db == pytest.approx(psnr(frames[:1], truth[:1]).clip_db)


def test_equal_clips_have_infinite_psnr() -> None:
    assert psnr(clip(), clip()).clip_db == math.inf
    assert psnr_db(0.01) == pytest.approx(20)


def by_definition(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Wang et al. 2004, Eq. (13), of one window of one channel."""
    covariance = np.cov(x.ravel(), y.ravel())
    above = (2 * x.mean() * y.mean() + 0.01**2) * (2 * covariance[0, 1] + 0.03**2)
    return float(above / ((x.mean() ** 2 + y.mean() ** 2 + 0.01**2) * (covariance[0, 0] + covariance[1, 1] + 0.03**2)))


@given(st.integers(0, 20), st.floats(0, 0.5), st.integers(3, 20), st.integers(3, 33))
def test_ssim_map_is_the_definition_at_every_pixel_inside(seed: int, sigma: float, row: int, column: int) -> None:
    truth = picture(seed)
    other = truth + np.random.default_rng(99).normal(0, sigma, truth.shape).astype(np.float32)
    window = np.s_[row - 3 : row + 4, column - 3 : column + 4]

    channels = [by_definition(a[window], b[window]) for a, b in zip(doubles(other), doubles(truth), strict=True)]

    assert ssim_map(other, truth)[row, column] == pytest.approx(np.mean(channels), abs=1e-9)


def doubles(frame: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.moveaxis(frame.astype(np.float64), -1, 0)


def test_ssim_is_the_mean_of_the_map_without_its_border() -> None:
    truth, other = picture(1), picture(2)

    assert ssim(other, truth) == pytest.approx(ssim_map(other, truth)[3:-3, 3:-3].mean())
    assert ssim(truth, truth) == pytest.approx(1)


def test_masked_ssim_looks_only_at_its_region() -> None:
    truth, mask = picture(), np.zeros((24, 37), np.bool_)
    mask[:, :15] = True
    other = truth.copy()
    other[:, 25:] = 1 - other[:, 25:]

    assert ssim(other, truth, mask=mask) == pytest.approx(1)
    assert ssim(other, truth, mask=~mask) < 0.8
    assert ssim(other, truth) < 0.95


def test_gmsd_is_zero_for_equal_pictures_and_grows_with_damage() -> None:
    truth = picture()
    noise = np.random.default_rng(3).normal(0, 1, truth.shape).astype(np.float32)

    values = [gmsd(truth + sigma * noise, truth) for sigma in (0.0, 0.02, 0.1, 0.3)]

    assert values[0] == 0
    assert values == sorted(values)
    assert values[-1] > 0.1


def test_gmsd_sees_a_blur_that_a_change_of_brightness_of_equal_psnr_does_not_make() -> None:
    truth = picture(7, 48, 66)
    kernel = np.ones(5) / 5
    blurred = np.apply_along_axis(lambda row: np.convolve(np.pad(row, 2, mode="edge"), kernel, "valid"), 1, truth)
    offset = float(np.sqrt(np.square(blurred - truth).mean()))

    assert psnr((truth + offset)[None], truth[None]).clip_db == pytest.approx(
        psnr(blurred[None], truth[None]).clip_db, abs=1e-3
    )
    assert gmsd(truth + np.float32(offset), truth) < 1e-5
    assert gmsd(blurred.astype(np.float32), truth) > 0.03


def test_gmsd_of_one_step_edge_worked_by_hand() -> None:
    """A step of luma 1 at column 4 of the halved picture against a flat one: gradient 1 in two of eight columns."""
    truth = np.zeros((12, 16, 3), np.float32)
    other = truth.copy()
    other[:, 8:] = 1
    c = 170 / 255**2
    low, share = c / (1 + c), 2 / 8

    expected = (1 - low) * math.sqrt(share * (1 - share))

    assert gmsd(other, truth) == pytest.approx(expected, rel=1e-5)


def test_gmsd_counts_only_blocks_inside_its_region() -> None:
    truth, mask = picture(), np.zeros((24, 37), np.bool_)
    mask[:, :20] = True
    other = truth.copy()
    other[:, 24:] = 0.5

    assert gmsd(other, truth, mask=mask) == 0
    assert gmsd(other, truth, mask=~mask) > 0.01


@pytest.mark.parametrize(("x", "expected"), [(55, False), (56, True)])
def test_the_background_keeps_clear_of_the_matte_by_three_percent_of_the_longer_side(x: int, expected: bool) -> None:
    """200 px wide: 6 px. The matte ends at column 49, however faint it is there."""
    matte = np.zeros((100, 200), np.float32)
    matte[:, 40:50] = 0.03

    assert background_of(matte)[50, x] == expected


def test_noise_of_a_codec_in_a_matte_is_still_background() -> None:
    matte = np.abs(np.random.default_rng(3).normal(0, 0.004, (60, 90))).astype(np.float32).clip(0, 0.02)
    matte[20:30, 30:45] = 1

    assert background_of(matte)[45:].all()
    assert not background_of(matte)[20:30, 30:45].any()


def test_an_untouched_background_has_an_ssim_of_one_however_small_the_frame() -> None:
    """3 % of 37 px is 1.1 px, less than the 3 that a window of SSIM reaches."""
    truth, matte = picture(), np.zeros((24, 37), np.float32)
    matte[8:12, 10:20] = 1
    edited = np.where(matte[..., None] > 0, 1 - truth, truth)

    assert ssim(edited, truth, mask=background_of(matte)) == pytest.approx(1, abs=1e-12)
    assert ssim(edited, truth, mask=matte == 0) < 0.95


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="psnr: mask must be true somewhere, got 2664 times false"):
        psnr(clip(), clip(1), mask=np.zeros((3, 24, 37), np.bool_))
    with pytest.raises(ShapeError, match=r"psnr: frames must be \(3, 24, 37, 3\), got \(2, 24, 37, 3\)"):
        psnr(clip()[:2], clip())
    with pytest.raises(ShapeError, match=r"psnr: picture must be \(24, 37, 3\), got \(24, 36, 3\)"):
        squared_error(picture()[:, 1:], picture())
    with pytest.raises(ShapeError, match=r"ssim: mask must be \(24, 37\), got \(24, 36\)"):
        ssim(picture(), picture(), mask=np.ones((24, 36), np.bool_))
    with pytest.raises(ShapeError, match=r"ssim: pictures must be at least 7 px a side, got \(6, 9\); measure larger"):
        ssim(picture()[:6, :9], picture()[:6, :9])
    with pytest.raises(UsageError, match="ssim: mask inside the border of 3 px must be true somewhere, got 888 times"):
        ssim(picture(), picture(), mask=np.zeros((24, 37), np.bool_))
    with pytest.raises(UsageError, match="gmsd: mask at half size must be true somewhere, got 216 times false"):
        gmsd(picture(), picture(), mask=np.zeros((24, 37), np.bool_))
