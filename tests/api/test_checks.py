"""Checks that nodes share."""

from types import SimpleNamespace
from typing import Any

import pytest

from shotgraph.api import require_same_size
from shotgraph.errors import GraphError


def asked(**sizes: tuple[int, int]) -> Any:
    """A context of a node called comp, with a stream of (width, height) on each port."""
    headers = {port: SimpleNamespace(width=width, height=height) for port, (width, height) in sizes.items()}
    return SimpleNamespace(node="comp", headers=headers)


def test_streams_of_one_size_pass_and_so_do_those_that_are_not_linked() -> None:
    require_same_size(asked(video=(64, 40), flow=(64, 40)), "flow", "matte")


@pytest.mark.parametrize(("width", "height"), [(32, 40), (64, 41), (40, 64)])
def test_the_first_that_differs_is_named_with_both_sizes_and_a_cure(width: int, height: int) -> None:
    ctx = asked(a=(64, 40), b=(64, 40), mask=(width, height))

    with pytest.raises(
        GraphError, match=f"^comp: mask must be 64x40 like a, got {width}x{height}; put core.resize before it$"
    ):
        require_same_size(ctx, "b", "mask", like="a", cure="put core.resize before it")
