import math

import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.pose import COCO_SIGMAS, oks, pck, pose_scores

SEEN = np.ones((3, 2), np.bool_)


def joints() -> np.ndarray:
    """Two joints over three frames."""
    return np.array([[[10.0, 20], [30, 5]], [[11, 22], [33, 6]], [[12, 24], [36, 7]]])


def test_pck_measures_against_the_size_of_each_frames_person() -> None:
    wrong = joints()
    wrong[:, 0] += (3, 4)
    reference = np.array([40.0, 60, 100])

    assert pck(wrong, joints(), SEEN, reference_px=reference, threshold=0.1) == pytest.approx(5 / 6)
    assert pck(wrong, joints(), SEEN, reference_px=reference, threshold=0.05) == pytest.approx(3 / 6)
    assert pck(wrong, joints(), SEEN, reference_px=reference, threshold=0.06) == pytest.approx(4 / 6)


def test_hidden_joints_do_not_count() -> None:
    wrong, seen = joints(), SEEN.copy()
    wrong[1, 1] += 99
    seen[1, 1] = False

    assert pck(wrong, joints(), seen, reference_px=np.full(3, 50.0), threshold=0.1) == 1
    assert oks(wrong, joints(), seen, area_px2=np.full(3, 900.0), sigmas=(0.05, 0.05)) == 1
    assert pose_scores(wrong, joints(), seen).mean_error_px == 0


def test_oks_worked_by_hand() -> None:
    wrong = joints()
    wrong[:, 0] += (3, 4)
    area = np.full(3, 900.0)

    expected = (math.exp(-25 / (2 * 900 * 0.2**2)) + 1) / 2

    assert oks(wrong, joints(), SEEN, area_px2=area, sigmas=(0.1, 0.05)) == pytest.approx(expected)
    assert oks(wrong, joints(), SEEN, area_px2=area, sigmas=(0.05, 0.1)) < expected


def test_coco_has_seventeen_joints_and_forgives_hips_more_than_eyes() -> None:
    assert len(COCO_SIGMAS) == 17
    assert COCO_SIGMAS[11] > 4 * COCO_SIGMAS[1]
    with pytest.raises(UsageError, match="oks: sigmas must be one for each of 2 joints, got 17; add the rest"):
        oks(joints(), joints(), SEEN, area_px2=np.ones(3), sigmas=COCO_SIGMAS)


def test_jitter_is_shaking_and_neither_an_offset_nor_a_drift() -> None:
    drifting, shaking = joints() + np.arange(3)[:, None, None] + 5, joints()
    shaking[1, 0] += (0.3, 0.4)

    assert pose_scores(drifting, joints(), SEEN).jitter_px == pytest.approx(0)
    assert pose_scores(drifting, joints(), SEEN).mean_error_px == pytest.approx(6 * math.sqrt(2))
    assert pose_scores(shaking, joints(), SEEN).jitter_px == pytest.approx(2 * 0.5 / 2)


def test_jitter_needs_a_joint_that_stays_visible() -> None:
    seen = SEEN.copy()
    seen[1] = False

    assert pose_scores(joints(), joints(), seen).jitter_px is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"pose: joints must be \(3, 2, 2\), got \(2, 2, 2\)"):
        pose_scores(joints()[:2], joints(), SEEN)
    with pytest.raises(ShapeError, match=r"pck: reference_px must be \(3,\), got \(2,\)"):
        pck(joints(), joints(), SEEN, reference_px=np.ones(2), threshold=0.1)
