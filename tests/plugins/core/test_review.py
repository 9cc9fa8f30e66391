"""Burn-ins and comparisons."""

from typing import Any

import numpy as np
import pytest

from shotgraph.errors import GraphError
from shotgraph.plugins.core.review import Review, compared

HEIGHT, WIDTH = 180, 320


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, 3), dtype=np.float32)


@pytest.fixture
def review(make_context: Any, make_header: Any):
    def run(video: np.ndarray, other: Any = None, *, frame: int = 1007, **params: Any) -> np.ndarray:
        headers = {"video": make_header(width=WIDTH, height=HEIGHT, count=100)}
        if other is not None:
            headers["other"] = headers["video"]
        ctx = make_context(headers=headers, frames=(frame,))
        settings = Review.Params(**params)
        info = Review.info(settings, ctx)
        picture = Review().process(Review.In(video=video, other=other), settings, ctx).video
        if info:
            assert (info["video"].width, info["video"].height) == (picture.shape[1], picture.shape[0])
        return picture

    return run


QUIET = {"frame_number": False, "timecode": False, "shot_name": False}


def test_every_burn_sits_in_its_corner_and_leaves_the_rest_alone(review: Any) -> None:
    plate = noise(1)

    picture = review(plate, text="WIP")

    changed = (picture != plate).any(axis=-1)
    assert not changed[20:160].any()
    assert not changed[:, 140:220].any()
    for rows in (slice(0, 20), slice(160, 180)):
        for columns in (slice(0, 140), slice(220, 320)):
            assert changed[rows, columns].sum() > 100


@pytest.mark.parametrize(
    ("shown", "rows", "columns"),
    [
        ({"shot_name": True}, slice(0, 20), slice(0, 160)),
        ({"text": "WIP"}, slice(0, 20), slice(160, 320)),
        ({"timecode": True}, slice(160, 180), slice(0, 160)),
        ({"frame_number": True}, slice(160, 180), slice(160, 320)),
    ],
)
def test_a_burn_alone_changes_only_its_quarter(review: Any, shown: Any, rows: slice, columns: slice) -> None:
    plate = noise(1)

    changed = (review(plate, **(QUIET | shown)) != plate).any(axis=-1)

    assert changed[rows, columns].sum() > 100
    assert changed.sum() == changed[rows, columns].sum()


def test_frame_number_and_timecode_follow_the_frame(review: Any) -> None:
    plate = noise(1)

    same, next_frame = review(plate, frame=1007), review(plate, frame=1008)

    changed = (same != next_frame).any(axis=-1)
    assert changed[160:, :160].any()
    assert changed[160:, 160:].any()
    assert not changed[:160].any()


def test_nothing_shown_is_the_plate(review: Any) -> None:
    plate = noise(1)

    np.testing.assert_array_equal(review(plate, **QUIET), plate)


@pytest.mark.parametrize(("text_height", "opacity"), [(0.045, 0.6), (0.1, 0.25)])
def test_a_box_darkens_the_plate_by_its_opacity_over_its_height(
    review: Any, text_height: float, opacity: float
) -> None:
    plate = noise(1)

    picture = review(plate, text="WIP", text_height=text_height, opacity=opacity, **QUIET)

    changed = (picture != plate).any(axis=-1)
    rows, columns = np.nonzero(changed.any(axis=1))[0], np.nonzero(changed.any(axis=0))[0]
    assert len(rows) == round(HEIGHT * text_height)
    # A corner of the box is too far from any letter to hold ink; a letter is brighter than any plate behind the box.
    top, right = rows[0], columns[-1]
    np.testing.assert_allclose(picture[top, right], plate[top, right] * np.float32(1 - opacity), rtol=1e-6)
    assert picture[changed].max() > 0.85 > 1 - opacity


def test_a_stream_without_timecode_gets_none(make_context: Any, make_header: Any) -> None:
    plate = noise(1)
    header = make_header(width=WIDTH, height=HEIGHT, start_timecode=None)
    ctx = make_context(headers={"video": header}, frames=(1007,))

    picture = Review().process(Review.In(video=plate), Review.Params(frame_number=False, shot_name=False), ctx).video

    np.testing.assert_array_equal(picture, plate)


def test_comparisons_put_video_left_and_other_right() -> None:
    a, b = noise(1), noise(2)

    side = compared(a, b, mode="side_by_side", wipe=0.5, gain=1)
    wiped = compared(a, b, mode="wipe", wipe=0.25, gain=1)
    difference = compared(a, b, mode="difference", wipe=0.5, gain=4)

    np.testing.assert_array_equal(side[:, :WIDTH], a)
    np.testing.assert_array_equal(side[:, WIDTH:], b)
    np.testing.assert_array_equal(wiped[:, :80], a[:, :80])
    np.testing.assert_array_equal(wiped[:, 80:], b[:, 80:])
    np.testing.assert_allclose(difference, 4 * np.abs(a - b), rtol=1e-6)


def test_labels_stand_over_either_picture(review: Any) -> None:
    a, b = noise(1), noise(2)

    picture = review(a, b, mode="side_by_side", labels=("plate", "edit"), **QUIET)

    plain = np.concatenate((a, b), axis=1)
    changed = (picture != plain).any(axis=-1)
    assert changed[:20, 120:200].any()
    assert changed[:20, WIDTH + 120 : WIDTH + 200].any()
    assert not changed[20:].any()
    assert not changed[:, 210 : WIDTH + 110].any()


def test_one_label_box_stands_over_a_wipe(review: Any) -> None:
    a, b = noise(1), noise(2)

    picture = review(a, b, mode="wipe", labels=("plate", "edit"), **QUIET)

    changed = (picture != compared(a, b, mode="wipe", wipe=0.5, gain=8)).any(axis=-1)
    assert changed[:20, 100:220].any()
    assert not changed[20:].any()


def test_a_comparison_needs_a_partner(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"video": make_header()}, node="look")

    with pytest.raises(GraphError, match="look: other must be linked to compare, got mode 'wipe'"):
        Review.info(Review.Params(mode="wipe"), ctx)


def test_a_partner_needs_a_comparison(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"video": make_header(), "other": make_header()}, node="look")

    with pytest.raises(GraphError, match="look: mode must compare when other is linked, got 'single'"):
        Review.info(Review.Params(), ctx)


def test_a_partner_of_another_size_is_refused(make_context: Any, make_header: Any) -> None:
    ctx = make_context(headers={"video": make_header(), "other": make_header(width=32)}, node="look")

    with pytest.raises(GraphError, match="look: other must be 64x40 like video, got 32x40"):
        Review.info(Review.Params(mode="difference"), ctx)
