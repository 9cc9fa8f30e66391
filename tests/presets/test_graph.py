"""The graph a preset gives: links bound, disabled nodes bypassed, absent media left out, targets chosen."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shotgraph.api import NodeSpec, Shot
from shotgraph.errors import PresetError
from shotgraph.presets import NodeCatalogue, Preset, check, graph_for

Made = Callable[..., Preset]


def graph_text(*nodes: str, targets: str = "", also: str = "") -> str:
    lines = ["shotgraph: 1", f"shots: {{plate: '{{root}}/{{shot}}.mov', also: {{{also}}}}}", "graph:"]
    lines += ["  plate: {node: core.read, file: '{plate}'}", "  flow: {node: flow.dis, video: plate}"]
    lines += [f"  {node}" for node in nodes]
    return "\n".join([*lines, f"targets: [{targets}]" if targets else ""])


def by_name(preset: Preset, catalogue: NodeCatalogue) -> dict[str, NodeSpec]:
    return {node.name: node for node in check(preset, catalogue).nodes}


WRITE = "out: {node: core.write, video: plate, file: x.mov}"


def test_a_link_binds_the_output_of_the_inputs_name_else_the_only_output(
    preset: Made, catalogue: NodeCatalogue
) -> None:
    text = graph_text(
        "edit: {node: edit.propagate, video: plate, flow: flow, matte: edit2.mask}",
        "edit2: {node: edit.propagate, video: plate, flow: flow.flow}",
        "out: {node: core.write, video: edit, file: x.mov}",
    )

    nodes = by_name(preset(text), catalogue)

    assert nodes["edit"].settings == {"video": "plate.video", "flow": "flow.flow", "matte": "edit2.mask"}
    assert nodes["out"].settings == {"video": "edit.video", "file": "x.mov"}


def test_parameters_and_reserved_keys_arrive_as_written(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        "edit:",
        "  node: edit.propagate",
        "  video: plate",
        "  flow: flow",
        "  loras: [{name: a}, {name: b, scale: 2}]",
        "  size: [192, 108]",
        "  materialize: true",
        "  on_error: hold",
        "  chunk: {overlap: 2, anchors: [0, 9]}",
        WRITE,
    )

    edit = by_name(preset(text), catalogue)["edit"]

    assert edit.settings["loras"] == [{"name": "a"}, {"name": "b", "scale": 2}]
    assert edit.settings["size"] == [192, 108]
    assert (edit.materialize, edit.on_error) == (True, "hold")
    assert edit.contract == {"overlap": 2, "anchors": (0, 9)}
    assert (edit.where.line, edit.where.column) == (6, 3)
    assert edit.setting_where["size"].line == 11


@pytest.mark.parametrize(
    ("block", "contract"),
    [
        ("flow2: {node: flow.dis, video: plate, window: {past: 2, edge: mirror}}", {"past": 2, "edge": "mirror"}),
        ("flow2: {node: core.matte, matte: plate, batch: 8}", {"batch": 8}),
    ],
)
def test_contract_blocks_reach_the_node_they_are_for(
    preset: Made, catalogue: NodeCatalogue, block: str, contract: dict[str, object]
) -> None:
    assert by_name(preset(graph_text(block, WRITE)), catalogue)["flow2"].contract == contract


def test_native_may_feed_rgb_and_nothing_else_is_converted(preset: Made, catalogue: NodeCatalogue) -> None:
    assert by_name(preset(graph_text("s: {node: core.split, video: plate}", WRITE)), catalogue)["s"]
    with pytest.raises(
        PresetError, match=r"graph\.m\.matte: must be a stream of rgb, got a stream of flow from flow\.flow"
    ):
        check(preset(graph_text("m: {node: core.matte, matte: flow}", WRITE)), catalogue)
    text = graph_text("l: {node: tune.lora, video: plate}", "s: {node: core.split, video: l.look}", WRITE)
    with pytest.raises(PresetError, match=r"must be a stream of native or rgb, got an artifact of rgb from l\.look"):
        check(preset(text), catalogue)


def test_an_output_of_the_wrong_kind_lists_one_that_fits(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        "edit: {node: edit.propagate, video: plate, flow: flow}",
        "edit2: {node: edit.propagate, video: plate, flow: flow, matte: edit.video}",
        WRITE,
    )

    with pytest.raises(
        PresetError, match=r"must be a stream of mask, got a stream of rgb from edit\.video; choose from edit\.mask"
    ):
        check(preset(text), catalogue)


def test_several_outputs_none_of_the_inputs_name_must_be_chosen_from(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text("s: {node: core.split, video: plate}", "out: {node: core.write, video: s, file: x.mov}")

    with pytest.raises(
        PresetError, match=r"graph\.out\.video: must name one output, got 's'; choose from s\.left, s\.right"
    ):
        check(preset(text), catalogue)


def test_a_disabled_node_is_bypassed_to_its_first_stream_input(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        "one: {node: edit.propagate, video: plate, flow: flow, enabled: false, strength: 0.5}",
        "two: {node: edit.propagate, video: one.video, flow: flow, enabled: false}",
        "out: {node: core.write, video: two, file: x.mov}",
    )

    nodes = by_name(preset(text), catalogue)

    assert set(nodes) == {"plate", "flow", "out"}
    assert nodes["out"].settings["video"] == "plate.video"


def test_a_bypass_still_has_to_fit_the_input(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        "edit: {node: edit.propagate, video: plate, flow: flow2}",
        "flow2: {node: flow.dis, video: plate, enabled: false}",
        WRITE,
    )

    with pytest.raises(
        PresetError, match=r"graph\.edit\.flow: must be a stream of flow, got a stream of native from plate"
    ):
        check(preset(text), catalogue)


@pytest.mark.parametrize(
    ("nodes", "fault"),
    [
        (["p2: {node: core.read, file: x, enabled: false}", "out: {node: core.write, video: p2, file: x}"],
         "graph.out.video: must not link to 'p2', which is disabled and has no stream input to take instead"),
        (["p2: {node: not.installed, enabled: false}", "out: {node: core.write, video: p2, file: x}"],
         "graph.out.video: must not link to 'p2', which is disabled"),
        (["a: {node: core.split, video: b, enabled: false}", "b: {node: core.split, video: a, enabled: false}",
          "out: {node: core.write, video: a, file: x}"],
         "graph.out.video: disabled nodes must not form a circle, got a > b > a"),
    ],
)  # fmt: skip
def test_a_disabled_node_that_cannot_be_bypassed_is_a_fault(
    preset: Made, catalogue: NodeCatalogue, nodes: list[str], fault: str
) -> None:
    with pytest.raises(PresetError, match="disabled") as caught:
        check(preset(graph_text(*nodes)), catalogue)

    assert fault in str(caught.value)
    assert len(caught.value.faults) == 1


def test_a_disabled_node_of_a_missing_plugin_harms_nobody(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text("x: {node: not.installed, some: 1, enabled: false}", WRITE)

    assert set(by_name(preset(text), catalogue)) == {"plate", "flow", "out"}


def test_targets_default_to_every_enabled_node_without_outputs(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        WRITE,
        "o2: {node: core.write, video: plate, file: y}",
        "o3: {node: core.write, video: plate, file: z, enabled: false}",
    )

    assert check(preset(text), catalogue).targets == ("out", "o2")


def test_a_disabled_target_is_dropped_and_none_left_is_a_fault(preset: Made, catalogue: NodeCatalogue) -> None:
    off = "o2: {node: core.write, video: plate, file: y, enabled: false}"

    assert check(preset(graph_text(WRITE, off, targets="out, o2")), catalogue).targets == ("out",)
    with pytest.raises(PresetError, match="targets: must name at least one enabled node that writes, got none"):
        check(preset(graph_text(WRITE, off, targets="o2")), catalogue)
    with pytest.raises(PresetError, match="targets: must name at least one enabled node that writes, got none"):
        check(preset(graph_text(off)), catalogue)


def test_targets_of_the_command_line_replace_those_of_the_preset(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path
) -> None:
    loaded = preset(graph_text(WRITE, "o2: {node: core.write, video: plate, file: y}", targets="out"))
    shot = Shot(name="a", root=tmp_path, media={"plate": "a.mov"})

    assert graph_for(loaded, shot, catalogue, targets=["o2"]).targets == ("o2",)
    with pytest.raises(PresetError, match="--target: must be a node of the graph, got 'o3'; choose from out, o2"):
        graph_for(loaded, shot, catalogue, targets=["o3"])


MATTE = (
    "m: {node: core.read, file: '{matte}'}",
    "grown: {node: core.matte, matte: m}",
    "edit: {node: edit.propagate, video: plate, flow: flow, matte: grown}",
    "out: {node: core.write, video: edit, file: x.mov}",
)


def test_nodes_that_read_absent_optional_media_leave_optional_inputs_unlinked(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path
) -> None:
    loaded = preset(graph_text(*MATTE, also="matte: '{root}/{shot}_matte.mov?'"))
    bare = Shot(name="a", root=tmp_path, media={"plate": "a.mov"})
    full = Shot(name="b", root=tmp_path, media={"plate": "b.mov", "matte": "b_matte.mov"})

    without = {node.name: node.settings for node in graph_for(loaded, bare, catalogue).nodes}
    with_matte = {node.name: node.settings for node in graph_for(loaded, full, catalogue).nodes}

    assert set(without) == {"plate", "flow", "edit", "out"}
    assert without["edit"] == {"video": "plate.video", "flow": "flow.flow"}
    assert with_matte["edit"]["matte"] == "grown.matte"


def test_a_target_named_after_absent_media_is_a_fault(preset: Made, catalogue: NodeCatalogue, tmp_path: Path) -> None:
    text = graph_text("out: {node: core.write, video: plate, file: '{matte}.mov'}", also="matte: '{root}/m.mov?'")

    with pytest.raises(PresetError, match=r"graph\.out: needs \{matte\}, which shot 'a' does not have"):
        graph_for(preset(text), Shot(name="a", root=tmp_path, media={"plate": "a.mov"}), catalogue)


def test_a_target_that_needs_absent_media_is_a_fault_that_names_the_shot(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path
) -> None:
    text = graph_text(*MATTE, "mout: {node: core.write, video: grown, file: y}", also="matte: '{root}/m.mov?'")
    shot = Shot(name="a", root=tmp_path, media={"plate": "a.mov"})

    with pytest.raises(
        PresetError, match=r"graph\.mout: needs \{matte\}, which shot 'a' does not have; add the media, or"
    ):
        graph_for(preset(text), shot, catalogue)


def test_every_circle_is_told_with_its_path_and_two_circles_twice(preset: Made, catalogue: NodeCatalogue) -> None:
    text = graph_text(
        "a: {node: core.split, video: b.left}",
        "b: {node: core.split, video: c.left}",
        "c: {node: core.split, video: a.left}",
        "d: {node: core.split, video: d.left}",
        WRITE,
    )

    with pytest.raises(PresetError, match="circle") as caught:
        check(preset(text), catalogue)

    assert [line.split(" got ")[1] for line in caught.value.faults] == ["a > b > c > a", "d > d"]


def test_a_ladder_of_diamonds_and_a_long_chain_are_checked_in_time(preset: Made, catalogue: NodeCatalogue) -> None:
    rungs = ["e0: {node: edit.propagate, video: plate, flow: flow}"]
    rungs += [
        f"e{n}: {{node: edit.propagate, video: e{n - 1}, flow: flow, matte: e{n - 1}.mask}}" for n in range(1, 400)
    ]
    loaded = preset(graph_text(*rungs, WRITE))
    start = time.perf_counter()

    assert len(check(loaded, catalogue).nodes) == 403

    assert time.perf_counter() - start < 5


def test_the_preset_names_the_graph_and_the_order_is_that_of_the_file(preset: Made, catalogue: NodeCatalogue) -> None:
    graph = check(preset(name="night.yaml"), catalogue)

    assert graph.preset == "night"
    assert [node.name for node in graph.nodes] == ["plate", "flow", "edit", "out"]
