"""Statistics of frames, against numbers worked out by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shotgraph.plugins.analysis.statistics import COLUMNS, Statistics, statistics_of

RunClip = Callable[..., Any]
Stream = Callable[..., Any]


def told(picture: np.ndarray) -> dict[str, float]:
    return dict(zip(COLUMNS[1:], statistics_of(picture), strict=True))


def test_statistics_say_what_is_in_the_frame() -> None:
    picture = np.full((10, 20, 3), 0.25, np.float32)
    picture[0, :2] = 1.5
    picture[1, 0] = (-0.5, 0.2, 0.2)
    picture[2, 0, 1] = np.nan

    found = told(picture)

    assert found["luma_median"] == pytest.approx(0.25)
    assert found["luma_max"] == pytest.approx(1.5)
    assert found["luma_min"] == pytest.approx(-0.5 * 0.2126 + 0.2 * (0.7152 + 0.0722), rel=1e-5)
    assert found["above_1_share"] == pytest.approx(2 / 199)
    assert found["below_0_share"] == pytest.approx(1 / 199)
    assert found["nan_share"] == pytest.approx(1 / 200)
    assert found["mean_g"] == pytest.approx((196 * 0.25 + 3.0 + 0.2) / 199, rel=1e-5)


def test_percentiles_are_of_luma() -> None:
    # A ramp of green from 0 to 1: luma is 0.7152 of it.
    picture = np.zeros((1, 101, 3), np.float32)
    picture[0, :, 1] = np.linspace(0, 1, 101)

    found = told(picture)

    assert found["luma_p1"] == pytest.approx(0.007152, rel=1e-4)
    assert found["luma_p99"] == pytest.approx(0.7152 * 0.99, rel=1e-4)
    assert (found["mean_r"], found["mean_g"], found["mean_b"]) == pytest.approx((0, 0.5, 0))


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    # Along columns of 0, 0, 4, 0, 0, 0 the second difference is 0, 4, -8, 4, 0, 0: mean 0, mean of squares 16.
    picture = np.zeros((5, 6, 3), np.float32)
    picture[:, 2] = 4

    assert told(picture)["sharpness"] == pytest.approx(16)
    assert told(picture / 2)["sharpness"] == pytest.approx(4)


def test_a_blur_lowers_sharpness_and_nothing_else_by_much() -> None:
    sharp = np.random.default_rng(3).random((40, 60, 3), dtype=np.float32)
    soft = (sharp + np.roll(sharp, 1, axis=1) + np.roll(sharp, 1, axis=0)) / 3

    assert told(soft)["sharpness"] < 0.5 * told(sharp)["sharpness"]
    assert told(soft)["mean_r"] == pytest.approx(told(sharp)["mean_r"], rel=1e-4)


def test_a_frame_of_nothing_but_nan_is_told(run_clip: RunClip, stream: Stream) -> None:
    frames = [np.full((4, 5, 3), np.nan, np.float32), np.zeros((4, 5, 3), np.float32)]

    table = run_clip(Statistics, {"video": stream(frames)}).out.statistics

    assert table.rows[0][COLUMNS.index("nan_share")] == 1
    assert np.isnan(table.rows[0][1])
    assert table.rows[1][1] == 0


def test_there_is_a_row_a_frame_or_for_every_second_one(run_clip: RunClip, stream: Stream) -> None:
    frames = [np.full((4, 5, 3), n / 10, np.float32) for n in range(5)]

    all_of_them = run_clip(Statistics, {"video": stream(frames)}).out.statistics
    second = run_clip(Statistics, {"video": stream(frames)}, every=2).out.statistics

    assert all_of_them.columns == second.columns == COLUMNS
    assert [row[0] for row in all_of_them.rows] == [1001, 1002, 1003, 1004, 1005]
    assert second.rows == all_of_them.rows[::2]


def test_a_part_of_a_shot_has_the_table_of_the_whole(run_clip: RunClip, stream: Stream) -> None:
    frames = [np.full((4, 5, 3), n / 10, np.float32) for n in range(5)]

    part = run_clip(Statistics, {"video": stream(frames)}, frames=(1003,)).out.statistics

    assert part == run_clip(Statistics, {"video": stream(frames)}).out.statistics


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (31, 3, 4)], ids=["one pixel", "one row", "odd with alpha"])
def test_tiny_and_constant_frames_have_statistics_too(shape: tuple[int, ...]) -> None:
    found = told(np.full(shape, 0.3, np.float32))

    assert found["mean_r"] == found["luma_max"] == pytest.approx(0.3)
    assert found["sharpness"] == pytest.approx(0, abs=1e-9)
    assert found["nan_share"] == 0
