"""Targets that write one value of a shot: when they run, what they get, and what their key depends on."""

from time import sleep
from typing import Annotated, Any

import pytest

from shotgraph.api import (
    Artifact,
    Clip,
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
    Header,
    Node,
    Port,
    Ports,
    QueryContext,
    Rgb,
    Table,
    Target,
    Value,
    Writer,
    WrittenOutput,
)
from shotgraph.api import Params as BaseParams
from shotgraph.errors import PresetError

SOURCE = {"node": "test.source", "count": 6, "height": 3, "width": 4}


class Mean(Node):
    """Mean of a shot, as a table and as an artifact."""

    id = "test.mean"
    version = "1"
    contract = Clip()

    class In(Ports):
        """One plate."""

        video: Rgb

    class Out(Ports):
        """Both."""

        table: Annotated[Table, Port("table", "means")]
        artifact: Annotated[Artifact, Port("artifact", "mean")]

    class Params(BaseParams):
        """How."""

        gain: float = Field(1.0, description="factor")

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        rows = tuple((n, params.gain * float(frames.video[n].mean())) for n in frames.video.frames)
        return self.Out(table=Table(("frame", "mean"), rows), artifact=Artifact({}, {"gain": params.gain}))


def keeping(written: list[tuple[int, Any, str]], *, has_header: bool = False) -> type[Target]:
    """A target of a value that remembers what it is given."""

    class Keeper:
        def done(self, frame: int, key: str) -> bool:
            return any(entry[2] == key for entry in written)

        def write(self, frame: int, value: Any, key: str) -> None:
            written.append((frame, value, key))

        def finish(self) -> WrittenOutput:
            return WrittenOutput(path="memory", frames=1, bytes=0, digest="")

        def abort(self) -> None:
            pass

    class Keep(Target):
        """See above."""

        id = "test.keep"
        version = "1"

        class In(Ports):
            """A value."""

            value: Value
            plate: Header | None = None

        class Params(BaseParams):
            """Nothing."""

        @classmethod
        def expects(cls, frames: FrameRange, params: Params, ctx: QueryContext) -> ExpectedOutput:
            assert ("plate" in ctx.headers) == has_header
            return ExpectedOutput(path="memory", frames=str(frames), bytes=1)

        def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
            return Keeper()

    return Keep


def graph(port: str = "table", **settings: Any) -> dict[str, dict[str, Any]]:
    return {
        "plate": SOURCE,
        "mean": {"node": "test.mean", "video": "plate", **settings},
        "out": {"node": "test.keep", "value": f"mean.{port}"},
    }


@pytest.mark.parametrize("frames", ["", "1003-1004"])
def test_a_value_is_written_once_whatever_frames_are_asked_for(engine: Any, frames: str) -> None:
    written: list[tuple[int, Any, str]] = []

    engine.run(graph(), classes=(Mean, keeping(written)), frames=frames)

    assert [frame for frame, _, _ in written] == [1001]
    table = written[0][1].value
    # Of the whole shot: a part of it must not give another value.
    assert [row[0] for row in table.rows] == list(range(1001, 1007))


def test_the_node_behind_a_value_is_counted_and_timed(engine: Any) -> None:
    class Slow(Mean):
        """Takes its time."""

        id = "test.mean"

        def process(self, frames: Any, params: Any, ctx: Context) -> Any:
            sleep(0.05)
            return super().process(frames, params, ctx)

    ran = engine.run(graph(), classes=(Slow, keeping([])))

    assert ran.outcome.computed["mean"] == 1
    assert 0.05 <= ran.outcome.seconds["mean"] < 5


def test_it_takes_artifacts_and_tables_alike(engine: Any) -> None:
    written: list[tuple[int, Any, str]] = []

    engine.run(graph("artifact", gain=2.0), classes=(Mean, keeping(written)))

    assert written[0][1].value.meta == {"gain": 2.0}
    assert written[0][1].plate is None


def test_a_header_may_come_along(engine: Any) -> None:
    written: list[tuple[int, Any, str]] = []
    nodes = graph()
    nodes["out"]["plate"] = "plate"

    engine.run(nodes, classes=(Mean, keeping(written, has_header=True)))

    assert [frame for frame, _, _ in written] == [1001]


def test_its_key_follows_the_value(engine: Any) -> None:
    written: list[tuple[int, Any, str]] = []
    classes = (Mean, keeping(written))
    cache = engine.cache("one")

    engine.run(graph(), classes=classes, cache=cache)
    again = engine.run(graph(), classes=classes, cache=cache)
    engine.run(graph(gain=3.0), classes=classes, cache=cache)

    # What is there under its key is not computed, nor written, again.
    assert len(written) == 2
    assert written[0][2] != written[1][2]
    assert again.outcome.computed == {}


def test_a_stream_is_no_value(engine: Any) -> None:
    nodes = graph()
    nodes["out"]["value"] = "plate"

    with pytest.raises(PresetError, match="value: must be any, got rgb from plate"):
        engine.run(nodes, classes=(Mean, keeping([])))


def test_handles_do_not_matter_to_a_value(engine: Any) -> None:
    written: list[tuple[int, Any, str]] = []

    engine.run(graph(), classes=(Mean, keeping(written)), shot={"handles": 1})

    assert len(written[0][1].value.rows) == 6
