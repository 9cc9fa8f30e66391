"""Collecting every fault of a preset before anything is raised."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from shotgraph.api.graph import Location
from shotgraph.errors import PresetError

KeyPath = tuple[str | int, ...]

_SHOWN_CHARACTERS = 60
_COMPARED_CHARACTERS = 64


class Faults:
    """Faults as ``file:line:col: path: message``, each said once, in the order of the files."""

    def __init__(self) -> None:
        self._found: dict[tuple[Location, str], None] = {}

    def add(self, where: Location, path: KeyPath, message: str) -> None:
        """Note that the value at `path`, written at `where`, is wrong."""
        self._found[where, f"{dotted(path)}: {message}" if path else message] = None

    def extend(self, other: Faults) -> None:
        """Take over everything that `other` holds."""
        self._found.update(other._found)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._found)

    def lines(self) -> list[str]:
        """Every fault, sorted by place within each file."""
        order = {file: index for index, file in enumerate(dict.fromkeys(where.file for where, _ in self._found))}
        ranked = sorted(self._found, key=lambda fault: (order[fault[0].file], fault[0].line, fault[0].column))
        return [f"{where}: {message}" if where.file else message for where, message in ranked]

    def raise_if_any(self) -> None:
        """End here unless all is well.

        Raises:
            PresetError: at least one fault was noted.
        """
        if self:
            raise PresetError(self.lines())


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
