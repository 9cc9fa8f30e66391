"""``run SHOT.plan.json``: what was planned is run as planned, or not at all."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import probed
from small_shots import write_movie


@pytest.fixture
def plan_of(shotgraph: Any, root: Path, tmp_path: Path) -> Callable[..., Path]:
    """Plan ``transcode`` over the shot and return the plan's file."""

    def plan(*arguments: str) -> Path:
        ran = shotgraph("plan", "transcode", root, "--out", tmp_path / "plans", *arguments)
        assert ran.code == 0, ran.err
        return tmp_path / "plans" / "sh010.plan.json"

    return plan


def test_a_frozen_plan_writes_what_its_preset_would(shotgraph: Any, root: Path, plan_of: Any) -> None:
    path = plan_of("-F", "1003-1006", "--version", "4", "--set", "vars.codec=ffv1", "--set", "vars.container=mkv")

    ran = shotgraph("run", path)

    assert ran.code == 0, ran.err
    clip = probed(shotgraph, root / "out" / "sh010_v004.1003-1006.mkv")
    assert clip["videos"][0]["codec"] == "ffv1"
    assert clip["videos"][0]["timing"]["count"] == 4
    assert shotgraph("run", path, "--json").shot["state"] == "up to date"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["-F", "1003"], r"--frames must be left out beside a plan, got '1003'"),
        (["--set", "vars.x=1"], r"--set must be left out beside a plan, got \('vars.x=1',\)"),
        (["-t", "out"], r"--target must be left out beside a plan"),
        (["--device", "cpu"], r"--device must be left out beside a plan, got 'cpu'; plan again with it"),
    ],
)
def test_what_a_plan_has_settled_cannot_be_asked_again(
    shotgraph: Any, plan_of: Any, arguments: list[str], named: str
) -> None:
    ran = shotgraph("run", plan_of(), *arguments)

    assert ran.code == 2
    assert re.search(named, ran.err)


def test_two_plans_of_one_shot_are_refused(shotgraph: Any, plan_of: Any) -> None:
    path = plan_of()

    ran = shotgraph("run", path, path)

    assert ran.code == 2
    assert re.search(r"plans must be of different shots, got 2 of sh010; run them one by one", ran.err)


def test_media_that_changed_since_the_plan_are_refused(shotgraph: Any, root: Path, plan_of: Any) -> None:
    path = plan_of()
    write_movie(root / "sh010.mov", frames=10, reel="B002")

    ran = shotgraph("run", path)

    assert ran.code == 78
    assert re.search(r"sh010\.mov must be the media that was planned \(b2:\w+\), got b2:\w+; plan again", ran.err)
    assert not (root / "out").exists()


def test_a_plan_of_another_host_is_refused(shotgraph: Any, root: Path, plan_of: Any) -> None:
    path = plan_of()
    document = json.loads(path.read_text(encoding="utf-8"))
    document["environment"]["av"] = "17.0.0"
    path.write_text(json.dumps(document), encoding="utf-8")

    ran = shotgraph("run", path)

    assert ran.code == 78
    assert re.search(r"av must be 17\.0\.0 as planned, got 18\.", ran.err)
    assert not (root / "out").exists()


def test_a_plan_that_was_edited_is_refused(shotgraph: Any, root: Path, plan_of: Any) -> None:
    plan = plan_of()
    plan.write_text(plan.read_text(encoding="utf-8").replace("1001-1010", "1001-1009"), encoding="utf-8")

    ran = shotgraph("run", plan)

    assert ran.code == 78
    assert ran.err.splitlines()[-1].startswith("Error: ")
    assert not (root / "out").exists()


def test_a_file_that_is_no_plan_is_refused(shotgraph: Any, tmp_path: Path) -> None:
    (tmp_path / "a.plan.json").write_text('{"shot": "sh010"}', encoding="utf-8")

    ran = shotgraph("run", tmp_path / "a.plan.json")

    assert ran.code == 2
    assert f"{tmp_path}/a.plan.json" in ran.err


def test_several_plans_are_run_together(shotgraph: Any, root: Path, tmp_path: Path) -> None:
    write_movie(root / "sh020.mov", frames=3)
    assert shotgraph("plan", "transcode", root, "--out", tmp_path / "plans").code == 0

    ran = shotgraph("run", *sorted((tmp_path / "plans").glob("*.json")), "--json")

    assert ran.code == 0
    assert [shot["shot"] for shot in ran.document["shots"]] == ["sh010", "sh020"]
    assert sorted(f.name for f in (root / "out").iterdir()) == ["sh010_v001.mov", "sh020_v001.mov"]
