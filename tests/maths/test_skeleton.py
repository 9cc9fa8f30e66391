"""Drawn skeletons: where, how wide, in which colours."""

import numpy as np
import pytest

from shotgraph.maths.skeleton import LIMBS, drawn

NECK, RIGHT_SHOULDER, LEFT_SHOULDER = 1, 2, 5


def pose(**places: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """((1, 18, 2), (1, 18)): joints by ``jN``, sure; all others unseen."""
    points, scores = np.zeros((1, 18, 2), np.float32), np.zeros((1, 18), np.float32)
    for name, place in places.items():
        points[0, int(name[1:])], scores[0, int(name[1:])] = place, 1
    return points, scores


def test_a_limb_joins_its_two_joints_in_its_own_colour_and_joints_lie_on_top_in_theirs() -> None:
    # Neck to right shoulder is OpenPose's first limb: red, at 0.6; joint 1 is (255, 85, 0), joint 2 (255, 170, 0).
    picture = drawn(*pose(j1=(70, 20), j2=(20, 20)), height=64, width=96, least=0.5)

    assert picture.shape == (64, 96, 3)
    assert picture.dtype == np.float32
    assert picture[20, 45] == pytest.approx((0.6, 0, 0), abs=1e-6)
    assert picture[20, 70] == pytest.approx((1, 85 / 255, 0))
    assert picture[20, 20] == pytest.approx((1, 170 / 255, 0))
    assert picture[30:].max() == 0


def test_every_limb_is_drawn_between_joints_of_its_own() -> None:
    for a, b in LIMBS:
        picture = drawn(*pose(**{f"j{a}": (10, 12), f"j{b}": (50, 30)}), height=40, width=60, least=0.5)
        assert picture[21, 30].max() == pytest.approx(0.6, abs=0.01)
    no_limb = drawn(*pose(j4=(10, 12), j7=(50, 30)), height=40, width=60, least=0.5)
    assert no_limb[21, 30].max() == 0


@pytest.mark.parametrize(("height", "width", "half_px"), [(512, 600, 4), (1024, 2000, 8), (96, 128, 1)])
def test_limbs_are_four_of_512_pixels_wide_on_either_side(height: int, width: int, half_px: int) -> None:
    picture = drawn(
        *pose(j1=(width * 0.2, height / 2), j2=(width * 0.8, height / 2)), height=height, width=width, least=0.5
    )

    column = np.flatnonzero(picture[:, width // 2, 0] > 0.55)
    assert column.tolist() == list(range(height // 2 - half_px, height // 2 + half_px + 1))


def test_a_joint_below_the_score_takes_its_limbs_with_it() -> None:
    points, scores = pose(j1=(30, 20), j2=(10, 20), j5=(50, 20))
    scores[0, LEFT_SHOULDER] = 0.4

    half, full = (drawn(points, scores, height=40, width=64, least=least) for least in (0.5, 0.4))

    assert half[20, 20].max() > 0
    assert half[20, 36:].max() == 0
    assert full[20, 40].max() > 0


def test_a_joint_without_a_place_is_not_drawn() -> None:
    points, scores = pose(j1=(30, 20), j2=(10, 20))
    points[0, RIGHT_SHOULDER, 0] = np.nan

    picture = drawn(points, scores, height=40, width=64, least=0.5)

    np.testing.assert_array_equal(picture, drawn(*pose(j1=(30, 20)), height=40, width=64, least=0.5))


def test_places_between_pixels_move_a_joint() -> None:
    left, right = (drawn(*pose(j1=(20 + x, 10)), height=24, width=48, least=0.5)[..., 0] for x in (0.0, 0.5))
    columns = np.arange(48)

    centres = [(plane * columns).sum() / plane.sum() for plane in (left, right)]

    assert centres[1] - centres[0] == pytest.approx(0.5, abs=0.15)


def test_what_lies_outside_is_cut_off() -> None:
    picture = drawn(*pose(j1=(30, 20), j2=(-300, 20), j5=(5000, 20)), height=40, width=64, least=0.5)

    assert picture[20, 0].max() > 0
    assert picture[20, 63].max() > 0
    assert picture[:10].max() == picture[30:].max() == 0


def test_nobody_is_black_and_everybody_is_drawn() -> None:
    nobody = drawn(np.zeros((0, 18, 2), np.float32), np.zeros((0, 18), np.float32), height=7, width=5, least=0.5)
    pairs = [pose(j1=(10, 10)), pose(j1=(40, 30))]
    both = drawn(*(np.concatenate(parts) for parts in zip(*pairs, strict=True)), height=40, width=60, least=0.5)

    assert nobody.shape == (7, 5, 3)
    assert nobody.max() == 0
    assert both[10, 10].max() == both[30, 40].max() == 1
