"""One valid preset, and what each small change to it must be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shotgraph.api import Location, Shot
from shotgraph.errors import Exit, PresetError
from shotgraph.presets import NodeCatalogue, Preset, check, graph_for
from shotgraph.presets.faults import Faults

Made = Callable[..., Preset]

# (text in the valid preset, what replaces it, the fault as it must read after the file's name)
SCHEMA_MUTATIONS = [
    ("shotgraph: 1", "shotgraph: 2", ":1:12: shotgraph: must be 1, got 2"),
    ("shotgraph: 1", "shotgraph: true", ":1:12: shotgraph: must be 1, got true"),
    ("shotgraph: 1", "# none", ":1:1: shotgraph: must be given, got nothing; begin the file with 'shotgraph: 1'"),
    ("targets: [out]", "targetz: [out]", ":25:1: targetz: unknown key; did you mean 'targets'?"),
    ("handles: 0", "handel: 0", ":7:3: shots.handel: unknown key; did you mean 'handles'?"),
    ("handles: 0", "handles: -1", ":7:12: shots.handles: must be greater than or equal to 0, got -1"),
    ("handles: 0", 'handles: "8"', ":7:12: shots.handles: must be a valid integer, got '8'"),
    ("handles: 0", "handles: yes", ":7:12: shots.handles: must be a valid integer, got 'yes'"),
    ("first_frame: 1001", "first_frame: 1.5", ":8:16: shots.first_frame: must be a valid integer, got 1.5"),
    (
        "handles: 0",
        "frames: 1050-1001",
        ":7:11: shots.frames: frames: must ascend with a step of at least 1, got '1050",
    ),
    ("handles: 0", "frames: 1-5,9", ":7:11: shots.frames: frames: must be one range such as 1001-1050, got '1-5,9'"),
    ("handles: 0", "version: newest", ":7:12: shots.version: must be latest or a number, got 'newest'"),
    ("{matte:", "{root:", ":6:10: shots.also.root: media must not be called one of root, shot"),
    ("{matte:", "{9matte:", ":6:10: shots.also.9matte: a name must be letters, digits and _ and not begin with"),
    ("{prompt:", "{pro-mpt:", ":3:8: vars.pro-mpt: a name must be letters, digits and _ and not begin with a digit"),
    (
        "  flow: {node",
        "  targets: {node",
        ":11:3: graph.targets: a node must not be called one of vars, shots, targets",
    ),
    ("  flow: {node", '  "a.b": {node', ":11:3: graph.a.b: a name must be letters, digits and _"),
    ("{node: core.read, file", "{file", ":10:3: graph.plate.node: must be given, got nothing"),
    ("{node: core.read, file", "{node: 3, file", ":10:17: graph.plate.node: must be a valid string, got 3"),
    (
        "    flow: flow\n",
        "    flow: flow\n    on_error: ignore\n",
        ":16:15: graph.edit.on_error: must be 'fail', 'skip'",
    ),
    (
        "    flow: flow\n",
        "    flow: flow\n    enabled: no\n",
        ":16:14: graph.edit.enabled: must be true or false, got 'no",
    ),
    ("size: 32", "size: 0", ":19:19: graph.edit.chunk.size: must be greater than or equal to 1, got 0"),
    ("size: 32", "sise: 32", ":19:13: graph.edit.chunk.sise: unknown key; did you mean 'size'?"),
    ("overlap: 8", "blend: cubic", ":19:30: graph.edit.chunk.blend: must be 'linear', 'cosine' or 'none', got 'cubic'"),
    ("{vars: {seed: 11}}", "{var: {seed: 11}}", ":26:25: overrides.sq010_*.var: unknown key; did you mean 'vars'?"),
    ("{vars: {seed: 11}}", "{shots: {plate: x}}", ":26:33: overrides.sq010_*.shots.plate: unknown key; choose from"),
    ("{vars: {seed: 11}}", "{shots: {handles: -2}}", ":26:42: overrides.sq010_*.shots.handles: must be greater than"),
    ("description: ", "description: [] #", ":2:14: description: must be a valid string, got []"),
]

NODE_MUTATIONS = [
    (
        "flow.dis",
        "flow.diss",
        ":11:16: graph.flow.node: registry: node must be an installed one, got 'flow.diss'; did you me",
    ),
    (
        "flow.dis",
        "edit.broken",
        ":11:16: graph.flow.node: plugin 'edit.broken': must import, got ImportError: no torch",
    ),
    (
        "    seed:",
        "    sead:",
        ":17:5: graph.edit.sead: edit.propagate has no input or parameter of this name; did you mean",
    ),
    ("    flow: flow", "    flowe: flow", "graph.edit.flow: must name a node that gives flow, got nothing"),
    (
        "    video: plate\n    flow: flow",
        "    video: plait\n    flow: flow",
        ":14:12: graph.edit.video: must be a node of the graph, got 'plait'; did you mean 'plate'?",
    ),
    (
        "    flow: flow",
        "    flow: flow.flo",
        ":15:11: graph.edit.flow: must name one output, got 'flow.flo'; choose from flow.flow",
    ),
    (
        "    flow: flow",
        "    flow: plate",
        ":15:11: graph.edit.flow: must be a stream of flow, got a stream of native from",
    ),
    (
        "    flow: flow",
        "    flow: out",
        ":15:11: graph.edit.flow: must be a node with outputs, got 'out' (core.write), whic",
    ),
    ("    flow: flow", "    flow: 3", ":15:11: graph.edit.flow: must be a node or node.port, got 3"),
    (
        "video: edit",
        "video: edit.flow",
        ":22:12: graph.out.video: must name one output, got 'edit.flow'; choose from edit.video, edit.mask",
    ),
    (
        "flow: {node: flow.dis, video: plate}",
        "flow: {node: flow.dis, video: edit}",
        ":11:33: graph.flow.video: links must not form a circle, got flow > edit > flow",
    ),
    (
        "{size: 32, overlap: 8}",
        "{size: 8, overlap: 8}",
        ":19:12: graph.edit.chunk: contract Chunk: overlap must be in [0, si",
    ),
    (
        "chunk: {size: 32, overlap: 8}",
        "batch: 4",
        ":19:5: graph.edit.batch: must be left out, since it is for Frame nodes a",
    ),
    (
        "    paint:",
        "    window: {past: 1}\n    paint:",
        ":16:5: graph.edit.window: must be left out, since it is for Window",
    ),
    (
        "  out:\n    node: core.write",
        "  out:\n    node: core.split",
        "targets[0]: must be a node that writes, hence has no outputs, got 'out' (core.split); there is nothing to choose",
    ),
    (
        '    file: "{root}/out',
        '    cedoc: "{root}/out',
        "graph.out.file: core.write must be given this parameter, got noth",
    ),
    (
        "targets: [out]",
        "targets: [oot]",
        ":25:11: targets[0]: must be a node of the graph, got 'oot'; did you mean 'out'?",
    ),
    (
        "targets: [out]",
        "targets: [edit]",
        ":25:11: targets[0]: must be a node that writes, hence has no outputs, got 'edit'",
    ),
    (
        "targets: [out]",
        "targets: edit",
        ":25:10: targets: must be a node that writes, hence has no outputs, got 'edit'",
    ),
    (
        "${vars.seed}",
        "${vars.sead}",
        ":17:11: graph.edit.seed: ${vars.sead} must name one of vars, got 'sead'; did you mean",
    ),
    ("seed: 11", "seed: x", ":17:11: graph.edit.seed: must be an integer, got 'x'"),
    ("amount: 0.5", "amount: 2", ":18:15: graph.edit.strength: must be less than or equal to 1, got 2"),
    (
        '"{root}/{shot}.{ext}"',
        '"{shot}.{ext}"',
        ":5:36: shots.plate[1]: pattern must begin with {root}/, got '{shot}.{ext}'",
    ),
    (
        '"{root}/{shot}.{ext}"',
        '"{root}/a.{ext}"',
        ":5:36: shots.plate[1]: a plate's pattern must hold {shot} and no '?'",
    ),
]


def mutated(valid: str, old: str, new: str) -> str:
    assert valid.count(old) >= 1, old
    return valid.replace(old, new, 1)


def test_the_valid_preset_has_no_fault(preset: Made, catalogue: NodeCatalogue) -> None:
    graph = check(preset(), catalogue)

    assert [node.name for node in graph.nodes] == ["plate", "flow", "edit", "out"]


@pytest.mark.parametrize(("old", "new", "fault"), [*SCHEMA_MUTATIONS, *NODE_MUTATIONS])
def test_each_mutation_is_told_at_its_place(
    preset: Made, catalogue: NodeCatalogue, valid: str, old: str, new: str, fault: str
) -> None:
    broken = preset(mutated(valid, old, new))

    with pytest.raises(PresetError, match=r"show\.yaml") as caught:
        check(broken, catalogue)

    assert any(fault in line for line in caught.value.faults), caught.value.faults


# Those that take nothing away that something else refers to.
ALONE = [(old, new) for old, new, _ in SCHEMA_MUTATIONS if "{node: flow" not in old and "  flow: {node" not in old]


@pytest.mark.parametrize(("old", "new"), ALONE)
def test_a_schema_fault_is_told_alone(preset: Made, catalogue: NodeCatalogue, valid: str, old: str, new: str) -> None:
    with pytest.raises(PresetError, match="show") as caught:
        check(preset(mutated(valid, old, new)), catalogue)

    assert len(caught.value.faults) == 1, caught.value.faults


def test_every_fault_is_told_at_once_and_in_the_order_of_the_file(
    preset: Made, catalogue: NodeCatalogue, valid: str
) -> None:
    text = valid
    for old, new in (
        ("handles: 0", "handel: 0"),
        ("flow.dis, video: plate", "flow.dis, video: plait"),
        ("    seed: ", "    sead: "),
        ("targets: [out]", "targets: [oot]\ntargets: [out]"),
    ):
        text = mutated(text, old, new)

    with pytest.raises(PresetError, match="handel") as caught:
        check(preset(text), catalogue)

    assert [line.split("show.yaml")[1].split(" ")[1] for line in caught.value.faults] == [
        "shots.handel:",
        "graph.flow.video:",
        "graph.edit.sead:",
        "targets[0]:",
        "targets:",
    ]
    assert caught.value.exit_code is Exit.USAGE


def test_an_override_for_no_shot_at_hand_is_checked_too(preset: Made, catalogue: NodeCatalogue, valid: str) -> None:
    text = mutated(valid, "{vars: {seed: 11}}", "{graph: {edit: {strength: 3}}}")

    with pytest.raises(PresetError, match=r"26:50: graph\.edit\.strength: must be less than or equal to 1, got 3"):
        check(preset(text), catalogue)


def test_a_fault_in_an_override_is_told_only_for_shots_it_matches(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path
) -> None:
    loaded = preset(mutated(valid, "{vars: {seed: 11}}", "{graph: {edit: {strength: 3}}}"))

    other = graph_for(loaded, Shot(name="sq020_sh1", root=tmp_path), catalogue)

    assert other.nodes[2].settings["strength"] == 0.5
    with pytest.raises(PresetError, match="must be less than or equal to 1, got 3"):
        graph_for(loaded, Shot(name="sq010_sh1", root=tmp_path), catalogue)


def test_a_key_that_does_not_print_is_shown_escaped_and_a_huge_one_is_cut_in_the_hint(
    preset: Made, catalogue: NodeCatalogue, valid: str
) -> None:
    text = mutated(valid, "targets: [out]", '"\\e[31m": 1\n' + "k" * 1000 + ": 1\ntargets: [out]")

    with pytest.raises(PresetError, match="unknown key") as caught:
        check(preset(text), catalogue)

    assert r"'\x1b[31m': unknown key" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_an_unresolved_reference_is_told_once_and_not_again_as_a_wrong_type(
    preset: Made, catalogue: NodeCatalogue, valid: str
) -> None:
    with pytest.raises(PresetError, match=r"\$\{vars\.sead\}") as caught:
        check(preset(mutated(valid, "${vars.seed}", "${vars.sead}")), catalogue)

    assert len(caught.value.faults) == 1


def test_an_unresolved_reference_in_a_section_is_told_once_too(
    preset: Made, catalogue: NodeCatalogue, valid: str
) -> None:
    with pytest.raises(PresetError, match=r"7:12: shots\.handles: \$\{vars\.pad\} must name one of vars") as caught:
        check(preset(mutated(valid, "handles: 0", 'handles: "${vars.pad}"')), catalogue)

    assert len(caught.value.faults) == 1


def test_an_unknown_node_does_not_make_its_consumers_faulty(preset: Made, catalogue: NodeCatalogue, valid: str) -> None:
    with pytest.raises(PresetError, match=r"flow\.diss") as caught:
        check(preset(mutated(valid, "flow.dis", "flow.diss")), catalogue)

    assert len(caught.value.faults) == 1


def test_a_broken_plugin_is_told_in_the_registrys_words_alone(
    preset: Made, catalogue: NodeCatalogue, valid: str
) -> None:
    with pytest.raises(PresetError, match=r"got ImportError: no torch$"):
        check(preset(mutated(valid, "flow.dis", "edit.broken")), catalogue)


def test_the_same_fault_is_told_once() -> None:
    faults, other = Faults(), Faults()

    faults.add(Location("a", 1, 2), ("x",), "wrong")
    other.extend(faults)
    other.add(Location("a", 1, 2), ("x",), "wrong")

    assert other.lines() == ["a:1:2: x: wrong"]
