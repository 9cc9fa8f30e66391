"""A frozen plan runs again as it was planned, without its preset, or not at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from shotgraph.api import FrameSet, Plan
from shotgraph.errors import EnvironmentMismatchError, MediaMissingError, UsageError
from shotgraph.pipeline.cache import Cache
from shotgraph.pipeline.frozen import read_plan, shot_of, spec_of
from shotgraph.pipeline.identity import IdentityMemo
from shotgraph.pipeline.planner import Planner, Prepared, RunOptions
from shotgraph.testing.given import GivenClasses, graph_spec

SOURCE = {"node": "test.source", "first": 1001, "count": 40, "height": 4, "width": 6}
OUT = {"node": "test.target", "file": "{root}/out/{shot}_v{version:03d}"}
GRAPHS: dict[str, dict[str, dict[str, Any]]] = {
    "frame": {"tip": {"node": "test.gain", "video": "plate", "gain": 1.5}},
    "settings of a contract": {
        "tip": {"node": "test.chunk", "video": "plate", "contract": {"size": 8, "overlap": 3, "anchors": (0, 20)}}
    },
    "kept and forgiving": {
        "first": {"node": "test.sequential", "video": "plate"},
        "tip": {"node": "test.smooth", "video": "first", "materialize": True, "on_error": "hold"},
    },
    "whole shot": {"tip": {"node": "test.clip", "video": "plate"}},
}


def graph_of(name: str, **source: Any) -> dict[str, dict[str, Any]]:
    nodes = {"plate": SOURCE | source, **GRAPHS[name]}
    return {**nodes, "out": {**OUT, "video": "tip.video"}}


def prepared_again(plan: Plan, folder: Path, *, distribution: str = "synthetic 1", **options: Any) -> Prepared:
    """What a host makes of `plan`, which it knows from a file only."""
    path = folder / "host" / f"{plan.shot}.plan.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(plan.model_dump_json(), encoding="utf-8")
    frozen = read_plan(path)
    planner = Planner(
        GivenClasses(distribution=distribution),
        Cache(folder / "host" / "cache"),
        IdentityMemo(None),
        RunOptions(**options),
        frozen={frozen.shot: frozen},
    )
    return planner.finish(planner.draft(spec_of(frozen), shot_of(frozen)))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_plan_that_was_read_back_gives_the_same_plan(engine: Any, name: str) -> None:
    planned = engine.prepare(graph_of(name), frames="1005-1019")

    again = prepared_again(planned.plan, engine.folder)

    assert again.plan == planned.plan
    assert again.wanted == {"out": FrameSet.parse("1005-1019")}


def test_a_plan_keeps_its_version_and_its_threads_whatever_this_host_would_choose(engine: Any) -> None:
    planned = engine.prepare(graph_of("frame"), options={"threads": 1, "version": "7"})

    again = prepared_again(planned.plan, engine.folder, threads=2, version="next")

    assert again.plan.threads == 1
    assert again.outputs["out"].path.endswith("_v007")


def test_a_name_that_looks_like_a_field_is_not_filled_again(engine: Any) -> None:
    planned = engine.prepare(graph_of("frame"), shot={"name": "sh{root}010"})

    again = prepared_again(planned.plan, engine.folder)

    assert again.outputs["out"].path == f"{engine.folder}/out/sh{{root}}010_v001"


def test_another_version_of_a_plugin_is_refused(engine: Any) -> None:
    planned = engine.prepare(graph_of("frame"))

    with pytest.raises(
        EnvironmentMismatchError, match=r"test\.source must come from synthetic 1 .*, got synthetic 2"
    ) as e:
        prepared_again(planned.plan, engine.folder, distribution="synthetic 2")

    assert e.value.exit_code == 78


def test_another_library_is_refused_by_name(engine: Any) -> None:
    planned = engine.prepare(graph_of("frame")).plan
    elsewhere = planned.model_copy(update={"environment": planned.environment | {"numpy": "1.0"}})

    with pytest.raises(EnvironmentMismatchError, match=r"numpy must be 1\.0 as planned, got \d"):
        prepared_again(elsewhere, engine.folder)


def test_a_plan_that_was_edited_is_refused(engine: Any) -> None:
    planned = engine.prepare(graph_of("frame")).plan
    document = json.loads(planned.model_dump_json())
    document["nodes"][1]["params"]["gain"] = 9.0

    with pytest.raises(EnvironmentMismatchError, match=rf"plan must be {planned.digest}, got b2:"):
        prepared_again(Plan.model_validate(document), engine.folder)


def test_a_version_that_another_plan_took_since_is_not_written_over(engine: Any) -> None:
    frozen = engine.prepare(graph_of("frame")).plan
    (taken,) = engine.folder.glob(".shotgraph/versions/*/1.json")
    taken.write_text(json.dumps({"plan": "b2:other"}), encoding="utf-8")

    with pytest.raises(UsageError, match=rf"version 1 must be free for plan {frozen.digest}, got .* by plan b2:other"):
        prepared_again(frozen, engine.folder)

    assert prepared_again(frozen, engine.folder, force=True).plan.version == 1


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaMissingError, match=r"sh010\.plan\.json must exist, got nothing there"):
        read_plan(tmp_path / "sh010.plan.json")


@pytest.mark.parametrize("text", ["", "[]", '{"preset": "x"}', "\udcff"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sh010.plan.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(UsageError, match=r"sh010\.plan\.json must be a plan of schema 1, got "):
        read_plan(path)


def test_a_plan_of_another_schema_is_refused(engine: Any) -> None:
    later = engine.prepare(graph_of("frame")).plan.model_copy(update={"plan_schema": 2})

    with pytest.raises(UsageError, match=r"must have schema 1, got 2; plan again with this version"):
        prepared_again(later, engine.folder)


def test_the_graph_of_a_plan_is_the_graph_it_was_made_of(engine: Any) -> None:
    nodes = graph_of("settings of a contract")

    spec = spec_of(engine.prepare(nodes).plan)

    assert [node.name for node in spec.nodes] == [node.name for node in graph_spec(nodes).nodes]
    (tip,) = (node for node in spec.nodes if node.name == "tip")
    assert tip.settings["video"] == "plate.video"
    assert tip.contract["anchors"] == (0, 20)
