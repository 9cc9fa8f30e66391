"""Mattes of what moves, against the exact alpha of the stage."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FlowFrame, Table, Window
from shotgraph.api.kinds import stack
from shotgraph.errors import GraphError
from shotgraph.maths.flow import last_pair
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.metrics.flow import overlap
from shotgraph.plugins.analysis.matte_motion import Motion
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import Camera, ClipSpec, Ground, Look, Sprite
from shotgraph.stage.spec import Motion as Path
from shotgraph.stage.truth import flow_frame
from shotgraph.stage.worlds import draw_clip

FIRST = 1001
Frames = Sequence[np.ndarray]


@dataclass(frozen=True)
class Clip:
    """What the node is given, and what it should say."""

    pictures: Frames
    flows: Sequence[FlowFrame]
    truth: np.ndarray


def dis_flows(pictures: Frames) -> list[FlowFrame]:
    pairs = [flow_of_pair(a, b, preset="medium", scale=1.0) for a, b in itertools.pairwise(pictures)]
    return [*pairs, last_pair(*pictures[0].shape[:2])]


def clip_of(spec: ClipSpec, *, exact: bool = False) -> Clip:
    """A clip with the flow of DIS, or its own."""
    scene, times = Scene(spec), range(spec.frames)
    pictures = [scene.picture(time) for time in times]
    flows = [flow_frame(scene, time) for time in times] if exact else dis_flows(pictures)
    truth = np.stack([np.sum([scene.alpha(n, t) for n in range(1, 1 + len(spec.sprites))], axis=0) for t in times])
    return Clip(pictures, flows, truth > 0.5 if spec.sprites else np.zeros((len(times), *pictures[0].shape[:2]), bool))


def object_clip(path: Path, camera: Camera = Camera(), *, frames: int = 6, **look: Any) -> ClipSpec:  # noqa: B008
    """One large object on clouds."""
    settings = {"shape": "circle", "colour": "red", "texture": "speckled", "size": "large", "ground": "clouds"} | look
    ground = Ground(colour="gray", texture=settings.pop("ground"), depth=3.5, seed=4)
    sprite = Sprite(look=Look(**settings), x=60, y=62, motion=path, seed=5)
    return ClipSpec(width=120, height=128, frames=frames, ground=ground, sprites=(sprite,), camera=camera)


@pytest.fixture
def mattes(make_context: Any, make_header: Any) -> Callable[..., list[np.ndarray]]:
    """Run the node over `wanted` frames of a clip, as the engine does."""

    def run(clip: Clip, *, wanted: range | None = None, cuts: Sequence[int] = (), **params: Any) -> list[np.ndarray]:
        settings, count = Motion.Params(**params), len(clip.pictures)
        height, width = clip.pictures[0].shape[:2]
        header = make_header(width=width, height=height, first_frame=FIRST, count=count)
        ctx = make_context(headers={"video": header, "flow": header})
        window = Motion.contract_for(settings)
        table = Table(("frame", "change_lab"), tuple((frame, 20.0) for frame in cuts)) if cuts else None
        node, found = Motion(), []
        node.setup(settings, ctx)
        for at in range(count) if wanted is None else wanted:
            places = range(at - window.past, at + window.future + 1)
            ctx.frames = tuple(FIRST + place for place in places)
            given = [place if 0 <= place < count else None for place in places]
            blank = np.zeros_like(clip.pictures[0]), FlowFrame(*(0 * array for array in parts(clip.flows[0])))
            frames = node.In(
                video=np.stack([blank[0] if place is None else clip.pictures[place] for place in given]),
                flow=stack("flow", [blank[1] if place is None else clip.flows[place] for place in given]),
                cuts=table,
            )
            found.append(node.process(frames, settings, ctx).matte)
        node.teardown(ctx)
        assert vars(node) == {}
        return found

    return run


def parts(flow: FlowFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return flow.forward, flow.backward, flow.occluded


def iou(found: Frames, truth: np.ndarray) -> float:
    return float(np.mean([overlap(matte > 0.5, own).iou for matte, own in zip(found, truth, strict=True)]))


def test_objects_before_a_moving_camera_are_matted(mattes: Any) -> None:
    clips = [clip_of(draw_clip(n, "held-out", purpose="flow", sprites=1, frames=6)) for n in (1, 9, 12)]

    values = [iou(mattes(clip), clip.truth) for clip in clips]

    assert min(values) > 0.7
    # The matte of another clip is not that good.
    assert iou(mattes(clips[0]), clips[1].truth) < 0.3


@pytest.mark.parametrize(
    "spec",
    [
        draw_clip(100, "held-out", purpose="flow", sprites=0, frames=5),
        ClipSpec(width=96, height=128, frames=5, ground=Ground(colour="gray", texture="clouds", depth=3.5, seed=4)),
        object_clip(Path()).model_copy(update={"sprites": (), "camera": Camera(name="zooms", speed=1.5)}),
        object_clip(Path(), Camera(name="left", speed=3), ground="striped").model_copy(update={"sprites": ()}),
        object_clip(Path()),
    ],
    ids=["shaking", "still", "zoom", "periodic pan", "an object at rest"],
)
def test_where_nothing_moves_by_itself_the_matte_is_empty(spec: ClipSpec, mattes: Any) -> None:
    assert max(matte.max() for matte in mattes(clip_of(spec))) == 0


@pytest.mark.parametrize(
    ("path", "look", "least"),
    [
        # Of something that grows or turns only the rim moves.
        (Path(name="grows", speed=2), {}, 0.8),
        (Path(name="spins", speed=2), {}, 0.65),
        (Path(name="right", speed=0.3), {}, 0.65),
        # Everything fits every period.
        (Path(name="right", speed=2), {"texture": "striped", "ground": "striped"}, 0.8),
    ],
    ids=["grows", "spins", "slow", "periodic"],
)
def test_what_is_hard_to_see_moving_is_matted_whole(path: Path, look: Any, least: float, mattes: Any) -> None:
    clip = clip_of(object_clip(path, **look))

    assert iou(mattes(clip), clip.truth) > least


@pytest.mark.parametrize("exact", [False, True])
def test_what_is_seen_through_a_moving_ring_is_left_out(exact: bool, mattes: Any) -> None:
    spec = object_clip(Path(name="right", speed=2), shape="ring")
    clip, disk = clip_of(spec, exact=exact), clip_of(object_clip(Path(name="right", speed=2)), exact=exact)

    found = mattes(clip)[2]

    middle = np.argwhere(clip.truth[2]).mean(axis=0).round().astype(int)
    hole = found[middle[0] - 3 : middle[0] + 4, middle[1] - 3 : middle[1] + 4]
    assert hole.max() == 0
    assert iou([found], clip.truth[2:3]) > 0.75
    # The same place on a disk is matted.
    assert mattes(disk)[2][middle[0] - 3 : middle[0] + 4, middle[1] - 3 : middle[1] + 4].min() == 1


def test_the_middle_of_a_growing_disk_is_filled_with_exact_flow_too(mattes: Any) -> None:
    clip = clip_of(object_clip(Path(name="grows", speed=2)), exact=True)

    # The middle stands still, by the exact flow as well.
    assert np.linalg.norm(clip.flows[2].forward[62, 60]) < 0.1
    assert iou(mattes(clip), clip.truth) > 0.8


def test_neighbours_outvote_a_single_frame(mattes: Any) -> None:
    clip = clip_of(object_clip(Path(name="right", speed=2), frames=7))
    # Something else shows for one frame in the middle of nowhere.
    pictures = [picture.copy() for picture in clip.pictures]
    pictures[3][100:115, 90:110] = 1 - pictures[3][100:115, 90:110]
    struck = Clip(pictures, dis_flows(pictures), clip.truth)

    alone, voted = (mattes(struck, reach=reach, wanted=range(3, 4))[0] for reach in (0, 2))

    assert voted[95:120, 85:115].max() == 0
    assert iou([voted], clip.truth[3:4]) >= iou([alone], clip.truth[3:4]) - 0.02
    assert iou([voted], clip.truth[3:4]) > 0.75


def test_a_part_of_a_shot_has_the_mattes_of_the_whole(mattes: Any) -> None:
    clip = clip_of(draw_clip(9, "held-out", purpose="flow", sprites=1, frames=8))

    whole, part, alone = mattes(clip), mattes(clip, wanted=range(3, 6)), mattes(clip, wanted=range(7, 8))

    np.testing.assert_array_equal(part, whole[3:6])
    np.testing.assert_array_equal(alone, whole[7:])


@pytest.mark.parametrize("is_told", [False, True])
def test_nobody_votes_over_a_cut(is_told: bool, mattes: Any) -> None:
    before, behind = (clip_of(draw_clip(n, "held-out", purpose="flow", sprites=1, frames=4)) for n in (9, 7))
    pictures = [*before.pictures, *behind.pictures]
    clip = Clip(pictures, dis_flows(pictures), np.concatenate((before.truth, behind.truth)))

    found = mattes(clip, cuts=[FIRST + 4] if is_told else ())

    np.testing.assert_array_equal(found, [*mattes(before), *mattes(behind)])


def test_a_cut_that_flow_does_not_show_is_told_by_a_table(mattes: Any) -> None:
    clip = clip_of(draw_clip(9, "held-out", purpose="flow", sprites=1, frames=6))

    told, unknowing = mattes(clip, cuts=[FIRST + 3]), mattes(clip)

    np.testing.assert_array_equal(told[3:], mattes(Clip(clip.pictures[3:], clip.flows[3:], clip.truth[3:])))
    assert any((a != b).any() for a, b in zip(told, unknowing, strict=True))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 9), (9, 5), (17, 33)])
@pytest.mark.parametrize("value", [0.5, np.nan])
def test_tiny_constant_and_empty_frames_have_an_empty_matte(height: int, width: int, value: float, mattes: Any) -> None:
    pictures = [np.full((height, width, 3), value, np.float32)] * 3
    still = FlowFrame(*(np.zeros((height, width, 2), np.float32),) * 2, np.zeros((height, width), np.float32))

    found = mattes(Clip(pictures, [still, still, last_pair(height, width)], np.zeros((3, height, width), bool)))

    assert all(matte.shape == (height, width) and matte.max() == 0 for matte in found)


def test_one_frame_moves_against_nothing(mattes: Any) -> None:
    picture = Scene(draw_clip(9, "held-out", purpose="flow", sprites=1, frames=1)).picture(0)

    (matte,) = mattes(Clip([picture], [last_pair(*picture.shape[:2])], np.zeros((1, 128, 128), bool)))

    assert matte.max() == 0


def test_flow_without_a_value_is_no_motion_and_the_rest_is_matted(mattes: Any) -> None:
    clip = clip_of(object_clip(Path(name="right", speed=2)), exact=True)
    holed = [FlowFrame(*(array.copy() for array in parts(flow))) for flow in clip.flows]
    for flow in holed:
        flow.forward[:40], flow.backward[:40] = np.nan, np.nan

    found = mattes(Clip(clip.pictures, holed, clip.truth))

    assert max(matte[:36].max() for matte in found) == 0
    assert iou([matte[44:] for matte in found], clip.truth[:, 44:]) > 0.8


def test_an_odd_size_is_no_matter(mattes: Any) -> None:
    clip = clip_of(object_clip(Path(name="right", speed=2)))
    cut = slice(3, 124), slice(5, 118)
    odd = [picture[cut] for picture in clip.pictures]
    truth = clip.truth[(slice(None), *cut)]

    found = mattes(Clip(odd, dis_flows(odd), truth))

    assert found[0].shape == (121, 113)
    assert iou(found, truth) > 0.8


def test_parameters_do_what_they_say(mattes: Any) -> None:
    clip = clip_of(object_clip(Path(name="right", speed=2)))

    def area(**params: Any) -> float:
        return float(mattes(clip, wanted=range(2, 3), **params)[0].mean())

    assert area() > 0.05
    assert area(least_px=3.0) == 0
    assert area(least_share=0.3) == 0
    assert area(close_px=0) < area()


def test_the_window_reaches_a_frame_further_than_the_vote() -> None:
    assert Motion.contract_for(Motion.Params()) == Window(past=3, future=3, edge="blank") == Motion.contract
    assert Motion.contract_for(Motion.Params(reach=0)) == Window(past=1, future=1, edge="blank")


def test_flow_of_another_size_is_refused(make_context: Any, make_header: Any) -> None:
    headers = {"video": make_header(width=64, height=40), "flow": make_header(width=64, height=20, kind="flow")}

    with pytest.raises(GraphError, match="node: flow must be 64x40 like video, got 64x20; make it from the same"):
        Motion.info(Motion.Params(), make_context(headers=headers))
