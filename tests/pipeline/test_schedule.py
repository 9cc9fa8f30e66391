"""The schedule: the peak that a plan predicts is the peak that happens, whatever the clip's length."""

import weakref
from typing import Any

import pytest

from shotgraph.api import FrameRange, FrameSet, Node, Ports, Rgb
from shotgraph.errors import ShotgraphError
from shotgraph.pipeline.grid import FrameGrid
from shotgraph.pipeline.schedule import LanePlan, Schedule, predicted_peak

SOURCE = {"node": "test.source", "first": 1001, "height": 2, "width": 3}

Nodes = dict[str, dict[str, Any]]


def windowed(video: str, past: int, future: int) -> dict[str, Any]:
    return {"node": "test.smooth", "video": video, "contract": {"past": past, "future": future}}


def chunked(**contract: Any) -> dict[str, Any]:
    return {"node": "test.chunk", "video": "plate", "contract": {"size": 8, "overlap": 3, **contract}}


# What lies between "plate" and "tip", and the most frames and windows it holds at once, counted by hand.
GRAPHS: dict[str, tuple[Nodes, int]] = {
    # A frame is let go when the next node has made its own of it.
    "chain": ({"a": {"node": "test.gain", "video": "plate"}, "tip": {"node": "test.gain", "video": "a"}}, 2),
    # Two past frames, one future, the frame itself, and the answer.
    "window": ({"tip": windowed("plate", 2, 1)}, 5),
    # The first gives the second's last future frame from four frames; three older answers wait.
    "two windows": ({"a": windowed("plate", 2, 1), "tip": windowed("a", 1, 2)}, 8),
    # The short branch waits for the three future frames of the long one.
    "diamond": ({"a": windowed("plate", 0, 3), "tip": {"node": "test.mix", "video": "a", "other": "plate"}}, 6),
    # A window's eight frames, and the three windows that share a frame where the tail is moved back.
    "chunks": ({"tip": chunked()}, 11),
    # The same, one more frame once they are blended.
    "chunks beside frames": ({"a": chunked(), "tip": {"node": "test.mix", "video": "a", "other": "plate"}}, 12),
    # Every frame up to the further anchor while the first window waits for it, and that window.
    "anchored chunks": ({"tip": chunked(anchors=(0, 20))}, 22),
    # Four frames in, four frames out.
    "batches": ({"tip": {"node": "test.batch", "video": "plate"}}, 8),
    "sequential": ({"tip": {"node": "test.sequential", "video": "plate"}}, 2),
}


def graph_of(name: str, count: int, target: str = "test.collect") -> Nodes:
    return {"plate": {**SOURCE, "count": count}, **GRAPHS[name][0], "out": {"node": target, "video": "tip"}}


def predicted(prepared: Any) -> int:
    return max(stage.peak_live_frames for stage in prepared.plan.stages)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_live_peak_is_the_predicted_one_for_any_length(engine: Any, name: str) -> None:
    for count in (100, 1000):
        ran = engine.run(graph_of(name, count))

        assert len(ran.frames) == count
        assert predicted(ran.prepared) == GRAPHS[name][1]
        assert ran.outcome.peaks == {"s1": GRAPHS[name][1]}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_part_of_the_shot_never_holds_more_than_the_whole(engine: Any, name: str) -> None:
    ran = engine.run(graph_of(name, 100), frames="1030-1060")

    assert ran.outcome.peaks == {"s1": predicted(ran.prepared)}
    assert ran.outcome.peaks["s1"] <= GRAPHS[name][1]


def test_what_is_loaded_counts_like_what_is_computed(engine: Any) -> None:
    nodes, cache = graph_of("chunks beside frames", 100), engine.cache()
    engine.run(nodes, frames="1040-1060", cache=cache)

    resumed = engine.run(nodes, cache=cache)

    assert resumed.outcome.loaded["a"] > 3
    assert resumed.outcome.peaks == {"s1": predicted(resumed.prepared)} == {"s1": 12}


def census(counts: list[int]) -> type[Node]:
    """A node that gives copies and appends to `counts` how many of them are alive."""

    class Census(Node):
        """Copies its input."""

        id = "test.census"
        version = "1"
        numerics = "exact"

        class In(Ports):
            video: Rgb

        class Out(Ports):
            video: Rgb

        def setup(self, params: Any, ctx: Any) -> None:
            self.alive = 0

        def process(self, frames: Any, params: Any, ctx: Any) -> Any:
            copy = frames.video.copy()
            self.alive += 1
            counts.append(self.alive)
            weakref.finalize(copy, self._gone)
            return self.Out(video=copy)

        def _gone(self) -> None:
            self.alive -= 1

    return Census


@pytest.mark.parametrize(("past", "future"), [(0, 0), (3, 0), (0, 3), (1, 2)])
def test_no_frame_outlives_its_watermark(engine: Any, past: int, future: int) -> None:
    counts: list[int] = []
    nodes = {
        "plate": {**SOURCE, "count": 200},
        "a": {"node": "test.census", "video": "plate"},
        "tip": windowed("a", past, future),
        "out": {"node": "test.target", "video": "tip"},
    }

    engine.run(nodes, classes=(census(counts),))

    assert max(counts) == past + 1 + future


def test_a_frame_that_a_target_keeps_is_alive_at_the_end(engine: Any) -> None:
    counts: list[int] = []
    nodes = {
        "plate": {**SOURCE, "count": 200},
        "a": {"node": "test.census", "video": "plate"},
        "out": {"node": "test.collect", "video": "a"},
    }

    # The control of the test above: the census does see frames that are not let go.
    engine.run(nodes, classes=(census(counts),))

    assert max(counts) == 200


def lane(name: str, frames: str, *, of: str = "", drives: bool = False) -> LanePlan:
    shot = FrameRange(1, 9)
    grid = FrameGrid(("video",) if of else (), shot)
    return LanePlan(name=name, grid=grid, inputs={"video": of} if of else {}, run=FrameSet.parse(frames), drives=drives)


def test_two_targets_take_turns_so_that_neither_makes_the_other_wait() -> None:
    ran: list[tuple[str, int]] = []

    def work(name: str, unit: int, _inputs: Any) -> tuple[str]:
        ran.append((name, unit))
        return (f"{name} {unit}",)

    lanes = [lane("a", "1-4"), lane("x", "1-4", of="a", drives=True), lane("y", "2-4", of="a", drives=True)]
    schedule = Schedule(lanes, work=work, load=pytest.fail)
    schedule.run()

    order = [name + str(unit) for name, unit in ran]
    assert order == ["a1", "x1", "a2", "x2", "y2", "a3", "x3", "y3", "a4", "x4", "y4"]
    assert schedule.peak == 1
    assert schedule.live == 0


def test_bytes_peak_where_the_heavy_values_are_not_where_most_frames_are() -> None:
    lanes = [lane("a", "1-4"), lane("b", "1-4", of="a"), lane("x", "1-4", of="b", drives=True)]

    light, heavy = (predicted_peak(lanes, {"a": 10, "b": b, "x": 0}) for b in (1, 1000))

    assert light.frames == heavy.frames == 2
    assert (light.bytes, heavy.bytes) == (11, 1010)


def test_a_producer_without_units_is_our_fault_and_says_so() -> None:
    lanes = [lane("a", "1-3"), lane("x", "1-4", of="a", drives=True)]

    with pytest.raises(ShotgraphError, match="schedule: a must have a unit left, got none; this is a fault of the pl"):
        Schedule(lanes, work=lambda _name, unit, _inputs: (unit,), load=pytest.fail).run()
