"""What other programs' motion vectors mean, and vectors turned round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from shotgraph.maths.flow import occlusion
from shotgraph.maths.vectors import Convention, Difference, way_back
from shotgraph.maths.warp import leaves_frame, pixel_grid, sample


def plane(value: float, height: int = 3, width: int = 10) -> NDArray[np.float32]:
    return np.full((height, width), value, np.float32)


def shifted(x: float, y: float, *, height: int = 9, width: int = 16) -> NDArray[np.float32]:
    return np.stack((plane(x, height, width), plane(y, height, width)), axis=-1)


@pytest.mark.parametrize(
    ("convention", "u", "v", "expected"),
    [
        (Convention(), 2.0, 3.0, (2, -3)),
        (Convention(y="down"), 2.0, 3.0, (2, 3)),
        (Convention(difference="this_minus_other"), 2.0, 3.0, (-2, 3)),
        (Convention(scale=2.0), 2.0, 3.0, (4, -6)),
        # Of 10 x 3 pixels: a fifth of the width is 2, a third of the height 1.
        (Convention(coding="signed"), 0.2, 1 / 3, (2, -1)),
        (Convention(coding="unsigned"), 0.6, 2 / 3, (2, -1)),
        (Convention(coding="unsigned", y="down", scale=0.5), 0.6, 2 / 3, (1, 0.5)),
        (Convention(coding="unsigned"), 0.5, 0.5, (0, 0)),
    ],
)
def test_every_part_of_a_convention_changes_the_vectors_as_it_says(
    convention: Convention, u: float, v: float, expected: tuple[float, float]
) -> None:
    vectors = convention.vectors(plane(u), plane(v), to_later=True)

    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.broadcast_to(np.float32(expected), (3, 10, 2)), atol=1e-6)


@pytest.mark.parametrize(
    ("difference", "to_later", "to_earlier"),
    [
        ("other_minus_this", 1, 1),
        ("this_minus_other", -1, -1),
        ("later_minus_earlier", 1, -1),
        ("earlier_minus_later", -1, 1),
    ],
)
def test_what_is_subtracted_from_what_decides_the_sign_of_each_way(
    difference: Difference, to_later: int, to_earlier: int
) -> None:
    convention = Convention(difference=difference, y="down")

    for later, sign in ((True, to_later), (False, to_earlier)):
        vectors = convention.vectors(plane(2.0), plane(3.0), to_later=later)
        np.testing.assert_array_equal(vectors[0, 0], (2 * sign, 3 * sign))


def test_the_default_convention_undoes_itself_bit_for_bit() -> None:
    u, v = np.random.default_rng(1).normal(0, 9, (2, 5, 7)).astype(np.float32)

    once = Convention().vectors(u, v, to_later=True)
    twice = Convention().vectors(once[..., 0], once[..., 1], to_later=False)

    np.testing.assert_array_equal(twice, np.stack((u, v), axis=-1))
    assert not np.array_equal(once, twice)


@given(st.integers(-4, 4), st.integers(-3, 3))
def test_a_whole_shift_is_turned_round_exactly(x: int, y: int) -> None:
    np.testing.assert_array_equal(way_back(shifted(x, y)), shifted(-x, -y))


@given(
    st.floats(0.8, 1.25),
    st.floats(-0.2, 0.2),
    st.floats(-6, 6),
    st.floats(-6, 6),
    st.sampled_from([(24, 40), (31, 17)]),
)
def test_a_smooth_flow_comes_back_to_where_it_began(
    zoom: float, shear: float, x: float, y: float, size: tuple[int, int]
) -> None:
    grid = pixel_grid(*size).astype(np.float64)
    moved = grid @ np.array([[zoom, shear], [-shear, zoom]]) + (x, y)
    flow = (moved - grid).astype(np.float32)

    back = way_back(flow)

    target = pixel_grid(*size) + flow
    inner = ~leaves_frame(target, height=size[0], width=size[1])
    returned = flow + sample(back, target, kernel="linear")
    # The mean of four neighbours is not quite their middle: within a neighbour's difference.
    assert np.abs(returned[inner]).max(initial=0) <= 0.5
    assert np.isfinite(back).all()


def test_the_same_vectors_with_the_other_sign_would_not_do() -> None:
    grid = pixel_grid(24, 40)
    flow = (1.2 * grid + (2, 1) - grid).astype(np.float32)
    target = grid + flow
    inner = ~leaves_frame(target, height=24, width=40)

    errors = [np.abs(flow + sample(back, target, kernel="linear"))[inner].max() for back in (way_back(flow), -flow)]

    assert errors[0] < 0.2
    assert errors[1] > 0.9


def test_turned_round_vectors_agree_with_the_true_ones_where_the_surface_is_seen() -> None:
    # A square of 8 px moves right by 5 over a ground that moves left by 1.
    flow = shifted(-1, 0, height=24, width=40)
    flow[8:16, 10:18] = (5, 0)
    truth = shifted(1, 0, height=24, width=40)
    truth[8:16, 15:23] = (-5, 0)
    # What the square uncovers, and what comes in at the right, was not seen.
    unseen = np.zeros((24, 40), bool)
    unseen[8:16, 9:15] = unseen[:, 39:] = True

    back = way_back(flow)

    np.testing.assert_array_equal(back[~unseen], truth[~unseen])
    hidden = occlusion(flow, back)
    expected = np.zeros((24, 40), bool)
    expected[8:16, 18:24] = expected[:, 0] = True
    np.testing.assert_array_equal(hidden, expected)


def test_the_faster_of_two_surfaces_is_taken_for_the_nearer() -> None:
    # The ground slides under a square that stands still: this is the case that it gets wrong.
    flow = shifted(3, 0, height=12, width=20)
    flow[4:8, 8:12] = 0

    back = way_back(flow)

    assert (back[4:8, 8:11, 0] == -3).all()
    assert (back[4:8, 11, 0] == 0).all()


def test_unknown_vectors_say_nothing_and_nothing_stays_unknown() -> None:
    flow = shifted(2, 1)
    flow[3:5, 4:7] = np.nan

    np.testing.assert_array_equal(way_back(flow), shifted(-2, -1))
    np.testing.assert_array_equal(way_back(np.full_like(flow, np.nan)), shifted(0, 0))


def test_vectors_that_all_leave_the_frame_give_no_way_back() -> None:
    np.testing.assert_array_equal(way_back(shifted(100, 0)), shifted(0, 0))
