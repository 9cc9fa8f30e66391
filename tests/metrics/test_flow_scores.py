import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import ShapeError
from shotgraph.metrics.flow import FlowScores, Overlap, flow_scores, interior_of, overlap

SHAPE = (4, 10)


def still() -> np.ndarray:
    return np.zeros((*SHAPE, 2))


def masks() -> tuple[np.ndarray, np.ndarray]:
    """Occluded: the first row. Interior: the last four columns."""
    occluded, interior = np.zeros(SHAPE, np.bool_), np.zeros(SHAPE, np.bool_)
    occluded[0], interior[:, 6:] = True, True
    return occluded, interior


def test_errors_are_told_apart_by_region() -> None:
    occluded, interior = masks()
    flow = still()
    flow[0] += (3, 4)
    flow[1:, :6] += (0, 2)
    flow[1:, 6:] += (1, 0)

    found = flow_scores(flow, still(), occluded=occluded, interior=interior)

    assert found.epe_px == pytest.approx((5 * 10 + 2 * 18 + 1 * 12) / 40)
    assert found.epe_visible_px == pytest.approx((2 * 18 + 1 * 12) / 30)
    assert found.epe_occluded_px == pytest.approx(5)
    assert found.epe_interior_px == pytest.approx((5 * 4 + 1 * 12) / 16)
    assert (found.fl_all, found.over_1px, found.over_3px) == (0.25, 0.7, 0.25)


@pytest.mark.parametrize(
    ("error", "length", "outlier"),
    [(2.9, 10, False), (3.1, 10, True), (3.1, 61, True), (3.1, 63, False), (3.2, 63, True)],
)
def test_an_outlier_is_off_absolutely_and_relatively(error: float, length: float, outlier: bool) -> None:
    truth, flow = still(), still()
    truth[..., 1], flow[..., 1] = length, length + error
    occluded, interior = masks()

    assert flow_scores(flow, truth, occluded=occluded, interior=interior).fl_all == float(outlier)


def test_the_angle_is_taken_in_three_dimensions() -> None:
    truth, flow = still(), still()
    flow[..., 0] = 1
    occluded, interior = masks()

    assert flow_scores(flow, truth, occluded=occluded, interior=interior).angular_error == pytest.approx(math.pi / 4)


def test_a_perfect_flow_and_a_region_without_pixels() -> None:
    nowhere = np.zeros(SHAPE, np.bool_)

    found = flow_scores(still() + 2, still() + 2, occluded=nowhere, interior=nowhere)

    assert found == FlowScores(0, 0, None, None, 0, 0, 0, pytest.approx(0, abs=1e-7))


def test_a_flow_with_nan_is_refused() -> None:
    flow = still()
    flow[2, 3:5, 0] = np.nan
    occluded, interior = masks()

    with pytest.raises(ShapeError, match="flow: flow must be finite, got 2 values that are not; leave the last frame"):
        flow_scores(flow, still(), occluded=occluded, interior=interior)
    with pytest.raises(ShapeError, match=r"flow: interior must be \(4, 10\), got \(4, 9\)"):
        flow_scores(still(), still(), occluded=occluded, interior=interior[:, 1:])


def test_the_interior_keeps_three_pixels_from_a_border_in_every_direction() -> None:
    ids = np.zeros((9, 20), np.int32)
    ids[:, 10:] = 7

    found = interior_of(ids)

    assert found[4].tolist() == [True] * 7 + [False] * 6 + [True] * 7
    assert interior_of(ids, margin_px=1)[4].sum() == 18
    ids[4, 4] = 1
    assert not interior_of(ids)[1, 1]
    assert interior_of(ids)[0, 0]


def test_overlap_worked_by_hand() -> None:
    predicted, truth = np.array([1, 1, 1, 0, 0], np.bool_), np.array([0, 1, 1, 1, 1], np.bool_)

    assert overlap(predicted, truth) == Overlap(precision=2 / 3, recall=0.5, f1=4 / 7, iou=0.4)


@pytest.mark.parametrize(("found", "wanted", "expected"), [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0)])
def test_nothing_found_is_right_only_where_nothing_is(found: int, wanted: int, expected: float) -> None:
    predicted, truth = np.full((2, 3), found, np.bool_), np.full((2, 3), wanted, np.bool_)

    assert overlap(predicted, truth) == Overlap(expected, expected, expected, expected)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_overlap_swaps_precision_and_recall_with_its_arguments(pairs: list[tuple[bool, bool]]) -> None:
    predicted, truth = (np.array(column, np.bool_) for column in zip(*pairs, strict=True))

    one, other = overlap(predicted, truth), overlap(truth, predicted)

    assert (one.precision, one.recall, one.f1, one.iou) == (other.recall, other.precision, other.f1, other.iou)
