"""Silhouettes: on which side of the rim a point lies, and how far from it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.stage.shapes import capsule, coverage, distance_of
from shotgraph.stage.vocabulary import SHAPES

RADIUS_PX = 20.0


def at(shape: Any, *points: tuple[float, float]) -> list[float]:
    u, v = (np.array([point[axis] for point in points], np.float32) for axis in (0, 1))
    return [float(value) for value in distance_of(shape, RADIUS_PX)(u, v)]


@pytest.mark.parametrize(
    ("shape", "inside", "outside"),
    [
        ("circle", (0, 18), (0, 18.8)),
        ("square", (15.5, -15.5), (16.5, 0)),
        ("triangle", (0, -19), (0, 11)),
        ("triangle", (15, 9), (15, -9)),
        ("star", (0, -19), (0, 19)),
        ("ring", (0, 14), (0, 0)),
        ("cross", (18.5, 0), (12, 12)),
    ],
)
def test_a_point_of_the_shape_is_negative_and_one_beside_it_positive(
    shape: Any, inside: tuple[float, float], outside: tuple[float, float]
) -> None:
    within, beyond = at(shape, inside, outside)

    assert within < 0 < beyond


def test_distances_are_those_of_geometry() -> None:
    assert at("circle", (3, 4)) == pytest.approx([5 - 18.4], abs=1e-4)
    assert at("square", (16, 20), (19, 20)) == pytest.approx([4, 5], abs=1e-4)
    assert at("ring", (14, 0), (0, 30)) == pytest.approx([-5, 11], abs=1e-4)
    assert at("triangle", (0, 15)) == pytest.approx([5], abs=1e-4)
    assert at("star", (0, -26)) == pytest.approx([6], abs=1e-4)


@given(st.sampled_from(SHAPES), st.floats(0, 2 * math.pi))
def test_every_shape_ends_within_its_radius(shape: Any, angle: float) -> None:
    # The corner of a square of 0.8 radii is its farthest part.
    reach = RADIUS_PX * max(1.0, 0.8 * math.sqrt(2))

    (beyond,) = at(shape, ((reach + 0.01) * math.cos(angle), (reach + 0.01) * math.sin(angle)))

    assert beyond > 0


_places = st.floats(-40, 40, width=32)


@given(st.sampled_from(SHAPES), _places, _places, _places, _places)
def test_a_distance_changes_no_faster_than_the_place(shape: Any, x: float, y: float, dx: float, dy: float) -> None:
    first, second = at(shape, (x, y), (dx, dy))

    assert abs(first - second) <= math.hypot(x - dx, y - dy) + 1e-3


@given(st.floats(-200, 200, width=32), st.floats(0.125, 20, width=32))
def test_coverage_falls_from_one_to_zero_across_the_rim(distance: float, step: float) -> None:
    here, farther, mirrored = coverage(np.array([distance, distance + step, -distance], np.float32))

    assert 0 <= farther <= here <= 1
    assert here + mirrored == pytest.approx(1, abs=1e-6)


def test_a_capsule_is_round_at_both_ends() -> None:
    u, v = np.array([0, 3, 0, 4], np.float32), np.array([-3, 5, 14, 13], np.float32)

    assert capsule(u, v, 10.0, 2.0) == pytest.approx([1, 1, 2, 3], abs=1e-6)
