import numpy as np
import pytest

from shotgraph.errors import ShapeError
from shotgraph.metrics.masks import MaskScores, boundary_f, boundary_of, mask_scores, mask_stability

HEIGHT, WIDTH = 90, 120


def box(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def test_the_boundary_is_one_pixel_wide() -> None:
    found = boundary_of(box(40, 30, 60, 50))

    assert found[40].nonzero()[0].tolist() == [39, 59]
    assert found[:, 50].nonzero()[0].tolist() == [29, 49]


def test_a_perfect_mask_and_a_missed_one() -> None:
    truth = np.stack([box(40, 30, 60, 50), box(42, 31, 62, 51)])

    assert mask_scores(truth, truth) == MaskScores(1, 1)
    assert mask_scores(truth, truth).j_and_f == 1
    assert mask_scores(np.zeros_like(truth), truth) == MaskScores(0, 0)
    assert mask_scores(np.zeros_like(truth), np.zeros_like(truth)) == MaskScores(1, 1)


def test_j_is_the_mean_iou() -> None:
    truth = np.stack([box(40, 30, 60, 50)] * 2)
    predicted = np.stack([box(40, 30, 50, 50), box(40, 30, 60, 50)])

    assert mask_scores(predicted, truth).j == pytest.approx(0.75)


@pytest.mark.parametrize(("shift", "expected"), [(2, 1.0), (3, None)])
def test_a_boundary_may_lie_eight_thousandths_of_the_diagonal_off(shift: int, expected: float | None) -> None:
    """A diagonal of 150 px gives 1.2, rounded up to 2 px."""
    found = boundary_f(box(40 + shift, 30, 60 + shift, 50), box(40, 30, 60, 50))

    assert found == expected or (expected is None and 0.4 < found < 0.9)


def test_boundaries_far_apart_share_nothing() -> None:
    assert boundary_f(box(10, 10, 20, 20), box(60, 60, 80, 80)) == 0


def test_a_mask_that_moves_with_the_flow_is_stable() -> None:
    masks = np.stack([box(40 + 3 * t, 30, 60 + 3 * t, 50) for t in range(3)])
    flow = np.zeros((2, HEIGHT, WIDTH, 2), np.float32)
    flow[..., 0] = 3

    assert mask_stability(masks, flow) == 1
    assert mask_stability(masks, 0 * flow) == pytest.approx(17 / 23)


def test_shapes_that_do_not_fit_are_refused() -> None:
    masks = np.stack([box(1, 1, 5, 5)] * 3)

    with pytest.raises(ShapeError, match=r"masks: predicted must be \(3, 90, 120\), got \(2, 90, 120\)"):
        mask_scores(masks[:2], masks)
    with pytest.raises(ShapeError, match=r"masks: flow must be \(2, 90, 120, 2\), got \(3, 90, 120, 2\)"):
        mask_stability(masks, np.zeros((3, HEIGHT, WIDTH, 2)))
    with pytest.raises(ShapeError, match="masks: predicted must be at least 2 frames, got 1; measure a longer clip"):
        mask_stability(masks[:1], np.zeros((0, HEIGHT, WIDTH, 2)))
