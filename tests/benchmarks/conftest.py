"""Running a benchmark as a person does, and opening one as a module."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@dataclass
class Ran:
    """What a benchmark left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of ``--json`` by name; stdout must hold nothing else."""
        document = json.loads(self.out)
        assert list(document) == ["rows"]
        assert all(set(row) == {"name", "value", "unit", "threshold", "passed"} for row in document["rows"])
        found = {row["name"]: row for row in document["rows"]}
        assert len(found) == len(document["rows"])
        assert (self.code == 0) == all(row["passed"] for row in found.values())
        return found


@pytest.fixture
def bench() -> Callable[..., Ran]:
    """``bench("startup", "--runs", "1")``: the script in a process of its own."""

    def run(script: str, *words: str) -> Ran:
        command = [sys.executable, str(BENCHMARKS / f"{script}.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """``opened("rows")``: the script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module
