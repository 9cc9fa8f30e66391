"""The benchmark of the analysis nodes, on one small clip of everything."""

from typing import Any

import numpy as np
import pytest


@pytest.mark.slow
def test_every_claim_is_judged_on_what_the_program_wrote(bench: Any) -> None:
    ran = bench("analysis", "--clips", "1", "--frames", "3", "--json")

    rows = ran.rows
    claimed = {name: row["threshold"] for name, row in rows.items() if row["threshold"]}
    assert claimed["flow.dis, 128 px: occlusion IoU over that of exact flow"] == ">= 0.40"
    assert claimed["flow.dis, 256 px: occlusion IoU over that of exact flow"] == ">= 0.50"
    assert claimed["depth.estimate, aligned: pairs in order"] == ">= 0.9"
    assert claimed["depth.estimate, aligned: drift of scale a frame"] == "<= 0.02"
    assert claimed["pose.estimate: joints found, PCK@0.1"] == ">= 0.9"
    assert rows["flow.read, 128 px: occlusion IoU"]["value"] == 1
    assert rows["flow.read, 256 px: occlusion IoU"]["value"] == 1


def test_a_scale_that_changes_drifts_and_one_that_is_steady_does_not(opened: Any) -> None:
    analysis = opened("analysis")
    depth = np.stack([np.linspace(1, 3, 64, dtype=np.float32).reshape(8, 8)] * 3)
    gains = np.array([1.0, 1.1, 1.0], np.float32)[:, None, None]

    assert analysis.scale_drift(3 / depth + 1, depth) == pytest.approx(0, abs=1e-6)
    assert analysis.scale_drift(gains / depth, depth) == pytest.approx(0.094, abs=1e-3)


def test_joints_are_those_of_the_first_person(opened: Any, tmp_path: Any) -> None:
    path = tmp_path / "joints.csv"
    path.write_text("frame,track,joint,x_px,y_px,score\n1001,0,2,5.5,7.0,0.9\n1001,1,2,1.0,1.0,0.9\n", encoding="utf-8")

    found = opened("analysis").joints_of(path)

    assert list(found) == [1001]
    assert found[1001][2].tolist() == [5.5, 7.0]
