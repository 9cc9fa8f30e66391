"""Collecting every fault of a preset before anything is raised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from shotgraph.api.graph import Location
from shotgraph.errors import PresetError

KeyPath = tuple[str | int, ...]

_SHOWN_CHARACTERS = 60
_COMPARED_CHARACTERS = 64


class Faults:
    """Faults as ``file:line:col: path: message``, each said once, in the order of the files."""

    def __init__(self) -> None:
        self._found: dict[tuple[Location, str], list[KeyPath]] = {}

    def add(self, where: Location, path: KeyPath, message: str) -> None:
        """Note that the value at `path`, written at `where`, is wrong."""
        paths = self._found.setdefault((where, message), [])
        # What an override says is checked where it is written and again where it is merged in.
        if not any(_ends_alike(path, other) for other in paths):
            paths.append(path)

    def extend(self, other: Faults) -> None:
        """Take over everything that `other` holds."""
        for (where, message), paths in other._found.items():
            for path in paths:
                self.add(where, path, message)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def lines(self) -> list[str]:
        """Every fault, sorted by place within each file."""
        order = {file: index for index, file in enumerate(dict.fromkeys(where.file for where, _ in self._found))}
        ranked = sorted(self._found.items(), key=lambda fault: _rank(fault[0][0], order))
        return [
            ": ".join(part for part in (str(where), dotted(path), message) if part)
            for (where, message), paths in ranked
            for path in paths
        ]

    def raise_if_any(self) -> None:
        """End here unless all is well.

        Raises:
            PresetError: at least one fault was noted.
        """
        if self:
            raise PresetError(self.lines())


def _rank(where: Location, order: Mapping[str, int]) -> tuple[int, int, int]:
    return order[where.file], where.line, where.column


def _ends_alike(one: KeyPath, other: KeyPath) -> bool:
    length = min(len(one), len(other))
    return one[len(one) - length :] == other[len(other) - length :]


def dotted(path: KeyPath) -> str:
    """``graph.edit.anchors[2]``; a key that would not print is shown escaped."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part if part.isprintable() else ascii(part)}"
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """`value` as a message quotes it: escaped and short."""
    text = "true" if value is True else "false" if value is False else "nothing" if value is None else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` when something in `known` is close, else the list of what is known."""
    names = list(known)
    # A hostile key may be a megabyte long; difflib is quadratic.
    near = difflib.get_close_matches(word[:_COMPARED_CHARACTERS], names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"choose from {', '.join(names)}" if names else "there is nothing to choose from"
