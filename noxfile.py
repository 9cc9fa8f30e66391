"""One check command for people, hooks and CI: ``nox --session check``.

`check`, `lint`, `slow` and `gpu` run in the environment that nox itself lives in (``make test`` makes it); a second install of
torch would cost minutes and gigabytes and prove nothing.
"""

import re
import sys
import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["check"]

_BIN = Path(sys.executable).parent
_LINTERS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("pydoclint", "--quiet", "src"),
    ("pyright",),
    ("lint-imports",),
)


def _run(session: nox.Session, tool: str, *arguments: str) -> None:
    session.run(str(_BIN / tool), *arguments, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Format, lint, docstrings, types and layers."""
    for command in _LINTERS:
        _run(session, *command)


@nox.session(venv_backend="none")
def check(session: nox.Session) -> None:
    """Everything that must be clean before a change lands; arguments go to pytest."""
    lint(session)
    _run(session, "pytest", *session.posargs)


@nox.session(venv_backend="none")
def slow(session: nox.Session) -> None:
    """The longer proofs, by hand before a release."""
    _run(session, "pytest", "-m", "slow and not gpu", *session.posargs)


@nox.session(venv_backend="none")
def gpu(session: nox.Session) -> None:
    """Tests that need a CUDA device."""
    _run(session, "pytest", "-m", "gpu", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests with the lowest versions that pyproject.toml allows, in an environment of their own."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = [re.sub(r">=([^,]+).*", r"==\1", requirement) for requirement in project["dependencies"]]
    session.install("--editable", ".[test]", *pins)
    session.run("pytest", *session.posargs)
