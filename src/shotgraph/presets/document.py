"""YAML text to a tree in which every value knows its line and column.

The tree is built from parser events rather than by a constructor, so that an alias is never expanded, a tag never calls
anything, and a document too deep is left at the first level too many. Plain scalars follow one small table: ``true`` and
``false`` are booleans, ``null``, ``~`` and nothing are null, decimal numbers are numbers, and everything else is text
(``yes``, ``no``, dates, timecodes, ``1001-1050``, ``007``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from shotgraph.api.graph import Location
from shotgraph.presets.faults import Faults, KeyPath, shown

MAX_BYTES = 1_000_000
MAX_DEPTH = 32

Scalar = str | int | float | bool | None
Plain = Scalar | list["Plain"] | dict[str, "Plain"]

# 18 digits fit 64 bits; what is longer stays text, and a field that wants a number then says so.
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a preset.

    Attributes:
        value: a scalar, a tuple of items, or a mapping of keys to items.
        where: where the value starts.
        key: where its key starts; `where` for list items and for the whole document.
    """

    value: Scalar | tuple[Item, ...] | dict[str, Item]
    where: Location
    key: Location

    def plain(self) -> Plain:
        """The value without locations."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    def mapping(self) -> dict[str, Item]:
        """The items of a mapping; none when it is something else."""
        return self.value if isinstance(self.value, dict) else {}

    def find(self, path: KeyPath) -> Item | None:
        """The item at `path`, or None."""
        item: Item | None = self
        for part in path:
            if item is None:
                return None
            if isinstance(part, int) and isinstance(item.value, tuple):
                item = item.value[part] if part < len(item.value) else None
            else:
                item = item.mapping().get(str(part))
        return item

    def locate(self, path: KeyPath, *, key: bool = False) -> Location:
        """Where `path` is written, or the nearest thing around it that is written at all."""
        for length in range(len(path), -1, -1):
            item = self.find(path[:length])
            if item is not None:
                return item.key if key or length < len(path) else item.where
        return self.where


def read(path: Path, faults: Faults, *, name: str = "") -> Item | None:
    """The document in the file at `path`; None when a fault (noted in `faults`) leaves nothing to work with.

    Args:
        path: a file.
        faults: takes what is wrong.
        name: what messages call the file; its path when empty.

    Returns:
        The whole document.
    """
    file = name or str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        faults.add(Location(file), (), f"must be a readable file, got {error.strerror or error}")
        return None
    if len(content) > MAX_BYTES:
        faults.add(Location(file), (), f"must be at most {MAX_BYTES} bytes, got more; split it with extends")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig")
        byte = content[error.start]
        faults.add(_place(file, before), (), f"must be UTF-8 text, got byte 0x{byte:02x}; save it as UTF-8")
        return None
    return parse(text, file, faults)


def parse(text: str, file: str, faults: Faults) -> Item | None:
    """The document in `text`; None when a fault (noted in `faults`) leaves nothing to work with."""
    found = Faults()
    builder = _Builder(file, found)
    root: Item | None = None
    try:
        root = builder.build(iter(yaml.parse(text, Loader=yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        found.add(where, (), f"must be YAML, got a syntax error: {reason}")
        root = None
    except ReaderError as error:
        character = error.character
        code = f"U+{character if isinstance(character, int) else ord(character):04X}"
        where = _place(file, text[: error.position])
        found.add(where, (), f"must be printable text, got the character {code}; remove it")
    except _TooDeep:
        root = None
    faults.extend(found)
    return root if builder.usable else None


def scalar(text: str) -> Scalar:
    """What an unquoted `text` means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def typed(text: str, file: str, faults: Faults) -> Item:
    """The value of a ``--set`` or an environment variable: a scalar, a quoted text, or a ``[list]``; null on a fault."""
    where = Location(file)
    if text[:1] not in ("[", '"', "'") or not text.endswith(("]", '"', "'")):
        return Item(scalar(text), where, where)
    found = Faults()
    item = parse(text, file, found)
    if item is None:
        faults.add(where, (), f"must be a value, a quoted text or a list, got {shown(text)}; quote it twice")
        return Item(None, where, where)
    return _moved(item, where)


def _moved(item: Item, where: Location) -> Item:
    value = item.value
    if isinstance(value, tuple):
        value = tuple(_moved(part, where) for part in value)
    elif isinstance(value, dict):
        value = {key: _moved(part, where) for key, part in value.items()}
    return Item(value, where, where)


def _place(file: str, before: str) -> Location:
    """The location that follows the text `before`."""
    return Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


class _TooDeep(Exception):
    """The document nests deeper than it may."""


class _Builder:
    """Turns the event stream of one document into a tree.

    `usable` becomes False once a value had to be left out, which would only cause faults further on.
    """

    def __init__(self, file: str, faults: Faults) -> None:
        self._file, self._faults = file, faults
        self._events: Iterator[yaml.Event] = iter(())
        self._path: list[str | int] = []
        self.usable = True

    def build(self, events: Iterator[yaml.Event]) -> Item | None:
        """The first document of `events`; a second one is a fault."""
        self._events = events
        root: Item | None = None
        documents = 0
        for event in events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            documents += 1
            if documents > 1:
                self._reject(event, "must be one document, got a second one; remove the '---'")
                return root
            root = self._value(next(events), depth=1)
        where = Location(self._file, 1, 1)
        return root or Item({}, where, where)

    def _reject(self, event: yaml.Event, message: str) -> None:
        self._faults.add(self._where(event), tuple(self._path), message)
        self.usable = False

    def _where(self, event: yaml.Event) -> Location:
        mark = event.start_mark
        return Location(self._file, mark.line + 1, mark.column + 1) if mark else Location(self._file)

    def _value(self, event: yaml.Event, depth: int, key: Location | None = None) -> Item:
        where = self._where(event)
        if depth > MAX_DEPTH:
            self._reject(event, f"must nest at most {MAX_DEPTH} levels deep, got more")
            raise _TooDeep
        self._check_plain(event)
        value: Scalar | tuple[Item, ...] | dict[str, Item] = None
        if isinstance(event, yaml.MappingStartEvent):
            value = self._mapping(depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(depth)
        elif isinstance(event, yaml.ScalarEvent):
            value = event.value if event.style else scalar(event.value)
        return Item(value, where, key or where)

    def _check_plain(self, event: yaml.Event) -> None:
        """Refuse what would make a document more than a tree of plain values."""
        if isinstance(event, yaml.AliasEvent):
            self._reject(event, f"must not use aliases, got *{event.anchor}; repeat the value or use vars")
            return
        if getattr(event, "anchor", None):
            self._reject(event, f"must not use anchors, got &{getattr(event, 'anchor', '')}; use vars")
        tag = getattr(event, "tag", None)
        if tag:
            self._reject(event, f"must not use tags, got {shown(tag)}; quote the value to make it text")

    def _sequence(self, depth: int) -> tuple[Item, ...]:
        items: list[Item] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            self._path.append(len(items))
            items.append(self._value(event, depth + 1))
            self._path.pop()
        return tuple(items)

    def _mapping(self, depth: int) -> dict[str, Item]:
        items: dict[str, Item] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            where = self._where(event)
            key = self._key(event, depth)
            self._path.append(key)
            item = self._value(next(self._events), depth + 1, where)
            if key in items:
                first = items[key].key.line
                self._faults.add(
                    where, tuple(self._path), f"duplicate key {key!r}, first given in line {first}; keep one"
                )
            else:
                items[key] = item
            self._path.pop()
        return items

    def _key(self, event: yaml.Event, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._check_plain(event)
            return event.value
        self._reject(event, "keys must be text, got a list, mapping or alias")
        self._value(event, depth + 1)
        return ""
