"""`pose.estimate` and `pose.render`: who is where, by either estimator, as frames and as rows."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_depths import write_dpt
from tiny_poses import Person, Told, write_openpose, write_rt_detr, write_vitpose

from shotgraph.annotators.openpose import OpenPose
from shotgraph.api import KeypointsFrame, Table
from shotgraph.api.kinds import check_frame
from shotgraph.digests import file_key
from shotgraph.errors import GraphError, UnavailableError
from shotgraph.models.registry import resolve
from shotgraph.plugins.analysis.pose import Estimate, Render, box_around, whole

Checkpoint = Callable[..., Path]
RunClip = Callable[..., Any]
Stream = Callable[..., Any]
Drifting = Callable[..., list[np.ndarray]]
COLUMNS = ("frame", "track", "joint", "x_px", "y_px", "score")
# OpenPose's parts, as shares of the frame: a head, a neck, two arms and two hips.
BUST: Person = {
    0: (0.50, 0.20, 0.9), 1: (0.50, 0.40, 0.9), 2: (0.40, 0.42, 0.8), 3: (0.34, 0.60, 0.7), 4: (0.30, 0.80, 0.6),
    5: (0.60, 0.42, 0.8), 6: (0.66, 0.60, 0.7), 7: (0.70, 0.80, 0.6), 8: (0.45, 0.85, 0.7), 11: (0.55, 0.85, 0.7),
}  # fmt: skip


@pytest.fixture
def vitpose(checkpoint: Checkpoint) -> str:
    return str(checkpoint(write_vitpose))


@pytest.fixture
def openpose(checkpoint: Checkpoint) -> Path:
    return checkpoint(write_openpose, suffix=".pth")


def found_by(weights: Path, persons: Any) -> dict[str, Any]:
    """What the node leases for OpenPose, with a network that sees `persons` whatever it is shown."""
    return {f"openpose {file_key(weights)} cpu": OpenPose.of(Told(persons, columns_px=256))}


class Answers:
    """In place of ViTPose: a person in each box, whose joints lie on a circle around its middle."""

    def __init__(self, score: float = 0.9) -> None:
        self.score, self.boxes = score, list[np.ndarray]()

    def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.boxes.append(boxes)
        angles = np.arange(17) / 17 * 2 * np.pi
        circle = np.stack((np.cos(angles), np.sin(angles)), axis=-1)
        points = boxes[:, None, :2] + boxes[:, None, 2:] * (0.5 + 0.4 * circle)
        return points.astype(np.float32), np.full(points.shape[:2], self.score, np.float32)


def leased(folder: str, network: Any) -> dict[str, Any]:
    """What the node leases for ViTPose."""
    return {f"pose {resolve(folder).digest} cpu": network}


def test_every_frame_has_its_persons_and_the_table_has_a_row_for_each_joint(
    vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    ran = run_clip(Estimate, {"video": stream(drifting(3))}, model=vitpose)

    assert list(ran.emitted) == [1001, 1002, 1003]
    for out in ran.emitted.values():
        check_frame("keypoints", out.pose, who="pose.pose")
        assert out.pose.points.shape == (1, 17, 2)
        assert ((out.pose.scores >= 0) & (out.pose.scores <= 1)).all()
        assert out.joints is None
    assert ran.out.pose is None
    assert ran.out.joints.columns == COLUMNS
    assert len(ran.out.joints.rows) == 3 * 17
    third = [row for row in ran.out.joints.rows if row[0] == 1003]
    np.testing.assert_allclose([row[3:5] for row in third], ran.emitted[1003].pose.points[0], atol=1e-5)
    np.testing.assert_allclose([row[5] for row in third], ran.emitted[1003].pose.scores[0], atol=1e-6)


def test_one_frame_is_enough(vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    ran = run_clip(Estimate, {"video": stream(drifting(1))}, model=vitpose)

    assert list(ran.emitted) == [1001]
    assert len(ran.out.joints.rows) == 17


def test_a_part_is_that_part_of_the_whole_and_the_table_stays_whole(
    vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    reader = stream(drifting(6))

    everything = run_clip(Estimate, {"video": reader}, model=vitpose, least_joint=0.001)
    part = run_clip(Estimate, {"video": reader}, model=vitpose, least_joint=0.001, frames=(1003, 1005))

    assert list(part.emitted) == [1003, 1005]
    for frame, out in part.emitted.items():
        np.testing.assert_array_equal(out.pose.points, everything.emitted[frame].pose.points)
        np.testing.assert_array_equal(out.pose.tracks, everything.emitted[frame].pose.tracks)
    assert part.out.joints == everything.out.joints


def test_without_detector_or_matte_the_whole_frame_is_one_box(
    vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    network = Answers()

    run_clip(Estimate, {"video": stream(drifting(2))}, leased=leased(vitpose, network), model=vitpose)

    assert [boxes.tolist() for boxes in network.boxes] == [[[0, 0, 56, 40]]] * 2
    assert whole(np.zeros((3, 7, 4), np.float32)).tolist() == [[0, 0, 7, 3]]


def test_a_matte_says_where_the_person_is_and_where_there_is_none(
    vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    network, mattes = Answers(), [np.zeros((40, 56), np.float32) for _ in range(4)]
    mattes[0][5:25, 10:22] = 1
    mattes[1][5:25, 14:26] = 0.6
    mattes[3][39, 55] = 1
    readers = {"video": stream(drifting(4)), "matte": stream(mattes, kind="mask")}

    ran = run_clip(Estimate, readers, leased=leased(vitpose, network), model=vitpose)

    assert [boxes.tolist() for boxes in network.boxes] == [[[10, 5, 12, 20]], [[14, 5, 12, 20]], [], [[55, 39, 1, 1]]]
    assert ran.emitted[1003].pose.points.shape == (0, 17, 2)
    assert ran.warnings == ["node: nobody is found on frames 1003"]
    assert {row[0] for row in ran.out.joints.rows} == {1001, 1002, 1004}
    assert box_around(np.full((4, 5), 0.5, np.float32)).shape == (0, 4)


def test_nobody_at_all_is_told_and_gives_empty_frames(
    openpose: Path, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    # Narrow frames, as the network is large.
    pictures = drifting(3, width=8)

    ran = run_clip(Estimate, {"video": stream(pictures)}, estimator="openpose", model=str(openpose))

    for out in ran.emitted.values():
        check_frame("keypoints", out.pose, who="pose.pose")
        assert out.pose.points.shape == (0, 17, 2)
        assert out.pose.tracks.shape == (0,)
    assert ran.out.joints == Table(COLUMNS, ())
    assert ran.warnings == ["node: nobody is found on frames 1001-1003"]


class Boxes:
    """In place of RT-DETR: two persons who come in another order on every frame."""

    def __init__(self) -> None:
        self.at, self.least = 0, set[float]()

    def __call__(self, picture: np.ndarray, *, least: float) -> np.ndarray:
        boxes = np.array([[2 + self.at, 4, 12, 24], [40 - self.at, 8, 10, 20]], np.float32)
        self.at += 1
        self.least.add(least)
        return boxes if self.at % 2 else boxes[::-1]


def test_a_detectors_persons_keep_their_numbers_through_the_shot(
    vitpose: str, checkpoint: Checkpoint, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    detector, boxes = str(checkpoint(write_rt_detr)), Boxes()
    held = leased(vitpose, Answers()) | {f"persons {resolve(detector).digest} cpu": boxes}

    ran = run_clip(
        Estimate,
        {"video": stream(drifting(5))},
        leased=held,
        model=vitpose,
        detector=detector,
        least_person=0.7,
        sigma_frames=0,
    )

    for at, out in enumerate(ran.emitted.values()):
        assert out.pose.tracks.tolist() == [0, 1]
        np.testing.assert_allclose(out.pose.points.mean(axis=1), [[8 + at, 16], [45 - at, 18]], atol=1e-3)
    assert boxes.least == {0.7}


def test_a_real_detector_and_a_real_network_work_together(
    vitpose: str, checkpoint: Checkpoint, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    detector = str(checkpoint(write_rt_detr))

    ran = run_clip(Estimate, {"video": stream(drifting(2))}, model=vitpose, detector=detector, least_person=0)

    assert all(len(out.pose.points) > 1 for out in ran.emitted.values())
    assert [name.split()[0] for name in ran.leased] == ["pose", "persons"]


def test_nobody_is_followed_over_a_cut(vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting) -> None:
    pictures = drifting(3, seed=1) + drifting(3, seed=2)
    cuts = Table(("frame", "change_lab"), ((1004, 21.5),))

    def run(**values: Any) -> Any:
        return run_clip(
            Estimate, {"video": stream(pictures)}, leased=leased(vitpose, Answers()), model=vitpose, values=values
        )

    assert [out.pose.tracks.tolist() for out in run(cuts=cuts).emitted.values()] == [[0]] * 3 + [[1]] * 3
    assert [out.pose.tracks.tolist() for out in run().emitted.values()] == [[0]] * 6


def test_joints_are_smoothed_by_their_scores_over_time(
    vitpose: str, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    class Shaking(Answers):
        def __call__(self, picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            points, scores = super().__call__(picture, boxes)
            return points + np.float32(1.5 * (-1) ** len(self.boxes)), scores

    def shake(**settings: Any) -> float:
        ran = run_clip(
            Estimate, {"video": stream(drifting(9))}, leased=leased(vitpose, Shaking()), model=vitpose, **settings
        )
        path = np.stack([out.pose.points[0] for out in ran.emitted.values()])
        return float(np.abs(np.diff(path, axis=0)).mean())

    assert shake(sigma_frames=0) == pytest.approx(3, abs=1e-3)
    assert shake(sigma_frames=1.5) < 0.6
    # Unsure joints count for nothing, and stay.
    assert shake(sigma_frames=1.5, least_joint=0.95) == pytest.approx(3, abs=1e-3)


def test_openpose_gives_the_same_table_in_cocos_joints(
    openpose: Path, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    pictures = drifting(3, height=92, width=128)

    ran = run_clip(
        Estimate,
        {"video": stream(pictures)},
        leased=found_by(openpose, [BUST]),
        estimator="openpose",
        model=str(openpose),
    )

    pose = ran.emitted[1002].pose
    check_frame("keypoints", pose, who="pose.pose")
    assert ran.out.joints.columns == COLUMNS
    assert len(ran.out.joints.rows) == 3 * 17
    assert pose.tracks.tolist() == [0]
    # Nose, left and right shoulder, left wrist; both eyes were not seen.
    for joint, part in ((0, 0), (5, 5), (6, 2), (9, 7)):
        np.testing.assert_allclose(pose.points[0, joint], np.array(BUST[part][:2]) * (128, 92) - 0.5, atol=0.5)
        assert pose.scores[0, joint] == pytest.approx(BUST[part][2], abs=0.02)
    np.testing.assert_array_equal(pose.scores[0, [1, 2]], 0)
    assert ran.warnings == []


def test_joints_that_openpose_did_not_find_are_never_drawn(make_context: Any, make_header: Any) -> None:
    points, scores = np.zeros((1, 17, 2), np.float32), np.zeros((1, 17), np.float32)
    points[0, 5:7], scores[0, 5:7] = [[40, 20], [24, 20]], 0.9
    frame = KeypointsFrame(points, scores, np.zeros(1, np.int64))
    ctx = make_context(headers={"pose": make_header(width=64, height=40, kind="keypoints")})

    picture = Render().process(Render.In(pose=frame), Render.Params(least_joint=1e-6), ctx).video

    check_frame("rgb", picture, who="render.video")
    assert picture.shape == (40, 64, 3)
    assert picture[:10, :10].max() == 0
    assert picture[20, 30].max() > 0.5
    with pytest.raises(ValueError, match="greater than 0"):
        Render.Params(least_joint=0)
    with pytest.raises(ValueError, match="greater than 0"):
        Estimate.Params(least_joint=0)


def test_no_frame_is_held_when_the_next_is_read(
    vitpose: str, run_clip: RunClip, make_reader: Any, make_header: Any, alive: Any
) -> None:
    picture = np.random.default_rng(0).random((12, 16, 3)).astype(np.float32)
    reader = make_reader(make_header(count=30, width=16, height=12), lambda _: alive.note(picture))

    run_clip(Estimate, {"video": reader}, leased=leased(vitpose, Answers()), model=vitpose)

    assert alive.most == 1
    assert reader.read == list(range(1001, 1031))


def test_dwpose_is_refused_with_the_reason_and_the_way_out(make_context: Any, make_header: Any) -> None:
    with pytest.raises(
        UnavailableError,
        match=rf"node: estimator must be vitpose or openpose, got dwpose, which needs mmcv, and that does not work with torch "
        rf"{version('torch')}; take vitpose with stage-pose or usyd-community/vitpose-base-simple",
    ):
        Estimate.info(Estimate.Params(estimator="dwpose"), make_context(headers={"video": make_header()}))


def test_a_checkpoint_of_another_class_is_refused(
    checkpoint: Checkpoint, vitpose: str, openpose: Path, run_clip: RunClip, stream: Stream, drifting: Drifting
) -> None:
    other, readers = checkpoint(write_dpt), {"video": stream(drifting(1))}

    with pytest.raises(UnavailableError, match=rf"model: {other} must be a VitPoseForPoseEstimation, got DPTForDepth"):
        run_clip(Estimate, readers, model=str(other))
    with pytest.raises(UnavailableError, match=rf"model: {vitpose} must be a RTDetrForObjectDetection, got VitPose"):
        run_clip(Estimate, readers, model=vitpose, detector=vitpose)
    with pytest.raises(UnavailableError, match=rf"model: {openpose} must be safetensors, got a \.pth file"):
        run_clip(Estimate, readers, model=str(openpose))


def test_absent_weights_say_how_to_get_them_and_nothing_is_fetched(vitpose: str, make_context: Any) -> None:
    commit = "b" * 40

    def asked(**settings: Any) -> Any:
        return Estimate.models(Estimate.Params(**settings), make_context(headers={}))

    with pytest.raises(UnavailableError, match=rf"with a network run: shotgraph models pull acme/pose@{commit}$"):
        asked(model=f"acme/pose@{commit}")
    with pytest.raises(UnavailableError, match=rf"with a network run: shotgraph models pull acme/boxes@{commit}$"):
        asked(model=vitpose, detector=f"acme/boxes@{commit}")
    with pytest.raises(UnavailableError, match=r"got nothing at /none/body_pose_model\.pth; check the path$"):
        asked(estimator="openpose", model="/none/body_pose_model.pth")


def test_digests_of_all_networks_are_in_the_plan(
    vitpose: str, openpose: Path, checkpoint: Checkpoint, make_context: Any
) -> None:
    detector, ctx = str(checkpoint(write_rt_detr)), make_context(headers={})

    both = Estimate.models(Estimate.Params(model=vitpose, detector=detector), ctx)
    alone = Estimate.models(Estimate.Params(estimator="openpose", model=str(openpose)), ctx)

    assert both == {"pose": resolve(vitpose).digest, "detector": resolve(detector).digest}
    assert alone == {"openpose": file_key(openpose)}


@pytest.mark.parametrize(
    ("settings", "matte", "said"),
    [
        (
            {},
            {"width": 32, "height": 20},
            "node: matte must be 64x40 like video, got 32x20; make it from the same picture",
        ),
        ({"detector": "rt-detr"}, {}, "node: boxes must come from matte or detector, got both; take one away"),
        (
            {"estimator": "openpose", "detector": "rt-detr"},
            None,
            "node: openpose must find persons itself, got detector to find them; leave that out",
        ),
        ({"estimator": "openpose"}, {}, "node: openpose must find persons itself, got matte to find them"),
        ({"estimator": "openpose", "detector": "rt-detr"}, {}, "got matte and detector to find them; leave that out"),
    ],
)
def test_what_cannot_be_combined_is_refused(
    settings: dict[str, Any], matte: dict[str, int] | None, said: str, make_context: Any, make_header: Any
) -> None:
    headers = {"video": make_header(width=64, height=40)}
    if matte is not None:
        headers["matte"] = make_header(**({"width": 64, "height": 40, "kind": "mask"} | matte))

    with pytest.raises(GraphError, match=said):
        Estimate.info(Estimate.Params(**settings), make_context(headers=headers))


def test_a_matte_or_a_detector_alone_is_right(make_context: Any, make_header: Any) -> None:
    video = make_header(width=64, height=40)

    with_matte = make_context(headers={"video": video, "matte": make_header(width=64, height=40, kind="mask")})

    assert Estimate.info(Estimate.Params(), with_matte) == {}
    assert Estimate.info(Estimate.Params(detector="rt-detr"), make_context(headers={"video": video})) == {}
