"""The real `shotgraph bench stage`, with the controls alone: no model is needed for them."""

import json
from pathlib import Path

import pytest
from command_line import Run

SMALL = ("bench", "stage", "--profile", "smoke", "--clips", "1", "--edits", "E1", "--model", "stage-absent")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench") / "out"


def test_the_table_holds_every_control_and_says_what_it_cannot_show(shotgraph: Run, folder: Path) -> None:
    ran = shotgraph(*SMALL, "--out", folder)

    assert ran.code == 0, ran.err
    lines = {line.split()[0]: line.split() for line in ran.out.splitlines() if line.strip()}
    assert lines["copy_source"][1] == "0.00"
    assert lines["copy_source"][-3] == "0/1"
    assert lines["gt_edit"][1:3] == ["1.00", "exact"]
    assert lines["gt_edit"][-3] == "1/1"
    assert "(1.0000)" in lines["repeat_frame"]
    assert "missing  gt_vae: all edits: model: must be one of" in ran.out
    assert "validates mechanisms, not real-world quality" in ran.out
    # What to know before any number, and only then the numbers.
    assert ran.out.startswith("Profile smoke: 1 held-out clips of 4 frames at 64 px, edits E1 ")
    assert ran.out.index("warning: There is no VAE") < ran.out.index("METHOD")
    assert "PSNR TO TRUTH DB ↑" in ran.out
    # A claim that says nothing still says what it was about.
    assert "the source itself tops preservation: needs 16 clips on which both have background_psnr_db, got 1" in ran.out
    assert f"{folder}/index.html\n{folder}/claims.json\n" in ran.out
    # Progress is told apart from the table.
    assert "gt_edit  clip 1000  E1  seed 0" in ran.err


def test_json_is_one_document_and_nothing_is_measured_twice(shotgraph: Run, folder: Path) -> None:
    shotgraph(*SMALL, "--out", folder)
    rows = (folder / "results.jsonl").read_text().splitlines()

    ran = shotgraph(*SMALL, "--out", folder, "--json")

    assert ran.code == 0
    assert ran.err == ""
    document = json.loads(ran.out)
    methods = {line["method"]: line for line in document["methods"]}
    assert len(methods) == 6
    assert methods["copy_source"]["cells"]["success"]["value"] == 0.0
    assert methods["gt_vae"]["rows"] == 0
    assert {entry["verdict"] for entry in document["claims"]} == {"UNINFORMATIVE"}
    assert "mechanisms" in document["caveat"]
    for told in ("Profile smoke: 1 held-out clips", "seeds 0 ", "guidance 3 for all methods", "Model stage-absent: "):
        assert told in document["setup"]
    assert (folder / "results.jsonl").read_text().splitlines() == rows
    assert len(rows) == 5


def test_a_method_without_its_model_is_missing_and_no_crash(shotgraph: Run, folder: Path) -> None:
    ran = shotgraph(*SMALL, "--methods", "per_frame,propagate", "--out", folder)

    assert ran.code == 0, ran.err
    assert "missing  per_frame: all edits: model: must be one of" in ran.out
    assert "'stage-absent'" in ran.out
    assert "missing  propagate: E1: edit.propagate needs a painted first frame, which E9 alone gives" in ran.out
    assert "Not run: E2 (texture of an object)," in ran.out


def test_a_painted_first_frame_is_carried_without_any_model(shotgraph: Run, tmp_path: Path) -> None:
    arguments = ("bench", "stage", "--clips", "1", "--edits", "E9", "--model", "", "--methods", "propagate,per_frame")

    ran = shotgraph(*arguments, "--out", tmp_path / "out", "--json")

    assert ran.code == 0, ran.err
    methods = {line["method"]: line for line in json.loads(ran.out)["methods"]}
    assert methods["propagate"]["missing"] == ""
    assert methods["propagate"]["cells"]["success"]["value"] == 1.0
    assert methods["per_frame"]["missing"] == "all edits: no model given; use --model"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--methods", "per_frame@fast"), "a variation must be matte, reconstruct or name=value, got 'fast'"),
        (("--methods", "tokenfloww"), "a method must be one of per_frame, propagate, got 'tokenfloww'"),
        (("--edits", "E1,E11"), "edits must be of E1, E2, E3, E4, E5, E6, E7, E8, E9, E10, got E11"),
        (("--seeds", "one"), "seeds must be whole numbers from 0 below 2^63, got 'one'"),
        (("--clips", "0"), "0 is not in the range x>=1"),
        (("--profile", "huge"), "'huge' is not one of 'smoke', 'claims', 'full'"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is(
    shotgraph: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    ran = shotgraph("bench", "stage", *arguments, "--out", tmp_path / "out")

    assert ran.code == 2
    assert message in ran.err
    assert not (tmp_path / "out").exists()
