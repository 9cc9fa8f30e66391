"""``${vars.name}`` and ``${env.NAME:-default}``, resolved once, after all layers are merged.

One regular expression and two tables: no expression is evaluated, no attribute is reached, and what a reference expands to
is never looked at again. A value that is one reference and nothing else takes the type of what it names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shotgraph.presets.document import Item, typed
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean, shown

MAX_EXPANDED = 1_000_000

REFERENCE = re.compile(
    r"\$\{(?:vars\.(?P<var>[A-Za-z_][A-Za-z0-9_]*)"
    r"|env\.(?P<env>[A-Za-z_][A-Za-z0-9_]*)(?P<fallback>:-(?P<default>[^{}]*))?"
    r"|(?P<bad>[^{}]*))(?P<close>\})?"
)


@dataclass(frozen=True, slots=True)
class Environment:
    """The part of the process environment that presets may read.

    Attributes:
        allowed: names the site or the command line allows.
        values: those of them that are set, and perhaps others, which stay unread.
    """

    allowed: frozenset[str] = frozenset()
    values: Mapping[str, str] = field(default_factory=dict[str, str])


class Substitution:
    """Resolves the references of one shot's preset; every var is resolved once."""

    def __init__(self, variables: Item | None, environment: Environment, faults: Faults) -> None:
        self._vars = variables.mapping() if variables else {}
        self._environment, self._faults = environment, faults
        self._done: dict[str, tuple[Item, int] | None] = {}
        self._open: list[str] = []
        self._left = MAX_EXPANDED

    def resolved(self, item: Item, path: KeyPath) -> Item:
        """`item` with every reference in its texts replaced; a text at fault stays as written, and is noted."""
        value = item.value
        if isinstance(value, dict):
            return Item({key: self.resolved(part, (*path, key)) for key, part in value.items()}, item.where, item.key)
        if isinstance(value, tuple):
            parts = tuple(self.resolved(part, (*path, index)) for index, part in enumerate(value))
            return Item(parts, item.where, item.key)
        if not isinstance(value, str) or "${" not in value:
            return item
        return _Text(self, item, path).resolved(value)

    def fault(self, item: Item, path: KeyPath, message: str) -> None:
        """Note what is wrong with the text of `item`."""
        self._faults.add(item.where, path, message)

    def var(self, name: str, item: Item, path: KeyPath) -> Item | None:
        """The resolved var called `name`, as the text of `item` wants it."""
        if name not in self._vars:
            self.fault(item, path, f"${{vars.{name}}} must name one of vars, got {name!r}; {_hint(name, self._vars)}")
            return None
        if name in self._open:
            circle = " > ".join([*self._open[self._open.index(name) :], name])
            self.fault(item, path, f"vars must not refer to themselves, got {circle}")
            return None
        if name not in self._done:
            self._open.append(name)
            resolved = self.resolved(self._vars[name], ("vars", name))
            self._open.pop()
            self._done[name] = None if is_unresolved(resolved) else (resolved, _size(resolved))
        done = self._done[name]
        return done[0] if done and self._fits(done[1], item, path) else None

    def variable(self, match: re.Match[str], item: Item, path: KeyPath) -> str | None:
        """The environment variable's text; its default where it is unset or empty, as in a shell."""
        name, default = match["env"], match["default"]
        if name not in self._environment.allowed:
            known = ", ".join(sorted(self._environment.allowed)) or "which is empty"
            rule = f"must be on the site's allow-list ({known})"
            self.fault(item, path, f"${{env.{name}}} {rule}, got {name!r}; add it to the site config")
            return None
        value = self._environment.values.get(name)
        if default is not None:
            value = value or default
        if value is None:
            self.fault(
                item, path, f"${{env.{name}}} must be set, got nothing; set it or write ${{env.{name}:-default}}"
            )
            return None
        return value if self._fits(len(value), item, path) else None

    def value(self, match: re.Match[str], item: Item, path: KeyPath) -> Item | None:
        """What a reference that is a whole value stands for."""
        if match["var"]:
            return self.var(match["var"], item, path)
        text = self.variable(match, item, path)
        return None if text is None else typed(text, f"${{env.{match['env']}}}", self._faults)

    def _fits(self, size: int, item: Item, path: KeyPath) -> bool:
        """Whether `size` more fits: a few vars that repeat one another must not grow without end."""
        self._left -= size
        if self._left < 0:
            self.fault(item, path, f"references must expand to at most {MAX_EXPANDED} characters, got more")
        return self._left >= 0


class _Text:
    """One text with references in it."""

    def __init__(self, substitution: Substitution, item: Item, path: KeyPath) -> None:
        self._substitution, self._item, self._path = substitution, item, path
        self._intact = True

    def resolved(self, text: str) -> Item:
        """The item the text becomes; the item itself when it is at fault."""
        item = self._item
        whole = REFERENCE.fullmatch(text)
        if whole and self._is_wellformed(whole):
            value = self._substitution.value(whole, item, self._path)
            return Item(value.value, item.where, item.key) if value else item
        replaced = REFERENCE.sub(self._piece, text)
        return Item(replaced, item.where, item.key) if self._intact else item

    def _is_wellformed(self, match: re.Match[str]) -> bool:
        if match["close"] and (match["var"] or match["env"]):
            return True
        rule = "must be ${vars.name} or ${env.NAME:-default}" if match["close"] else "must end in '}'"
        self._fail(f"a reference {rule}, got {shown(match[0])}")
        return False

    def _fail(self, message: str) -> str:
        self._substitution.fault(self._item, self._path, message)
        self._intact = False
        return ""

    def _piece(self, match: re.Match[str]) -> str:
        """What a reference inside a longer text stands for."""
        if not self._intact or not self._is_wellformed(match):
            return ""
        if match["env"]:
            text = self._substitution.variable(match, self._item, self._path)
            self._intact = text is not None
            return text or ""
        var = self._substitution.var(match["var"], self._item, self._path)
        if var is None:
            self._intact = False
            return ""
        if isinstance(var.value, (dict, tuple)):
            return self._fail(f"{match[0]} must be text or a number when inside a text, got {shown(var.plain())}")
        return shown(var.value) if isinstance(var.value, bool) else str(var.value)


def is_unresolved(item: Item) -> bool:
    """Whether a reference in `item` was at fault, so that checking its value would only say so again."""
    value = item.value
    if isinstance(value, dict):
        return any(is_unresolved(part) for part in value.values())
    if isinstance(value, tuple):
        return any(is_unresolved(part) for part in value)
    return isinstance(value, str) and REFERENCE.search(value) is not None


def _size(item: Item) -> int:
    """Characters and values in `item`."""
    value = item.value
    if isinstance(value, dict):
        return 1 + sum(_size(part) for part in value.values())
    if isinstance(value, tuple):
        return 1 + sum(_size(part) for part in value)
    return len(value) if isinstance(value, str) else 1


def _hint(name: str, known: Mapping[str, Item]) -> str:
    return did_you_mean(name, known) if known else "add it to vars"
