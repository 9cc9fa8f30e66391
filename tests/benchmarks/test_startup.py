"""The benchmark of starting, on one run of each command."""

from typing import Any

IMPORTTIME = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   click
import time:       100 |        900 |     numpy._core
a line of the program itself | torch
"""


def test_every_claim_about_starting_has_a_row(bench: Any) -> None:
    rows = bench("startup", "--runs", "1", "--json").rows

    assert {name: row["threshold"] for name, row in rows.items() if row["threshold"]} == {
        "shotgraph --help": "<= 0.3",
        "shotgraph --help, heavy imports": "== 0",
        "shotgraph check": "<= 0.6",
        "shotgraph check, heavy imports": "== 0",
        "load and check 10 nodes, in process": "<= 30",
    }
    # A process cannot start in no time, nor a median be below the best.
    assert 0.01 < rows["shotgraph --help"]["value"] <= rows["shotgraph --help, median"]["value"]
    assert rows["shotgraph --help"]["value"] < rows["shotgraph check"]["value"]


def test_imports_are_read_off_the_interpreters_own_list(opened: Any) -> None:
    startup = opened("startup")

    assert startup.imported(IMPORTTIME) >= {"click", "numpy"}
    assert "torch" not in startup.imported(IMPORTTIME)
    assert "numpy" in startup.HEAVIER - startup.HEAVY


def test_the_preset_has_every_core_node_and_ten_in_all(opened: Any) -> None:
    nodes = [line.partition("node: ")[2].partition(",")[0] for line in opened("startup").PRESET.splitlines()]

    named = [node for node in nodes if node]
    assert len(named) == 10
    assert set(named) == {f"core.{name}" for name in ("read", "resize", "matte", "merge", "review", "write")}
