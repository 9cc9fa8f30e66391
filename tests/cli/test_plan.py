"""`shotgraph plan`: what a run would do, without doing any of it."""

import json
import re
from pathlib import Path

import pytest
from command_line import Run
from small_shots import visible, write_movie, write_paint

from shotgraph.api.plan import Plan
from shotgraph.cli.plan import write_plans
from shotgraph.errors import UsageError


def test_a_plan_tells_stages_nodes_memory_outputs_and_losses(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")

    ran = shotgraph("plan", "propagate", root, "--threads", "1")

    lines = ran.out.splitlines()
    assert ran.code == 0
    assert re.fullmatch(r"sh010: frames 1001-1010, cpu, 1 thread, plan b2:[0-9a-f]{32}", lines[0])
    # Flow and the whole-shot edit are kept, so each ends a stage; the last one writes.
    assert [line.partition("  (")[0] for line in lines if re.match(r"  s\d:", line)] == [
        "  s1: plate, plate>rgb, flow",
        "  s2: edit",
        "  s3: edit, out",
    ]
    rows = {line.split()[0]: line.split() for line in lines if line.startswith("  ")}
    assert rows["flow"][:5] == ["flow", "flow.dis", "Window", "10", "kept"]
    assert rows["plate>rgb"][1] == "engine.native_to_rgb"
    assert f"  writes {root}/out/sh010_v001.mov  frames 1001-1010, about " in ran.out
    assert "    loses pixels: prores_4444 is a lossy codec" in ran.out


def test_planning_leaves_no_trace(shotgraph: Run, root: Path) -> None:
    assert shotgraph("plan", "transcode", root).code == 0

    assert [f.name for f in root.rglob("*")] == ["sh010.mov"]


def test_a_plan_names_the_version_a_run_would_take(shotgraph: Run, root: Path) -> None:
    assert shotgraph("run", "transcode", root).code == 0

    same = shotgraph("plan", "transcode", root)
    changed = shotgraph("plan", "transcode", root, "--set", "shots.handles=1")

    assert "sh010_v001.mov" in same.out
    assert "sh010_v002.mov" in changed.out
    assert "frames 1002-1009" in changed.out


def test_plans_as_json_are_one_list_of_what_the_files_hold(shotgraph: Run, root: Path, tmp_path: Path) -> None:
    write_movie(root / "sh020.mov", frames=4)

    ran = shotgraph("plan", "transcode", root, "--json", "--out", tmp_path / "plans")

    assert [plan["shot"] for plan in ran.document] == ["sh010", "sh020"]
    assert [plan["frames"] for plan in ran.document] == ["1001-1010", "1001-1004"]
    files = [tmp_path / f"plans/{name}.plan.json" for name in ("sh010", "sh020")]
    assert [json.loads(file.read_text()) for file in files] == ran.document


def test_the_same_command_gives_the_same_plan_and_another_setting_another(shotgraph: Run, root: Path) -> None:
    def digest(*arguments: object) -> str:
        (plan,) = shotgraph("plan", "transcode", root, "--json", *arguments).document
        return plan["digest"]

    assert digest() == digest()
    assert digest() != digest("--set", "vars.codec=prores_lt")
    assert digest() != digest("-F", "1001-1009")
    assert digest() != digest("--set", "shots.handles=1")


def test_a_shot_that_cannot_be_planned_decides_the_code_and_spares_the_others(shotgraph: Run, root: Path) -> None:
    (root / "sh020.mov").write_bytes(b"no movie at all")

    ran = shotgraph("plan", "transcode", root)

    *reasons, last = ran.err.splitlines()
    assert ran.code == 65
    assert ran.out.startswith("sh010: frames 1001-1010")
    assert reasons[0].startswith(f"sh020: {root}/sh020.mov: movie must have its index (moov)")
    assert last == "Error: 1 of 2 shots cannot be planned: sh020; the reasons are above"


def test_the_only_shot_that_cannot_be_planned_is_the_last_line_itself(shotgraph: Run, root: Path) -> None:
    ran = shotgraph("plan", "transcode", root, "-F", "1010-1011")

    assert ran.code == 2
    assert ran.out == ""
    assert ran.err == "Error: sh010: frames: must lie in 1001-1010 of sh010, got 1011; ask for less with -F\n"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_a_shot_name_that_is_no_file_name_cannot_be_written(
    shotgraph: Run, root: Path, tmp_path: Path, name: str
) -> None:
    (plan,) = shotgraph("plan", "transcode", root, "--json").document

    with pytest.raises(UsageError, match=rf"^plan: a shot's name must be usable as a file name, got {name!r}"):
        write_plans(tmp_path / "plans", [Plan.model_validate(plan | {"shot": name})])

    assert visible(tmp_path / "plans") == []


def test_the_devices_that_are_not_here_are_refused(shotgraph: Run, root: Path) -> None:
    ran = shotgraph("plan", "transcode", root, "--device", "cuda:99")

    assert ran.code == 69
    assert re.search(r"^Error: sh010: device: must be auto, cpu or one of \d+ CUDA devices, got 'cuda:99'", ran.err)
