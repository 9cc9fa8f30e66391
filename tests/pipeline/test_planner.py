"""Planning: what is to be written, what is refused before a frame is computed, and stages."""

from typing import Any

import pytest

from shotgraph.api import ExpectedOutput, Field, FrameRange, FrameSet, Node, Ports, QueryContext, Rgb
from shotgraph.api import Params as BaseParams
from shotgraph.errors import FrameRangeError, UsageError

SOURCE = {"node": "test.source", "first": 1001, "count": 20, "height": 3, "width": 5}
TIP = {"node": "test.gain", "video": "plate"}
NODES = {"plate": SOURCE, "tip": TIP, "out": {"node": "test.target", "video": "tip"}}
MOVIE = {**NODES, "out": {"node": "test.stack", "video": "tip", "file": "{root}/{shot}.npy"}}


def wanted(engine: Any, **settings: Any) -> str:
    return str(engine.prepare(NODES, **settings).wanted["out"])


def test_handles_are_seen_and_not_written(engine: Any) -> None:
    assert wanted(engine, shot={"handles": 3}) == "1004-1017"

    ran = engine.run(
        {
            **NODES,
            "out": {"node": "test.collect", "video": "smooth"},
            "smooth": {"node": "test.smooth", "video": "tip"},
        },
        shot={"handles": 3},
    )

    assert sorted(ran.frames) == list(range(1004, 1018))
    # Two past frames of the first one: handles are read.
    assert ran.outcome.computed["plate"] == 2 + 14 + 1


def test_a_shots_own_range_counts_unless_frames_are_asked_for(engine: Any) -> None:
    shot = {"frames": FrameRange(1005, 1008)}

    assert wanted(engine, shot=shot) == "1005-1008"
    assert wanted(engine, shot=shot, frames="1002,1010-1012") == "1002,1010-1012"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": "1000-1003"}, r"frames: must lie in 1001-1020 of sq010_sh020, got 1000; ask for less with -F"),
        ({"frames": "1019-1024"}, r"frames: must lie in 1001-1020 of sq010_sh020, got 1021-1024; ask for less"),
        ({"frames": "1003", "shot": {"handles": 4}}, r"frames: must lie in 1005-1016 of sq010_sh020, got 1003;"),
        ({"shot": {"handles": 10}}, r"handles: must leave frames of 1001-1020, got 10 at either end of sq010_sh020"),
    ],
)
def test_frames_that_are_not_there_are_refused(engine: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FrameRangeError, match=message):
        engine.prepare(NODES, **settings)


def test_a_movie_has_no_holes_and_a_sequence_may(engine: Any) -> None:
    assert wanted(engine, frames="1001-1010x3") == "1001,1004,1007,1010"
    with pytest.raises(
        UsageError,
        match=r"out: frames of a movie must be consecutive, got 1001,1004; write a sequence or ask for 1001-1004",
    ):
        engine.prepare(MOVIE, frames="1001-1004x3")


def test_no_frames_at_all_are_refused(engine: Any) -> None:
    from shotgraph.pipeline.planner import _expected

    prepared = engine.prepare(NODES)
    with pytest.raises(UsageError, match="out: frames must not be empty, got none to write"):
        _expected(prepared.graph.vertices["out"], FrameSet(), prepared.graph.shot, prepared.options)


def test_a_plan_counts_bytes_to_hold_and_to_write(engine: Any) -> None:
    nodes = {**MOVIE, "tip": {"node": "test.heavy", "video": "plate"}}

    plan = engine.prepare(nodes, frames="1001-1010").plan

    frame = 3 * 5 * 3 * 4
    (stage,) = plan.stages
    assert (stage.nodes, stage.peak_live_frames) == (("plate", "tip", "out"), 2)
    # Two frames in hand, four decoded ahead, four not encoded yet.
    assert stage.peak_bytes == 10 * frame
    assert stage.disk_bytes == 10 * frame
    assert plan.outputs[0].bytes == 10 * frame
    assert (plan.peak_bytes, plan.disk_bytes) == (10 * frame, 20 * frame)


def test_what_is_kept_is_planned_as_done(engine: Any) -> None:
    nodes = {**NODES, "tip": {"node": "test.heavy", "video": "plate"}, "out": {"node": "test.collect", "video": "tip"}}
    cache = engine.cache()
    engine.run(nodes, cache=cache, frames="1001-1015")

    planned = {node.name: node.units for node in engine.prepare(nodes, cache=cache).plan.nodes}

    assert planned == {"plate": 5, "tip": 5, "out": 20}


def stages_of(engine: Any, nodes: dict[str, Any]) -> list[tuple[str, ...]]:
    return [stage.nodes for stage in engine.prepare(nodes).plan.stages]


def test_a_straight_graph_is_one_stage(engine: Any) -> None:
    assert stages_of(engine, NODES) == [("plate", "tip", "out")]


def test_a_whole_shot_node_reads_light_frames_on_the_spot_and_others_from_a_stage_before(engine: Any) -> None:
    light = {
        **NODES,
        "whole": {"node": "test.clip", "video": "tip"},
        "out": {"node": "test.target", "video": "whole.video"},
    }
    heavy = {**light, "tip": {"node": "test.smooth", "video": "plate"}}

    assert stages_of(engine, light) == [("whole",), ("whole", "out")]
    assert stages_of(engine, heavy) == [("plate", "tip"), ("whole",), ("whole", "out")]


def test_materialize_cuts_a_stage(engine: Any) -> None:
    assert stages_of(engine, {**NODES, "tip": {**TIP, "materialize": True}}) == [("plate", "tip"), ("tip", "out")]


class Beyond(Node):
    """Asks for frames that are not there."""

    id = "test.beyond"
    version = "1"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb

    class Params(BaseParams):
        ahead: int = Field(0, description="frames")

    @classmethod
    def frames_needed(cls, frame: int, params: Any, ctx: QueryContext) -> dict[str, tuple[int, ...]]:
        return {"video": (frame + params.ahead,)}


def test_a_node_that_asks_for_frames_outside_is_named(engine: Any) -> None:
    nodes = {**NODES, "tip": {"node": "test.beyond", "video": "plate", "ahead": 3}}

    with pytest.raises(
        FrameRangeError,
        match=r"tip\.video: frames needed must lie in 1001-1020, got 1021-1023; this is a fault of test\.beyond",
    ):
        engine.prepare(nodes, classes=(Beyond,))


def test_a_window_that_must_not_leave_the_shot_needs_handles(engine: Any) -> None:
    nodes = {**NODES, "tip": {"node": "test.smooth", "video": "plate", "contract": {"edge": "error"}}}

    with pytest.raises(
        FrameRangeError,
        match=r"a window of -2\+1 around frame 1001 must lie inside the shot 1001-1020, got edge='error'; ask",
    ):
        engine.prepare(nodes)
    assert str(engine.prepare(nodes, shot={"handles": 2}).wanted["out"]) == "1003-1018"


def test_a_node_to_refresh_must_be_there(engine: Any) -> None:
    with pytest.raises(UsageError, match="refresh: must name a node of the preset, one of plate, tip, out, got 'tpi'"):
        engine.prepare(NODES, options={"refresh": ("tpi",)})


def test_two_targets_may_not_write_one_file(engine: Any) -> None:
    nodes = {**MOVIE, "again": {"node": "test.stack", "video": "plate", "file": "{root}/./{shot}.npy"}}

    with pytest.raises(
        UsageError, match=r"again: file must be a place of its own, got .*sh020\.npy, which is written by out"
    ):
        engine.prepare(nodes, targets=("out", "again"))


def test_a_target_may_not_write_over_its_plate(engine: Any) -> None:
    plate = engine.folder / "sq010_sh020.npy"
    plate.write_text("{}", encoding="utf-8")

    with pytest.raises(
        UsageError, match=rf"out: file must be a place of its own, got {plate}, which is a file of plate"
    ):
        engine.prepare({**MOVIE, "plate": {**SOURCE, "file": str(plate)}})
    assert plate.read_text() == "{}"


def test_an_expected_output_says_what_it_holds(engine: Any) -> None:
    outputs = engine.prepare(MOVIE, frames="1003-1006").outputs

    assert outputs == {
        "out": ExpectedOutput(path=f"{engine.folder}/sq010_sh020.npy", frames="1003-1006", bytes=4 * 180)
    }
