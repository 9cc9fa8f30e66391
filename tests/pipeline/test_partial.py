"""The property everything rests on: a part of a shot, computed alone, has the bits of the full run."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shotgraph.api import Field, FrameRange, Node, Ports, QueryContext, Rgb
from shotgraph.api import Params as BaseParams
from shotgraph.pipeline import binding
from shotgraph.pipeline.chunkgrid import contract_grid

FIRST, COUNT = 1001, 53
SOURCE = {"node": "test.source", "first": FIRST, "count": COUNT, "height": 2, "width": 3}
OUT = {"node": "test.collect", "video": "tip"}


class Reverse(Node):
    """Time backwards: what it needs is not where it is asked."""

    id = "test.reverse"
    version = "1"
    numerics = "exact"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb

    class Params(BaseParams):
        offset: int = Field(0, description="frames further back")

    @classmethod
    def frames_needed(cls, frame: int, params: Any, ctx: QueryContext) -> Mapping[str, Any]:
        shot = ctx.headers["video"].range
        return {"video": (shot.clamp(shot.first + shot.last - frame - params.offset),)}

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        return self.Out(video=frames.video)


def tip(node: str, **settings: Any) -> dict[str, Any]:
    return {"node": node, "video": "plate", **settings}


CONTRACTS: dict[str, dict[str, Any]] = {
    "frame": tip("test.gain"),
    "batch": tip("test.batch"),
    "batch of 7": tip("test.batch", contract={"batch": 7}),
    "window": tip("test.smooth"),
    "window mirrored": tip("test.smooth", contract={"past": 0, "future": 3, "edge": "mirror"}),
    "window blank": tip("test.smooth", contract={"past": 3, "future": 0, "edge": "blank"}),
    "needs": tip("test.reverse"),
    "clip": tip("test.clip"),
    "clips": {"node": "test.add", "video": "plate", "mean": "group.mean"},
    "sequential": tip("test.sequential"),
    "chunk anchored": tip("test.chunk", contract={"anchors": (0, 30)}),
    **{
        f"chunk {blend} {tail}": tip("test.chunk", contract={"blend": blend, "tail": tail})
        for blend in ("linear", "cosine", "none")
        for tail in ("shift", "short", "pad")
    },
    "chunk with triple overlap": tip("test.chunk", contract={"size": 9, "overlap": 7}),
    "chunk larger than the shot": tip("test.chunk", contract={"size": 60, "overlap": 4}),
}


def graph_of(node: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The one node between a source and a target; a group node is there when it is read."""
    nodes: dict[str, dict[str, Any]] = {"plate": SOURCE, "tip": node, "out": dict(OUT)}
    if "mean" in node:
        nodes["group"] = {"node": "test.clips", "video": "plate"}
    elif node["node"] == "test.clip":
        nodes["out"]["video"] = "tip.video"
    return nodes


def parts(size: int) -> Iterator[str]:
    """The shot as a farm would cut it."""
    last = FIRST + COUNT - 1
    return (str(FrameRange(f, min(f + size - 1, last))) for f in range(FIRST, last + 1, size))


def in_parts(engine: Any, nodes: dict[str, dict[str, Any]], size: int) -> dict[int, Any]:
    """The frames of every part, each computed with a cache of its own."""
    frames: dict[int, Any] = {}
    for part in parts(size):
        got = engine.frames(nodes, frames=part, classes=(Reverse,))
        assert str(FrameRange(min(got), max(got))) == part
        frames |= got
    return frames


@pytest.mark.parametrize("name", CONTRACTS)
def test_parts_have_the_bits_of_the_full_run(engine: Any, assert_same_frames: Any, name: str) -> None:
    nodes = graph_of(CONTRACTS[name])
    full = engine.frames(nodes, classes=(Reverse,))

    assert len(full) == COUNT
    for size in (7, 10, 16, 50):
        assert_same_frames(in_parts(engine, nodes, size), full)


@pytest.mark.parametrize("name", ["batch", "window mirrored", "needs", "clip", "sequential", "chunk linear shift"])
def test_single_frames_have_the_bits_of_the_full_run(engine: Any, assert_same_frames: Any, name: str) -> None:
    nodes = graph_of(CONTRACTS[name])

    assert_same_frames(in_parts(engine, nodes, 1), engine.frames(nodes, classes=(Reverse,)))


@pytest.mark.parametrize("name", CONTRACTS)
def test_parts_that_share_a_cache_have_the_bits_of_the_full_run(
    engine: Any, assert_same_frames: Any, name: str
) -> None:
    nodes, cache = graph_of(CONTRACTS[name]), engine.cache("shared")
    full = engine.frames(nodes, classes=(Reverse,))

    frames: dict[int, Any] = {}
    for part in sorted(parts(10), reverse=True):
        frames |= engine.frames(nodes, frames=part, classes=(Reverse,), cache=cache)

    assert_same_frames(frames, full)
    assert_same_frames(engine.frames(nodes, classes=(Reverse,), cache=cache), full)


@pytest.mark.parametrize("node", ["test.chunk", "test.batch", "test.smooth"])
def test_a_grid_anchored_at_the_request_is_caught(engine: Any, monkeypatch: pytest.MonkeyPatch, node: str) -> None:
    nodes, request = graph_of(tip(node)), FrameRange(1016, 1025)
    full = engine.frames(nodes)

    # The shot this grid is laid over is what was asked for: the mistake that the tests above must find.
    monkeypatch.setattr(
        binding, "contract_grid", lambda contract, ports, _shot: contract_grid(contract, ports, request)
    )
    part = engine.frames(nodes, frames=str(request))

    assert sorted(part) == list(request)
    assert any((part[f] != full[f]).any() for f in part)


STEPS = st.one_of(
    st.builds(lambda g: ("test.gain", {"gain": g}), st.sampled_from([0.5, 1.5, 3.0])),
    st.builds(lambda b: ("test.batch", {"contract": {"batch": b}}), st.integers(2, 6)),
    st.builds(
        lambda p, f, e: ("test.smooth", {"contract": {"past": p, "future": f, "edge": e}}),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from(["clamp", "mirror", "blank"]),
    ).filter(lambda step: step[1]["contract"]["past"] + step[1]["contract"]["future"] <= 3),
    st.builds(
        lambda s, o, b, t, a: (
            "test.chunk",
            {"contract": {"size": s, "overlap": min(o, s - 1), "blend": b, "tail": t, "anchors": a}},
        ),
        st.integers(1, 9),
        st.integers(0, 8),
        st.sampled_from(["linear", "cosine", "none"]),
        st.sampled_from(["shift", "short", "pad"]),
        st.sampled_from([(), (0,), (3, 11)]),
    ),
    st.just(("test.sequential", {})),
    st.just(("test.clip", {})),
    st.just(("test.reverse", {})),
    st.just(("test.merge", {})),
)


class Merge(Node):
    """The mean of two pictures, so that branches with different delays meet."""

    id = "test.merge"
    version = "1"
    numerics = "exact"

    class In(Ports):
        video: Rgb
        other: Rgb

    class Out(Ports):
        video: Rgb

    def process(self, frames: Any, params: Any, ctx: Any) -> Any:
        return self.Out(video=(frames.video * 2 + frames.other) / 3)


@st.composite
def random_graphs(draw: st.DrawFn) -> tuple[dict[str, dict[str, Any]], int]:
    """Up to six nodes, each on any node before it, over a shot of 1 to 24 frames."""
    count = draw(st.integers(1, 24))
    nodes: dict[str, dict[str, Any]] = {"plate": {**SOURCE, "count": count, "height": 1, "width": 2}}
    links = ["plate.video"]
    for index, (node, extra) in enumerate(draw(st.lists(STEPS, min_size=1, max_size=6))):
        block = {"node": node, "video": draw(st.sampled_from(links)), **extra}
        if node == "test.merge":
            block["other"] = draw(st.sampled_from(links))
        block["materialize"] = draw(st.sampled_from([False, False, True]))
        nodes[f"n{index}"] = block
        links.append(f"n{index}.video")
    nodes["out"] = {"node": "test.collect", "video": links[-1]}
    return nodes, count


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(graph=random_graphs(), data=st.data())
def test_any_part_of_any_graph_has_the_bits_of_the_full_run(
    engine: Any, assert_same_frames: Any, graph: tuple[dict[str, dict[str, Any]], int], data: st.DataObject
) -> None:
    nodes, count = graph
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    cache = engine.cache()
    classes = (Reverse, Merge)

    part = engine.run(nodes, frames=str(FrameRange(FIRST + first, FIRST + last)), classes=classes, cache=cache)
    full = engine.run(nodes, classes=classes)
    resumed = engine.run(nodes, classes=classes, cache=cache)

    assert_same_frames(part.frames, {f: full.frames[f] for f in part.frames})
    assert part.keys == {f: full.keys[f] for f in part.frames}
    assert_same_frames(resumed.frames, full.frames)
    planned = {stage.name: stage.peak_live_frames for stage in full.prepared.plan.stages}
    assert {name: planned[name] for name in full.outcome.peaks} == full.outcome.peaks
