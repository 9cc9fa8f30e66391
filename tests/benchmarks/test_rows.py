"""Rows that judge themselves, the table, and the exit status."""

import json
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("value", "threshold", "passed"),
    [
        (0.3, "<= 0.3", True),
        (0.31, "<= 0.3", False),
        (0.95, ">= 0.95", True),
        (0.94, ">= 0.95", False),
        (0, "== 0", True),
        (1, "== 0", False),
        (float("nan"), "<= 1", False),
        (float("nan"), ">= 1", False),
        (7, "", True),
    ],
)
def test_a_row_holds_exactly_where_its_claim_does(opened: Any, value: float, threshold: str, passed: bool) -> None:
    row = opened("rows").row("speed", value, "frames/s", threshold)

    assert (row.name, row.unit, row.threshold, row.passed) == ("speed", "frames/s", threshold, passed)


def test_a_claim_that_cannot_be_read_is_no_claim(opened: Any) -> None:
    with pytest.raises(KeyError, match="<"):
        opened("rows").row("speed", 1, "", "< 3")


def test_the_json_is_one_document_of_all_rows(opened: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = opened("rows")

    code = rows.show([rows.row("a", 0.125, "s", "<= 1"), rows.row("b", 2)], as_json=True)

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {
        "rows": [
            {"name": "a", "value": 0.125, "unit": "s", "threshold": "<= 1", "passed": True},
            {"name": "b", "value": 2, "unit": "", "threshold": "", "passed": True},
        ]
    }


def test_the_table_has_a_line_for_each_row_and_a_miss_fails_the_run(
    opened: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = opened("rows")

    code = rows.show([rows.row("start", 0.45678, "s", "<= 0.3"), rows.row("count", 12, "frames")], as_json=False)

    host, _, _, start, count = capsys.readouterr().out.splitlines()
    assert code == 1
    assert "cores" in host
    assert start.split() == ["start", "0.4568", "s", "<=", "0.3", "MISSED"]
    assert count.split() == ["count", "12", "frames", "-", "ok"]
