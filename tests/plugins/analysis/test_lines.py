"""`edges.hed`, `edges.pidinet`, `edges.lineart` and `edges.teed`: contract, weights and what goes wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_lines import write_lines

from shotgraph.api import Frame, Node
from shotgraph.api.kinds import check_frame
from shotgraph.digests import file_key
from shotgraph.errors import UnavailableError
from shotgraph.plugins.analysis.lines import Hed, Lineart, Pidinet, Teed

Checkpoint = Callable[..., Path]
Drifting = Callable[..., list[np.ndarray]]
NODES = (Hed, Pidinet, Lineart, Teed)


@pytest.fixture
def teed(checkpoint: Checkpoint) -> Path:
    return checkpoint(write_lines, "teed", suffix=".pth")


def test_each_frame_is_a_mask_of_its_size(teed: Path, make_context: Any, drifting: Drifting) -> None:
    node, params, ctx = Teed(), Teed.Params(weights=str(teed), detect_px=64), make_context(headers={})

    node.setup(params, ctx)
    first, again, other = (
        node.process(Teed.In(video=picture), params, ctx).edges
        for picture in (drifting(1)[0], drifting(1)[0], drifting(1, seed=4)[0])
    )
    node.teardown(ctx)

    check_frame("mask", first, who="edges.edges")
    assert first.shape == (40, 56)
    assert 0 <= first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other, atol=1e-3)
    assert list(ctx.leased) == [f"teed {file_key(teed)} cpu"]
    assert vars(node) == {}


def test_frames_smaller_than_the_network_sees_come_back_at_their_size(teed: Path, make_context: Any) -> None:
    node, params, ctx = Teed(), Teed.Params(weights=str(teed), detect_px=64), make_context(headers={})
    node.setup(params, ctx)

    for size in ((1, 1), (2, 9)):
        assert node.process(Teed.In(video=np.zeros((*size, 3), np.float32)), params, ctx).edges.shape == size


@pytest.mark.parametrize("node", NODES)
def test_frames_are_seen_one_by_one_and_answers_are_kept(node: type[Node]) -> None:
    assert node.contract == Frame()
    assert (node.numerics, node.cost) == ("device", "heavy")


@pytest.mark.parametrize("node", NODES)
def test_the_digest_of_the_weights_is_in_the_plan(node: Any, teed: Path, make_context: Any) -> None:
    found = node.models(node.Params(weights=str(teed)), make_context(headers={}))

    assert found == {node.id.removeprefix("edges."): file_key(teed)}


@pytest.mark.parametrize(("node", "wanted"), [(Hed, 37), (Pidinet, 83), (Lineart, 24)])
def test_weights_of_another_network_are_refused(node: Any, wanted: int, teed: Path, make_context: Any) -> None:
    made = node()

    with pytest.raises(
        UnavailableError,
        match=rf"model: {teed} must hold the {wanted} tensors of {node.id}, got 36, \d+ of them alike; choose the file",
    ):
        made.setup(node.Params(weights=str(teed)), make_context(headers={}))


def test_absent_weights_are_named_and_nothing_is_fetched(make_context: Any, tmp_path: Path) -> None:
    absent = tmp_path / "table5_pidinet.pth"

    with pytest.raises(
        UnavailableError,
        match=rf"weights: {absent} must be a file on this machine, got nothing at {absent}; check the path$",
    ):
        Pidinet.models(Pidinet.Params(weights=str(absent)), make_context(headers={}))


def test_a_file_that_is_no_weights_is_named(make_context: Any, tmp_path: Path) -> None:
    script = tmp_path / "weights.py"
    script.write_text("raise SystemExit", encoding="utf-8")

    with pytest.raises(
        UnavailableError, match=rf"weights: {script} must end in .safetensors, .pth, .pt, got .py; convert it"
    ):
        Hed.models(Hed.Params(weights=str(script)), make_context(headers={}))


def test_a_file_that_is_not_what_its_name_says_is_named(make_context: Any, teed: Path, tmp_path: Path) -> None:
    stamped = tmp_path / "teed-01234567.pth"
    stamped.write_bytes(teed.read_bytes())

    with pytest.raises(
        UnavailableError,
        match=rf"weights: {stamped} must have the SHA-256 that its name ends with, 01234567, got [0-9a-f]{{8}}",
    ):
        Teed.models(Teed.Params(weights=str(stamped)), make_context(headers={}))


def test_the_size_that_is_seen_has_limits() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 64"):
        Teed.Params(weights="a", detect_px=63)
    with pytest.raises(ValueError, match="at least 1 character"):
        Teed.Params(weights="")
