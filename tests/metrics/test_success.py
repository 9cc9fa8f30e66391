import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.success import StageScore, stage_score

YES, NO = True, False


def verdicts(*rows: list[bool]) -> np.ndarray:
    return np.array(rows)


def test_a_frame_succeeds_when_the_target_is_there_and_the_source_is_gone() -> None:
    target, source = verdicts([YES], [YES], [NO], [NO]), verdicts([NO], [YES], [NO], [YES])

    assert stage_score(target, source) == StageScore(mean=0.25, intersection=0.0)


def test_every_attribute_must_succeed() -> None:
    target = verdicts([YES, YES], [YES, NO])
    source = verdicts([NO, NO], [NO, NO])

    assert stage_score(target, source) == StageScore(0.5, 0.0)
    assert stage_score(target[:1], source[:1]) == StageScore(1.0, 1.0)


def test_a_copy_of_the_source_fails() -> None:
    assert stage_score(verdicts([NO], [NO]), verdicts([YES], [YES])) == StageScore(0.0, 0.0)


def test_verdicts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"stage score: source verdicts must be \(1, 2\), got \(1, 1\)"):
        stage_score(verdicts([YES, YES]), verdicts([NO]))
    with pytest.raises(ShapeError, match="stage score: target verdicts must be bool, got int64"):
        stage_score(np.ones((2, 1), np.int64), verdicts([NO], [NO]))
    with pytest.raises(UsageError, match="stage score: a verdict must be true somewhere, got 0 times false"):
        stage_score(np.ones((0, 1), np.bool_), np.ones((0, 1), np.bool_))
