"""What moves against the camera: cues, and mattes made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.maths.moving import (
    Cues,
    Neighbour,
    carried,
    cleaned,
    cues_of,
    fill_enclosed,
    large_parts,
    moving,
    read,
    smoothed,
)
from shotgraph.maths.warp import pixel_grid, sample

HEIGHT, WIDTH = 40, 56
STILL = np.eye(3)


def waves(shift: tuple[float, float] = (0, 0), seed: int = 0) -> np.ndarray:
    """A smooth pattern that moved by `shift` (x, y)."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(WIDTH) - shift[0], np.arange(HEIGHT) - shift[1])
    picture = np.zeros((HEIGHT, WIDTH, 3))
    for _ in range(6):
        along = rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.5, 0.5) * y
        picture += np.cos(along[..., None] + rng.uniform(0, 2 * np.pi, 3))
    return (0.5 + 0.08 * picture).astype(np.float32)


def constant(x: float, y: float) -> np.ndarray:
    return np.tile(np.array([x, y], np.float32), (HEIGHT, WIDTH, 1))


def box(top: int, left: int, high: int, wide: int) -> np.ndarray:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[top : top + high, left : left + wide] = True
    return inside


def cues(*, camera: np.ndarray | float, flow: np.ndarray | float, away: np.ndarray | float = 1.0) -> Cues:
    planes = [np.broadcast_to(np.float32(value), (HEIGHT, WIDTH)).copy() for value in (camera, flow, away)]
    return Cues(*planes, usual=0.001)


# A patch of another texture that moves by (2, 0) over ground that moves by (-1, 1).
OBJECT, MOTION, PAN = box(12, 20, 16, 18), (2.0, 0.0), (-1.0, 1.0)


def shot(time: int) -> np.ndarray:
    owner = np.roll(OBJECT, round(MOTION[0]) * time, axis=1)[..., None]
    return np.where(owner, waves((2.0 * time, 0), seed=1), waves((-1.0 * time, 1.0 * time), seed=2))


def neighbour(side: int, *, flow: np.ndarray) -> Neighbour:
    camera = np.array([[1, 0, PAN[0] * side], [0, 1, PAN[1] * side], [0, 0, 1]])
    return Neighbour(smoothed(shot(side)), (flow * side).astype(np.float32), camera)


def true_flow() -> np.ndarray:
    return np.where(OBJECT[..., None], constant(*MOTION), constant(*PAN))


def share(matte: np.ndarray, where: np.ndarray) -> float:
    return float(matte[where].mean())


def test_what_goes_its_own_way_is_found_and_nothing_else() -> None:
    told = cues_of(smoothed(shot(0)), [neighbour(side, flow=true_flow()) for side in (-1, 1)])

    matte = moving(told, least_px=0.5)

    assert share(matte, box(14, 22, 12, 14)) > 0.7
    assert share(matte, ~box(9, 17, 22, 24)) == 0


def test_ground_that_flow_drags_along_stays_out() -> None:
    # Flow of a method that smooths: half the frame moves like the object.
    dragged = np.where(box(4, 10, 32, 40)[..., None], constant(*MOTION), constant(*PAN))
    told = cues_of(smoothed(shot(0)), [neighbour(side, flow=dragged) for side in (-1, 1)])

    matte = moving(told, least_px=0.5)

    assert share(told.away_px > 0.5, box(4, 10, 7, 40)) == 1
    assert share(matte, box(4, 10, 5, 40)) < 0.02
    assert share(matte, box(14, 22, 12, 14)) > 0.7


def test_what_one_neighbour_hides_the_other_shows() -> None:
    both = cues_of(smoothed(shot(0)), [neighbour(side, flow=true_flow()) for side in (-1, 1)])
    later = cues_of(smoothed(shot(0)), [neighbour(1, flow=true_flow())])

    # Ground that the object will cover: right of it.
    covered = box(15, 38, 10, 2)
    assert later.by_camera[covered].mean() > 3 * both.by_camera[covered].mean()


def test_motion_below_the_least_is_none() -> None:
    told = cues_of(smoothed(shot(0)), [neighbour(side, flow=true_flow()) for side in (-1, 1)])

    # The object is sqrt(10) px away from the camera.
    assert moving(told, least_px=3.1).any()
    assert not moving(told, least_px=3.2).any()


def test_a_neighbour_that_says_nothing_leaves_no_cue() -> None:
    told = cues_of(smoothed(shot(0)), [])

    assert np.isinf(told.by_camera).all()
    assert not moving(told, least_px=0.1).any()


def test_unknown_flow_does_not_move() -> None:
    flow = true_flow()
    flow[OBJECT] = np.nan
    told = cues_of(smoothed(shot(0)), [neighbour(side, flow=flow) for side in (-1, 1)])

    assert not moving(told, least_px=0.1)[OBJECT].any()


def test_grain_moves_nothing() -> None:
    rng = np.random.default_rng(4)
    frames = [smoothed(waves() + rng.normal(0, 0.03, (HEIGHT, WIDTH, 3)).astype(np.float32)) for _ in range(3)]
    flow = rng.normal(0, 1, (HEIGHT, WIDTH, 2)).astype(np.float32)

    told = cues_of(frames[0], [Neighbour(frame, flow, STILL) for frame in frames[1:]])

    assert told.usual > 0.005
    assert moving(told, least_px=0.1).mean() < 0.01


@pytest.mark.parametrize(
    ("camera", "flow", "expected"),
    [
        # Twice the usual difference, 0.002, and half a code of 8 bits, 0.00196, whichever is more.
        (0.0021, 0.0, 1),
        (0.0019, 0.0, 0),
        (0.021, 0.0126, 1),
        (0.021, 0.0128, 0),
    ],
)
def test_flow_has_to_explain_it_better_by_half_and_by_the_noise(camera: float, flow: float, expected: int) -> None:
    assert (moving(cues(camera=camera, flow=flow), least_px=0.5) == expected).all()


def test_an_edge_ends_where_its_difference_has_fallen_by_half() -> None:
    # Differences 0.1, 0.06, 0.04, 0.03, 0.01 along a row: each has its left neighbour beside it.
    camera = np.zeros((HEIGHT, WIDTH))
    camera[:, 20:25] = (0.1, 0.06, 0.04, 0.03, 0.01)

    row = moving(cues(camera=camera, flow=0.0), least_px=0.5)[5]

    assert np.flatnonzero(row).tolist() == [20, 21, 22, 23]


def test_a_hole_is_filled_where_flow_explains_it() -> None:
    ring = box(8, 10, 24, 30) & ~box(14, 18, 10, 12)

    filled = fill_enclosed(ring.astype(np.float32), cues(camera=0.02, flow=0.004), least_px=0.2)

    np.testing.assert_array_equal(filled, box(8, 10, 24, 30))


def test_a_hole_stays_open_where_the_camera_explains_it_better() -> None:
    ring = box(8, 10, 24, 30) & ~box(14, 18, 10, 12)

    # By half better, no less.
    for flow, expected in ((0.0160, ring), (0.0158, box(8, 10, 24, 30))):
        filled = fill_enclosed(ring.astype(np.float32), cues(camera=0.0106, flow=flow), least_px=0.2)
        np.testing.assert_array_equal(filled, expected)


@pytest.mark.parametrize(("rim", "is_open"), [(0.59, False), (0.61, True)])
def test_a_hole_stays_open_where_motion_breaks_off_at_its_rim_and_not_where_it_fades(rim: float, is_open: bool) -> None:
    hole = box(14, 18, 10, 12)
    ring = box(8, 10, 24, 30) & ~hole
    away = np.where(hole, 0.1, rim)

    filled = fill_enclosed(ring.astype(np.float32), cues(camera=0.003, flow=0.003, away=away), least_px=0.2)

    assert (filled[hole] == 0).all() == is_open


def test_what_touches_the_border_is_no_hole() -> None:
    bay = box(0, 10, 30, 30) & ~box(0, 18, 10, 12)

    filled = fill_enclosed(bay.astype(np.float32), cues(camera=0.02, flow=0.0), least_px=0.2)

    np.testing.assert_array_equal(filled, bay)


def test_gaps_are_closed_and_hairs_taken_away() -> None:
    halves = box(10, 8, 16, 12) | box(10, 24, 16, 12)
    hair = box(5, 45, 20, 1)
    plain = cues(camera=0.02, flow=0.0)

    near, far = (
        cleaned((halves | hair).astype(np.float32), plain, close_px=close_px, least_px=0.2) for close_px in (2.5, 1.0)
    )

    # Four pixels apart.
    assert share(near, box(12, 20, 12, 4)) == 1
    assert share(far, box(12, 20, 12, 4)) == 0
    assert share(near, hair) == share(far, hair) == 0


def test_parts_below_the_share_go() -> None:
    # 2240 pixels: a part of 12 is 0.54 %, one of 8 is 0.36 %.
    matte = (box(2, 2, 3, 4) | box(20, 20, 2, 4)).astype(np.float32)

    np.testing.assert_array_equal(large_parts(matte, least_share=0.005), box(2, 2, 3, 4))
    np.testing.assert_array_equal(large_parts(matte, least_share=0.003), matte)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_reading_is_linear_and_near_to_the_exact_one(x: float, y: float) -> None:
    picture, places = waves(), pixel_grid(HEIGHT, WIDTH) + np.array([x, y], np.float32)

    np.testing.assert_allclose(read(picture, places), sample(picture, places, kernel="linear"), atol=0.01)


def test_places_are_carried_and_lost() -> None:
    hidden = box(10, 30, 5, 5)
    step = constant(3, 1)
    step[20:25, 40:45] = np.nan

    places, known = carried(pixel_grid(HEIGHT, WIDTH) + 2, box(0, 0, HEIGHT, 50), step, hidden)

    np.testing.assert_allclose(places[5, 5], (10, 8))
    # Pixel (x, y) lies at (x + 2, y + 2): hidden there, unknown there, lost before, and out of the frame beyond.
    assert not known[9:12, 29:32].any()
    assert not known[19:22, 39:42].any()
    assert not known[:, 50:].any()
    assert known[30, :50].all()
    assert known[HEIGHT - 4, 5]
    assert not known[HEIGHT - 3, 5]


def test_pictures_are_clamped_and_nan_is_black() -> None:
    picture = np.full((9, 20, 4), 7.0, np.float32)
    picture[:, :10] = np.nan

    shown = smoothed(picture)

    assert shown.shape == (9, 20, 3)
    assert shown[4, 19] == pytest.approx((1, 1, 1))
    assert shown[4, 0] == pytest.approx((0, 0, 0))
