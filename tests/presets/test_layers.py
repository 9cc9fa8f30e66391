"""Which layer wins, what extends may reach, and what `explain` says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shotgraph.api import FrameRange, Shot
from shotgraph.errors import PresetError, UsageError
from shotgraph.presets import NodeCatalogue, Preset, Site, check, discover, explain, graph_for, load

Made = Callable[..., Preset]


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def strength(preset: Preset, catalogue: NodeCatalogue, shot: Shot | None = None) -> object:
    graph = graph_for(preset, shot, catalogue) if shot else check(preset, catalogue)
    return next(node for node in graph.nodes if node.name == "edit").settings.get("strength")


LAYERS = ("site", "extends ./low.yaml", "extends high.yaml", "preset", "sidecar", "overrides 'sq010_*'", "--set")


@pytest.mark.parametrize("top", range(1, 8))
def test_every_layer_beats_the_ones_below_and_explain_lists_them(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path, top: int
) -> None:
    def amount(layer: int) -> str:
        return f"amount: 0.0{layer}" if layer <= top else "other: 1"

    site = written(tmp_path / "site", "defaults.yaml", f"vars: {{{amount(1)}}}\n")
    written(tmp_path / "presets", "low.yaml", f"shotgraph: 1\nvars: {{{amount(2)}}}\n")
    written(tmp_path / "presets", "high.yaml", f"shotgraph: 1\nvars: {{{amount(3)}}}\n")
    sidecar = written(tmp_path / "sq010_1", "shotgraph.yaml", f"vars: {{{amount(5)}}}\n")
    text = valid.replace("shotgraph: 1", "shotgraph: 1\nextends: [./low.yaml, high.yaml]")
    text = text.replace("amount: 0.5", amount(4)).replace("seed: 11", amount(6))
    loaded = preset(text, site=Site(defaults=site), sets=[f"vars.{amount(7).replace(': ', '=')}"])
    shot = Shot(name="sq010_1", root=tmp_path, sidecar=sidecar)

    opinions = explain(loaded, "vars.amount", shot)

    assert [(o.layer, o.value) for o in opinions] == [(name, n / 100) for n, name in enumerate(LAYERS[:top], 1)]
    assert strength(loaded, catalogue, shot) == top / 100
    assert [o.where.line for o in opinions if o.layer == "preset"] == [4] * (top >= 4)


def test_the_engine_gives_patterns_handles_and_first_frame(preset: Made, valid: str, catalogue: NodeCatalogue) -> None:
    lines = valid.splitlines()
    bare = preset(
        "\n".join(line for line in lines if not line.startswith(("shots:", "  plate: [", "  also", "  han", "  fir")))
    )

    assert check(bare, catalogue)
    assert [(o.layer, o.value) for o in explain(bare, "shots.first_frame")] == [("engine", 1001)]
    assert explain(bare, "shots.plate")[0].value == ["{root}/{shot}/plate.*", "{root}/{shot}.{ext}"]


def test_mappings_merge_lists_replace_and_null_deletes(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path
) -> None:
    written(tmp_path / "presets", "base.yaml", valid)
    child = preset(
        "shotgraph: 1\nextends: base.yaml\nshots: {plate: ['{root}/{shot}.mov']}\n"
        "graph: {edit: {strength: null, mode: hard}}\n",
        name="child.yaml",
    )

    edit = check(child, catalogue).nodes[2]

    assert "strength" not in edit.settings
    assert edit.settings["mode"] == "hard"
    assert edit.settings["seed"] == 7
    assert explain(child, "shots.plate")[-1].value == ["{root}/{shot}.mov"]
    assert [(o.layer, o.value) for o in explain(child, "edit.strength")] == [
        ("extends base.yaml", "${vars.amount}"),
        ("preset", None),
    ]


def test_a_node_that_layers_share_is_placed_where_it_began(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path
) -> None:
    written(tmp_path / "presets", "base.yaml", valid.replace("    flow: flow\n", ""))
    child = preset("shotgraph: 1\nextends: base.yaml\ngraph: {edit: {mode: hard}}\n", name="child.yaml")

    with pytest.raises(PresetError, match=r"base\.yaml:12:3: graph\.edit\.flow: must name a node that gives flow"):
        check(child, catalogue)


def test_a_file_extended_along_many_ways_is_read_once(preset: Made, tmp_path: Path) -> None:
    for n in range(16):
        written(tmp_path / "presets", f"b{n}.yaml", f"shotgraph: 1\nextends: [b{n + 1}.yaml, ./b{n + 1}.yaml]\n")
    written(tmp_path / "presets", "b16.yaml", "shotgraph: 1\n")
    start = time.perf_counter()

    loaded = preset("shotgraph: 1\nextends: b0.yaml\n")

    assert len(loaded.layers) == 19
    assert time.perf_counter() - start < 2


def test_explain_lists_a_layer_that_deletes_what_is_around_the_setting(
    preset: Made, valid: str, tmp_path: Path
) -> None:
    written(tmp_path / "presets", "base.yaml", valid)
    child = preset("shotgraph: 1\nextends: base.yaml\ngraph: {edit: null}\n", name="child.yaml")

    assert [(o.layer, o.value) for o in explain(child, "edit.mode")] == [("preset", None)]


def test_a_base_shared_by_two_bases_counts_once_below_both(preset: Made, tmp_path: Path) -> None:
    folder = tmp_path / "presets"
    written(folder, "d.yaml", "shotgraph: 1\nvars: {a: d}\n")
    written(folder, "b.yaml", "shotgraph: 1\nextends: [d.yaml]\nvars: {a: b}\n")
    written(folder, "c.yaml", "shotgraph: 1\nextends: [d.yaml]\n")

    loaded = preset("shotgraph: 1\nextends: [b.yaml, c.yaml]\n")

    assert [(o.layer, o.value) for o in explain(loaded, "vars.a")] == [("extends d.yaml", "d"), ("extends b.yaml", "b")]


def test_the_most_specific_override_wins_wherever_it_is_written(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path
) -> None:
    globs = {"sq010_sh1": 0.9, "[sS][qQ]010_sh1": 0.2, "sq010_*": 0.3, "*": 0.1, "sq010_sh*": 0.6}
    text = valid.replace(
        '"sq010_*": {vars: {seed: 11}}', ", ".join(f'"{g}": {{vars: {{amount: {v}}}}}' for g, v in globs.items())
    )
    loaded = preset(text)

    found = {
        name: strength(loaded, catalogue, Shot(name=name, root=tmp_path))
        for name in ("sq010_sh1", "sq010_sh2", "sq010_x", "z")
    }

    assert found == {"sq010_sh1": 0.9, "sq010_sh2": 0.6, "sq010_x": 0.3, "z": 0.1}


def test_an_override_matches_a_name_that_looks_like_a_glob(
    preset: Made, catalogue: NodeCatalogue, valid: str, tmp_path: Path
) -> None:
    loaded = preset(valid.replace('"sq010_*": {vars: {seed: 11}}', '"a[1]": {vars: {amount: 0.9}}'))

    assert strength(loaded, catalogue, Shot(name="a[1]", root=tmp_path)) == 0.9
    assert strength(loaded, catalogue, Shot(name="b", root=tmp_path)) == 0.5


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("edit.strength=0.4", "edit.strength", 0.4),
        ("graph.edit.strength=0.4", "edit.strength", 0.4),
        ("vars.prompt=a: robot, [rusted]", "vars.prompt", "a: robot, [rusted]"),
        ("vars.prompt='7'", "vars.prompt", "7"),
        ("vars.prompt=", "vars.prompt", None),
        ("vars.prompt=a=b", "vars.prompt", "a=b"),
        ("edit.size=[192, 108]", "edit.size", [192, 108]),
        ("edit.chunk.size=24", "edit.chunk.size", 24),
        ("shots.handles=8", "shots.handles", 8),
        ("edit.strict=true", "edit.strict", True),
        ("edit.strict=yes", "edit.strict", "yes"),
    ],
)
def test_set_reads_its_value_as_a_yaml_scalar(preset: Made, text: str, path: str, value: object) -> None:
    loaded = preset(sets=[text])

    opinion = explain(loaded, path)[-1]

    assert (opinion.layer, opinion.value, str(opinion.where)) == ("--set", value, f"--set {text}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "edit.strength",
            "--set edit.strength: must be path=value, such as vars.seed=7 or edit.strength=0.4, got 'edit",
        ),
        ("=3", "--set =3: must be path=value"),
        ("edti.strength=1", "must name a setting of a node of the graph, got 'edti.strength'; did you mean 'edit'?"),
        ("edit=1", "must name a setting of a node of the graph, got 'edit'; did you mean 'edit'?"),
        (
            "extends.0=x",
            "must set one of vars, shots, graph, targets, description or a node, got 'extends.0'; edit the",
        ),
        ("overrides.x=1", "must set one of vars, shots, graph, targets, description or a node, got 'overrides.x'"),
        ("edit.strength=2", "--set edit.strength=2: graph.edit.strength: must be less than or equal to 1, got 2"),
        (
            "edit.strenth=1",
            "graph.edit.strenth: edit.propagate has no input or parameter of this name; did you mean 'str",
        ),
        ("vars.prompt=[a, b", ""),
        ("vars.prompt=[a] [b]", "must be a value, a quoted text or a list, got '[a] [b]'; quote it twice"),
    ],
)
def test_a_wrong_set_is_told_with_its_own_text(preset: Made, catalogue: NodeCatalogue, text: str, fault: str) -> None:
    loaded = preset(sets=[text])

    if fault:
        with pytest.raises(PresetError, match="--set") as caught:
            check(loaded, catalogue)
        assert fault in str(caught.value)
    else:
        assert explain(loaded, "vars.prompt")[-1].value == "[a, b"


def test_extends_finds_site_and_shipped_presets_by_name(preset: Made, tmp_path: Path) -> None:
    studio = written(tmp_path / "studio", "house.yaml", "shotgraph: 1\nextends: transcode\nvars: {a: 1}\n").parent

    loaded = preset("shotgraph: 1\nextends: [house]\n", site=Site(search_path=(studio,)))

    assert [layer.name for layer in loaded.layers] == ["engine", "extends transcode", "extends house", "preset"]


@pytest.mark.parametrize(
    ("extends", "fault"),
    [
        (
            "../secret.yaml",
            "show.yaml:2:10: extends: must lie in the preset's folder or in a folder of the site's search",
        ),
        (
            "/etc/passwd.yaml",
            "must lie in the preset's folder or in a folder of the site's search path, got '/etc/passwd",
        ),
        ("link.yaml", "must lie in the preset's folder or in a folder of the site's search path, got 'link.yaml'"),
        ("none.yaml", "must be an existing preset, got 'none.yaml'; looked for"),
        ("nobody", "must be the name of a preset or the path of a .yaml file, got 'nobody'"),
        ("show.yaml", "presets must not extend themselves, got show.yaml > show.yaml"),
        ("loop.yaml", "presets must not extend themselves, got show.yaml > loop.yaml > show.yaml"),
        ("[loop.yaml, 3]", "show.yaml:2:22: extends[1]: must be the name or path of a preset, got 3"),
        ("alias.yaml", "alias.yaml:2:4: a: must not use anchors, got &x; use vars"),
        ("list.yaml", "list.yaml:1:1: a preset must be a mapping, got [1]"),
        ("two.yaml", "two.yaml:1:12: shotgraph: must be 1, got 2"),
        ('"a\\0b.yaml"', "must be an existing preset, got 'a?b.yaml'"),
    ],
)
def test_extends_stays_inside_its_folders_and_ends(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path, extends: str, fault: str
) -> None:
    folder = tmp_path / "presets"
    secret = written(tmp_path, "secret.yaml", "shotgraph: 1\n")
    written(folder, "loop.yaml", "shotgraph: 1\nextends: show.yaml\n")
    written(folder, "alias.yaml", "shotgraph: 1\na: &x 1\n")
    written(folder, "list.yaml", "[1]\n")
    written(folder, "two.yaml", "shotgraph: 2\n")
    (folder / "link.yaml").symlink_to(secret)

    with pytest.raises(PresetError, match="yaml") as caught:
        check(preset(f"shotgraph: 1\nextends: {extends}\n"), catalogue)

    assert fault in str(caught.value)


def test_a_preset_that_is_not_there_is_a_usage_error_with_a_near_name(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"preset: must be the name of a preset or a \.yaml file, got 'transcod'; did you m"
    ):
        load("transcod")
    with pytest.raises(
        UsageError, match=r"preset: must be an existing file or the name of a preset, got '.*none\.yaml'"
    ):
        load(tmp_path / "none.yaml")


def test_site_defaults_may_not_hold_a_graph(preset: Made, catalogue: NodeCatalogue, tmp_path: Path) -> None:
    site = written(tmp_path / "site", "defaults.yaml", "graph: {}\n")

    with pytest.raises(PresetError, match=r"defaults\.yaml:1:1: graph: site defaults must be vars, shots, overrides"):
        check(preset(site=Site(defaults=site)), catalogue)


def shot_with(sidecar: str, root: Path) -> Path:
    written(root / "sh1", "shotgraph.yaml", sidecar)
    written(root / "sh1", "plate.mov", "")
    return root


def test_a_sidecar_sets_vars_handles_frames_and_per_shot_parameters(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path
) -> None:
    root = shot_with("vars: {amount: 0.2}\nhandles: 4\nframes: 1010-1020\ngraph: {edit: {seed: 3}}\n", tmp_path / "job")
    loaded = preset()

    (shot,) = discover(loaded, [root])
    edit = graph_for(loaded, shot, catalogue).nodes[2]

    assert (shot.handles, shot.frames) == (4, FrameRange(1010, 1020))
    assert shot.sidecar == root / "sh1" / "shotgraph.yaml"
    assert (edit.settings["strength"], edit.settings["seed"]) == (0.2, 3)
    assert edit.setting_where["seed"].file.endswith("shotgraph.yaml")


@pytest.mark.parametrize(
    ("sidecar", "fault"),
    [
        (
            "targets: [out]\n",
            ":1:1: targets: a sidecar may set only vars, handles, frames and, under graph, parameters",
        ),
        ("extends: x\n", ":1:1: extends: a sidecar may set only"),
        ("shots: {handles: 3}\n", ":1:1: shots: a sidecar may set only"),
        (
            "graph: {edit: {mode: hard}}\n",
            ":1:16: graph.edit.mode: a sidecar may set only parameters marked per_shot "
            "(edit.propagate: strength, seed), got 'mode'",
        ),
        ("graph: {edit: {node: core.read}}\n", "graph.edit.node: a sidecar may set only parameters marked per_shot"),
        ("graph: {edit: {video: flow}}\n", "graph.edit.video: a sidecar may set only parameters marked per_shot"),
        ("graph: {new: {node: core.read}}\n", ""),
        ("graph: {edit: {seed: x}}\n", ":1:22: graph.edit.seed: must be an integer, got 'x'"),
        ("handles: -1\n", ":1:10: shots.handles: must be greater than or equal to 0, got -1"),
        ("frames: 9-1\n", "shots.frames: frames: must ascend"),
        ("vars: {a: *x}\n", "a: must not use aliases"),
    ],
)
def test_a_sidecar_may_set_nothing_else(
    preset: Made, catalogue: NodeCatalogue, tmp_path: Path, sidecar: str, fault: str
) -> None:
    shot_with(sidecar, tmp_path / "job")
    shot = Shot(name="sh1", root=tmp_path / "job", sidecar=tmp_path / "job" / "sh1" / "shotgraph.yaml")

    with pytest.raises(PresetError, match=r"shotgraph\.yaml") as caught:
        graph_for(preset(), shot, catalogue)

    assert fault in str(caught.value)


def test_a_wrong_sidecar_stops_discovery_with_its_place(preset: Made, tmp_path: Path) -> None:
    root = shot_with("handel: 3\n", tmp_path / "job")

    with pytest.raises(
        PresetError, match=r"sh1/shotgraph\.yaml:1:1: handel: a sidecar may set only .*did you mean 'handles'"
    ):
        discover(preset(), [root])
