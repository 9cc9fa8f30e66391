"""What libav says only in its log.

Some failures raise nothing: the mov muxer drops a timecode it dislikes and leaves one ERROR line behind. Opening, writing a
header and writing a trailer therefore run inside `captured_errors`.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av.logging

# The log level belongs to the whole process, so captures take turns. Reentrant: one thread may nest them.
_LEVEL = threading.RLock()


@dataclass(frozen=True, slots=True)
class LibavMessage:
    """One line of libav's log.

    Attributes:
        component: what wrote it, e.g. ``mov`` or ``libx264``.
        text: the line, stripped.
    """

    component: str
    text: str

    def __str__(self) -> str:
        """As libav prints it."""
        return f"{self.component}: {self.text}" if self.component else self.text


class LibavMessages:
    """The messages of a `captured_errors` block; they grow while it runs and stay readable after it."""

    def __init__(self, components: tuple[str, ...]) -> None:
        self._components = components
        self._lines: list[tuple[int, str, str]] = []

    def follow(self, lines: list[tuple[int, str, str]]) -> None:
        """Read from `lines`, which libav appends to."""
        self._lines = lines

    def __iter__(self) -> Iterator[LibavMessage]:
        """Every message of the wanted components, oldest first."""
        for level, component, text in self._lines:
            if level <= av.logging.ERROR and (not self._components or component.split("@")[0] in self._components):
                yield LibavMessage(component, text.strip())

    def __bool__(self) -> bool:
        """Whether anything was reported."""
        return any(True for _ in self)

    def __str__(self) -> str:
        """All of them on one line, for an error message."""
        return "; ".join(dict.fromkeys(map(str, self)))


@contextmanager
def captured_errors(*components: str) -> Generator[LibavMessages]:
    """Collect what libav reports at level ERROR from this thread.

    Keep decoding out of the block: libav's worker threads would then log while this thread may hold the interpreter lock.

    Args:
        *components: names to listen to (``mov``, ``matroska``); none means all.

    Yields:
        LibavMessages: the messages so far; still readable when the block is over.
    """
    messages = LibavMessages(components)
    with _LEVEL:
        level, skips_repeated = av.logging.get_level(), av.logging.get_skip_repeated()
        # A message equal to the last one of the process is dropped by default: the same fault in two jobs would show once.
        av.logging.set_skip_repeated(False)
        av.logging.set_level(av.logging.ERROR if level is None else max(level, av.logging.ERROR))
        try:
            # The outer capture keeps other threads' lines off stderr; the inner one sees only this thread.
            with av.logging.Capture(local=False), av.logging.Capture(local=True) as lines:
                messages.follow(lines)
                yield messages
        finally:
            av.logging.set_level(level)
            av.logging.set_skip_repeated(skips_repeated)
