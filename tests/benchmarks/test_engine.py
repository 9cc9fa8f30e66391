"""The benchmark of the engine, on a run that takes no time, and what its probe of memory can see."""

from mmap import mmap
from typing import Any

import pytest

SIZE_PX = 64
FRAME_BYTES = SIZE_PX * SIZE_PX * 3 * 4


def test_time_and_memory_are_judged_and_peaks_are_as_planned(bench: Any) -> None:
    ran = bench("engine", "--frames", "1000", "--nodes", "4", "--repeats", "1", "--size", "32", "--json")

    rows = ran.rows
    assert rows["one node, one frame, with keys and events"]["threshold"] == "<= 15"
    assert rows["one node, one frame, without keys and events"]["threshold"] == "<= 5"
    assert rows["growth of resident memory over 1000 frames"]["threshold"] == "<= 0.1"
    for count in (100, 1000):
        held = rows[f"frames held at once, {count} frames"]
        assert held["threshold"] == f"== {held['value']}"
        # Two windows of 16 overlap before the older one is done with, and the grade waits for both.
        assert held["value"] > 16
    assert rows["different peaks among these lengths"]["value"] == 1
    assert rows["whole chain of 4, one frame, with keys and events, wall"]["value"] > 0


def test_without_keys_and_events_nobody_hears_of_units(opened: Any) -> None:
    engine = opened("engine")
    heard: dict[bool, list[Any]] = {True: [], False: []}

    for bare, events in heard.items():
        engine.measure(engine.chain(2, count=5), bare=bare, listener=events.append)

    assert [event.unit for event in heard[False] if event.node == "null1"] == [1001, 1002, 1003, 1004, 1005]
    assert [event for event in heard[True] if event.kind == "unit"] == []


def test_growth_is_in_frames_for_a_thousand_frames_and_leaves_both_ends_out(opened: Any) -> None:
    probe = opened("engine").MemoryProbe()
    # Three bytes a frame, with frames in the hands of threads on top; a jump at either end.
    probe.samples = [
        (f, 10**8 + 3 * f + 5000 * (f % 7 != 0) + 10**6 * (f < 3000) - 10**6 * (f > 9700)) for f in range(0, 10_000, 10)
    ]

    assert probe.growth(frame_bytes=1500) == pytest.approx(2, rel=0.01)
    assert probe.growth(frame_bytes=1500, warm_up=0, cool_down=0) < 0


def test_a_leak_is_seen(opened: Any) -> None:
    engine = opened("engine")
    probe = engine.MemoryProbe()
    leaked: list[Any] = []

    def leak(event: Any) -> None:
        if event.kind == "unit" and event.node == "out":
            # Pages of its own: the allocator may have room left over from other tests.
            leaked.append(mmap(-1, FRAME_BYTES))
            leaked[-1].write(bytes(FRAME_BYTES))
        probe(event)

    engine.measure(engine.diamond(count=600, size_px=SIZE_PX), listener=leak)

    # One frame leaks with every frame; a thousand a thousand.
    assert probe.growth(frame_bytes=FRAME_BYTES) > 500
