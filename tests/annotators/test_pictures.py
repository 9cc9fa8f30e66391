"""Pictures as networks take them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.annotators.pictures import planes_of, seen_size


def test_channels_come_first_without_alpha_and_clamped() -> None:
    picture = np.zeros((2, 3, 4), np.float32)
    picture[1, 2] = (-0.5, 0.25, 1.5, 0.1)

    planes = planes_of(picture)

    assert planes.shape == (3, 2, 3)
    assert planes.is_contiguous()
    assert planes[:, 1, 2].tolist() == [0.0, 0.25, 1.0]
    assert torch.equal(planes_of(np.stack([picture, picture * 0]))[0], planes)


@pytest.mark.parametrize(
    ("height", "width", "shorter", "multiple", "seen"),
    [
        (1080, 1920, 512, 64, (512, 896)),
        (1920, 1080, 512, 64, (896, 512)),
        (40, 56, 100, 64, (128, 128)),
        (3, 400, 64, 64, (64, 8512)),
        (1, 1, 384, 32, (384, 384)),
        (64, 64, 10, 32, (32, 32)),
    ],
)
def test_the_shorter_side_is_as_asked_in_multiples(
    height: int, width: int, shorter: int, multiple: int, seen: tuple[int, int]
) -> None:
    assert seen_size(height, width, shorter_px=shorter, multiple_px=multiple) == seen


@given(st.integers(1, 4000), st.integers(1, 4000), st.integers(32, 1024), st.sampled_from([8, 14, 32, 64]))
def test_sides_are_multiples_and_change_places_with_the_picture(
    height: int, width: int, shorter: int, multiple: int
) -> None:
    rows, columns = seen_size(height, width, shorter_px=shorter, multiple_px=multiple)

    assert rows % multiple == columns % multiple == 0
    assert min(rows, columns) >= multiple
    assert abs(min(rows, columns) - shorter) <= max(multiple / 2, multiple - shorter)
    assert seen_size(width, height, shorter_px=shorter, multiple_px=multiple) == (columns, rows)
