"""Explain: after one change it names that change, and only the frames it touches are computed again."""

import json
from pathlib import Path
from typing import Any

import pytest

from shotgraph.api import Shot
from shotgraph.pipeline.explain import Change, changes, ingredients
from shotgraph.testing.given import graph_spec
from shotgraph.testing.synthetic import Smooth

FIRST, COUNT = 1001, 12


class NewerSmooth(Smooth):
    """Another version of it."""

    id = "test.smooth"
    version = "2"


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    folder = tmp_path / "plate"
    folder.mkdir()
    for frame in range(FIRST, FIRST + COUNT):
        text = json.dumps({"offsets": {str(frame): frame / 8}})
        (folder / f"{frame}.json").write_text(text, encoding="utf-8")
    return folder


def graph_of(plate: Path, *, gain: float = 1.5, **more: Any) -> dict[str, dict[str, Any]]:
    """Two kept nodes in a row: a grade, and a window of two past frames and a future one."""
    return {
        "plate": {"node": "test.source", "file": str(plate), "first": FIRST, "count": COUNT},
        "grade": {"node": "test.heavy", "video": "plate", "gain": gain},
        "smooth": {"node": "test.smooth", "video": "grade", "materialize": True},
        "out": {"node": "test.target", "video": "smooth", "file": "{root}/out"},
        **more,
    }


def told(engine: Any, nodes: dict[str, Any], **settings: Any) -> list[str]:
    """What `explain` says of `nodes` after the last run."""
    (prepared,) = engine.session(**settings).plan([(Shot(name="sh010", root=engine.folder), graph_spec(nodes))])
    before = prepared.state.last_keys("sh010", "test")
    return [str(change) for change in changes(before, ingredients(prepared.draft))]


def computed(engine: Any, nodes: dict[str, Any], **settings: Any) -> dict[str, int]:
    (result,) = engine.shots(nodes, "sh010", **settings)
    assert result.message == ""
    return result.outcome.computed


def test_after_the_same_run_there_is_nothing_to_tell(engine: Any, plate: Path) -> None:
    assert computed(engine, graph_of(plate)) == {"plate": 12, "grade": 12, "smooth": 12, "out": 12}

    assert told(engine, graph_of(plate)) == []
    assert computed(engine, graph_of(plate)) == {}


def test_one_parameter_is_named_with_both_values_and_its_frames_are_computed_again(engine: Any, plate: Path) -> None:
    computed(engine, graph_of(plate))
    nodes = graph_of(plate, gain=0.25)

    assert told(engine, nodes) == ["grade: param gain 1.5 -> 0.25"]
    assert computed(engine, nodes) == {"plate": 12, "grade": 12, "smooth": 12, "out": 12}


def test_one_plate_frame_is_named_and_only_what_sees_it_is_computed_again(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)
    computed(engine, nodes)
    (plate / "1006.json").write_text('{"offsets": {"1006": 0.5}}', encoding="utf-8")

    (change,) = told(engine, nodes)

    assert change.startswith("plate: media 1006.json ")
    # 1006 itself; and 1005 to 1008, whose windows hold it.
    assert computed(engine, nodes) == {"plate": 1, "grade": 1, "smooth": 4, "out": 4}


def test_one_version_of_a_node_is_named_and_only_it_and_what_reads_it_runs_again(engine: Any, plate: Path) -> None:
    nodes = graph_of(plate)
    computed(engine, nodes)

    assert told(engine, nodes, classes=(NewerSmooth,)) == ["smooth: version 1 -> 2"]
    assert computed(engine, nodes, classes=(NewerSmooth,)) == {"smooth": 12, "out": 12}


def test_a_new_node_a_lost_node_and_another_link_are_named(engine: Any, plate: Path) -> None:
    computed(engine, graph_of(plate))
    nodes = graph_of(plate, extra={"node": "test.gain", "video": "grade"})
    nodes["smooth"]["video"] = "extra"
    back = graph_of(plate)

    assert told(engine, nodes) == [
        "extra: node nothing -> there",
        'smooth: wiring {"video": "grade.video"} -> {"video": "extra.video"}',
    ]
    computed(engine, nodes)
    assert told(engine, back)[-1] == "extra: node there -> nothing"


def test_what_appears_and_what_goes_reads_as_nothing() -> None:
    before, after = {"a": {"x": "1", "y": "2"}}, {"a": {"y": "3", "z": "4"}}

    assert changes(before, after) == [
        Change("a", "y", "2", "3"),
        Change("a", "z", "", "4"),
        Change("a", "x", "1", ""),
    ]
    assert [str(change) for change in changes(before, after)][1:] == ["a: z nothing -> 4", "a: x 1 -> nothing"]
