"""Where pixels lie, how layers hide each other, and boxes."""

import numpy as np
import pytest
import torch

from shotgraph.decomposition.build import layers_of, seen_of_each
from shotgraph.decomposition.layers import atlas_size, frame_points, layer_box, weights_of
from shotgraph.errors import NodeError
from shotgraph.maths.planar import Motion
from tests.decomposition.conftest import FRAMES, GROUND_STEP, SIDE, Known


def test_corners_of_the_frame_are_corners_of_the_square() -> None:
    points = frame_points(torch.tensor([0.0, 9.0]), torch.tensor([0.0, 4.0]), (5, 10))

    torch.testing.assert_close(points, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))


def test_a_layer_in_front_takes_what_it_covers_and_weights_add_up_to_one() -> None:
    points = torch.zeros((3, 2))
    near, far = torch.tensor([9.0, -9.0, 0.0]), torch.tensor([9.0, 9.0, 0.0])

    weights = weights_of([far, near], points)

    torch.testing.assert_close(weights.sum(dim=0), torch.ones(3))
    torch.testing.assert_close(weights[:, :2], torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    torch.testing.assert_close(weights[:, 2], torch.tensor([0.25, 0.25, 0.5]))


def test_the_doubt_of_a_logit_is_no_weight_and_has_no_gradient() -> None:
    logit = torch.full((1,), -4.0, requires_grad=True)

    weight = weights_of([logit], torch.zeros((1, 2)))[1]
    weight.sum().backward()

    assert weight.item() == 0
    assert logit.grad is not None
    assert logit.grad.item() == 0


def test_what_is_seen_of_each_layer_adds_up_to_one() -> None:
    rng = np.random.default_rng(3)
    mattes = [[rng.random((4, 5)).astype(np.float32) for _ in range(2)] for _ in range(2)]

    shares = seen_of_each(mattes, 2, (4, 5))

    assert len(shares) == 3
    for time in range(2):
        np.testing.assert_allclose(sum(layer[time] for layer in shares), 1, atol=1e-6)
        np.testing.assert_allclose(shares[2][time], mattes[1][time])


def test_a_surface_point_has_one_place_in_its_atlas_at_all_times(known: Known) -> None:
    layers, motions = layers_of(known.clip, known.pairs)
    ground = layers[0]
    start = torch.tensor([[4.0, 6.0], [30.0, 40.0]])

    places = []
    for time in range(FRAMES):
        here = start + torch.tensor(GROUND_STEP * time, dtype=torch.float32)
        uv, residual = ground.place(torch.full((2,), time), frame_points(here[:, 0], here[:, 1], (SIDE, SIDE)))
        assert residual.abs().max() == 0
        places.append(uv)

    spread = torch.stack(places).std(dim=0).max() * max(ground.size) / 2
    assert spread < 0.02
    assert motions[0].carried == ()


def test_alpha_begins_as_the_matte_soft_edges_and_all(known: Known) -> None:
    layers, _ = layers_of(known.clip, known.pairs)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    points = frame_points(torch.tensor(columns.ravel()).float(), torch.tensor(rows.ravel()).float(), (SIDE, SIDE))

    weights = layers(torch.full((SIDE * SIDE,), 2), points).weights[1].detach().reshape(SIDE, SIDE).numpy()

    matte = known.mattes[2]
    assert np.abs(weights - matte)[(matte == 0) | (matte == 1)].max() == 0
    assert ((matte > 0.2) & (matte < 0.8)).any()
    # Kept in 8 bits, and stretched by one per cent.
    assert np.abs(weights - matte).max() < 0.006
    with pytest.raises(NodeError, match="the back layer must have no alpha to be asked for"):
        layers[0].logit(torch.zeros(1, dtype=torch.long), torch.zeros((1, 2)))


def still(maps: list[np.ndarray]) -> Motion:
    return Motion(np.stack(maps), 0, ())


def test_a_box_holds_all_that_is_seen_and_a_margin() -> None:
    shifted = np.eye(3)
    shifted[0, 2] = 10
    matte = np.zeros((20, 30), np.float32)
    matte[5:15, 5:25] = 1

    left, upper, right, lower = layer_box(still([np.eye(3), shifted]), [matte, matte])

    assert (left, upper, right, lower) == (3, 3, 36, 16)
    assert atlas_size((left, upper, right, lower), 2.0) == (27, 67)


def test_a_layer_that_is_never_seen_or_runs_away_is_refused() -> None:
    nothing, all_of_it = np.zeros((4, 4), np.float32), np.ones((4, 4), np.float32)
    far = np.eye(3)
    far[0, 2] = 1000

    with pytest.raises(NodeError, match="must be seen in some frame, got a matte that is empty throughout"):
        layer_box(still([np.eye(3)]), [nothing])
    with pytest.raises(NodeError, match="must stay within 12 frames, got 251 x 1; fit fewer frames"):
        layer_box(still([np.eye(3), far]), [all_of_it, all_of_it])


def test_the_box_of_what_turns_is_no_larger_than_what_it_holds() -> None:
    y, x = np.mgrid[0:40, 0:40]
    disk = (((x - 20) ** 2 + (y - 20) ** 2) <= 100).astype(np.float32)
    cos = np.sqrt(0.5)
    turned = np.array([[cos, -cos, 20], [cos, cos, 20 - 40 * cos], [0, 0, 1]])

    left, upper, right, lower = layer_box(still([np.eye(3), turned]), [disk, disk])

    # 10 px to either side, and the margin; a turned box would reach 14.
    assert [left, upper] == pytest.approx([8, 8], abs=0.1)
    assert [right, lower] == pytest.approx([32, 32], abs=0.1)
