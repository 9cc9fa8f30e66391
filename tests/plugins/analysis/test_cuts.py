"""Cuts, against clips whose cuts are known."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.plugins.analysis.cuts import Detect, cuts, differences, thumbnail

RunClip = Callable[..., Any]
Stream = Callable[..., Any]


def scene(seed: int, time: float, *, height: int = 48, width: int = 64) -> np.ndarray:
    """A smooth picture that drifts."""
    y, x = np.mgrid[0:height, 0:width] / 16 + np.array([0.0, 0.1 * time]).reshape(2, 1, 1)
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (3, 2))
    waves = [np.sin(x + a) * np.cos(y + b) for a, b in phases]
    return (0.5 + 0.4 * np.stack(waves, axis=-1)).astype(np.float32)


def thumbnails(*parts: tuple[int, int]) -> list[np.ndarray]:
    """(seed, frames) one after the other."""
    return [thumbnail(scene(seed, time)) for seed, count in parts for time in range(count)]


def test_a_cut_is_found_at_the_frame_behind_it() -> None:
    assert cuts(thumbnails((1, 8), (2, 8), (3, 5)), least=8, ratio=3) == [8, 16]


@given(st.lists(st.integers(3, 9), min_size=1, max_size=4))
def test_cuts_lie_between_the_shots_however_long_these_are(counts: list[int]) -> None:
    parts = [(seed, count) for seed, count in enumerate(counts, start=1)]

    assert cuts(thumbnails(*parts), least=8, ratio=3) == np.cumsum(counts)[:-1].tolist()


def test_motion_is_no_cut() -> None:
    assert cuts(thumbnails((1, 12)), least=8, ratio=3) == []


@pytest.mark.parametrize("frames", [1, 2])
def test_neither_end_of_a_flash_is_a_cut(frames: int) -> None:
    calm, white = thumbnails((1, 12)), thumbnail(np.ones((48, 64, 3), np.float32))

    assert cuts([*calm[:6], *[white] * frames, *calm[6:]], least=8, ratio=3) == []


def test_what_lasts_longer_than_a_flash_is_a_shot() -> None:
    calm, white = thumbnails((1, 12)), thumbnail(np.ones((48, 64, 3), np.float32))

    assert cuts([*calm[:6], *[white] * 3, *calm[6:]], least=8, ratio=3) == [6, 9]


def test_the_last_frame_may_be_a_cut_and_the_first_never() -> None:
    assert cuts(thumbnails((1, 6), (2, 1)), least=8, ratio=3) == [6]
    assert cuts(thumbnails((1, 1)), least=0, ratio=1) == []
    assert differences([]).shape == (0,)


def test_thresholds_are_kept() -> None:
    parts = thumbnails((1, 8), (2, 8))
    changes = differences(parts)
    about = float(np.median(np.delete(changes[5:12], 3)))
    change = float(changes[8])

    assert cuts(parts, least=change - 0.01, ratio=3) == [8]
    assert cuts(parts, least=change + 0.01, ratio=3) == []
    assert cuts(parts, least=8, ratio=change / about - 0.01) == [8]
    assert cuts(parts, least=8, ratio=change / about + 0.01) == []


def test_a_change_is_measured_in_lab_of_the_display() -> None:
    # Linear light 0.1842 of mid grey is L = 50; white is 100, and what is brighter still is white.
    grey, bright = np.full((9, 7, 3), 0.4663, np.float32), np.full((9, 7, 3), 3.0, np.float32)

    changes = differences([thumbnail(grey), thumbnail(bright)])

    # Of three channels only the first changes; OpenCV interpolates the curves. Of values as they are it would be 0.53 or 2.53.
    assert changes.tolist() == pytest.approx([0, 50 / 3], abs=0.1)


def test_a_cut_is_a_row_and_a_warning(run_clip: RunClip, stream: Stream) -> None:
    frames = [scene(1 if n < 5 else 2, n) for n in range(10)]

    ran = run_clip(Detect, {"video": stream(frames)})

    assert ran.out.cuts.columns == ("frame", "change_lab")
    assert [row[0] for row in ran.out.cuts.rows] == [1006]
    assert ran.out.cuts.rows[0][1] == pytest.approx(differences([thumbnail(f) for f in frames])[5])
    assert ran.warnings == ["node: the shot looks cut before 1006"]


def test_a_part_of_a_shot_has_the_cuts_of_the_whole(run_clip: RunClip, stream: Stream) -> None:
    frames = [scene(1 if n < 5 else 2, n) for n in range(10)]

    whole, part = (run_clip(Detect, {"video": stream(frames)}, frames=wanted) for wanted in ((), (1002, 1003)))

    assert part.out.cuts == whole.out.cuts


@pytest.mark.parametrize(
    "frames",
    [
        [scene(1, 0)],
        [np.full((1, 1, 3), 0.5, np.float32)] * 3,
        [scene(1, n, height=31, width=7) for n in range(4)],
        [np.full((8, 8, 3), np.nan, np.float32)] * 4,
        [np.full((8, 8, 4), 0.3, np.float32)] * 4,
    ],
    ids=["one frame", "one pixel", "odd sizes", "nothing but NaN", "constant with alpha"],
)
def test_where_nothing_changes_nothing_is_told(frames: list[np.ndarray], run_clip: RunClip, stream: Stream) -> None:
    ran = run_clip(Detect, {"video": stream(frames)})

    assert ran.out.cuts.rows == ()
    assert list(ran.warnings) == []


def test_nan_is_black() -> None:
    picture = scene(1, 0)
    black = picture.copy()
    picture[:20], black[:20] = np.nan, 0

    np.testing.assert_array_equal(thumbnail(picture), thumbnail(black))
