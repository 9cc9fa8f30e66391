"""`shotgraph explain`: what changed since the last run, and where a setting comes from."""

from pathlib import Path

import pytest
from command_line import Run
from small_shots import FIRST, rgb, write_image, write_paint, write_sequence

SETTINGS = ("--set", "graph.out.file={root}/out/{shot}.####.png", "--set", "vars.codec=png")


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A root with one shot, a sequence with one painted frame."""
    root = tmp_path / "show"
    write_sequence(root / "sq1", range(FIRST, FIRST + 8))
    write_paint(root / "paint/sq1.1004.png")
    return root


def test_before_the_first_run_everything_is_new(shotgraph: Run, shot: Path) -> None:
    ran = shotgraph("explain", "propagate", shot, *SETTINGS)

    assert (ran.code, ran.out) == (0, "sq1: no finished run to compare with; everything is new\n")


def test_after_a_run_nothing_changed(shotgraph: Run, shot: Path) -> None:
    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0

    assert shotgraph("explain", "propagate", shot, *SETTINGS).out == "sq1: up to date\n"


def test_outputs_that_are_gone_are_told_apart_from_changes(shotgraph: Run, shot: Path) -> None:
    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0
    (shot / "out/sq1.1005.png").unlink()

    ran = shotgraph("explain", "propagate", shot, *SETTINGS)

    assert ran.out == "sq1: nothing changed, but the outputs are not there\n"


def test_a_changed_parameter_is_named_with_what_depends_on_it(shotgraph: Run, shot: Path) -> None:
    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0

    ran = shotgraph("explain", "propagate", shot, *SETTINGS, "--set", "graph.flow.preset=fast")

    assert ran.out.splitlines() == [
        "sq1: touched: flow, edit, out",
        "  flow: param preset: medium -> fast",
        "  flow: 8 kept results to compute again",
        "  edit: 8 kept results to compute again",
    ]


def test_a_changed_plate_frame_costs_only_the_flow_that_sees_it(shotgraph: Run, shot: Path) -> None:
    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0
    write_image(shot / "sq1/plate.1006.png", 255 - rgb(5))

    told = shotgraph("explain", "propagate", shot, *SETTINGS, "--json").document
    again = shotgraph("run", "propagate", shot, *SETTINGS, "--json")

    (row,) = told
    assert [(change["node"], change["what"]) for change in row["changes"]] == [("plate", "media plate.1006.png")]
    # Flow looks one frame ahead: 1005 and 1006 see the frame; the edit is one unit of the whole shot.
    assert row["kept_units_to_compute"] == {"flow": 2, "edit": 8}
    assert again.code == 0
    assert again.shot["computed"]["flow"] == 2


def test_another_version_of_a_node_is_named(shotgraph: Run, shot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shotgraph.plugins.analysis.flow import Dis

    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0
    monkeypatch.setattr(Dis, "version", "1-next")

    (row,) = shotgraph("explain", "propagate", shot, *SETTINGS, "--json").document

    assert [(c["node"], c["before"], c["after"]) for c in row["changes"]] == [("flow", "1", "1-next")]
    assert row["touched"] == ["flow", "edit", "out"]


def test_a_new_paint_touches_the_edit_and_spares_the_flow(shotgraph: Run, shot: Path) -> None:
    assert shotgraph("run", "propagate", shot, *SETTINGS).code == 0
    write_paint(shot / "paint/sq1.1007.png")

    (row,) = shotgraph("explain", "propagate", shot, *SETTINGS, "--json").document

    assert {change["node"] for change in row["changes"]} == {"edit"}
    assert row["touched"] == ["edit", "out"]
    assert row["kept_units_to_compute"] == {"flow": 0, "edit": 8}


def test_a_setting_is_told_layer_by_layer_and_the_last_holds(shotgraph: Run, shot: Path) -> None:
    (shot / "sq1/shotgraph.yaml").write_text("vars: {codec: exr}\n", encoding="utf-8")

    ran = shotgraph("explain", "review", shot, "--setting", "vars.codec", "--set", "vars.codec=png")

    lines = ran.out.splitlines()
    assert lines[0] == "sq1: vars.codec, the last line holds"
    assert [line.split()[-1] for line in lines[2:]] == ["'prores_4444'", "'exr'", "'png'"]
    assert f"{shot}/sq1/shotgraph.yaml:1:" in lines[3]


def test_a_setting_that_no_layer_sets_is_told_so(shotgraph: Run, shot: Path) -> None:
    ran = shotgraph("explain", "propagate", shot, "--setting", "flow.preset")
    as_json = shotgraph("explain", "propagate", shot, "--setting", "flow.preset", "--json")

    assert ran.out == "sq1: no layer sets flow.preset; the default holds, see shotgraph nodes show\n"
    assert as_json.document == [{"shot": "sq1", "setting": "flow.preset", "layers": []}]


def test_a_shot_that_cannot_be_planned_is_an_error(shotgraph: Run, shot: Path) -> None:
    (shot / "sq1/plate.1003.png").unlink()

    ran = shotgraph("explain", "propagate", shot)

    assert ran.code == 66
    assert ran.err.startswith("Error: sq1: ")
    assert "1003" in ran.err
