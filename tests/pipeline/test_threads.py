"""Decode ahead and encode behind: both bounded, and what goes wrong in them is raised where the run is."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from shotgraph.api import WrittenOutput
from shotgraph.errors import MediaError, OutputError, ShotgraphError
from shotgraph.pipeline.threads import BackgroundWriter, Prefetcher


def settled(count: Callable[[], int]) -> int:
    """`count` once it has stopped to rise."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 0.15:
        if count() != last:
            last, since = count(), time.monotonic()
        time.sleep(0.005)
    return last


class CountingReader:
    """Knows what was read; fails at one frame."""

    def __init__(self, bad: int | None = None) -> None:
        self.read_frames: list[int] = []
        self.closed = 0
        self._bad = bad

    def read(self, frame: int) -> str:
        self.read_frames.append(frame)
        if frame == self._bad:
            raise MediaError(f"plate: frame {frame} must decode, got damage")
        return f"picture {frame}"

    def close(self) -> None:
        self.closed += 1


def test_reading_ahead_stops_at_its_depth(request: pytest.FixtureRequest) -> None:
    reader = CountingReader()
    prefetcher = Prefetcher(reader, range(1001, 1100), depth=3)
    request.addfinalizer(prefetcher.close)

    # Three in the queue, and one that waits for a place in it.
    assert settled(lambda: len(reader.read_frames)) == 4
    assert prefetcher.get(1001) == "picture 1001"
    assert settled(lambda: len(reader.read_frames)) == 5


def test_frames_come_in_the_announced_order(request: pytest.FixtureRequest) -> None:
    prefetcher = Prefetcher(CountingReader(), [1001, 1005, 1006])
    request.addfinalizer(prefetcher.close)

    assert [prefetcher.get(f) for f in (1001, 1005)] == ["picture 1001", "picture 1005"]
    with pytest.raises(
        ShotgraphError, match="decode: frames must be asked for in the announced order, got 1007 for 1006"
    ):
        prefetcher.get(1007)


def test_a_frame_beyond_the_announced_ones_is_an_error_not_a_wait(request: pytest.FixtureRequest) -> None:
    prefetcher = Prefetcher(CountingReader(), [1001])
    request.addfinalizer(prefetcher.close)
    prefetcher.get(1001)

    with pytest.raises(
        ShotgraphError, match="decode: frames must be asked for in the announced order, got 1002 for none"
    ):
        prefetcher.get(1002)


def test_a_damaged_frame_is_raised_where_it_is_asked_for_and_not_before(request: pytest.FixtureRequest) -> None:
    prefetcher = Prefetcher(CountingReader(bad=1003), range(1001, 1006))
    request.addfinalizer(prefetcher.close)

    assert [prefetcher.get(f) for f in (1001, 1002)] == ["picture 1001", "picture 1002"]
    with pytest.raises(MediaError, match="plate: frame 1003 must decode, got damage"):
        prefetcher.get(1003)


def test_closing_stops_the_thread_and_closes_the_reader_once_however_full_the_queue_is() -> None:
    reader = CountingReader()
    before = threading.active_count()
    prefetcher = Prefetcher(reader, range(1001, 2000), depth=2)
    settled(lambda: len(reader.read_frames))

    prefetcher.close()

    assert reader.closed == 1
    assert len(reader.read_frames) <= 4
    assert threading.active_count() == before


class SlowWriter:
    """Takes a frame only when it is let."""

    def __init__(self, *, bad: int | None = None) -> None:
        self.gate = threading.Semaphore(0)
        self.begun = threading.Event()
        self.frames: list[int] = []
        self.ended: list[str] = []
        self._bad = bad

    def done(self, frame: int, key: str) -> bool:
        return False

    def write(self, frame: int, value: Any, key: str) -> None:
        self.begun.set()
        self.gate.acquire()
        if frame == self._bad:
            raise OutputError(f"disk: must have room for frame {frame}, got none")
        self.frames.append(frame)

    def finish(self) -> WrittenOutput:
        self.ended.append("finish")
        return WrittenOutput(path="slow", frames=len(self.frames), bytes=0, digest="")

    def abort(self) -> None:
        self.ended.append("abort")


def feed(writer: BackgroundWriter, frames: range, given: list[int]) -> threading.Thread:
    """Write `frames` in a thread; those that were taken are in `given`."""

    def run() -> None:
        for frame in frames:
            writer.write(frame, f"picture {frame}", "key")
            given.append(frame)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_slow_writer_slows_the_run_not_its_memory() -> None:
    slow = SlowWriter()
    writer, given = BackgroundWriter(slow, depth=3), list[int]()
    thread = feed(writer, range(1001, 1021), given)

    # Three in the queue and one in the writer's hands.
    assert settled(lambda: len(given)) == 4
    slow.gate.release(5)
    assert settled(lambda: len(given)) == 9
    slow.gate.release(100)
    thread.join()

    assert writer.finish().frames == 20
    assert slow.frames == list(range(1001, 1021))
    assert slow.ended == ["finish"]


def test_a_failure_behind_the_run_is_raised_at_the_next_frame() -> None:
    slow = SlowWriter(bad=1002)
    slow.gate.release(100)
    writer = BackgroundWriter(slow)
    writer.write(1001, "", "")
    writer.write(1002, "", "")
    settled(lambda: len(slow.frames))

    with pytest.raises(OutputError, match="disk: must have room for frame 1002, got none"):
        writer.write(1003, "", "")
    writer.abort()

    assert slow.frames == [1001]
    assert slow.ended == ["abort"]


def test_a_failure_of_the_last_frame_is_raised_at_the_end_and_nothing_is_finished() -> None:
    slow = SlowWriter(bad=1001)
    slow.gate.release(100)
    writer = BackgroundWriter(slow)
    writer.write(1001, "", "")

    with pytest.raises(OutputError, match="disk: must have room for frame 1001, got none"):
        writer.finish()
    writer.abort()

    assert slow.ended == ["abort"]


def test_a_writer_that_failed_lets_no_producer_wait_for_ever() -> None:
    slow = SlowWriter(bad=1001)
    writer, raised = BackgroundWriter(slow, depth=2), list[str]()

    def produce() -> None:
        try:
            for frame in range(1001, 1100):
                writer.write(frame, "", "")
        except OutputError as error:
            raised.append(str(error))

    thread = threading.Thread(target=produce)
    thread.start()
    slow.gate.release(100)
    thread.join(timeout=5)

    assert raised == ["disk: must have room for frame 1001, got none"]
    writer.abort()


def test_aborting_drops_what_waits() -> None:
    slow = SlowWriter()
    writer = BackgroundWriter(slow, depth=3)
    thread = feed(writer, range(1001, 1004), [])
    thread.join()
    assert slow.begun.wait(5)
    stop = threading.Thread(target=writer.abort)

    stop.start()
    slow.gate.release(1)
    stop.join(timeout=5)

    assert slow.frames == [1001]
    assert slow.ended == ["abort"]


def test_a_run_leaves_no_thread_behind(engine: Any) -> None:
    before = threading.active_count()
    nodes = {
        "plate": {"node": "test.source", "count": 30},
        "tip": {"node": "test.gain", "video": "plate", "fail_at": 1005},
        "out": {"node": "test.target", "video": "tip", "file": "{root}/out"},
    }

    (failed,) = engine.shots(nodes, "sh010")
    (whole,) = engine.shots({**nodes, "tip": {**nodes["tip"], "fail_at": 0}}, "sh010")

    assert (failed.message != "", whole.message) == (True, "")
    assert threading.active_count() == before
