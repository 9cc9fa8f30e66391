"""Joints of the persons in every frame, who is who over the shot, and skeletons drawn of them.

Follows Y. Xu et al., "ViTPose: Simple Vision Transformer Baselines for Human Pose Estimation", NeurIPS 2022, and Y. Zhao et al., "DETRs
Beat YOLOs on Real-time Object Detection", CVPR 2024 (RT-DETR, for boxes), as transformers implements them; or Z. Cao et al., "Realtime
Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017 (OpenPose), as controlnet-aux does.

Departures from the papers:
    - Persons get numbers that last over the shot, by how alike poses of neighbouring frames are.
    - Joints are smoothed over time, weighted by their scores; none is made up where none was seen.
    - Skeletons are drawn at the frame's own size.
    - OpenPose: joints are COCO's 17; the neck is left out, as it lies between the shoulders wherever it is drawn.

Symbols: in `maths.pose`.

Cost: one pass of the detector and one of ViTPose a frame, or one of OpenPose (52 M parameters; its code and weights are for
non-commercial use only). Memory: one frame, and the joints of all.
"""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from shotgraph.annotators.cutting import cut_frames
from shotgraph.api import (
    Clip,
    Context,
    Field,
    Frame,
    FrameSet,
    Keypoints,
    KeypointsFrame,
    Mask,
    Node,
    Params,
    Port,
    Ports,
    QueryContext,
    Rgb,
    StreamInfo,
    Table,
    require_same_size,
)
from shotgraph.errors import GraphError, UnavailableError
from shotgraph.maths.pose import Joints, Scores, Tracker, openpose_18, smoothed
from shotgraph.maths.skeleton import drawn
from shotgraph.models.reference import ModelName
from shotgraph.models.registry import digests_of, resolve
from shotgraph.models.weights import find_weights

Estimator = Literal["vitpose", "openpose", "dwpose"]
Floats = NDArray[np.float32]
Pose = tuple[int, Joints, Scores]
# ((P, 17, 2) px, (P, 17)) of a picture and, where there is one, the matte of a person.
Find = Callable[[Floats, Floats | None], tuple[Joints, Scores]]


class Estimate(Node):
    """COCO's 17 joints of every person, numbered over the shot and steady."""

    id = "pose.estimate"
    version = "1"
    contract = Clip()
    numerics = "device"
    cost = "heavy"

    class In(Ports):
        """The plate, a matte of one person in place of a detector, and cuts, over which nobody is followed."""

        video: Rgb
        matte: Mask | None = None
        cuts: Annotated[Table, Port("table", "cuts")] | None = None

    class Out(Ports):
        """Joints frame by frame, and the same as rows."""

        pose: Keypoints | None = None
        joints: Annotated[Table, Port("table", "joints")] | None = None

    class Params(Params):
        """Which networks, and what counts."""

        estimator: Estimator = Field(
            "vitpose",
            description="openpose finds persons itself; dwpose needs mmcv, which does not work with this torch",
        )
        model: ModelName = Field(
            "stage-pose",
            description="vitpose: bundled, a folder, or org/name@commit; openpose: the file body_pose_model.pth",
        )
        detector: ModelName | None = Field(
            None,
            description="vitpose: RT-DETR, for the boxes of persons; without it and a matte the whole frame is one box",
        )
        least_person: float = Field(0.5, ge=0, le=1, description="score from which the detector's persons count")
        # A joint that was not found scores 0, and must never count.
        least_joint: float = Field(0.3, gt=0, le=1, description="score from which a joint counts")
        sigma_frames: float = Field(
            1.0, ge=0, le=100, unit="frames", description="of the smoothing over time; 0 for none"
        )

    @classmethod
    def models(cls, params: Params, ctx: QueryContext) -> Mapping[str, str]:
        """Digests of the networks."""
        if params.estimator == "openpose":
            return {"openpose": find_weights(params.model, {}).digest}
        own = {"pose": digests_of(params.model)["base"]}
        return own if params.detector is None else own | {"detector": digests_of(params.detector)["base"]}

    @classmethod
    def info(cls, params: Params, ctx: QueryContext) -> Mapping[str, StreamInfo]:
        """Refuses DWPose, boxes where none are needed, a matte of another size, or beside a detector."""
        if params.estimator == "dwpose":
            raise UnavailableError(
                f"{ctx.node}: estimator must be vitpose or openpose, got dwpose, which needs mmcv, and that does not work with torch "
                f"{version('torch')}; take vitpose with stage-pose or usyd-community/vitpose-base-simple"
            )
        given = [
            name
            for name, value in (("matte", ctx.headers.get("matte")), ("detector", params.detector))
            if value is not None
        ]
        if given and params.estimator == "openpose":
            raise GraphError(
                f"{ctx.node}: openpose must find persons itself, got {' and '.join(given)} to find them; leave that out"
            )
        require_same_size(ctx, "matte")
        if len(given) > 1:
            raise GraphError(f"{ctx.node}: boxes must come from matte or detector, got both; take one away")
        return {}

    def setup(self, params: Params, ctx: Context) -> None:
        """Leases the networks."""
        self._find: Find = _openpose(params, ctx) if params.estimator == "openpose" else _vitpose(params, ctx)

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        numbers, tracker = tuple(frames.video.frames), Tracker(params.least_joint)
        persons, cuts = dict[int, list[Pose]](), cut_frames(frames.cuts)
        for done, number in enumerate(numbers, start=1):
            ctx.check_cancelled()
            if number in cuts:
                tracker.begin_anew()
            points, scores = self._find(frames.video[number], None if frames.matte is None else frames.matte[number])
            for person, track in enumerate(tracker.name(number, points, scores)):
                persons.setdefault(int(track), []).append((number, points[person], scores[person]))
            ctx.progress(done, len(numbers))
        steady = {
            track: smoothed(poses, sigma_frames=params.sigma_frames, least=params.least_joint)
            for track, poses in persons.items()
        }
        found = by_frame(steady)
        empty = FrameSet.of(numbers) - FrameSet.of(found)
        if empty:
            ctx.warn(f"{ctx.node}: nobody is found on frames {empty}")
        for number in ctx.frames:
            ctx.emit(number, self.Out(pose=keypoints_of(found.get(number, []))))
        return self.Out(joints=table_of(steady))

    def teardown(self, ctx: Context) -> None:
        """Lets go of the networks; the engine ends the leases."""
        vars(self).clear()


def whole(picture: Floats) -> Floats:
    """(1, 4) x, y, width, height of all of a picture."""
    height, width = picture.shape[:2]
    return np.array([[0, 0, width, height]], np.float32)


def box_around(matte: Floats) -> Floats:
    """(1, 4) x, y, width, height of what a matte shows; (0, 4) where it shows nothing."""
    rows, columns = np.nonzero(matte > 0.5)
    if not len(rows):
        return np.zeros((0, 4), np.float32)
    left, upper, right, lower = columns.min(), rows.min(), columns.max(), rows.max()
    return np.array([[left, upper, right - left + 1, lower - upper + 1]], np.float32)


def by_frame(persons: Mapping[int, list[Pose]]) -> dict[int, list[tuple[int, Pose]]]:
    """Everybody in each frame that shows somebody, in the order of their numbers."""
    found: dict[int, list[tuple[int, Pose]]] = {}
    for track, poses in sorted(persons.items()):
        for pose in poses:
            found.setdefault(pose[0], []).append((track, pose))
    return found


def keypoints_of(found: list[tuple[int, Pose]]) -> KeypointsFrame:
    """One frame of everybody in it."""
    return KeypointsFrame(
        points=np.stack([pose[1] for _, pose in found]) if found else np.zeros((0, 17, 2), np.float32),
        scores=np.stack([pose[2] for _, pose in found]) if found else np.zeros((0, 17), np.float32),
        tracks=np.array([track for track, _ in found], np.int64),
    )


def table_of(persons: Mapping[int, list[Pose]]) -> Table:
    """A row for each joint of each person in each frame."""
    rows = [
        (number, track, joint, float(points[joint, 0]), float(points[joint, 1]), float(scores[joint]))
        for track, poses in persons.items()
        for number, points, scores in poses
        for joint in range(len(scores))
    ]
    return Table(("frame", "track", "joint", "x_px", "y_px", "score"), tuple(sorted(rows)))


def _vitpose(params: Estimate.Params, ctx: Context) -> Find:
    """ViTPose in boxes: from a detector, around a matte, or the whole frame."""
    from shotgraph.annotators.pose import PersonDetector, PoseNetwork

    model = resolve(params.model)
    network = ctx.lease(f"pose {model.digest} {ctx.device}", lambda: PoseNetwork.load(model.place, device=ctx.device))
    if params.detector is None:
        return lambda picture, matte: network(picture, whole(picture) if matte is None else box_around(matte))
    boxes = resolve(params.detector)
    detector = ctx.lease(
        f"persons {boxes.digest} {ctx.device}", lambda: PersonDetector.load(boxes.place, device=ctx.device)
    )
    return lambda picture, _: network(picture, detector(picture, least=params.least_person))


def _openpose(params: Estimate.Params, ctx: Context) -> Find:
    from shotgraph.annotators.openpose import OpenPose, load_openpose

    file = find_weights(params.model, {})
    name = f"openpose {file.digest} {ctx.device}"
    network: OpenPose = ctx.lease(name, lambda: load_openpose(file.path, device=ctx.device))
    return lambda picture, _: network(picture)


class Render(Node):
    """Skeletons on black, as pose ControlNets expect them."""

    id = "pose.render"
    version = "1"
    contract = Frame()

    class In(Ports):
        """Joints."""

        pose: Keypoints

    class Out(Ports):
        """The picture."""

        video: Rgb

    class Params(Params):
        """What is drawn."""

        least_joint: float = Field(0.3, gt=0, le=1, description="joints below this score are left out")

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        header = ctx.headers["pose"]
        points, scores = openpose_18(frames.pose.points, frames.pose.scores, least=params.least_joint)
        picture = drawn(points, scores, height=header.height, width=header.width, least=params.least_joint)
        return self.Out(video=picture)
