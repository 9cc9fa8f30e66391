"""Sizes, docstrings and places, over the whole repository."""

import ast
import io
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

MODULE_LINES = 350
TEST_LINES = 500
FUNCTION_LINES = 40
# What may be longer, with the reason.
LONGER_FUNCTIONS: dict[str, str] = {}
LONGER_MODULES: dict[str, str] = {}


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def functions(file: Path) -> list[tuple[str, int]]:
    """(``path:name``, lines) of every function, decorators and docstring left out: explaining must not cost."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [(f"{name_of(file)}:{node.name}", lines_of(node)) for node in found]


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 50
    assert len(TESTS) > 20
    assert dict(functions(Path(__file__)))["tests/project/test_layout.py:name_of"] == 2
    assert dict(functions(Path(__file__)))["tests/project/test_layout.py:functions"] == 4


@pytest.mark.parametrize("file", SOURCES, ids=name_of)
def test_every_module_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def test_modules_stay_short() -> None:
    lines = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}

    assert {name: count for name, count in lines.items() if count > MODULE_LINES and name not in LONGER_MODULES} == {}


def test_test_files_stay_short() -> None:
    lines = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in TESTS}

    assert {name: count for name, count in lines.items() if count > TEST_LINES} == {}


def test_functions_stay_short() -> None:
    lines = dict(pair for file in SOURCES for pair in functions(file))

    assert {name: n for name, n in lines.items() if n > FUNCTION_LINES and name not in LONGER_FUNCTIONS} == {}


def test_every_exception_to_the_sizes_is_still_one() -> None:
    lengths = dict(pair for file in SOURCES for pair in functions(file))

    assert [name for name in LONGER_FUNCTIONS if lengths.get(name, 0) <= FUNCTION_LINES] == []
    assert [name for name in LONGER_MODULES if len((ROOT / name).read_text().splitlines()) <= MODULE_LINES] == []


def test_nothing_shadows_pythons_own_io() -> None:
    assert not (ROOT / "tests" / "io").exists()
    assert not (ROOT / "io").exists()
    assert io.BytesIO(b"ab").read() == b"ab"


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "misc", "common"])
def test_no_module_is_named_for_nothing(word: str) -> None:
    assert [name_of(file) for file in SOURCES if word in file.stem] == []


def test_shipped_tests_need_no_folder_outside_the_repository() -> None:
    outside = "/" + "work/"

    assert [name_of(file) for file in TESTS if outside in file.read_text(encoding="utf-8")] == []


def test_only_a_package_with_python_in_it_has_an_init() -> None:
    folders = {file.parent for file in SOURCES}

    assert [
        name_of(folder) for folder in folders if folder != ROOT / "src" and not (folder / "__init__.py").exists()
    ] == []
