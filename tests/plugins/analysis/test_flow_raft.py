"""`flow.raft`: the contract of all flow, from weights that know nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_checkpoints import write_raft

from shotgraph.api import Window
from shotgraph.api.kinds import check_frame
from shotgraph.digests import file_key
from shotgraph.errors import UnavailableError
from shotgraph.maths.flow import occlusion
from shotgraph.plugins.analysis.flow_raft import FILES, Raft

Checkpoint = Callable[..., Path]
Drifting = Callable[..., list[np.ndarray]]


@pytest.fixture
def weights(checkpoint: Checkpoint) -> Path:
    return checkpoint(write_raft, "small", suffix=".pth")


@pytest.fixture
def flow_of(weights: Path, make_context: Any, make_header: Any) -> Callable[..., Any]:
    """The node's answer for a pair, filed under `frame` of a shot of `count`."""

    def run(first: np.ndarray, second: np.ndarray, *, frame: int = 1001, count: int = 5, **settings: Any) -> Any:
        height, width = first.shape[:2]
        header = make_header(width=width, height=height, count=count)
        ctx = make_context(headers={"video": header}, frames=(frame, frame + 1))
        params = Raft.Params(**({"weights": str(weights), "size": "small", "updates": 2} | settings))
        node = Raft()
        node.setup(params, ctx)
        flow = node.process(Raft.In(video=np.stack((first, second))), params, ctx).flow
        node.teardown(ctx)
        assert vars(node) == {}
        assert list(ctx.leased) == [f"raft small {file_key(weights)} cpu"]
        return flow

    return run


def test_a_pair_gives_flow_both_ways_and_what_is_hidden(flow_of: Any, drifting: Drifting) -> None:
    first, second = drifting(2)

    flow, turned = flow_of(first, second), flow_of(second, first)

    check_frame("flow", flow, who="flow.flow")
    assert flow.forward.shape == (40, 56, 2)
    assert np.isfinite(flow.forward).all()
    np.testing.assert_array_equal(flow.backward, turned.forward)
    assert not np.allclose(flow.backward, flow.forward, atol=1e-3)
    np.testing.assert_array_equal(flow.occluded, occlusion(flow.forward, flow.backward))


def test_the_last_frame_has_no_flow_and_is_all_occluded(flow_of: Any, drifting: Drifting) -> None:
    first, second = drifting(2)

    last, before = flow_of(first, second, frame=1005), flow_of(first, second, frame=1004)

    assert np.isnan(last.forward).all()
    assert last.occluded.min() == 1
    assert np.isfinite(before.forward).all()


def test_a_shot_of_one_frame_is_its_last(flow_of: Any, drifting: Drifting) -> None:
    (picture,) = drifting(1)

    assert np.isnan(flow_of(picture, np.zeros_like(picture), count=1).forward).all()


def test_a_smaller_scale_is_another_flow_of_the_same_size(flow_of: Any, drifting: Drifting) -> None:
    first, second = drifting(2)

    half, full = flow_of(first, second, scale=0.5), flow_of(first, second)

    assert half.forward.shape == full.forward.shape
    assert not np.allclose(half.forward, full.forward, atol=1e-2)


@pytest.mark.parametrize(("size", "scale"), [((1, 1), 1.0), ((5, 7), 1.0), ((40, 56), 0.01)], ids=str)
def test_frames_too_small_for_the_network_get_flow_at_their_size(
    size: tuple[int, int], scale: float, flow_of: Any
) -> None:
    picture = np.random.default_rng(1).random((*size, 3)).astype(np.float32)

    flow = flow_of(picture, picture, scale=scale, updates=1)

    assert flow.forward.shape == (*size, 2)
    assert np.isfinite(flow.forward).all()


def test_a_pair_is_a_window_of_two_and_answers_are_kept() -> None:
    assert Raft.contract == Window(future=1, edge="blank")
    assert (Raft.numerics, Raft.cost) == ("device", "heavy")


def test_weights_of_another_size_are_refused(weights: Path, make_context: Any) -> None:
    params = Raft.Params(weights=str(weights), size="large")

    with pytest.raises(
        UnavailableError,
        match=rf"model: {weights} must hold the 169 tensors of raft_large, got 106, 1 of them alike; choose the file",
    ):
        Raft().setup(params, make_context(headers={}))


def test_the_digest_of_the_weights_is_in_the_plan(weights: Path, make_context: Any) -> None:
    assert Raft.models(Raft.Params(weights=str(weights)), make_context(headers={})) == {"raft": file_key(weights)}


@pytest.mark.parametrize("name", FILES)
def test_torchvisions_weights_are_found_by_name_and_never_fetched(
    name: str, make_context: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub/checkpoints" / FILES[name]

    with pytest.raises(
        UnavailableError,
        match=rf"weights: {name} must be a file on this machine, got nothing at {place}; put torchvision's file at {place}$",
    ):
        Raft.models(Raft.Params(weights=name), make_context(headers={}))
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not those weights")
    with pytest.raises(
        UnavailableError,
        match=rf"weights: {place} must have the SHA-256 that its name ends with, {place.stem[-8:]}, got",
    ):
        Raft.models(Raft.Params(weights=name), make_context(headers={}))


def test_an_unknown_name_lists_those_that_are_known(make_context: Any) -> None:
    with pytest.raises(
        UnavailableError,
        match="weights: Raft_Huge must be a file on this machine, got nothing at Raft_Huge; choose one of Raft_Large_C_T_SKHT_V2, "
        "Raft_Small_C_T_V2, or check the path",
    ):
        Raft.models(Raft.Params(weights="Raft_Huge"), make_context(headers={}))
