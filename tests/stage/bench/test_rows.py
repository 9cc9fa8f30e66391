"""Rows on disk: appended, found again, and what a killed run leaves."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shotgraph.errors import UsageError
from shotgraph.stage.bench.rows import RESULTS, Results, Row, key_of

MakeRow = Callable[..., Row]


def test_rows_are_found_again_by_their_key(tmp_path: Path, make_row: MakeRow) -> None:
    first, second = make_row("a", 1, metrics={"success": 0.25, "flicker_e3": None}), make_row("b", 2)
    results = Results(tmp_path)
    results.append(first)
    results.append(second)

    again = Results(tmp_path)

    assert again.rows() == [first, second]
    assert again.done(first.key) == first
    assert again.done("nothing") is None
    assert again.rows([second.key]) == [second]


def test_the_newest_row_of_a_key_counts(tmp_path: Path, make_row: MakeRow) -> None:
    results = Results(tmp_path)
    results.append(make_row("a", 1, error="out of memory"))
    assert results.done(make_row("a", 1).key) is None
    results.append(make_row("a", 1, metrics={"success": 1.0}))

    again = Results(tmp_path)

    assert len(again) == 1
    assert again.rows()[0].metric("success") == 1.0
    assert len((tmp_path / RESULTS).read_text().splitlines()) == 2


def test_half_a_line_of_a_killed_run_is_cut_off(tmp_path: Path, make_row: MakeRow) -> None:
    results = Results(tmp_path)
    results.append(make_row("a", 1))
    path = tmp_path / RESULTS
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])

    again = Results(tmp_path)
    again.append(make_row("b", 1))

    assert [row.method for row in Results(tmp_path).rows()] == ["a", "b"]


def test_a_damaged_line_is_named(tmp_path: Path, make_row: MakeRow) -> None:
    Results(tmp_path).append(make_row("a", 1))
    path = tmp_path / RESULTS
    path.write_bytes(path.read_bytes() + b'{"key": "x"}\n')

    with pytest.raises(UsageError, match=r"results\.jsonl:2 must be a row of results, got .*key"):
        Results(tmp_path)


def test_any_ingredient_changes_the_key() -> None:
    base = {"seed": 1, "method": "a", "settings": {"guidance": 3.0}}

    keys = {key_of(base), key_of(base | {"seed": 2}), key_of(base | {"settings": {"guidance": 3.5}})}

    assert len(keys) == 3
    assert key_of(base) == key_of(dict(reversed(base.items())))


def test_infinity_is_no_number_of_a_row(make_row: MakeRow) -> None:
    with pytest.raises(ValueError, match="finite"):
        make_row("a", 1, metrics={"psnr_to_truth_db": float("inf")})
