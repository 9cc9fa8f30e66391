"""The truth as nodes give it: flow with its last frame, inverse depth, joints that may be hidden, boxes and tracks."""

import numpy as np
import pytest
from stage_clips import lively, sliding

from shotgraph.stage.figure import KEYPOINTS, joints
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, Figure, Ground, Look, Sprite
from shotgraph.stage.truth import box_of, depth_frame, flow_frame, keypoints_frame, sample_tracks

WALKER = Figure(x=48, y=32, height_px=56, depth=1.5, speed=0.0)


def walking(**changes: object) -> Scene:
    return Scene(
        ClipSpec(width=96, height=64, frames=4, ground=Ground(colour="gray"), figure=WALKER).model_copy(update=changes)
    )


def test_a_flow_record_holds_both_directions_of_a_pair() -> None:
    scene = Scene(sliding(speed=2.0))

    record = flow_frame(scene, 1)

    assert record.forward.dtype == record.backward.dtype == record.occluded.dtype == np.float32
    assert record.forward[30, 50] == pytest.approx((6, 0), abs=1e-6)
    assert record.backward[30, 56] == pytest.approx((-6, 0), abs=1e-6)
    assert np.array_equal(record.occluded, (~scene.visible(1, 2)).astype(np.float32))


def test_the_last_frame_has_no_flow_and_hides_everything() -> None:
    scene = Scene(sliding(speed=2.0))

    last, before = flow_frame(scene, 3), flow_frame(scene, 2)

    assert np.isnan(last.forward).all()
    assert np.isnan(last.backward).all()
    assert last.occluded.min() == 1
    assert np.isfinite(before.forward).all()


def test_depth_is_inverse_and_between_the_limits_of_the_clip() -> None:
    scene = Scene(lively())

    records = [depth_frame(scene, time) for time in range(scene.spec.frames)]

    assert len({(float(r.low), float(r.high)) for r in records}) == 1
    for time, record in enumerate(records):
        assert record.values.dtype == record.low.dtype == np.float32
        assert record.low.shape == ()
        assert record.values * scene.depth(time) == pytest.approx(np.ones((64, 96)), rel=1e-5)
        assert record.low - 1e-6 <= record.values.min()
        assert record.values.max() <= record.high + 1e-6
    # Nearer is larger, and the limits are reached: by the ground's far edge and the nearest bone.
    assert float(records[0].high) == pytest.approx(1 / 1.1, rel=1e-3)
    assert min(r.values.min() for r in records) == pytest.approx(float(records[0].low), rel=1e-4)


def test_joints_lie_on_the_figure_and_are_where_its_limbs_meet() -> None:
    scene = walking()

    for time in range(4):
        record = keypoints_frame(scene, time)
        assert record.points.shape == (1, 17, 2)
        assert record.points.dtype == record.scores.dtype == np.float32
        assert record.tracks.tolist() == [1]
        assert record.scores.tolist() == [[1] * 17]
        at = dict(zip(KEYPOINTS, record.points[0], strict=True))
        upper, lower = (np.hypot(*(at[a] - at[b])) for a, b in (("left_hip", "left_knee"), ("left_knee", "left_ankle")))
        assert (upper, lower) == pytest.approx((0.24 * 56, 0.24 * 56), rel=1e-4)
        assert at["left_hip"] == pytest.approx(at["right_hip"], abs=1e-4)
        assert at["nose"][1] < at["left_shoulder"][1] < at["left_hip"][1] < at["left_ankle"][1]


def test_a_joint_behind_something_or_outside_is_not_visible() -> None:
    door = Sprite(look=Look(shape="square", colour="blue"), x=48, y=56, depth=1.0)
    hidden = keypoints_frame(walking(sprites=(door,)), 0)
    outside = keypoints_frame(walking(figure=WALKER.model_copy(update={"x": 96.0})), 0)
    behind = keypoints_frame(walking(sprites=(door.model_copy(update={"depth": 3.0}),)), 0)

    seen = dict(zip(KEYPOINTS, hidden.scores[0], strict=True))
    assert (seen["left_ankle"], seen["right_knee"]) == (0, 0)
    assert (seen["nose"], seen["left_shoulder"]) == (1, 1)
    assert 0 in outside.scores
    assert behind.scores.min() == 1
    # The person comes after the sprite.
    assert behind.tracks.tolist() == [2]


def test_joints_pan_by_the_inverse_of_their_depth() -> None:
    still = lively(camera=lively().camera.model_copy(update={"name": "still"}))
    panning = lively(camera=lively().camera.model_copy(update={"name": "right", "speed": 3.3}))

    shift = joints(panning, 2) - joints(still, 2)

    assert shift == pytest.approx(np.tile((-6 / 1, 0), (17, 1)), abs=1e-9)


def test_a_clip_without_a_person_has_no_keypoints() -> None:
    record = keypoints_frame(Scene(sliding(speed=1.0)), 0)

    assert record.points.shape == (0, 17, 2)
    assert record.scores.shape == (0, 17)
    assert record.tracks.shape == (0,)


def test_a_figure_that_walks_left_faces_left() -> None:
    right, left = (
        dict(zip(KEYPOINTS, joints(walking(figure=WALKER.model_copy(update={"speed": s})).spec, 0), strict=True))
        for s in (1.0, -1.0)
    )

    assert right["nose"][0] > right["left_ear"][0]
    assert left["nose"][0] < left["left_ear"][0]


def test_a_box_holds_what_is_seen_of_an_object() -> None:
    sprite = Sprite(look=Look(shape="square", colour="red"), x=30, y=20, depth=2.0)
    cover = Sprite(look=Look(shape="square", colour="blue"), x=49.2, y=20, depth=1.0)
    alone = Scene(ClipSpec(width=96, height=64, ground=Ground(colour="gray"), sprites=(sprite,)))
    half = Scene(ClipSpec(width=96, height=64, ground=Ground(colour="gray"), sprites=(sprite, cover)))

    # 0.8 of a radius of 24 px is 19.2; the upper edge leaves nothing of the frame out.
    assert box_of(alone, 1, 0) == (11, 1, 49, 39)
    # The other square begins at x = 30.
    assert box_of(half, 1, 0) == (11, 1, 29, 39)
    assert (
        box_of(Scene(alone.spec.model_copy(update={"sprites": (sprite.model_copy(update={"x": -90.0}),)})), 1, 0)
        is None
    )


def test_tracks_follow_the_flow_and_know_when_they_are_hidden() -> None:
    scene = Scene(lively())

    tracks = sample_tracks(scene, 200, seed=3, time=1)

    assert tracks.points.shape == (6, 200, 2)
    assert tracks.visible[1].all()
    assert not tracks.visible.all()
    assert set(tracks.objects.tolist()) == {0, 1, 2, 3}
    x, y = tracks.points[1].T
    assert np.array_equal(tracks.objects, scene.ids_at(x, y, 1))
    # Where a track is seen, that object is seen.
    for time in range(6):
        seen = tracks.visible[time]
        x, y = tracks.points[time, seen].T
        assert np.array_equal(scene.ids_at(x, y, time), tracks.objects[seen])


def test_a_track_that_starts_on_a_pixel_goes_where_the_flow_of_the_pixel_says() -> None:
    scene = Scene(sliding(speed=1.5))
    tracks = sample_tracks(scene, 50, seed=1)

    for track, number in zip(tracks.points.transpose(1, 0, 2), tracks.objects, strict=True):
        step = 5.5 if number == 1 else 1.0
        assert track - track[0] == pytest.approx(np.arange(4)[:, None] * (step, 0.0), abs=1e-9)


def test_tracks_have_a_seed() -> None:
    scene = Scene(sliding(speed=1.5))

    assert np.array_equal(sample_tracks(scene, 9, seed=1).points, sample_tracks(scene, 9, seed=1).points)
    assert not np.array_equal(sample_tracks(scene, 9, seed=1).points, sample_tracks(scene, 9, seed=2).points)
