"""YAML to a located tree."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from shotgraph.api import Location
from shotgraph.presets.document import MAX_BYTES, MAX_DEPTH, parse, read, scalar
from shotgraph.presets.faults import Faults


def faults_of(text: str) -> list[str]:
    faults = Faults()
    assert parse(text, "x.yaml", faults) is None
    return faults.lines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("True", "True"),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-3", -3),
        ("+5", 5),
        ("007", "007"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("0.4", 0.4),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("9" * 19, "9" * 19),
        ("2020-01-31", "2020-01-31"),
        ("01:00:00:00", "01:00:00:00"),
        ("1001-1050", "1001-1050"),
        ("24000/1001", "24000/1001"),
    ],
)
def test_a_plain_scalar_means_what_the_table_says(text: str, value: object) -> None:
    found = scalar(text)

    assert found == value
    assert type(found) is type(value)


def test_quoted_numbers_and_words_stay_text() -> None:
    root = parse("""{a: "7", b: 'true', c: "", d: |\n  null\n}""".replace("|\n  null\n", "'null'"), "x.yaml", Faults())

    assert root is not None
    assert root.plain() == {"a": "7", "b": "true", "c": "", "d": "null"}


def test_every_value_knows_its_place() -> None:
    root = parse("graph:\n  edit: {size: [3,\n    16]}\n", "x.yaml", Faults())

    assert root is not None
    assert root.locate(("graph", "edit", "size", 1)) == Location("x.yaml", 3, 5)
    assert root.locate(("graph", "edit"), key=True) == Location("x.yaml", 2, 3)
    assert root.locate(("graph", "edit", "absent", "deeper")) == Location("x.yaml", 2, 3)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: &x 1\n", "x.yaml:1:4: a: must not use anchors, got &x; use vars"),
        ("a: 1\nb: [*x]\n", "x.yaml:2:5: b[0]: must not use aliases, got *x; repeat the value or use vars"),
        (
            "a: !!python/object/apply:os.system [id]\n",
            "x.yaml:1:4: a: must not use tags, got 'tag:yaml.org,2002:python/",
        ),
        ("a: !studio 1\n", "x.yaml:1:4: a: must not use tags, got '!studio'; quote the value"),
        ("a: !!str 1\n", "x.yaml:1:4: a: must not use tags, got 'tag:yaml.org,2002:str'"),
        ("? [a, b]\n: 1\n", "x.yaml:1:3: keys must be text, got a list, mapping or alias"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1: must be one document, got a second one; remove the '---'"),
        (
            "a: 1\n\tb: 2\n",
            "x.yaml:2:1: must be YAML, got a syntax error: while scanning for the next token, found cha",
        ),
        ("a: [1, 2\n", "x.yaml:2:1: must be YAML, got a syntax error: while parsing a flow sequence, expected ','"),
        ("a: 1\nb: \x07\n", "x.yaml:2:4: must be printable text, got the character U+0007; remove it"),
        ("a: " + "[" * 40, "must nest at most 32 levels deep, got more"),
    ],
)
def test_what_is_more_than_plain_data_is_refused_at_its_place(text: str, fault: str) -> None:
    lines = faults_of(text)

    assert fault in lines[0]


def test_nesting_is_allowed_up_to_the_limit_exactly() -> None:
    inner = MAX_DEPTH - 1

    deepest = parse("[" * inner + "1" + "]" * inner, "x.yaml", Faults())

    assert deepest is not None
    assert "must nest at most 32" in faults_of("[" * (inner + 1) + "1" + "]" * (inner + 1))[0]


def test_a_duplicate_key_is_named_with_both_lines_and_the_rest_is_still_read() -> None:
    faults = Faults()

    root = parse("a: 1\nb: 2\na: 3\n", "x.yaml", faults)

    assert faults.lines() == ["x.yaml:3:1: a: duplicate key 'a', first given in line 1; keep one"]
    assert root is not None
    assert root.plain() == {"a": 1, "b": 2}


def test_faults_of_one_document_are_told_together() -> None:
    lines = faults_of("a: &x 1\nb: *x\na: 2\nc: !t 3\n")

    assert [line.split(":")[1] for line in lines] == ["1", "2", "3", "4"]


def test_an_alias_bomb_is_left_without_expanding_it() -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 30)]
    start = time.perf_counter()

    lines = faults_of("\n".join(rows))

    assert time.perf_counter() - start < 2
    assert "must not use anchors, got &a0" in lines[0]


def test_a_hundred_thousand_brackets_do_not_exhaust_the_stack() -> None:
    lines = faults_of("[" * 100_000)

    assert len(lines) == 1
    assert "must nest at most 32 levels deep" in lines[0]


def test_a_file_over_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_text("# " + "x" * MAX_BYTES, encoding="utf-8")
    faults = Faults()

    assert read(path, faults) is None

    assert faults.lines() == [f"{path}: must be at most 1000000 bytes, got more; split it with extends"]


def test_a_file_that_is_not_utf8_is_refused_at_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: caf\xe9\n".encode("latin-1"))
    faults = Faults()

    assert read(path, faults) is None

    assert faults.lines() == [f"{path}:2:7: must be UTF-8 text, got byte 0xe9; save it as UTF-8"]


def test_a_missing_file_is_a_fault_and_a_byte_order_mark_is_not(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    faults = Faults()

    root = read(path, Faults())
    missing = read(tmp_path / "none.yaml", faults)

    assert root is not None
    assert root.plain() == {"a": 1}
    assert missing is None
    assert "none.yaml: must be a readable file, got No such file or directory" in faults.lines()[0]
