"""A target that needs more than the frame it writes: what it gets, in which order, and what its keys hold."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from shotgraph.api import (
    ExpectedOutput,
    FrameRange,
    Ports,
    QueryContext,
    Rgb,
    Target,
    Writer,
    WrittenOutput,
)

Written = dict[int, tuple[tuple[int, ...], str]]


class Keeper:
    """A writer that remembers which source frames it was given, and the key."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def done(self, frame: int, key: str) -> bool:
        return False

    def write(self, frame: int, value: Any, key: str) -> None:
        # The source's ramps begin with their frame number.
        self._written[frame] = (tuple(int(picture[0, 0, 0]) for picture in value), key)

    def finish(self) -> WrittenOutput:
        return WrittenOutput(path="memory", frames=len(self._written), bytes=0, digest="")

    def abort(self) -> None:
        pass


def pairing(written: Written) -> type[Target]:
    """A target of every frame and, but for the first, the one before."""

    class Pairs(Target):
        """Remembers pairs."""

        id = "test.pairs"
        version = "1"
        numerics = "exact"

        class In(Ports):
            """A picture."""

            video: Rgb

        @classmethod
        def frames_needed(cls, frame: int, params: Any, ctx: QueryContext) -> Mapping[str, Sequence[int]]:
            return {"video": (frame,) if frame == ctx.headers["video"].first_frame else (frame, frame - 1)}

        @classmethod
        def expects(cls, frames: FrameRange, params: Any, ctx: QueryContext) -> ExpectedOutput:
            return ExpectedOutput(path="memory.#", frames=str(frames), bytes=0)

        def open(self, expected: ExpectedOutput, params: Any, ctx: Any) -> Writer:
            return Keeper(written)

    return Pairs


@pytest.fixture
def written(engine: Any, tmp_path: Path) -> Any:
    """``written(frames="", offset=0)``: what the target was given; frame 1003 of the source is `offset` brighter."""

    def run(*, frames: str = "", offset: float = 0.0) -> Written:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for frame in range(1001, 1007):
            told = {"offsets": {"1003": offset}} if frame == 1003 else {}
            (source / f"{frame}.json").write_text(json.dumps(told), encoding="utf-8")
        found: Written = {}
        nodes = {
            "plate": {"node": "test.source", "file": str(source), "count": 6},
            "out": {"node": "test.pairs", "video": "plate"},
        }
        engine.run(nodes, classes=(pairing(found),), frames=frames)
        return found

    return run


def test_it_gets_a_tuple_in_the_order_it_asked_in(written: Any) -> None:
    given = {frame: values for frame, (values, _) in written().items()}

    assert given == {1001: (1001,), **{frame: (frame, frame - 1) for frame in range(1002, 1007)}}


def test_a_part_of_the_shot_gets_what_it_needs_from_outside_the_part(written: Any) -> None:
    whole, part = written(), written(frames="1003-1004")

    assert part == {frame: whole[frame] for frame in (1003, 1004)}


def test_a_changed_frame_changes_the_key_of_every_output_it_is_part_of(written: Any) -> None:
    before, after = written(), written(offset=0.25)

    assert [frame for frame in before if before[frame][1] != after[frame][1]] == [1003, 1004]
