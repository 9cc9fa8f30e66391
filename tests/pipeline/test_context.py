"""What a node sees of the engine: its facts, its folder, its checkpoints, and what it may say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import Artifact, Clip, Context, Frame, Node, Ports, Rgb
from shotgraph.errors import NodeError, OutputError, ShapeError

SOURCE = {"node": "test.source", "count": 10, "height": 3, "width": 5}


def node_of(process: Any, *, contract: Any = None) -> type[Node]:
    """A node with this body."""

    class Given(Node):
        """Does as it is told."""

        id = "test.given"
        version = "1"
        numerics = "exact"

        class In(Ports):
            video: Rgb

        class Out(Ports):
            video: Rgb

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            return process(self, frames, ctx)

    Given.contract = contract or Frame()
    return Given


def graph() -> dict[str, dict[str, Any]]:
    return {
        "plate": SOURCE,
        "tip": {"node": "test.given", "video": "plate"},
        "out": {"node": "test.collect", "video": "tip"},
    }


def run(engine: Any, process: Any, **settings: Any) -> Any:
    contract = settings.pop("contract", None)
    return engine.run(graph(), classes=(node_of(process, contract=contract),), **settings)


def test_a_node_knows_its_name_its_shot_its_headers_and_its_frames(engine: Any) -> None:
    seen: list[Any] = []

    def process(node: Any, frames: Any, ctx: Context) -> Any:
        header = ctx.headers["video"]
        seen.append((ctx.node, ctx.shot.name, header.range.first, (header.width, header.height), ctx.frames, ctx.index))
        assert (ctx.device, ctx.threads, ctx.force, ctx.strict) == ("cpu", 1, False, False)
        return node.Out(video=frames.video)

    run(engine, process, contract=Frame(batch=4))

    who = ("tip", "sq010_sh020", 1001, (5, 3))
    assert seen == [
        (*who, (1001, 1002, 1003, 1004), 0),
        (*who, (1005, 1006, 1007, 1008), 1),
        (*who, (1009, 1010, 1010, 1010), 2),
    ]


def test_a_work_folder_is_found_again_and_belongs_to_the_key(engine: Any) -> None:
    folders: list[Path] = []

    def process(node: Any, frames: Any, ctx: Context) -> Any:
        folders.append(ctx.work)
        (ctx.work / "seen").touch()
        return node.Out(video=frames.video)

    cache = engine.cache()
    run(engine, process, cache=cache)
    run(engine, process, cache=cache)
    run(engine, process, cache=cache, contract=Frame(batch=2))

    assert len(folders) == 25
    assert len(set(folders)) == 2
    assert all((folder / "seen").exists() for folder in folders)


def test_notes_progress_and_warnings_reach_the_listener_with_node_and_unit(engine: Any) -> None:
    def process(node: Any, frames: Any, ctx: Context) -> Any:
        if ctx.index == 1003:
            ctx.note(score=0.5, name="a")
            ctx.progress(2, 7)
            ctx.warn("too dark")
        return node.Out(video=frames.video)

    events = run(engine, process).events

    (note,) = [e for e in events if e.kind == "note"]
    (progress,) = [e for e in events if e.kind == "progress"]
    (warning,) = [e for e in events if e.kind == "warning"]
    assert (note.shot, note.node, note.unit, note.values) == (
        "sq010_sh020",
        "tip",
        1003,
        (("score", 0.5), ("name", "a")),
    )
    assert (progress.node, progress.unit, progress.done, progress.total) == ("tip", 1003, 2, 7)
    assert (warning.node, warning.text) == ("tip", "too dark")


def test_a_checkpoint_survives_a_failure_and_the_next_run_goes_on_from_it(engine: Any) -> None:
    begun: list[int] = []

    def train(node: Any, frames: Any, ctx: Context) -> Any:
        found = ctx.load_checkpoint()
        step, total = (0, 0.0) if found is None else (found[0], float(found[1].arrays["total"][0]))
        begun.append(step)
        while step < 10:
            if step == 6 and len(begun) == 1:
                raise RuntimeError("killed")
            step, total = step + 1, total + step
            ctx.save_checkpoint(step, Artifact({"total": np.array([total])}, {"note": "x"}))
        for frame in ctx.frames:
            ctx.emit(frame, node.Out(video=frames.video[frame] * 0 + np.float32(total)))

    cache = engine.cache()
    with pytest.raises(NodeError, match=r"tip \(test\.given\): RuntimeError: killed"):
        run(engine, train, contract=Clip(), cache=cache)

    frames = run(engine, train, contract=Clip(), cache=cache).frames

    assert begun == [0, 6]
    assert frames[1001][0, 0, 0] == sum(range(10))


def test_a_checkpoint_that_cannot_be_kept_is_a_warning(engine: Any) -> None:
    def process(node: Any, frames: Any, ctx: Context) -> Any:
        if ctx.index == 1001:
            ctx.save_checkpoint(3, Artifact({"a": np.zeros(1)}, {}))
            assert ctx.load_checkpoint() is None
        return node.Out(video=frames.video)

    warnings = run(engine, process, cache=engine.cache("r", read_only=True)).warnings

    assert warnings == ["checkpoint at step 3 not kept: the cache is full or read-only; a killed run starts over"]


def test_only_whole_shot_nodes_emit(engine: Any) -> None:
    def process(node: Any, frames: Any, ctx: Context) -> Any:
        ctx.emit(1001, node.Out(video=frames.video))

    with pytest.raises(OutputError, match="tip: emit must be called by Clip nodes only, got Frame"):
        run(engine, process)


def test_a_setup_that_fails_names_its_node_and_is_torn_down(engine: Any) -> None:
    torn_down: list[str] = []

    class Unready(node_of(None)):
        """Has no weights."""

        def setup(self, params: Any, ctx: Context) -> None:
            raise RuntimeError("no weights")

        def teardown(self, ctx: Context) -> None:
            torn_down.append(ctx.node)

    with pytest.raises(NodeError, match=r"tip \(test\.given\) setup: RuntimeError: no weights"):
        engine.run(graph(), classes=(Unready,))

    assert torn_down == ["tip"]


@pytest.mark.parametrize(
    ("contract", "answer", "message"),
    [
        (
            Frame(),
            lambda v: v.astype(np.float64),
            r"tip\.video: a rgb frame must be \(H, W, 3\|4\) float32, got \(3, 5, 3\) float64",
        ),
        (Frame(), lambda v: v[..., :2], r"tip\.video: a rgb frame must be .*, got \(3, 5, 2\) float32"),
        (Frame(), lambda v: v.tolist(), r"tip\.video: a rgb frame must be ndarray, got list"),
        (Frame(4), lambda v: v[:3], r"tip\.video: a stack must have as many frames as the node was given, 4, got 3"),
    ],
)
def test_an_answer_of_another_shape_is_refused_and_its_port_named(
    engine: Any, contract: Any, answer: Any, message: str
) -> None:
    def process(node: Any, frames: Any, _ctx: Context) -> Any:
        return node.Out(video=answer(frames.video))

    with pytest.raises(ShapeError, match=message):
        run(engine, process, contract=contract)


def test_no_node_can_change_what_another_one_sees(engine: Any) -> None:
    def process(node: Any, frames: Any, _ctx: Context) -> Any:
        frames.video[0, 0, 0] = 7
        return node.Out(video=frames.video)

    with pytest.raises(
        NodeError, match=r"tip \(test\.given\) frame 1001: ValueError: assignment destination is read-only"
    ):
        run(engine, process)
