import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.flicker import object_colours, object_flicker


def ramp(gain: float = 1.0, shift_px: float = 0.0) -> np.ndarray:
    """(12, 20, 3): red grows with x, green with y, as an object that has moved by `shift_px` along x shows it."""
    y, x = np.mgrid[:12, :20].astype(np.float32)
    return gain * np.stack([(x - shift_px) * 0.03, y * 0.05, np.full_like(x, 0.5)], axis=-1)


PLACES = np.array([[6.0, 3.0], [8.5, 7.25], [11.0, 5.0]])


def moving(shifts: tuple[float, ...], gains: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames = np.stack([ramp(gain, shift) for shift, gain in zip(shifts, gains, strict=True)])
    places = np.stack([PLACES + np.array([shift, 0]) for shift in shifts])
    return frames, places, np.ones(places.shape[:2], np.bool_)


def test_colours_are_read_where_the_object_is() -> None:
    frames, places, _ = moving((0, 1.5, 3), (1, 1, 1))

    colours = object_colours(frames, places)

    assert np.allclose(
        colours, np.broadcast_to([[0.18, 0.15, 0.5], [0.255, 0.3625, 0.5], [0.33, 0.25, 0.5]], (3, 3, 3))
    )


def test_an_object_that_only_moves_does_not_flicker() -> None:
    assert object_flicker(*moving((0, 1.5, 3), (1, 1, 1))) == pytest.approx(0, abs=1e-6)


def test_what_moves_without_being_followed_seems_to_flicker() -> None:
    frames, places, seen = moving((0, 1.5, 3), (1, 1, 1))

    assert object_flicker(frames, np.repeat(places[:1], 3, axis=0), seen) > 0.005


def test_flicker_is_the_deviation_over_time_meant_over_points_and_channels() -> None:
    frames, places, seen = moving((0, 2), (0.9, 1.1))
    colours = np.array([[0.18, 0.15, 0.5], [0.255, 0.3625, 0.5], [0.33, 0.25, 0.5]])

    assert object_flicker(frames, places, seen) == pytest.approx(0.1 * colours.mean(), rel=1e-4)


def test_points_out_of_sight_do_not_count() -> None:
    frames, places, seen = moving((0, 1, 2), (1, 1, 5))
    seen[2] = False
    seen[1:, 2] = False

    assert object_flicker(frames, places, seen) == pytest.approx(0, abs=1e-6)
    with pytest.raises(UsageError, match="flicker: a point seen in two frames must be true somewhere, got 3 times"):
        object_flicker(frames, places, seen & (np.arange(3) == 0)[:, None])
    with pytest.raises(ShapeError, match=r"flicker: places must be \(3, N, 2\), got \(2, 3, 2\)"):
        object_flicker(frames, places[:2], seen)
