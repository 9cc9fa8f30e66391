"""Taking a shot apart: reports, what is refused, and that a killed fit ends at the same bits."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shotgraph.api import FlowFrame
from shotgraph.decomposition.saving import from_artifact
from shotgraph.errors import FrameRangeError, GraphError, NodeError
from shotgraph.plugins.decompose.layers import Decompose
from tests.plugins.conftest import FakeContext, Scene, header
from tests.plugins.decompose.conftest import (
    FRAMES,
    Footage,
    KeepingContext,
    TakenApart,
    footage_of,
    headers_of,
    take_apart,
)

SHAPE = (40, 64)
# More of another motion than one layer can hold.
BUSY = Scene(count=12, radius_px=22, velocity=(4, 1.2))


def failed(apart: TakenApart) -> set[str]:
    return {row["test"] for row in apart.report if not row["passed"]}


def panned(step: tuple[float, float], *, count: int, told: bool = True) -> Footage:
    """A texture that moves by `step` a frame over the whole picture; flow says so, or that nothing moves."""
    scene, vector = Scene(), np.array(step)

    def vectors(sign: int) -> np.ndarray:
        return np.broadcast_to((sign * vector if told else 0 * vector).astype(np.float32), (*SHAPE, 2)).copy()

    def video(frame: int) -> np.ndarray:
        y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]].astype(np.float64)
        own = np.stack((x, y), axis=-1) - vector * (frame - 1001)
        return scene.texture(own, 1).astype(np.float32)

    def flow(_: int) -> FlowFrame:
        y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]] + (np.array(step)[::-1, None, None] if told else 0)
        leaves = (x < 0) | (x > SHAPE[1] - 1) | (y < 0) | (y > SHAPE[0] - 1)
        return FlowFrame(vectors(1), vectors(-1), leaves.astype(np.float32))

    return Footage(header(count=count), video, flow)


def mirrored() -> Footage:
    """A picture that is turned over from frame to frame; flow follows it exactly."""
    still = panned((0, 0), count=4)
    x = np.arange(SHAPE[1], dtype=np.float32)
    over = np.zeros((*SHAPE, 2), np.float32)
    over[..., 0] = SHAPE[1] - 1 - 2 * x
    nothing = np.zeros(SHAPE, np.float32)

    def video(frame: int) -> np.ndarray:
        picture = still.video(1001)
        return picture if frame % 2 else picture[:, ::-1].copy()

    return Footage(still.info, video, lambda _: FlowFrame(over, over, nothing))


def half_seen(scene: Scene) -> Footage:
    """A good clip of whose flow too much does not come back."""

    def flow(frame: int) -> FlowFrame:
        pair = scene.flow(frame)
        occluded = pair.occluded.copy()
        occluded[:, : scene.width // 2] = 1
        return replace(pair, occluded=occluded)

    return replace(footage_of(scene), flow=flow)


def doubtful(scene: Scene) -> Footage:
    """A good clip of two mattes: the nearer one, of a piece of ground, also dims a half of the other's object."""

    def nearer(frame: int) -> np.ndarray:
        half = scene.on_disk(frame, scene.grid) & (scene.surface(frame, "disk", scene.grid)[..., 0] < 0)
        matte = np.where(half, np.float32(0.45), np.float32(0))
        matte[48:, 80:] = 1
        return matte

    def farther(frame: int) -> np.ndarray:
        return np.where(scene.on_disk(frame, scene.grid), np.float32(0.9), np.float32(0))

    return replace(footage_of(scene), mattes=(nearer, farther))


def test_a_good_clip_is_taken_apart_and_nothing_is_told(apart: TakenApart, scene: Scene) -> None:
    layers = from_artifact(apart.layers)

    assert (len(layers), layers.frames, layers.frame) == (2, FRAMES, (scene.height, scene.width))
    assert apart.layers.meta["first"] == scene.first
    assert failed(apart) == set()
    assert apart.ctx.warnings == []
    assert {(row["test"], row["layer"]) for row in apart.report} == {
        ("flow", -1), ("reconstruction_db", -1), ("undecided", -1), ("sharpness", 0), ("matte_iou", 1),
        *((test, layer) for test in ("folded", "covered", "outside") for layer in (0, 1)),
    }  # fmt: skip
    found = {row["test"]: row["value"] for row in apart.report}
    assert found["matte_iou"] > 0.99
    assert found["reconstruction_db"] > 32
    assert apart.ctx.notes["steps"] == 150


@pytest.mark.parametrize(
    ("make", "tests", "told"),
    [
        (lambda _: footage_of(BUSY, matte=False), {"reconstruction_db"}, "add a matte for what moves by itself"),
        (half_seen, {"flow"}, r"flow must be >= 0\.6, got 0\.4"),
        (
            lambda _: mirrored(),
            {"folded"},
            r"folded of layer 0 must be <= 0\.01, got 0\.5; the layer folds over itself",
        ),
        (
            lambda _: panned((16, 10), count=24),
            {"covered", "flow"},
            r"covered of layer 0 must be >= 0\.3, got 0\.\d+; most of",
        ),
        (lambda _: panned((9, 4), count=8, told=False), {"sharpness", "reconstruction_db"}, "the atlas is blurred"),
        (doubtful, {"undecided", "matte_iou", "outside"}, "the matte is neither on nor off"),
    ],
    ids=["one layer of two motions", "flow", "mirror", "long pan", "wrong flow", "doubtful matte"],
)
def test_a_clip_that_was_made_to_fail_is_told_of(
    scene: Scene, make: Callable[[Scene], Footage], tests: set[str], told: str
) -> None:
    apart = take_apart(make(scene))

    assert failed(apart) == tests
    assert len(apart.ctx.warnings) == len([row for row in apart.report if not row["passed"]])
    assert any(re.search(told, warning) for warning in apart.ctx.warnings)
    assert all(row["cure"] for row in apart.report if not row["passed"])


def test_what_flow_lacks_is_told_before_the_fit(scene: Scene) -> None:
    ctx = KeepingContext(headers={}, killed_after=1)

    with pytest.raises(KeyboardInterrupt):
        take_apart(half_seen(scene), ctx)

    assert [warning.partition(" must")[0] for warning in ctx.warnings] == ["layers: flow"]


@pytest.mark.parametrize(("backend", "steps", "killed_after"), [("grid", 230, 170), ("hash", 120, 110)])
def test_a_fit_that_is_killed_between_checkpoints_ends_at_the_same_bits(
    footage: Footage, backend: str, steps: int, killed_after: int
) -> None:
    settings: dict[str, Any] = {"backend": backend, "steps": steps, "step_pixels": 128}
    whole = take_apart(footage, **settings)
    ctx = KeepingContext(headers={}, killed_after=killed_after)

    with pytest.raises(KeyboardInterrupt):
        take_apart(footage, ctx, **settings)
    assert ctx.kept["newest"][0] == 100
    again = take_apart(footage, ctx, **settings)

    # Killed at one step, gone on from the checkpoint: what lies between was done twice, what lies before it once.
    assert ctx.steps == killed_after + steps - 100
    assert again.report == whole.report
    assert again.layers.meta == whole.layers.meta
    assert again.layers.arrays.keys() == whole.layers.arrays.keys()
    for name, array in whole.layers.arrays.items():
        np.testing.assert_array_equal(again.layers.arrays[name], array, err_msg=name)


def test_the_seed_decides_which_pixels_are_looked_at(footage: Footage) -> None:
    one, same, other = (take_apart(footage, steps=3, seed=seed).layers.arrays for seed in (1, 1, 2))

    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_a_smaller_fit_lies_under_the_whole_plate(footage: Footage, scene: Scene) -> None:
    small = take_apart(footage, scale=0.5)

    layers = from_artifact(small.layers)
    assert layers.frame == (scene.height // 2, scene.width // 2)
    assert failed(small) <= {"sharpness"}


def test_a_part_of_the_shot_may_be_fitted(footage: Footage) -> None:
    part = take_apart(footage, frames="1003-1005", steps=3)

    assert (part.layers.meta["first"], part.layers.meta["frames"]) == (1003, 3)


def test_a_matte_that_vanishes_is_told_of_with_its_frames(footage: Footage) -> None:
    def matte(frame: int) -> np.ndarray:
        return footage.mattes[0](frame) * np.float32(frame not in (1003, 1004, 1006))

    apart = take_apart(replace(footage, mattes=(matte,)), steps=100)

    first, second = apart.ctx.warnings[:2]
    assert first == ("layers: matte shows nothing on frames 1003-1004,1006; the layer goes on as it moved before")
    assert second.startswith("layers: layer 1: too few vectors agree from frames 1003")
    assert apart.layers.meta["frames"] == FRAMES


def test_a_single_frame_is_an_atlas_of_itself(scene: Scene) -> None:
    apart = take_apart(footage_of(replace(scene, count=1)))

    assert "flow" not in {row["test"] for row in apart.report}
    assert failed(apart) == set()
    assert apart.ctx.warnings == []


def test_a_cut_is_refused_with_its_frames(footage: Footage) -> None:
    def flow(frame: int) -> FlowFrame:
        pair = footage.flow(frame)
        return replace(pair, occluded=np.ones_like(pair.occluded)) if frame == 1003 else pair

    with pytest.raises(
        NodeError,
        match=r"layers: a shot must not be cut, got what looks like a cut at 1003\|1004; fit its parts one by one, like "
        r"frames: 1001-1003",
    ):
        take_apart(replace(footage, flow=flow))


def test_a_matte_that_never_shows_anything_is_refused(footage: Footage, scene: Scene) -> None:
    nothing = replace(footage, mattes=(lambda _: np.zeros((scene.height, scene.width), np.float32),))

    with pytest.raises(NodeError, match="layers: matte must show something, got nothing on frames 1001-1006; mend"):
        take_apart(nothing)


@pytest.mark.parametrize(
    ("changes", "params", "text"),
    [
        ({"flow": header(width=32)}, {}, "layers: flow must be 64x40 like video, got 32x40; make it"),
        ({"matte": header(height=8)}, {}, "layers: matte must be 64x40 like video, got 64x8; make it"),
        ({"matte_2": header()}, {}, "layers: mattes must be linked without a gap, got no matte; link the nearest"),
        ({"matte": header(), "matte_3": header()}, {}, "must be linked without a gap, got no matte_2"),
        ({}, {"most_frames": 7}, "layers: at most 7 frames must be fitted, got 8; name a part of them"),
        ({}, {"scale": 0.25}, r"must be 16x16 or larger, got 16x10 \(scale 0.25 of 64x40\); raise scale"),
        ({}, {"frames": "1005-1010"}, "frames must be one run of frames in 1001-1008, got 1005-1010; name the first"),
        ({}, {"frames": "1001,1003"}, "frames must be one run of frames in 1001-1008, got 1001,1003; name the first"),
    ],
)
def test_what_does_not_fit_is_refused_beforehand(changes: dict[str, Any], params: dict[str, Any], text: str) -> None:
    ctx = FakeContext(headers={"video": header(), "flow": header()} | changes, node="layers")

    with pytest.raises(GraphError, match=text):
        Decompose.info(Decompose.Params(**params), ctx)


def test_frames_that_are_none_are_refused(footage: Footage) -> None:
    ctx = FakeContext(headers=headers_of(footage), node="layers")

    with pytest.raises(FrameRangeError, match="'early'"):
        Decompose.info(Decompose.Params(frames="early"), ctx)
