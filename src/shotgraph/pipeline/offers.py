"""An installed entry point with the package it came from, and loading it without being hurt by it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint
from typing import Any, NamedTuple

from shotgraph.errors import PluginError

NODES_GROUP = "shotgraph.nodes"
HOOKS_GROUP = "shotgraph.hooks"
BUILT_IN = "shotgraph"
CURE = "repair or uninstall it, or disable it with -p no:NAME"


class Broken(NamedTuple):
    """A plugin that cannot be used.

    Attributes:
        id: node id, or name of a hooks entry.
        distribution: ``name version`` of every package involved.
        error: what is wrong and what to do.
    """

    id: str
    distribution: str
    error: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry point of one of our groups.

    Attributes:
        entry: as installed.
        package: name of the distribution.
        version: its version.
    """

    entry: EntryPoint
    package: str
    version: str

    @classmethod
    def of(cls, entry: EntryPoint) -> Offer:
        """The offer behind `entry`; one that was made by hand belongs to no package."""
        dist = entry.dist
        return cls(entry, dist.name if dist else "unknown", dist.version if dist else "0")

    @property
    def distribution(self) -> str:
        """``name version``."""
        return f"{self.package} {self.version}"

    @property
    def who(self) -> str:
        """Entry, import path and package, for messages."""
        return f"plugin {self.entry.name!r} ({self.entry.value}) of {self.distribution}"

    def is_enabled(self, *, allow: Sequence[str] | None, block: Sequence[str]) -> bool:
        """Whether the lists leave it in; only a block list can take out a built-in."""
        allowed = allow is None or self.package == BUILT_IN or self._is_listed(allow)
        return allowed and not self._is_listed(block)

    def _is_listed(self, patterns: Sequence[str]) -> bool:
        return any(fnmatchcase(self.entry.name, pattern) or self.package == pattern for pattern in patterns)

    def load(self) -> Any:
        """What the entry names.

        Returns:
            The object, imported now.

        Raises:
            PluginError: the import failed, in whatever way, ``sys.exit`` included.
        """
        try:
            return self.entry.load()
        except (Exception, SystemExit) as error:
            cause = f"{type(error).__name__}: {error}"
            raise PluginError(f"{self.who}: must be importable, got {cause}; {CURE}") from error

    def broken(self, error: Exception) -> Broken:
        """The record of this offer failing with `error`."""
        return Broken(self.entry.name, self.distribution, str(error))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest of `known`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
