"""The judge's network: it is taught where the object is, and reads what it is in a window around that place."""

import numpy as np
import pytest
import torch

from shotgraph.stage.training.judge_data import UNSAID, Example, turned
from shotgraph.stage.training.judge_model import WINDOW_PX, expected_place, place_loss, window


def map_at(x: int, y: int, height: int = 12, width: int = 16) -> torch.Tensor:
    """(1, h, w) logarithms of probabilities that are all at one place."""
    logs = torch.full((1, height, width), -40.0)
    logs[0, y, x] = 0
    return logs


def test_the_expected_place_is_in_pixels_x_then_y() -> None:
    assert expected_place(map_at(5, 2))[0].tolist() == [40, 16]

    both = torch.logaddexp(map_at(5, 2), map_at(7, 4)) - np.log(2)
    assert expected_place(both)[0].tolist() == pytest.approx([48, 24])


def test_a_window_shows_what_lies_around_its_centre_and_repeats_the_border() -> None:
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    picture = torch.stack((x, y, x + y))[None]

    seen = window(picture, torch.tensor([[70.5, 40.5]]))
    beyond = window(picture, torch.tensor([[0.5, 95.5]]))

    assert seen.shape == (1, 3, WINDOW_PX, WINDOW_PX)
    assert torch.allclose(seen, picture[:, :, 9:73, 39:103], atol=1e-2)
    assert float(beyond[0, 0].min()) == pytest.approx(0, abs=1e-3)
    assert float(beyond[0, 1].max()) == pytest.approx(95, abs=1e-3)


def test_the_loss_is_least_where_the_object_is_and_leaves_out_what_has_none() -> None:
    centre = torch.tensor([[40.0, 16.0]])
    nowhere = torch.tensor([[np.nan, np.nan]])

    right, beside = place_loss(map_at(5, 2), centre), place_loss(map_at(6, 2), centre)
    mixed = place_loss(torch.cat((map_at(5, 2), map_at(0, 0))), torch.cat((centre, nowhere)))

    assert float(right) < 0.5 * float(beside)
    assert float(mixed) == pytest.approx(float(right))
    assert float(place_loss(map_at(5, 2), nowhere)) == 0


def test_a_place_turns_with_its_picture() -> None:
    picture = np.zeros((64, 64, 3), np.float32)
    picture[10, 40] = 1
    example = Example(picture, np.full(6, UNSAID), np.array([40, 10], np.float32))
    seen: set[tuple[int, int]] = set()

    for seed in range(40):
        again = turned(example, np.random.Generator(np.random.Philox(seed)))
        x, y = (int(value) for value in again.centre)
        assert again.picture[y, x].tolist() == [1, 1, 1]
        seen.add((x, y))

    assert len(seen) == 8
