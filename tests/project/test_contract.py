"""Hooks, errors and entry points: each documented, each tested, each true."""

import ast
import importlib.metadata
import inspect
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from shotgraph import errors
from shotgraph.api import Node, hookspecs
from shotgraph.errors import ShotgraphError

ROOT = Path(__file__).parents[2]
HOOKS = [name for name in vars(hookspecs) if name.startswith("shotgraph_")]
ERRORS = [name for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, ShotgraphError)]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NODES: dict[str, str] = PROJECT["entry-points"]["shotgraph.nodes"]


def trees(folder: str) -> list[ast.Module]:
    return [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((ROOT / folder).rglob("*.py"))]


@cache
def raised() -> frozenset[str]:
    """Names X of every ``raise X(...)`` and of every ``X(...)`` that is built to be raised elsewhere."""
    calls = [node for tree in trees("src") for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return frozenset(call.func.id for call in calls if isinstance(call.func, ast.Name))


@cache
def matched() -> frozenset[str]:
    """Names X of every ``pytest.raises(X, match=...)``."""
    found: set[str] = set()
    for tree in trees("tests"):
        for node in ast.walk(tree):
            is_raises = isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.raises" and node.args
            if is_raises and any(keyword.arg == "match" for keyword in node.keywords):
                found |= {name.id for name in ast.walk(node.args[0]) if isinstance(name, ast.Name)}
    return frozenset(found)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_exact_signature(hook: str) -> None:
    page = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
    signature = str(inspect.signature(getattr(hookspecs, hook))).replace("'", "")

    assert f"## {hook}\n\n```python\n{hook}{signature}\n```\n" in page


def test_the_page_of_hooks_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate_hooks.py", "--check"], check=False)

    assert done.returncode == 0, "run python docs/generate_hooks.py"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test(hook: str) -> None:
    tests = (ROOT / "tests" / "pipeline" / "test_hooks.py").read_text(encoding="utf-8")

    assert f'"{hook}"' in tests


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "ShotgraphError"])
def test_every_error_is_raised_and_its_message_matched(name: str) -> None:
    assert name in raised()
    assert name in matched()


@pytest.mark.parametrize(("node_id", "value"), NODES.items(), ids=list(NODES))
def test_the_name_of_an_entry_point_is_the_id_of_its_node(node_id: str, value: str) -> None:
    module, _, attribute = value.partition(":")
    node = getattr(import_module(module), attribute)

    assert issubclass(node, Node)
    assert node.id == node_id
    assert inspect.getdoc(node)


def test_what_is_installed_is_what_the_project_says() -> None:
    installed = {
        entry.name: entry.value
        for entry in importlib.metadata.entry_points(group="shotgraph.nodes")
        if entry.dist is not None and entry.dist.name == "shotgraph"
    }

    assert installed == NODES, "run pip install --editable . again"
