"""Progress: bars on a terminal, one line a second elsewhere, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import IO, Any, Protocol

from shotgraph.pipeline.events import Event

# Farms read these lines; more than one a second floods their logs.
_INTERVAL_SECONDS = 1.0


class Progress(Protocol):
    """Hears events and tells a person or a machine."""

    def __call__(self, event: Event) -> None:
        """One event."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


def clock(seconds: float) -> str:
    """``00:03:10``."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Pace:
    """Units done and time to go of one shot; never goes back."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started = now()
        self._share = 0.0

    def share(self, event: Event) -> float:
        """Part of the shot that is done, in [0, 1]."""
        self._share = max(self._share, min(1.0, event.done / event.total if event.total else 0.0))
        return self._share

    def left(self) -> str:
        """Time to go at the pace so far."""
        spent = self._now() - self._started
        return clock(spent * (1 - self._share) / self._share) if self._share else "--:--:--"


class PlainProgress:
    """One line a second at most: ``sq010: 42% edit 1047, 00:03:10 left``."""

    def __init__(self, stream: IO[str], *, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now = stream, now
        self._last = float("-inf")
        self._paces: dict[str, Pace] = {}

    def __call__(self, event: Event) -> None:
        """Print it, when it is worth a line and the last one is old enough."""
        if event.kind == "unit":
            pace = self._paces.setdefault(event.shot, Pace(self._now))
            share = pace.share(event)
            if self._now() - self._last >= _INTERVAL_SECONDS:
                self._last = self._now()
                self._say(f"{event.shot}: {share:.0%} {event.node} {event.unit}, {pace.left()} left")
        elif event.kind in ("warning", "output", "shot"):
            self._say(f"{event.shot}: {'warning: ' if event.kind == 'warning' else ''}{event.text}")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to end."""


class JsonProgress:
    """One JSON object a line; unit events at most once a second, everything else at once."""

    def __init__(self, stream: IO[str], *, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now = stream, now
        self._last = float("-inf")
        self._paces: dict[str, Pace] = {}

    def __call__(self, event: Event) -> None:
        """Print it."""
        row: dict[str, Any] = {"ev": event.kind, "shot": event.shot}
        if event.kind in ("unit", "progress"):
            if self._now() - self._last < _INTERVAL_SECONDS:
                return
            self._last = self._now()
            share = self._paces.setdefault(event.shot, Pace(self._now)).share(event)
            row |= {"node": event.node, "unit": event.unit, "share": round(share, 4), "sec": round(event.seconds, 4)}
        else:
            row |= {"node": event.node, "text": event.text} | dict(event.values)
        print(json.dumps(row), file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing to end."""


class BarProgress:
    """A bar for each shot, on a terminal."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(file=stream)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, TextColumn("{task.fields[at]}"), console=console)
        self._tasks: dict[str, Any] = {}
        self._bars.start()

    def __call__(self, event: Event) -> None:
        """Move the shot's bar, or print above the bars."""
        from rich.markup import escape

        if event.kind == "unit":
            if event.shot not in self._tasks:
                self._tasks[event.shot] = self._bars.add_task(escape(event.shot), total=event.total, at="")
            at = f"{escape(event.node)} {event.unit}"
            self._bars.update(self._tasks[event.shot], completed=event.done, total=event.total, at=at)
        elif event.kind in ("warning", "output"):
            self._bars.console.print(f"{escape(event.shot)}: {escape(event.text)}", highlight=False)

    def close(self) -> None:
        """Take the bars down."""
        self._bars.stop()


class NoProgress:
    """Says nothing."""

    def __call__(self, event: Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def progress(mode: str, *, to_stderr: bool) -> Progress:
    """The listener for `mode`: ``auto``, ``tty``, ``plain``, ``json`` or ``none``.

    Args:
        mode: ``auto`` takes bars on a terminal and plain lines elsewhere.
        to_stderr: stdout belongs to a JSON document.

    Returns:
        A listener; close it when the run is over.
    """
    stream = sys.stderr if to_stderr else sys.stdout
    settled = mode if mode != "auto" else ("tty" if stream.isatty() else "plain")
    match settled:
        case "tty":
            return BarProgress(stream)
        case "json":
            return JsonProgress(stream)
        case "none":
            return NoProgress()
        case _:
            return PlainProgress(stream)
