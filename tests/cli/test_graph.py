"""`shotgraph graph`: the planned graph as a Mermaid flowchart."""

import re
from pathlib import Path

from command_line import Run
from small_shots import write_movie, write_paint

from shotgraph.api.plan import Plan
from shotgraph.cli.graph import mermaid


def test_nodes_conversions_and_kept_results_have_shapes_of_their_own(shotgraph: Run, root: Path) -> None:
    write_paint(root / "paint/sh010.1004.png")

    ran = shotgraph("graph", "propagate", root)

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "flowchart LR",
        '  n0["plate<br/>core.read"]',
        '  n1(["plate>rgb<br/>yuv420p to rgb, matrix bt709, range limited, transfer bt709"])',
        '  n2[["flow<br/>flow.dis"]]',
        '  n3[["edit<br/>edit.propagate"]]',
        '  n4["out<br/>core.write"]',
        '  n0 -->|"video: native"| n1',
        '  n1 -->|"video: rgb"| n2',
        '  n1 -->|"video: rgb"| n3',
        '  n2 -->|"flow: flow"| n3',
        '  n3 -->|"video: rgb"| n4',
        '  n0 -->|"audio_from: native"| n4',
    ]


def test_only_the_asked_target_is_drawn(shotgraph: Run, root: Path, two_targets: Path) -> None:
    ran = shotgraph("graph", two_targets, root, "-t", "stills")

    assert "stills" in ran.out
    assert "movie" not in ran.out


def test_names_from_a_preset_cannot_end_a_label_or_start_markup(shotgraph: Run, root: Path) -> None:
    (plan,) = shotgraph("plan", "transcode", root, "--json").document
    hostile = plan | {"nodes": [node | {"name": f'"]<script>{node["name"]}', "inputs": {}} for node in plan["nodes"]]}

    drawn = mermaid(Plan.model_validate(hostile))

    assert "<script>" not in drawn
    labels = re.findall(r'\["(.*)"\]', drawn)
    assert labels == [
        "#34;#93;#60;script#62;plate<br/>core.read",
        "#34;#93;#60;script#62;out<br/>core.write",
    ]


def test_the_first_shot_stands_for_all(shotgraph: Run, root: Path) -> None:
    write_movie(root / "sh020.mov", pix_fmt="yuv444p")
    for shot in ("sh010", "sh020"):
        write_paint(root / f"paint/{shot}.1004.png")

    assert "yuv420p to rgb" in shotgraph("graph", "propagate", root).out
    assert "yuv444p to rgb" in shotgraph("graph", "propagate", root / "sh020.mov").out


def test_a_shot_that_cannot_be_planned_is_an_error_without_a_drawing(shotgraph: Run, root: Path) -> None:
    (root / "sh010.mov").write_bytes(b"")

    ran = shotgraph("graph", "transcode", root)

    assert (ran.code, ran.out) == (65, "")
    assert ran.err.startswith(f"Error: sh010: {root}/sh010.mov: media must hold data, got an empty file")
