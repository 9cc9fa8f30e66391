"""Skeletons out of joints of the stage's figure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shotgraph.api import KeypointsFrame
from shotgraph.api.kinds import check_frame
from shotgraph.plugins.analysis.pose import Render
from shotgraph.stage.scene import Scene
from shotgraph.stage.truth import keypoints_frame
from shotgraph.stage.worlds import draw_clip


@pytest.fixture
def rendered(make_context: Any, make_header: Any) -> Callable[..., np.ndarray]:
    """The picture of a frame's joints."""

    def run(pose: KeypointsFrame, *, height: int, width: int, **params: Any) -> np.ndarray:
        ctx = make_context(headers={"pose": make_header(width=width, height=height, kind="keypoints")})
        picture = Render().process(Render.In(pose=pose), Render.Params(**params), ctx).video
        check_frame("rgb", picture, who="render.video")
        return picture

    return run


def person(scores: float = 1.0) -> KeypointsFrame:
    points = np.random.default_rng(2).uniform(5, 35, (1, 17, 2)).astype(np.float32)
    return KeypointsFrame(points, np.full((1, 17), scores, np.float32), np.zeros(1, np.int64))


def test_a_figure_of_the_stage_is_drawn_on_the_figure(rendered: Any) -> None:
    scene = Scene(draw_clip(3, "held-out", purpose="figure", frames=4))
    truth = keypoints_frame(scene, 2)
    picture = rendered(KeypointsFrame(truth.points, np.ones_like(truth.scores), truth.tracks), height=128, width=128)

    alpha = scene.alpha(scene.spec.figure_id, 2)
    lit = picture.max(axis=-1) > 0.1
    assert lit.sum() > 200
    # The neck is COCO's shoulders' middle, and every drawn bone lies inside the body; eyes and ears stick out a little.
    assert (alpha[lit] > 0.5).mean() > 0.75
    # Of the mirrored figure hardly anything does.
    assert (alpha[:, ::-1][lit] > 0.5).mean() < 0.75
    for x, y in truth.points[0]:
        assert picture[round(float(y)), round(float(x))].max() > 0.5


@pytest.mark.parametrize(("height", "width"), [(40, 40), (61, 83)])
def test_the_picture_is_as_large_as_the_plate(height: int, width: int, rendered: Any) -> None:
    assert rendered(person(), height=height, width=width).shape == (height, width, 3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9)])
def test_tiny_plates_have_a_picture_too(height: int, width: int, rendered: Any) -> None:
    assert rendered(person(), height=height, width=width).shape == (height, width, 3)


def test_nobody_and_nobody_sure_are_black(rendered: Any) -> None:
    nobody = KeypointsFrame(np.zeros((0, 17, 2), np.float32), np.zeros((0, 17), np.float32), np.zeros(0, np.int64))

    assert rendered(nobody, height=20, width=30).max() == 0
    assert rendered(person(0.29), height=40, width=40).max() == 0
    assert rendered(person(0.3), height=40, width=40).max() == 1
    assert rendered(person(0.29), height=40, width=40, least_joint=0.2).max() == 1


def test_a_joint_without_a_place_is_left_out(rendered: Any) -> None:
    unknown = person()
    unknown.points[0, 9] = np.nan

    picture = rendered(unknown, height=40, width=40)

    assert np.isfinite(picture).all()
    assert (picture != rendered(person(), height=40, width=40)).any()


def test_the_same_joints_give_the_same_picture(rendered: Any) -> None:
    np.testing.assert_array_equal(*(rendered(person(), height=40, width=40) for _ in range(2)))
