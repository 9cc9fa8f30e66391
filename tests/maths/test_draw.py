"""Text boxes."""

import numpy as np
import pytest

from shotgraph.maths.draw import box_of, burn, text_tile


def noise(height: int = 90, width: int = 260, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(4).random((height, width, channels), dtype=np.float32)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("top_left", (5, 5, 45, 25)),
        ("top_right", (155, 5, 195, 25)),
        ("bottom_left", (5, 75, 45, 95)),
        ("bottom_right", (155, 75, 195, 95)),
        ("top", (80, 5, 120, 25)),
        ("bottom", (80, 75, 120, 95)),
    ],
)
def test_a_box_hangs_on_its_anchor(anchor: str, expected: tuple[int, int, int, int]) -> None:
    assert box_of(anchor, box=(40, 20), frame=(200, 100), margin_px=5) == expected


def test_a_box_wider_than_the_frame_is_cut() -> None:
    assert box_of("top_right", box=(300, 20), frame=(200, 100), margin_px=5) == (0, 5, 200, 25)


def test_a_tile_holds_text_inside_its_margins() -> None:
    tile = text_tile("01:00:00:00", height_px=24)

    assert tile.shape[0] == 24
    assert tile.max() > 0.9
    assert (tile[:, :4] == 0).all()
    assert (tile[:2] == 0).all()
    assert (tile[-2:] == 0).all()


def test_longer_text_makes_a_wider_tile() -> None:
    assert text_tile("1001-1100", height_px=20).shape[1] > text_tile("1001", height_px=20).shape[1]


@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_outside_the_box_keep_their_bits(channels: int) -> None:
    picture = noise(channels=channels)

    burned = burn(picture, "1001", anchor="bottom_right", height_px=20, opacity=0.6)

    box = (text_tile("1001", height_px=20).shape[1], 20)
    left, top, right, bottom = box_of("bottom_right", box=box, frame=(260, 90), margin_px=10)
    outside = np.ones(picture.shape[:2], bool)
    outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(burned[outside], picture[outside])
    assert (burned[~outside] != picture[~outside]).any(axis=-1).mean() > 0.9


def test_the_box_darkens_and_its_text_is_white() -> None:
    picture = np.full((60, 200, 4), 0.5, np.float32)

    burned = burn(picture, "HHHH", anchor="top_left", height_px=24, opacity=0.6)

    area = burned[12:36, 12:60]
    assert area[0, 0].tolist() == pytest.approx([0.2, 0.2, 0.2, 1])
    assert area[..., :3].max() > 0.9
    assert picture.min() == 0.5


def test_no_text_is_no_box() -> None:
    picture = noise()

    assert burn(picture, "", anchor="top", height_px=20, opacity=1.0) is picture
