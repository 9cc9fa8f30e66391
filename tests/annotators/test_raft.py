"""RAFT of torchvision with random weights: how pictures are padded, ordered and scaled; not what it knows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_checkpoints import write_raft

from shotgraph.annotators.raft import Size, load_raft, raft_flow
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]


@pytest.fixture(params=["small", "large"])
def network(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Any:
    """Each size."""
    return load_raft(checkpoint(write_raft, request.param, suffix=".pth"), request.param, device="cpu")


def test_flow_is_x_then_y_at_the_frames_size(network: Any, pictures: np.ndarray) -> None:
    flow = raft_flow(network, pictures[0], pictures[1], updates=1)

    assert (flow.shape, flow.dtype) == ((40, 56, 2), np.float32)
    assert np.isfinite(flow).all()
    assert flow.std() > 1e-4


def test_frames_are_padded_to_128_px_by_their_border_and_flow_is_cut_back(
    checkpoint: Checkpoint, pictures: np.ndarray
) -> None:
    small = load_raft(checkpoint(write_raft, "small", suffix=".pth"), "small", device="cpu")
    planes = [
        torch.from_numpy(np.pad(picture, ((0, 88), (0, 72), (0, 0)), mode="edge")).permute(2, 0, 1)[None] * 2 - 1
        for picture in pictures[:2]
    ]
    seen: list[tuple[int, ...]] = []
    with torch.no_grad():
        expected = small(*planes, num_flow_updates=2)[-1][0, :, :40, :56].permute(1, 2, 0).numpy()
    handle = small.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))

    found = raft_flow(small, pictures[0], pictures[1], updates=2)
    raft_flow(small, *np.zeros((2, 130, 200, 3), np.float32), updates=1)
    handle.remove()

    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert not np.allclose(raft_flow(small, pictures[1], pictures[0], updates=2), expected, atol=1e-3)
    assert seen == [(1, 3, 128, 128), (1, 3, 136, 200)]


@pytest.mark.parametrize("size", [(1, 1), (3, 11)], ids=str)
def test_frames_too_small_for_the_network_get_flow_too(size: tuple[int, int], checkpoint: Checkpoint) -> None:
    small = load_raft(checkpoint(write_raft, "small", suffix=".pth"), "small", device="cpu")
    picture = np.full((*size, 3), 0.3, np.float32)

    assert raft_flow(small, picture, picture, updates=1).shape == (*size, 2)


def test_alpha_and_what_no_display_shows_do_not_matter(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    small = load_raft(checkpoint(write_raft, "small", suffix=".pth"), "small", device="cpu")
    bright = np.concatenate((pictures * 4 - 1, pictures[..., :1]), axis=-1)
    shown = np.clip(bright[..., :3], 0, 1)

    np.testing.assert_array_equal(
        raft_flow(small, bright[0], bright[1], updates=1), raft_flow(small, shown[0], shown[1], updates=1)
    )


@pytest.mark.parametrize(
    ("size", "wanted", "got", "alike"), [("large", 169, 106, 1), ("small", 106, 169, 1)], ids=["large", "small"]
)
def test_weights_of_the_other_size_are_refused(
    size: Size, wanted: int, got: int, alike: int, checkpoint: Checkpoint
) -> None:
    weights = checkpoint(write_raft, "small" if size == "large" else "large", suffix=".pth")

    with pytest.raises(
        UnavailableError,
        match=rf"model: {weights} must hold the {wanted} tensors of raft_{size}, got {got}, {alike} of them alike; choose",
    ):
        load_raft(weights, size, device="cpu")
