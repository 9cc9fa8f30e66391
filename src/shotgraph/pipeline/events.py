"""Events of a run: one small record whenever a unit ends, a stage starts, a file is written. Observers never fail a render."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from shotgraph.errors import Cancelled

EventKind = Literal["plan", "stage", "unit", "note", "progress", "skipped", "warning", "output", "shot"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        kind: what.
        shot: where.
        node: node name, or empty.
        unit: frame, batch or window index; 0 where it has no meaning.
        seconds: how long it took.
        cached: it was found on disk.
        done: units of the run done so far.
        total: units of the run.
        text: for people.
        values: facts a node noted.
    """

    kind: EventKind
    shot: str = ""
    node: str = ""
    unit: int = 0
    seconds: float = 0.0
    cached: bool = False
    done: int = 0
    total: int = 0
    text: str = ""
    values: tuple[tuple[str, Any], ...] = ()


Listener = Callable[[Event], None]


class CancelFlag:
    """Asks a run to stop between two frames; set from a signal handler or another thread.

    Attributes:
        is_set: it was asked.
    """

    def __init__(self) -> None:
        # A plain flag: read between any two frames, and a signal handler may not wait for a lock.
        self.is_set = False
        self._why = ""

    def set(self, why: str = "asked to stop") -> None:
        """Ask for the stop; `why` is told to the user."""
        self._why = why
        self.is_set = True

    def check(self) -> None:
        """Stop here if it was asked.

        Raises:
            Cancelled: it was.
        """
        if self.is_set:
            raise Cancelled(
                f"run: stopped between two frames, got {self._why!r}; run the same command again to go on from here"
            )
