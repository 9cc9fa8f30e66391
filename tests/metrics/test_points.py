import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.points import Tracks, point_scores

SIZE = (256, 128)


def truth() -> Tracks:
    """Two points over five frames; the second is hidden in frame 3."""
    places = np.arange(20, dtype=np.float64).reshape(2, 5, 2) * 3
    visible = np.ones((2, 5), np.bool_)
    visible[1, 3] = False
    return Tracks(places, visible)


ASKED = np.zeros(2, np.int64)


def test_perfect_tracks_score_one() -> None:
    found = point_scores(truth(), truth(), queried=ASKED, size=SIZE)

    assert (found.delta_average, found.occlusion_accuracy, found.average_jaccard) == (1, 1, 1)


def test_distances_are_those_at_256_by_256() -> None:
    """Off by 1.5 px along y on a frame 128 px high: 3 px of 256. Along x it would be 1.5."""
    tall = Tracks(truth().places + np.array([0, 1.5]), truth().visible)
    wide = Tracks(truth().places + np.array([1.5, 0]), truth().visible)

    assert point_scores(tall, truth(), queried=ASKED, size=SIZE).delta == (0, 0, 1, 1, 1)
    assert point_scores(wide, truth(), queried=ASKED, size=SIZE).delta == (0, 1, 1, 1, 1)
    large = Tracks(truth().places + np.array([4.5, 0]), truth().visible)
    assert point_scores(large, truth(), queried=ASKED, size=(512, 128)).delta == (0, 0, 1, 1, 1)


def test_frames_up_to_the_query_do_not_count() -> None:
    places = truth().places.copy()
    places[:, :3] += 99

    found = point_scores(Tracks(places, truth().visible), truth(), queried=np.array([2, 2]), size=SIZE)

    assert found.delta_average == 1
    assert point_scores(Tracks(places, truth().visible), truth(), queried=np.array([1, 1]), size=SIZE).delta_average < 1


def test_jaccard_counts_what_is_missed_and_what_is_made_up() -> None:
    """Seven visible points after the query. One is lost; the hidden one is claimed; one is claimed 99 px off."""
    places, visible = truth().places.copy(), truth().visible.copy()
    visible[0, 1], visible[1, 3] = False, True
    places[0, 4] += 99

    found = point_scores(Tracks(places, visible), truth(), queried=ASKED, size=SIZE)

    assert found.jaccard == pytest.approx((5 / (7 + 2),) * 5)
    assert found.occlusion_accuracy == pytest.approx(6 / 8)
    assert found.delta_average == pytest.approx(6 / 7)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"points: visible must be \(2, 5\), got \(2, 4\)"):
        Tracks(truth().places, truth().visible[:, 1:])
    with pytest.raises(ShapeError, match="points: queried must be integers, got float64; give the index of a frame"):
        point_scores(truth(), truth(), queried=np.zeros(2), size=SIZE)
    with pytest.raises(UsageError, match="points: visibility after the query must be true somewhere, got 10 times"):
        point_scores(truth(), truth(), queried=np.array([4, 4]), size=SIZE)
