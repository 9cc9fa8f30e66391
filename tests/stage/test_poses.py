"""Where things are: moves by hand, and ways there and back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage_clips import lively

from shotgraph.stage.layers import layers_of
from shotgraph.stage.poses import apply, camera_view, inverse, motion_pose, rotation, slanting, translation
from shotgraph.stage.spec import Camera, Motion
from shotgraph.stage.vocabulary import CAMERAS, MOTIONS

WIDTH, HEIGHT = 96, 64


def moved(matrix: Any, x: float, y: float) -> tuple[float, float]:
    new_x, new_y = apply(matrix, np.array(x), np.array(y))
    return float(new_x), float(new_y)


@pytest.mark.parametrize("name", MOTIONS)
def test_every_motion_starts_where_the_object_is(name: Any) -> None:
    pose = motion_pose(Motion(name=name, speed=3.0, phase=0.7), 0.0, radius_px=20.0)

    assert pose == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("name", CAMERAS)
def test_every_camera_starts_where_the_world_is(name: Any) -> None:
    view = camera_view(Camera(name=name, speed=3.0, phase=0.7), 0.0, 2.0, width=WIDTH, height=HEIGHT)

    assert view == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("still", (7, 5)),
        ("left", (1, 5)),
        ("right", (13, 5)),
        ("up", (7, -1)),
        ("down", (7, 11)),
        # A quarter of the rim's way: 2 px a frame, 3 frames, on a rim of 20 px.
        ("spins", (7 * math.cos(0.3) - 5 * math.sin(0.3), 7 * math.sin(0.3) + 5 * math.cos(0.3))),
        ("grows", (7 * 1.15, 5 * 1.15)),
    ],
)
def test_a_motion_takes_a_point_where_its_word_says(name: Any, expected: tuple[float, float]) -> None:
    pose = motion_pose(Motion(name=name, speed=2.0), 3.0, radius_px=20.0)

    assert moved(pose, 7.0, 5.0) == pytest.approx(expected)


def test_a_zigzag_drifts_while_it_swings_and_a_bounce_goes_up_first() -> None:
    zigzag = [moved(motion_pose(Motion(name="zigzags", speed=2.0), t, radius_px=9.0), 0, 0) for t in range(10)]
    bounce = [moved(motion_pose(Motion(name="bounces", speed=2.0), t, radius_px=9.0), 0, 0) for t in range(20)]

    assert [x for x, _ in zigzag] == pytest.approx([1.2 * t for t in range(10)])
    assert len({y > 0 for _, y in zigzag[1:]}) == 2
    assert all(y < 0 for _, y in bounce[1:])
    assert min(y for _, y in bounce) == pytest.approx(-10, abs=0.2)


def test_a_circle_comes_back_after_its_period() -> None:
    motion = Motion(name="circles", speed=2.0, phase=1.0)

    half, whole = (moved(motion_pose(motion, turns * 2 * math.pi / 0.25, radius_px=9.0), 0, 0) for turns in (0.5, 1.0))

    assert whole == pytest.approx((0, 0), abs=1e-9)
    # The radius is four times the speed.
    assert math.hypot(*half) == pytest.approx(16)


def test_a_near_plane_passes_a_far_one_by_the_ratio_of_depths() -> None:
    camera = Camera(name="right", speed=3.0)

    near, far = (moved(camera_view(camera, 4.0, depth, width=WIDTH, height=HEIGHT), 50.0, 20.0) for depth in (1.0, 4.0))

    assert near == pytest.approx((50 - 12, 20))
    assert far == pytest.approx((50 - 3, 20))


def test_a_zoom_keeps_the_centre_and_moves_the_edge() -> None:
    view = camera_view(Camera(name="zooms", speed=1.5), 2.0, 3.0, width=WIDTH, height=HEIGHT)

    assert moved(view, 47.5, 31.5) == pytest.approx((47.5, 31.5))
    assert moved(view, 47.5 + 48, 31.5) == pytest.approx((47.5 + 48 + 3, 31.5))


def test_a_slanted_plane_recedes_upwards() -> None:
    plane = slanting(0.01)

    # At v = -50 the plane is half as far again: everything there is two thirds as large.
    assert moved(plane, 30.0, -50.0) == pytest.approx((20, -100 / 3))
    assert moved(plane, 30.0, 50.0) == pytest.approx((60, 100))


@given(
    st.floats(-3, 3),
    st.floats(-50, 50),
    st.floats(-50, 50),
    st.floats(0, 0.004),
    st.floats(-60, 60),
    st.floats(-60, 60),
)
def test_a_homography_and_its_inverse_lead_back(
    angle: float, dx: float, dy: float, slant: float, x: float, y: float
) -> None:
    matrix = translation(dx, dy) @ rotation(angle) @ slanting(slant)

    assert moved(inverse(matrix), *moved(matrix, x, y)) == pytest.approx((x, y), abs=1e-7)


@given(st.floats(0, 5), st.floats(0, WIDTH - 1), st.floats(0, HEIGHT - 1))
def test_every_layer_leads_from_the_frame_to_itself_and_back(time: float, x: float, y: float) -> None:
    for layer in layers_of(lively()):
        u, v = layer.to_local(np.array(x), np.array(y), time)

        there = layer.to_frame(u, v, time)

        assert (float(there[0]), float(there[1])) == pytest.approx((x, y), abs=1e-7)
