"""Image files as float RGB with straight alpha."""

from pathlib import Path

import numpy as np
import pytest
from small_shots import write_image

from shotgraph.errors import MediaMissingError
from shotgraph.io.pictures import read_picture

COLOURS = np.array([[[0.4, 0.2, 0.1], [0.9, 0.6, 0.3], [0.5, 0.1, 0.7]]], np.float32)
ALPHA = np.array([[[0.5], [1], [0]]], np.float32)


def test_exr_is_divided_by_its_alpha_and_was_no_integers(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.exr", np.concatenate((COLOURS * ALPHA, ALPHA), axis=-1))

    picture, coded = read_picture(path)

    assert not coded
    np.testing.assert_allclose(picture[0, :2, :3], COLOURS[0, :2], rtol=1e-6)
    np.testing.assert_array_equal(picture[..., 3:], ALPHA)
    assert picture[0, 2].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("kind", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_png_keeps_its_colour_under_alpha_and_was_integers(tmp_path: Path, kind: type, top: int) -> None:
    codes = np.rint(np.concatenate((COLOURS, ALPHA), axis=-1) * top).astype(kind)
    path = write_image(tmp_path / "a.png", codes, alpha=True)

    picture, coded = read_picture(path)

    assert coded
    np.testing.assert_allclose(picture, codes / np.float32(top), rtol=1e-6)


def test_without_alpha_there_are_three_channels(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.exr", COLOURS * 3)

    picture, _ = read_picture(path)

    np.testing.assert_array_equal(picture, COLOURS * 3)


def test_a_picture_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"gone\.png"):
        read_picture(tmp_path / "gone.png")
