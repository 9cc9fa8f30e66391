import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.atlas import atlas_scores, edit_leak


def uv() -> np.ndarray:
    """(3, 10, 16, 2): the layer moves by (1, 0.5) px a frame."""
    y, x = np.mgrid[:10, :16].astype(np.float64)
    return np.stack([np.stack([x - t, y - 0.5 * t], axis=-1) for t in range(3)])


LAYER = np.ones((3, 10, 16), np.bool_)


@given(st.integers(0, 1000))
def test_any_affine_map_of_the_truth_is_perfect(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(-2, 2, (2, 2))
    if abs(np.linalg.det(matrix)) < 0.05:
        matrix = np.diag([1.0, -1.0])

    found = atlas_scores(uv() @ matrix + rng.uniform(-9, 9, 2), uv(), LAYER)

    assert found.uv_error_px == pytest.approx(0, abs=1e-9)
    assert found.fold_rate == 0


def test_one_map_must_fit_all_frames() -> None:
    """An atlas that follows the frame instead of the layer slides by (1, 0.5) px a frame: -1, 0, 1 times that."""
    sliding = np.repeat(uv()[:1], 3, axis=0)

    found = atlas_scores(sliding, uv(), LAYER).uv_error_px

    assert found == pytest.approx(np.sqrt(1.25 * 2 / 3))
    assert atlas_scores(sliding, uv(), LAYER, pixels_per_unit=3).uv_error_px == pytest.approx(3 * found)


def test_only_the_layer_counts() -> None:
    wrong, layer = uv(), LAYER.copy()
    wrong[:, :, 12:] = 999
    layer[:, :, 12:] = False

    assert atlas_scores(wrong, uv(), layer).uv_error_px == pytest.approx(0, abs=1e-9)
    assert atlas_scores(wrong, uv(), LAYER).uv_error_px > 1


def test_a_fold_is_counted_where_the_map_turns_over() -> None:
    folded = uv()
    folded[..., 0] = np.where(folded[..., 0] > 12, 24 - folded[..., 0], folded[..., 0])

    rate = atlas_scores(folded[:1], uv()[:1], LAYER[:1]).fold_rate

    assert rate == pytest.approx(3 / 15)


def test_leak_is_change_outside_the_support() -> None:
    source, support = np.random.default_rng(0).random((2, 5, 8, 3)), np.zeros((2, 5, 8), np.bool_)
    support[:, 1:3, 2:6] = True
    edited = np.where(support[..., None], 1 - source, source)

    assert edit_leak(edited, source, support) == 0
    edited[~support] += 0.25
    assert edit_leak(edited, source, support) == pytest.approx(0.25)
    with pytest.raises(UsageError, match="atlas: the outside of the support must be true somewhere, got 80 times"):
        edit_leak(edited, source, support | True)


def test_what_cannot_be_fitted_is_refused() -> None:
    few = np.zeros_like(LAYER)
    few[0, 0, :2] = True

    with pytest.raises(UsageError, match="atlas: layer must have at least 3 pixels to fit, got 2; measure another"):
        atlas_scores(uv(), uv(), few)
    with pytest.raises(ShapeError, match=r"atlas: uv must be \(3, 10, 16, 2\), got \(2, 10, 16, 2\)"):
        atlas_scores(uv()[:2], uv(), LAYER)
