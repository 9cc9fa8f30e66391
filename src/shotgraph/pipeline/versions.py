"""Output versions: the number in ``{version:03d}`` belongs to the plan, so a rerun keeps it and a changed plan gets the next.

A number is taken by creating its file exclusively; two runs that start together get different ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from shotgraph.api.paths import FIELD, fill
from shotgraph.digests import digest
from shotgraph.errors import UsageError

VERSION_FIELD = "version"


def has_version(template: str) -> bool:
    """Whether a path template numbers its versions."""
    return any(match["name"] == VERSION_FIELD for match in FIELD.finditer(template))


class Versions:
    """Numbers taken for one set of output templates below a root."""

    def __init__(self, state: Path, templates: Iterable[str]) -> None:
        self._templates = sorted(t for t in templates if has_version(t))
        name = digest(*(t.encode() for t in self._templates)).hex()
        self._folder = state / "versions" / name

    def settle(self, asked: str, *, plan_digest: str, reserve: bool) -> int:
        """The number a plan writes.

        Args:
            asked: ``next``, ``latest`` or a number.
            plan_digest: digest of the plan without its number.
            reserve: take the number; False only says which it would be.

        Returns:
            The number; 0 when no output path has one.

        Raises:
            UsageError: `asked` is none of these.
        """
        if not self._templates:
            return 0
        taken = self._taken()
        if asked.isdigit() and int(asked) > 0:
            number = int(asked)
        elif asked == "latest":
            number = max([*taken, *self._on_disk()], default=1)
        elif asked == "next":
            own = [n for n, owner in taken.items() if owner == plan_digest]
            number = max(own) if own else max([*taken, *self._on_disk()], default=0) + 1
        else:
            raise UsageError(f"version: must be next, latest or a number from 1, got {asked!r}")
        return self._reserve(number, plan_digest, exclusive=asked == "next") if reserve else number

    def owner(self, number: int) -> str:
        """Digest of the plan that took `number`; empty when none did."""
        return self._owner(self._folder / f"{number}.json")

    def _reserve(self, number: int, plan_digest: str, *, exclusive: bool) -> int:
        """Write the number down; where another run was faster, the one behind it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = self._folder / f"{number}.json"
            try:
                with path.open("x", encoding="utf-8") as stream:
                    json.dump({"plan": plan_digest}, stream)
            except FileExistsError:
                if not exclusive:
                    path.write_text(json.dumps({"plan": plan_digest}), encoding="utf-8")
                elif self._owner(path) != plan_digest:
                    number += 1
                    continue
            return number

    def _taken(self) -> dict[int, str]:
        """Numbers taken and the plans they belong to."""
        files = self._folder.glob("*.json") if self._folder.is_dir() else ()
        return {int(f.stem): self._owner(f) for f in files if f.stem.isdigit()}

    @staticmethod
    def _owner(path: Path) -> str:
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["plan"])
        except (OSError, ValueError, KeyError):
            return ""

    def _on_disk(self) -> list[int]:
        """Numbers of files that lie where the outputs would, whoever wrote them."""
        numbers: list[int] = []
        for template in self._templates:
            for part, folder in _numbered_part(Path(template)):
                pattern = re.compile(_regex(part))
                names = (p.name for p in folder.iterdir()) if folder.is_dir() else ()
                numbers.extend(int(m[1]) for m in map(pattern.fullmatch, names) if m)
        return numbers


def _numbered_part(template: Path) -> list[tuple[str, Path]]:
    """The first path component that holds the version, with the folder it lies in."""
    for depth, part in enumerate(template.parts):
        if has_version(part):
            return [(part, Path(*template.parts[:depth]))]
    return []


def _regex(part: str) -> str:
    """Matches any version of `part`, and any frame number or partial range in its place."""
    pieces = re.split(r"(\{version(?::0?\d+d)?\}|#+)", part)
    return "".join(
        r"(\d+)" if p.startswith("{version") else r"-?\d+" if p.startswith("#") else re.escape(p) for p in pieces
    )


def with_version(template: str, number: int) -> str:
    """`template` with its version filled in."""
    others = frozenset(match["name"] for match in FIELD.finditer(template)) - {VERSION_FIELD}
    return fill(template, {VERSION_FIELD: number}, who="version", keep=others)
