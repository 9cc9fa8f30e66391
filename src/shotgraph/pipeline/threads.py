"""Decode ahead and encode behind: the two threads that overlap with compute, both bounded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterable
from typing import Any

from shotgraph.api.frames import FrameSet
from shotgraph.api.media import Reader, Writer, WrittenOutput
from shotgraph.errors import ShotgraphError

# Frames decoded ahead of, and waiting behind, the computation; the planner adds both to the peak.
PREFETCH_FRAMES = 4
WRITE_QUEUE_FRAMES = 4
_POLL_SECONDS = 0.1


class Prefetcher:
    """Reads the frames a stage will ask for, in order, in a thread of its own."""

    def __init__(self, reader: Reader, frames: Collection[int], *, depth: int = PREFETCH_FRAMES) -> None:
        self._reader = reader
        self._announced = iter(frames)
        self._queue: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._fill, args=(iter(frames),), name="decode", daemon=True)
        self._thread.start()

    def _fill(self, frames: Iterable[int]) -> None:
        for frame in frames:
            try:
                item = (self._reader.read(frame), None)
            except BaseException as error:  # noqa: BLE001 - raised again where the frame is asked for
                item = (None, error)
            while not self._stop.is_set():
                try:
                    self._queue.put(item, timeout=_POLL_SECONDS)
                    break
                except queue.Full:
                    continue
            if self._stop.is_set():
                return

    def get(self, frame: int) -> Any:
        """The next frame, which must be `frame`; what went wrong in reading it is raised here."""
        announced = next(self._announced, "none")
        if announced != frame:
            raise ShotgraphError(
                f"decode: frames must be asked for in the announced order, got {frame} for {announced}"
            )
        value, error = self._queue.get()
        if error is not None:
            raise error
        return value

    @property
    def damaged(self) -> FrameSet:
        """Frames that did not decode and were filled by the reader's own policy; readers need not count them."""
        return getattr(self._reader, "damaged", FrameSet())

    def close(self) -> None:
        """Stop reading and close the reader."""
        self._stop.set()
        self._thread.join()
        self._reader.close()


class BackgroundWriter:
    """Feeds one writer from a thread of its own through a bounded queue, so that a slow encoder slows the run, not its memory."""

    def __init__(self, writer: Writer, *, depth: int = WRITE_QUEUE_FRAMES) -> None:
        self._writer = writer
        self._queue: queue.Queue[tuple[int, Any, str] | None] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drain, name="encode", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is not None or self._stop.is_set():
                continue
            try:
                self._writer.write(*item)
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that runs the stage
                self._error = error

    def write(self, frame: int, value: Any, key: str) -> None:
        """Queue one frame; waits while the queue is full. A failure of an earlier frame is raised here."""
        self._raise()
        self._queue.put((frame, value, key))

    def finish(self) -> WrittenOutput:
        """Wait for the queue, close and verify."""
        self._queue.put(None)
        self._thread.join()
        self._raise()
        return self._writer.finish()

    def abort(self) -> None:
        """Give up: nothing stays under the final name."""
        self._stop.set()
        self._queue.put(None)
        self._thread.join()
        self._writer.abort()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
