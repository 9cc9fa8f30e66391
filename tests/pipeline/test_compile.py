"""Compiling: what a graph becomes, and every fault at once with its place, what it got and what to do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import pytest

from shotgraph.api import (
    Context,
    Field,
    FrameRange,
    GraphSpec,
    Location,
    Mask,
    Media,
    Node,
    Port,
    Ports,
    Rate,
    Rgb,
    Shot,
    Source,
    StreamInfo,
    Window,
)
from shotgraph.api import Params as BaseParams
from shotgraph.errors import GraphError, PluginError, PresetError
from shotgraph.pipeline.compile import compile_graph, path_fields
from shotgraph.testing.given import SYNTHETIC, GivenClasses, graph_spec

SOURCE = {"node": "test.source", "first": 1001, "count": 24}
OUT = {"node": "test.target", "video": "tip"}
TIP = {"node": "test.gain", "video": "plate"}

Nodes = dict[str, dict[str, Any]]


def compiled(
    tmp_path: Any, nodes: Mapping[str, Mapping[str, Any]], *classes: type[Node], targets: tuple[str, ...] = ("out",)
) -> Any:
    spec = placed(graph_spec(nodes, targets=targets))
    return compile_graph(spec, Shot(name="sh010", root=tmp_path), GivenClasses((*SYNTHETIC, *classes)))


def placed(spec: GraphSpec) -> GraphSpec:
    """`spec` with a line for every node, as a preset's would have."""
    nodes = tuple(replace(n, where=Location("a.yaml", line, 3)) for line, n in enumerate(spec.nodes, 10))
    return replace(spec, nodes=nodes)


def faults(tmp_path: Any, nodes: Nodes, *classes: type[Node], targets: tuple[str, ...] = ("out",)) -> list[str]:
    with pytest.raises(PresetError, match=r"graph\.") as caught:
        compiled(tmp_path, nodes, *classes, targets=targets)
    return list(caught.value.faults)


def test_vertices_are_in_order_and_dead_branches_are_not_even_imported(tmp_path: Any) -> None:
    nodes = {"out": OUT, "tip": TIP, "unused": {"node": "not.installed"}, "plate": SOURCE}

    graph = compiled(tmp_path, nodes)

    assert list(graph.vertices) == ["plate", "tip", "out"]
    assert graph.vertices["tip"].headers["video"].range == FrameRange(1001, 1024)
    assert str(graph.vertices["out"].links["video"]) == "tip.video"


class TwoOutputs(Node):
    """A picture and a mask."""

    id = "test.two"
    version = "1"

    class In(Ports):
        video: Rgb

    class Out(Ports):
        picture: Rgb
        mask: Mask


class TakesMask(Node):
    """Needs a mask."""

    id = "test.takesmask"
    version = "1"

    class In(Ports):
        mask: Mask

    class Out(Ports):
        video: Rgb


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (
            {"plate": SOURCE, "tip": {**TIP, "video": "plat"}},
            "graph.plat: must be a node of this graph, got no such node; did you mean 'plate'?",
        ),
        (
            {"plate": SOURCE, "tip": {**TIP, "video": "zzz"}},
            "graph.zzz: must be a node of this graph, got no such node; define it",
        ),
        (
            {"tip": {**TIP, "video": "other"}, "other": {**TIP, "video": "tip"}},
            "a.yaml:10:3: graph.tip: links must not form a circle, got tip > other > tip",
        ),
        (
            {"tip": {**TIP, "video": "tip"}},
            "a.yaml:10:3: graph.tip: links must not form a circle, got tip > tip",
        ),
        (
            {"tip": {"node": "test.gain"}},
            "a.yaml:10:3: graph.tip.video: must be linked to a node, got nothing",
        ),
        (
            {"plate": SOURCE, "two": {"node": "test.two", "video": "plate"}, "tip": {**TIP, "video": "two"}},
            "a.yaml:12:3: graph.tip: video: must name one output, got 'two'; choose from two.picture, two.mask",
        ),
        (
            {"plate": SOURCE, "two": {"node": "test.two", "video": "plate"}, "tip": {**TIP, "video": "two.depth"}},
            "a.yaml:12:3: graph.tip: video: must name one output, got 'two.depth'; choose from two.picture, two.mask",
        ),
        (
            {"plate": SOURCE, "two": {"node": "test.two", "video": "plate"}, "tip": {**TIP, "video": "two.mask"}},
            "a.yaml:12:3: graph.tip: video: must be rgb, got mask from two.mask",
        ),
        (
            {"plate": SOURCE, "tip": {"node": "test.takesmask", "mask": "plate"}},
            "a.yaml:11:3: graph.tip: mask: must be mask, got rgb from plate.video",
        ),
        (
            {"plate": SOURCE, "tip": {**TIP, "gain": "much"}},
            "a.yaml:11:3: graph.tip.gain: Input should be a valid number, unable to parse string as a number, got 'much'",
        ),
        (
            {"plate": {**SOURCE, "count": 0}, "tip": TIP},
            "a.yaml:10:3: graph.plate.count: Input should be greater than or equal to 1, got 0",
        ),
        (
            {"plate": SOURCE, "tip": {**TIP, "gian": 2}},
            "a.yaml:11:3: graph.tip.gian: Extra inputs are not permitted, got 2",
        ),
        (
            {"plate": SOURCE, "tip": {"node": "test.batch", "video": "plate", "contract": {"bach": 4, "size": 2}}},
            "a.yaml:11:3: graph.tip: contract Frame: settings must be among ['batch'], got bach, size",
        ),
        (
            {"plate": SOURCE, "tip": {"node": "test.chunk", "video": "plate", "contract": {"size": 3, "overlap": 3}}},
            "a.yaml:11:3: graph.tip: contract Chunk: overlap must be in [0, size), got overlap 3 and size 3",
        ),
        (
            {
                "plate": SOURCE,
                "short": {**SOURCE, "count": 20},
                "tip": {"node": "test.mix", "video": "plate", "other": "short"},
            },
            "a.yaml:12:3: graph.tip: other: must cover frames 1001-1024, got 1001-1020; the inputs are of different lengths",
        ),
        (
            {"plate": SOURCE, "tip": {"node": "test.orphan"}},
            "a.yaml:11:3: graph.tip: test.orphan: a node must read a stream or be a source, got neither",
        ),
    ],
)
def test_a_fault_says_where_what_and_what_instead(tmp_path: Any, nodes: Nodes, expected: str) -> None:
    class Orphan(Node):
        """Reads nothing."""

        id = "test.orphan"
        version = "1"

        class Out(Ports):
            video: Rgb

    nodes = {**nodes, "out": OUT}

    assert faults(tmp_path, nodes, TwoOutputs, TakesMask, Orphan) == [expected]


def test_all_faults_are_told_at_once_and_none_twice(tmp_path: Any) -> None:
    nodes = {
        "plate": SOURCE,
        "a": {**TIP, "gain": "much"},
        "b": {"node": "test.batch", "video": "a", "contract": {"batch": 0}},
        "tip": {"node": "test.mix", "video": "b", "other": "nowhere"},
        "c": {"node": "test.batch", "video": "plate", "contract": {"batch": 0}},
        "out": OUT,
        "more": {"node": "test.target", "video": "a"},
        "last": {"node": "test.target", "video": "c"},
    }

    found = faults(tmp_path, nodes, targets=("out", "more", "last"))

    assert [fault.partition(": graph.")[2].partition(":")[0] for fault in found if "yaml" in fault] == ["a.gain", "c"]
    assert "graph.nowhere: must be a node of this graph, got no such node; define it" in found
    assert len(found) == 3


def test_a_target_must_write(engine: Any) -> None:
    with pytest.raises(
        GraphError, match=r"targets: tip must be a node that writes, got test\.gain; name a core\.write"
    ):
        engine.prepare({"plate": SOURCE, "tip": TIP}, targets=("tip",))


def test_a_plugin_that_is_missing_is_its_own_error(tmp_path: Any) -> None:
    with pytest.raises(PluginError, match=r"node: must be one of .*test\.gain.*, got 'studio\.grade'"):
        compiled(tmp_path, {"plate": SOURCE, "tip": {"node": "studio.grade", "video": "plate"}, "out": OUT})


def test_a_link_takes_the_output_of_its_name_else_the_only_one(tmp_path: Any) -> None:
    class Masked(TakesMask):
        """Picture and mask."""

        id = "test.masked"

        class In(Ports):
            video: Rgb
            mask: Mask

    nodes = {
        "plate": SOURCE,
        "two": {"node": "test.two", "video": "plate"},
        "tip": {"node": "test.masked", "video": "plate", "mask": "two"},
        "out": OUT,
    }

    links = compiled(tmp_path, nodes, TwoOutputs, Masked).vertices["tip"].links

    assert {port: str(link) for port, link in links.items()} == {"video": "plate.video", "mask": "two.mask"}


def test_an_optional_input_may_stay_open(engine: Any) -> None:
    class Optional(Node):
        """One input that may be missing."""

        id = "test.optional"
        version = "1"

        class In(Ports):
            video: Rgb
            other: Rgb | None = None

        class Out(Ports):
            video: Rgb

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            return self.Out(video=frames.video * (1 if frames.other is None else 0))

    nodes = {"plate": SOURCE, "tip": {"node": "test.optional", "video": "plate"}}

    frames = engine.frames(nodes | {"out": {"node": "test.collect", "video": "tip"}}, classes=(Optional,))

    assert frames[1003][0, 0, 0] == 1003


def test_path_parameters_are_filled_and_only_outputs_keep_their_version(tmp_path: Any) -> None:
    class Reads(Node):
        """Names two files."""

        id = "test.reads"
        version = "1"

        class In(Ports):
            video: Rgb

        class Out(Ports):
            video: Rgb

        class Params(BaseParams):
            paint: str = Field("", description="read", path="read")
            label: str = Field("", description="no path")

    nodes = {
        "plate": SOURCE,
        "tip": {"node": "test.reads", "video": "plate", "paint": "{root}/{shot}.png", "label": "{shot}"},
        "out": {**OUT, "file": "{root}/{preset}/{shot}_v{version:03d}"},
    }

    vertices = compiled(tmp_path, nodes, Reads).vertices

    assert vertices["tip"].params.paint == f"{tmp_path}/sh010.png"
    assert vertices["tip"].params.label == "{shot}"
    assert vertices["out"].params.file == f"{tmp_path}/test/sh010_v{{version:03d}}"


def test_what_a_path_may_name_is_the_shot_its_media_and_what_was_captured(tmp_path: Any) -> None:
    shot = Shot(name="sh010", root=tmp_path, media={"plate": "p.mov"}, fields={"seq": "sq1"})

    assert path_fields(shot, "look") == {
        "seq": "sq1",
        "plate": "p.mov",
        "shot": "sh010",
        "root": str(tmp_path),
        "preset": "look",
    }


def identity_node(contract: Any, alone: Any) -> type[Node]:
    """A node that has work to do only where ``alone(frame)`` is false."""

    class Sometimes(Node):
        """Doubles some frames."""

        id = "test.sometimes"
        version = "1"
        numerics = "exact"

        class In(Ports):
            video: Rgb

        class Out(Ports):
            video: Rgb

        @classmethod
        def identity(cls, frame: int, params: Any, ctx: Any) -> str | None:
            return "video" if alone(frame) else None

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            picture = frames.video if frames.video.ndim == 3 else frames.video[0]
            return self.Out(video=picture * 2)

    Sometimes.contract = contract
    return Sometimes


def test_a_node_without_work_leaves_the_graph(tmp_path: Any) -> None:
    nodes = {"plate": SOURCE, "idle": {"node": "test.sometimes", "video": "plate"}, "tip": {**TIP, "video": "idle"}}

    graph = compiled(tmp_path, nodes | {"out": OUT}, identity_node(Node.contract, lambda _frame: True))

    assert list(graph.vertices) == ["plate", "tip", "out"]


def test_a_node_with_work_at_some_frames_gives_the_others_unchanged_under_their_own_key(engine: Any) -> None:
    nodes = {
        "plate": SOURCE,
        "tip": {"node": "test.sometimes", "video": "plate"},
        "out": {"node": "test.collect", "video": "tip"},
    }
    cls = identity_node(Window(past=1, future=0), lambda frame: frame % 3 != 0)

    ran = engine.run(nodes, classes=(cls,))

    keys = ran.prepared.keys
    for frame, picture in ran.frames.items():
        same = frame % 3 != 0
        assert picture[0, 0, 0] == (frame if same else 2 * (frame - 1))
        assert (keys.frame("tip", frame) == keys.frame("plate", frame)) is same


def test_a_source_that_begins_later_does_not_fit(tmp_path: Any) -> None:
    class Late(Source):
        """Begins later."""

        id = "test.late"
        version = "1"

        class Out(Ports):
            video: Annotated[Any, Port("stream", "rgb")]

        @classmethod
        def media(cls, params: Any, ctx: Any) -> Media:
            info = StreamInfo(first_frame=1003, count=22, rate=Rate.parse(24), width=5, height=3, kind="rgb")
            return Media(info=info, files=())

    nodes = {
        "plate": SOURCE,
        "late": {"node": "test.late"},
        "tip": {"node": "test.mix", "video": "plate", "other": "late"},
        "out": OUT,
    }

    (fault,) = faults(tmp_path, nodes, Late)

    assert fault.endswith("other: must cover frames 1001-1024, got 1003-1024; the inputs are of different lengths")
