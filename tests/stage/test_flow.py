"""Exact flow: it reproduces frames, leads back, and composes."""

from typing import Any

import numpy as np
import pytest
from stage_clips import lively, sliding, warp_error

from shotgraph.maths.flow import occlusion
from shotgraph.maths.warp import sample
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.worlds import draw_clip

CLIPS = [lively(), *(draw_clip(5, "held-out", purpose=purpose) for purpose in ("general", "flow", "depth", "figure"))]
NAMES = ["lively", "general", "flow", "depth", "figure"]


@pytest.fixture(params=CLIPS, ids=NAMES)
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(request.param)


def test_a_warp_by_the_flow_gives_the_frame(scene: Scene) -> None:
    errors = [warp_error(scene, [pair]) for pair in ((0, 1), (3, 4), (4, 2))]

    assert -10 * np.log10(max(errors)) >= 42


def test_a_flow_half_a_pixel_off_would_not(scene: Scene) -> None:
    seen = scene.visible(0, 1, pure=True)
    places = (scene.moved(0, 1)[0] + 0.5).astype(np.float32)

    error = np.square(sample(scene.picture(1), places) - scene.picture(0))[seen].mean()

    assert error > 4 * warp_error(scene, [(0, 1)])


def test_forward_and_backward_undo_each_other(scene: Scene) -> None:
    forward, backward = scene.flow(0, 1), scene.flow(1, 0)
    places = np.stack(scene.grid, axis=-1).astype(np.float32) + forward

    loop = np.abs(forward + sample(backward, places, kernel="linear")).max(axis=-1)

    seen = scene.visible(0, 1, pure=True)
    assert seen.mean() > 0.3
    assert loop[seen].max() <= 0.05
    # Where something is hidden there is no way back: the bound means something.
    assert seen.all() or loop[~scene.visible(0, 1)].max() > 0.05


def test_a_frame_does_not_move_against_itself(scene: Scene) -> None:
    for time in (0, 2.5):
        assert np.abs(scene.flow(time, time)).max() < 1e-9
        assert scene.visible(time, time).all()


def test_flows_compose_along_tracks(scene: Scene) -> None:
    first, top = scene.moved(0, 2)
    direct, _ = scene.moved(0, 5)

    for index, layer in enumerate(scene.layers):
        own = top == index
        x, y = layer.to_frame(*layer.to_local(first[own][:, 0], first[own][:, 1], 2), 5)
        assert np.abs(np.stack((x, y), axis=-1) - direct[own]).max(initial=0) < 1e-6


def test_flow_is_what_the_motion_says() -> None:
    # The pan of 4 px at depth 1 is 1 px at the ground's depth of 4; the camera goes left, so the picture goes right.
    scene = Scene(sliding(speed=2.0))

    flow = scene.flow(1, 2)

    assert flow[30, 50] == pytest.approx((6, 0), abs=1e-6)
    assert flow[5, 90] == pytest.approx((1, 0), abs=1e-6)


@pytest.mark.parametrize(("speed", "camera_speed"), [(0.0, 0.0), (2.0, 4.0), (3.0, 0.0)])
@pytest.mark.parametrize("texture", ["plain", "striped", "checkered", "dotted", "speckled"])
def test_a_still_clip_and_one_of_whole_pixels_warp_without_error(
    speed: float, camera_speed: float, texture: Any
) -> None:
    clip = sliding(speed=speed, texture=texture, camera_speed=camera_speed)

    assert warp_error(Scene(clip), [(0, 1), (1, 2), (3, 1)]) <= 1e-6


def test_hidden_and_leaving_pixels_are_not_visible() -> None:
    scene = Scene(sliding(speed=2.0))

    seen = scene.visible(0, 1)

    # The square's right edge, at 40 + 19.2, covers five more columns of ground; those just before the edge go with it.
    assert not seen[30, 61:64].any()
    assert seen[30, 50:58].all()
    # The ground goes right by one pixel: the last column leaves.
    assert not seen[:, -1].any()
    assert seen[:10, -2].all()


@pytest.mark.parametrize("clip", [lively(), sliding(speed=3.0)], ids=["lively", "sliding"])
def test_a_test_that_knows_no_layers_finds_the_same_pixels_hidden(clip: ClipSpec) -> None:
    scene = Scene(clip)
    guessed, hidden = occlusion(scene.flow(0, 1), scene.flow(1, 0)), ~scene.visible(0, 1)
    # Rims belong to two layers, and on the very border a rounding error decides what leaves.
    sure = scene.shares(*scene.grid, 0).purity > 0.99
    sure[[0, -1]] = sure[:, [0, -1]] = False

    both, either = ((guessed & hidden) & sure).sum(), ((guessed | hidden) & sure).sum()

    assert hidden[sure].sum() > 40
    assert both / either > 0.8
