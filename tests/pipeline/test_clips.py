"""Nodes that see whole shots, one or a group: what they read, what they must give, and what is shared."""

import json
from typing import Any

import numpy as np
import pytest

from shotgraph.api import Clip, Context, Field, Node, Ports, Rgb, Shot
from shotgraph.api import Params as BaseParams
from shotgraph.errors import Exit, FrameRangeError, NodeError, ShapeError
from shotgraph.testing.given import graph_spec

SOURCE = {"node": "test.source", "count": 12, "height": 3, "width": 5}


def group_graph(**source: Any) -> dict[str, dict[str, Any]]:
    """Every shot's plate plus the mean of all shots."""
    return {
        "plate": {**SOURCE, "file": "{root}/{shot}.json", **source},
        "smooth": {"node": "test.smooth", "video": "plate"},
        "group": {"node": "test.clips", "video": "smooth"},
        "tip": {"node": "test.add", "video": "plate", "mean": "group"},
        "out": {"node": "test.stack", "video": "tip", "file": "{root}/out/{shot}.npy"},
    }


@pytest.fixture
def shots(engine: Any) -> tuple[str, ...]:
    """Three shots, each with another offset in every frame."""
    names = ("a", "b", "c")
    for index, name in enumerate(names):
        offsets = {str(f): 100.0 * index for f in range(1001, 1013)}
        (engine.folder / f"{name}.json").write_text(json.dumps({"offsets": offsets}), encoding="utf-8")
    return names


def added(engine: Any, name: str) -> float:
    """What was added to the first frame of a shot."""
    offset = {"a": 0.0, "b": 100.0, "c": 200.0}[name]
    return float(np.load(engine.folder / "out" / f"{name}.npy")[0, 0, 0, 0]) - 1001 - offset


def smoothed_mean(offsets: tuple[float, ...]) -> float:
    """Mean over shots of 1*f(-2) + 2*f(-1) + 3*f(0) + 5*f(1), clamped at the ends."""
    y, x = np.mgrid[0:3, 0:5]
    base = float((x / 100 + y / 10000).mean())
    frames = np.arange(1001, 1013)
    parts = [w * np.clip(frames + d, 1001, 1012).mean() for w, d in ((1, -2), (2, -1), (3, 0), (5, 1))]
    return float(np.mean([sum(parts) + 11 * (base + offset) for offset in offsets]))


def test_every_shot_gets_the_artifact_of_the_whole_group(engine: Any, shots: tuple[str, ...]) -> None:
    results = engine.shots(group_graph(), *shots)

    assert [(r.exit, r.message) for r in results] == [(Exit.VERIFIED, "")] * 3
    expected = smoothed_mean((0, 100, 200))
    assert [added(engine, name) for name in shots] == pytest.approx([expected] * 3, rel=1e-5)


def test_the_group_is_computed_once_whatever_the_order_of_shots(engine: Any, shots: tuple[str, ...]) -> None:
    first = engine.shots(group_graph(), *shots)
    grouped = [r for r in first if any("group" in stage.nodes for stage in r.plan.stages)]
    # Another target of the same group, with the shots the other way round.
    nodes = group_graph()
    nodes["out"]["file"] = "{root}/again/{shot}.npy"

    second = engine.shots(nodes, *reversed(shots))

    assert len(grouped) == 3
    assert [r.exit for r in second] == [Exit.VERIFIED] * 3
    assert not any("group" in stage.nodes for r in second for stage in r.plan.stages)
    for name in shots:
        again, before = (np.load(engine.folder / folder / f"{name}.npy") for folder in ("again", "out"))
        assert np.array_equal(again, before)


def test_one_shot_more_is_another_group(engine: Any, shots: tuple[str, ...]) -> None:
    engine.shots(group_graph(), "a", "b")
    assert added(engine, "a") == pytest.approx(smoothed_mean((0, 100)), rel=1e-5)

    engine.shots(group_graph(), *shots)

    assert added(engine, "a") == pytest.approx(smoothed_mean((0, 100, 200)), rel=1e-5)


def test_a_group_with_a_shot_that_cannot_be_planned_is_refused_as_a_whole(engine: Any, shots: tuple[str, ...]) -> None:
    session = engine.session()
    jobs = [
        (Shot(name=n, root=engine.folder), graph_spec(group_graph(count=c)))
        for n, c in zip(shots, (12, 0, 12), strict=True)
    ]

    results = session.run(jobs)

    assert [r.exit for r in results] == [Exit.USAGE] * 3
    assert "graph.plate.count: Input should be greater than or equal to 1, got 0" in results[1].message
    assert (
        results[0].message == "a: every shot of a group must be planned, got one that failed; mend it or leave it out"
    )


class Emits(Node):
    """A whole-shot node that does as its parameter says."""

    id = "test.emits"
    version = "1"
    contract = Clip()
    numerics = "exact"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb

    class Params(BaseParams):
        mischief: str = Field("", description="what to do wrong")

    def process(self, frames: Any, params: Any, ctx: Context) -> Any:
        reader = frames.video
        for frame in ctx.frames:
            picture = reader[frame]
            if params.mischief == "outside":
                picture = reader[frame + 100]
            if params.mischief == "write":
                picture[0, 0] = 7
            if params.mischief == "shape":
                picture = picture[..., 0]
            if params.mischief == "bug":
                return {}["missing"]
            if params.mischief != "forget" or frame not in (1004, 1005):
                ctx.emit(frame, self.Out(video=picture + np.float32(0.5)))
        return None


def whole_graph(mischief: str = "", between: str = "test.null") -> dict[str, dict[str, Any]]:
    return {
        "plate": SOURCE,
        "a": {"node": between, "video": "plate"},
        "tip": {"node": "test.emits", "video": "a", "mischief": mischief},
        "out": {"node": "test.collect", "video": "tip"},
    }


@pytest.mark.parametrize("between", ["test.null", "test.heavy", "test.smooth", "test.chunk", "test.clip"])
def test_a_whole_shot_node_reads_any_stream_and_its_frames_stream_on(
    engine: Any, assert_same_frames: Any, between: str
) -> None:
    nodes = whole_graph(between=between)
    nodes["tip"]["video"] = "a.video"
    given = engine.frames({**nodes, "out": {"node": "test.collect", "video": "a.video"}})

    frames = engine.frames(nodes, classes=(Emits,))

    assert_same_frames(frames, {f: picture + np.float32(0.5) for f, picture in given.items()})


@pytest.mark.parametrize(
    ("mischief", "error", "message"),
    [
        ("outside", FrameRangeError, r"a: frame must be in 1001-1012, got 1101"),
        ("write", NodeError, r"tip \(test\.emits\): ValueError: assignment destination is read-only"),
        ("shape", ShapeError, r"tip\.video: a rgb frame must be \(H, W, 3\|4\) float32, got \(3, 5\) float32"),
        ("bug", NodeError, r"tip \(test\.emits\): KeyError: 'missing'"),
        ("forget", NodeError, r"tip \(test\.emits\): must emit frames 1001-1012, got none for 1004-1005"),
    ],
)
def test_what_a_whole_shot_node_does_wrong_is_named(
    engine: Any, mischief: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        engine.run(whole_graph(mischief), classes=(Emits,))


def test_only_frames_that_are_wanted_are_asked_of_a_whole_shot_node(engine: Any) -> None:
    ran = engine.run(whole_graph(), classes=(Emits,), frames="1003-1005")

    assert ran.outcome.computed["tip"] == 3
    assert sorted(ran.frames) == [1003, 1004, 1005]


class Fails(Node):
    """A light node that is computed on the spot, where a whole-shot node reads it."""

    id = "test.fails"
    version = "1"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        video: Rgb

    def process(self, frames: Any, params: Any, ctx: Context) -> Any:
        if ctx.frames[0] == 1006:
            raise ValueError("no")
        return self.Out(video=frames.video)


def test_a_failure_on_the_spot_names_the_node_that_failed(engine: Any) -> None:
    with pytest.raises(NodeError, match=r"a \(test\.fails\) frame 1006: ValueError: no"):
        engine.run(whole_graph(between="test.fails"), classes=(Emits, Fails))
