"""Contracts refuse what could never run."""

import pytest

from shotgraph.api import Chunk, Frame, Sequential, Window
from shotgraph.errors import GraphError


def test_a_batch_holds_at_least_one_frame() -> None:
    with pytest.raises(GraphError, match="batch must be at least 1, got 0"):
        Frame(batch=0)


@pytest.mark.parametrize(("past", "future"), [(-1, 2), (3, -4)])
def test_a_window_reaches_forward_and_back_or_not_at_all(past: int, future: int) -> None:
    with pytest.raises(GraphError, match=f"past and future must be at least 0, got {past} and {future}"):
        Window(past=past, future=future)


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (4, 4), (4, -1), (4, 5)])
def test_a_chunk_must_advance(size: int, overlap: int) -> None:
    with pytest.raises(GraphError, match=rf"overlap must be in \[0, size\), got overlap {overlap} and size {size}"):
        Chunk(size=size, overlap=overlap)


def test_a_chunk_advances_by_what_it_does_not_share() -> None:
    assert Chunk(size=10, overlap=3).stride == 7


def test_anchors_are_offsets_into_the_shot() -> None:
    with pytest.raises(GraphError, match=r"anchors must be at least 0, got \(0, -2\)"):
        Chunk(anchors=(0, -2))


def test_a_sequential_node_saves_its_state() -> None:
    with pytest.raises(GraphError, match="checkpoint_every must be at least 1, got 0"):
        Sequential(checkpoint_every=0)
