import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.embeddings import (
    appearance_leak,
    directional_similarity,
    frame_accuracy,
    frame_consistency_adjacent,
    frame_consistency_all_pairs,
    text_alignment,
)

X, Y, Z = np.eye(3, dtype=np.float32)


def units(seed: int, count: int = 5, width: int = 8) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_adjacent_and_all_pairs_differ_for_a_slow_drift() -> None:
    angles = np.array([0, 0.5, 1.0, 1.5])
    frames = np.stack([np.cos(angles), np.sin(angles)], axis=-1)

    assert frame_consistency_adjacent(frames) == pytest.approx(np.cos(0.5))
    expected = (3 * np.cos(0.5) + 2 * np.cos(1.0) + np.cos(1.5)) / 6
    assert frame_consistency_all_pairs(frames) == pytest.approx(expected)


@given(st.integers(0, 50), st.integers(2, 7))
def test_all_pairs_is_the_mean_off_the_diagonal(seed: int, count: int) -> None:
    frames = units(seed, count).astype(np.float64)
    cosines = frames @ frames.T

    expected = cosines[~np.eye(count, dtype=bool)].mean()

    assert frame_consistency_all_pairs(frames) == pytest.approx(expected, abs=1e-6)


def test_a_repeated_still_is_perfectly_consistent() -> None:
    still = np.repeat(units(1, 1), 6, axis=0)

    assert frame_consistency_adjacent(still) == pytest.approx(1)
    assert frame_consistency_all_pairs(still) == pytest.approx(1)


def test_one_frame_has_no_consistency() -> None:
    with pytest.raises(UsageError, match="frame consistency: frames must be at least 2, got 1; measure a longer clip"):
        frame_consistency_adjacent(units(1, 1))


def test_text_alignment_is_a_scaled_mean_cosine() -> None:
    assert text_alignment(np.stack([X, Y]), X) == pytest.approx(0.5)
    assert text_alignment(np.stack([X, -X, Y, X]), X, scale=100) == pytest.approx(25)


def test_frame_accuracy_counts_frames_closer_to_the_wanted_prompt() -> None:
    frames = np.stack([X, Y, Y, Z])

    assert frame_accuracy(frames, X, Y) == 0.25
    assert frame_accuracy(frames, Y, X) == 0.5


def test_directional_similarity_compares_changes_and_a_copy_changes_nothing() -> None:
    source = np.stack([X, X])

    assert directional_similarity(np.stack([Y, Y]), source, Y, X) == pytest.approx(1)
    assert directional_similarity(source, source, Y, X) == 0
    assert directional_similarity(np.stack([Y, X]), source, Y, X) == pytest.approx(0.5)
    assert directional_similarity(np.stack([Z, Z]), source, Y, X) == pytest.approx(0.5)
    with pytest.raises(UsageError, match="directional: prompts must differ, got 3 equal coordinates; say what"):
        directional_similarity(source, source, X, X)


def test_appearance_leak_is_likeness_beyond_that_of_the_prompt() -> None:
    driving = units(3, 4)

    assert appearance_leak(driving, driving) == pytest.approx((driving @ driving.T).mean(), abs=1e-6)
    assert appearance_leak(units(4), driving, base=units(4)) == pytest.approx(0, abs=1e-9)
    assert appearance_leak(driving, driving, base=units(4)) > 0.05


def test_vectors_that_are_not_unit_or_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="embedding: frames must have length 1, got 2; divide each vector"):
        text_alignment(2 * np.stack([X, Y]), X)
    with pytest.raises(ShapeError, match="embedding: prompt must have length 1, got 0; divide"):
        text_alignment(np.stack([X, Y]), 0 * X)
    with pytest.raises(ShapeError, match=r"embedding: prompt must be \(3,\), got \(2,\)"):
        text_alignment(np.stack([X, Y]), X[:2])
    with pytest.raises(ShapeError, match="embedding: frames must have length 1, got nan"):
        text_alignment(np.full((2, 3), np.nan), X)
    pair = np.stack([X, Y])
    with pytest.raises(ShapeError, match=r"embedding: source must be \(2, 3\), got \(1, 3\)"):
        directional_similarity(pair, pair[:1], Y, X)
    with pytest.raises(ShapeError, match=r"embedding: source prompt must be \(3,\), got \(2,\)"):
        directional_similarity(pair, pair, Y, X[:2])
    with pytest.raises(ShapeError, match="embedding: prompt must have length 1, got 5; divide"):
        directional_similarity(pair, pair, 5 * Y, X)
    with pytest.raises(ShapeError, match="embedding: source prompt must have length 1, got 3; divide"):
        directional_similarity(pair, pair, Y, 3 * X)
