"""The way from plate to model and back keeps what the model did not change."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.diffusion.plates import coverage_of, detail_transferred, shown, work_size


def ramp(height: int, width: int, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack((x / width, y / height, (x + y) / (width + height), (x + 1) / (width + 1))[:channels], axis=-1)


@pytest.mark.parametrize(
    ("plate", "side", "expected"),
    [
        ((1920, 1080), 512, (680, 384)),
        ((1080, 1920), 512, (384, 680)),
        ((128, 128), 128, (128, 128)),
        ((64, 48), 128, (144, 112)),
        ((5, 3000), 128, (8, 3136)),
    ],
)
def test_the_work_size_has_the_models_area_and_the_plates_aspect(
    plate: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    assert work_size(*plate, area_px=side * side, multiple_px=8) == expected


def test_anamorphic_pixels_are_shown_as_wide_as_they_are() -> None:
    # 1440 x 1080 at 4:3 pixels is 16:9.
    assert work_size(1440, 1080, area_px=512**2, multiple_px=8, sar=Fraction(4, 3)) == (680, 384)


@settings(max_examples=60, deadline=None)
@given(width=st.integers(64, 8192), height=st.integers(64, 8192), side=st.sampled_from([128, 512, 1024]))
def test_any_plate_gets_sides_the_model_takes(width: int, height: int, side: int) -> None:
    columns, rows = work_size(width, height, area_px=side**2, multiple_px=8)

    assert columns % 8 == rows % 8 == 0
    # Of the plate's aspect and the model's area, but for rounding, which moves a side by half a multiple.
    exact = side * math.sqrt(width / height), side * math.sqrt(height / width)
    for found, wanted in zip((columns, rows), exact, strict=True):
        assert abs(found - wanted) <= 4 + 1e-6 or found == 8 > wanted


def test_a_model_sees_values_between_0_and_1_and_nan_as_black() -> None:
    plate = 3 * ramp(8, 12, 4) - 1
    plate[2, 3] = np.nan

    same = shown(plate, width=12, height=8)
    larger = shown(plate, width=24, height=16)

    assert same.shape == (8, 12, 3)
    assert same[2, 3].tolist() == [0, 0, 0]
    assert np.array_equal(same[0], np.clip(plate[0, :, :3], 0, 1))
    assert larger.shape == (16, 24, 3)
    assert 0 <= larger.min() <= larger.max() <= 1


def test_a_model_that_changes_nothing_leaves_every_bit() -> None:
    plate, seen = 3 * ramp(9, 13, 4), ramp(16, 24)

    assert detail_transferred(plate, seen, seen).tobytes() == plate.tobytes()


def test_at_the_plates_own_size_the_result_is_the_edit() -> None:
    plate, after = ramp(8, 12), ramp(8, 12)[::-1].copy()

    assert np.allclose(detail_transferred(plate, plate, after), after, atol=1e-6)


def test_a_uniform_change_arrives_as_it_was_on_top_of_the_plate() -> None:
    plate, before = 4 * ramp(9, 13), ramp(16, 8)
    change = np.array([0.1, -0.2, 0.3], np.float32)

    out = detail_transferred(plate, before, before + change)

    assert np.allclose(out - plate, change, atol=1e-5)


def test_coverage_scales_the_change_and_0_keeps_the_bits() -> None:
    plate, before = ramp(9, 13, 4), ramp(16, 8)
    plate[0, 0, :3] = np.nan
    plate[0, 1, :3] = -0.0
    coverage = np.zeros((9, 13), np.float32)
    coverage[3:6, 4:9] = 0.5

    out = detail_transferred(plate, before, before + 1, coverage=coverage)

    untouched = coverage == 0
    assert out[untouched].tobytes() == plate[untouched].tobytes()
    assert np.allclose((out - plate)[~untouched], [0.5, 0.5, 0.5, 0], atol=1e-5)


def test_coverage_is_the_matte_and_for_premultiplied_colour_its_alpha_too() -> None:
    plate, matte = ramp(2, 3, 4), np.array([[0, 0.5, 1], [2, -1, 1]], np.float32)
    alpha = plate[..., 3]

    assert coverage_of(plate[..., :3], None, premultiplied=True) is None
    assert coverage_of(plate, None, premultiplied=False) is None
    both = coverage_of(plate, matte, premultiplied=True)
    straight = coverage_of(plate, matte, premultiplied=False)
    alone = coverage_of(plate, None, premultiplied=True)

    assert straight is not None
    assert straight.tolist() == [[0, 0.5, 1], [1, 0, 1]]
    assert np.array_equal(both, straight * alpha)
    assert np.array_equal(alone, alpha)
