import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.arrays import mean_or_none, require_mask, require_shape, require_some


def test_a_letter_stands_for_any_length() -> None:
    require_shape(np.zeros((5, 3, 2)), ("T", 3, 2), who="who", name="name")


@pytest.mark.parametrize("shape", [(3, 2), (5, 3, 3), (5, 3, 2, 1)])
def test_another_rank_or_length_is_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"^who: name must be \(T, 3, 2\), got \({str(shape)[1:-1]}\); cut"):
        require_shape(np.zeros(shape), ("T", 3, 2), who="who", name="name")


def test_a_mask_of_floats_is_refused() -> None:
    with pytest.raises(ShapeError, match="who: mask must be bool, got float64; compare it with a threshold"):
        require_mask(np.zeros((2, 3)), (2, 3), who="who", name="mask")


def test_a_mask_that_leaves_nothing_is_refused() -> None:
    require_some(np.array([[False, True]]), who="who", name="mask")

    with pytest.raises(UsageError, match="who: mask must be true somewhere, got 6 times false; choose a larger"):
        require_some(np.zeros((2, 3), np.bool_), who="who", name="mask")


def test_the_mean_of_nothing_is_none() -> None:
    values = np.arange(6.0)

    assert mean_or_none(values, values > 3) == 4.5
    assert mean_or_none(values, values > 9) is None
