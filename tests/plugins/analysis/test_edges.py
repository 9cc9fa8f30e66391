"""Canny."""

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.errors import GraphError
from shotgraph.plugins.analysis.edges import Canny, canny


def step(height: int = 20, width: int = 32, at: int = 13, low: float = 0.2, high: float = 0.8) -> np.ndarray:
    picture = np.full((height, width, 3), low, np.float32)
    picture[:, at:] = high
    return picture


def test_a_step_gives_one_line_at_the_step() -> None:
    edges = canny(step(), low=100, high=200)

    assert np.unique(np.nonzero(edges)[1]).tolist() in ([12], [13])
    assert edges[5:15].sum() == 10
    assert edges.dtype == np.float32


@given(st.integers(0, 2**16), st.integers(0, 150), st.integers(0, 150))
def test_fewer_edges_pass_higher_thresholds(seed: int, low: int, more: int) -> None:
    picture = np.random.default_rng(seed).random((18, 30, 3), dtype=np.float32)

    loose, strict = canny(picture, low=low, high=low + more), canny(picture, low=low + 40, high=low + more + 40)

    assert (loose >= strict).all()


def test_codes_are_8_bit_luma_rounded_and_clamped() -> None:
    # Sobel gives 4 times the step: 0.2 to 0.3 is 51 to 76 codes, a gradient of 100 (26 codes would be 104).
    faint = step(low=0.2, high=0.2983)

    assert canny(faint, low=99, high=99).any()
    assert not canny(faint, low=101, high=101).any()
    assert not canny(step(low=1.1, high=5.0), low=1, high=1).any()


def test_luma_weighs_green_most() -> None:
    green, blue = step(), step()
    green[..., [0, 2]] = 0.5
    blue[..., [0, 1]] = 0.5

    assert canny(green, low=300, high=300).any()
    assert not canny(blue, low=60, high=60).any()


def test_a_blur_removes_speckle() -> None:
    picture = step()
    picture[4, 4] = 1

    assert canny(picture, low=50, high=100)[:, :8].any()
    assert not canny(picture, low=50, high=100, blur_px=2.0)[:, :8].any()


def test_the_thread_count_changes_nothing() -> None:
    picture = np.random.default_rng(5).random((300, 420, 3), dtype=np.float32)
    before = cv2.getNumThreads()

    try:
        results = []
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            results.append(canny(picture, low=60, high=120))
    finally:
        cv2.setNumThreads(before)

    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_the_node_gives_a_mask(make_context: Any) -> None:
    out = Canny().process(Canny.In(video=step()), Canny.Params(), make_context(headers={}))

    np.testing.assert_array_equal(out.edges, canny(step(), low=100, high=200))


def test_swapped_thresholds_are_refused(make_context: Any) -> None:
    with pytest.raises(GraphError, match=r"node: low must be at most high \(50\), got 90; swap them"):
        Canny.info(Canny.Params(low=90, high=50), make_context(headers={}))
