"""Gates of occlusion need no model, and can be missed."""

from pathlib import Path

import numpy as np
import pytest

from shotgraph.stage.training import occlusiongates
from shotgraph.stage.training.gates import PROBES
from shotgraph.stage.training.occlusiongates import measure


def test_the_rows_are_those_of_the_table_and_flow_that_knows_nothing_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occlusiongates, "CLIPS", 2)
    monkeypatch.setattr(occlusiongates, "PAIRS", 2)
    rows = {row.name: row for row in measure(tmp_path, 0)}
    assert {row.name: row.bound for row in rows.values()} == next(
        probe.bounds for probe in PROBES if probe.name == "occlusion"
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
