"""Gates of occlusion need no model, and can be missed."""

from pathlib import Path

import numpy as np
import pytest

from shotgraph.stage.training import occlusiongates
from shotgraph.stage.training.gates import PROBES
from shotgraph.stage.training.occlusiongates import hidden_by_ids, measure


def test_what_a_moving_square_covers_and_what_leaves_the_frame_is_hidden() -> None:
    now, later = np.zeros((12, 20), np.int32), np.zeros((12, 20), np.int32)
    now[4:8, 5:9], later[4:8, 8:12] = 1, 1
    flow = np.zeros((12, 20, 2), np.float32)
    flow[4:8, 5:9] = (3, 0)
    flow[0, 19] = (1, 0)

    hidden = hidden_by_ids(flow, now, later)

    expected = np.zeros((12, 20), bool)
    expected[4:8, 9:12], expected[0, 19] = True, True
    assert np.array_equal(hidden, expected)


def test_the_rows_are_those_of_the_table_and_flow_that_knows_nothing_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occlusiongates, "CLIPS", 2)
    monkeypatch.setattr(occlusiongates, "PAIRS", 2)
    rows = {row.name: row for row in measure(tmp_path, 0)}
    assert [(row.name, row.rule, row.threshold) for row in rows.values()] == next(
        list(probe.rows) for probe in PROBES if probe.name == "occlusion"
    )

    class Nothing:
        occluded = np.zeros((1, 1))

    def blind(first: np.ndarray, *_: object, **__: object) -> Nothing:
        answer = Nothing()
        answer.occluded = np.zeros(first.shape[:2])
        return answer

    monkeypatch.setattr(occlusiongates, "flow_of_pair", blind)

    assert rows["occlusion.dis_share_128px"].value > 0
    assert measure(tmp_path, 0)[0].value == 0
