"""Drawn clips: one number, one clip; held-out ones are really held out."""

from typing import Any

import numpy as np
import pytest

from shotgraph.errors import UsageError
from shotgraph.maths.solvers import flow_of_pair
from shotgraph.stage.figure import joints
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import Motion
from shotgraph.stage.worlds import UNSEEN_PAIRS, crossing, draw_clip, is_clear


def pairs(clip: Any) -> set[tuple[str, str]]:
    return {(sprite.look.colour, sprite.look.shape) for sprite in clip.sprites}


def test_a_number_means_one_clip() -> None:
    assert draw_clip(5, "train") == draw_clip(5, "train")
    assert draw_clip(5, "train") != draw_clip(6, "train")


def test_training_and_held_out_clips_are_disjoint() -> None:
    train, held_out = ({draw_clip(n, split).model_dump_json() for n in range(100)} for split in ("train", "held-out"))  # type: ignore[arg-type]

    assert len(train) == len(held_out) == 100
    assert train & held_out == set()


def test_some_pairs_are_never_trained_on_but_asked_for() -> None:
    trained = set().union(*(pairs(draw_clip(n, "train", sprites=2)) for n in range(250)))
    asked = set().union(*(pairs(draw_clip(n, "held-out", sprites=2)) for n in range(250)))

    assert trained & UNSEEN_PAIRS == set()
    assert asked >= UNSEEN_PAIRS
    # Every colour and every shape of them is trained on, with something else.
    assert {colour for colour, _ in trained} >= {colour for colour, _ in UNSEEN_PAIRS}
    assert {shape for _, shape in trained} >= {shape for _, shape in UNSEEN_PAIRS}


def test_most_clips_are_clear_and_those_that_are_keep_their_objects_in_the_frame() -> None:
    clips = [draw_clip(number, "held-out") for number in range(150)]
    clear = [clip for clip in clips if is_clear(clip)]

    assert len(clear) > 0.85 * len(clips)
    for clip in clear[:20]:
        scene = Scene(clip)
        for layer in scene.layers[1:]:
            for time in range(clip.frames):
                x, y = layer.to_frame(np.zeros(1), np.zeros(1), time)
                assert scene.inside(x, y).all()


def test_a_clip_whose_object_leaves_or_shares_a_colour_is_not_clear() -> None:
    clip = next(c for c in (draw_clip(n, "train", sprites=2) for n in range(20)) if is_clear(c))
    first, second = clip.sprites
    leaving = first.model_copy(update={"motion": Motion(name="left", speed=5.0)})
    twin = second.model_copy(update={"look": first.look})
    touching = second.model_copy(update={"x": first.x + 5, "y": first.y})

    for changed in ((leaving, second), (first, twin), (first, touching)):
        assert not is_clear(clip.model_copy(update={"sprites": changed}))


def test_half_of_all_textures_are_aperiodic_and_all_of_those_for_flow() -> None:
    general = [draw_clip(number, "train") for number in range(200)]
    flow = [draw_clip(number, "train", purpose="flow") for number in range(60)]

    speckled = [sprite.look.texture == "speckled" for clip in general for sprite in clip.sprites]
    assert 0.38 < np.mean(speckled) < 0.62
    assert 0.38 < np.mean([clip.ground.texture == "clouds" for clip in general]) < 0.62
    assert {clip.ground.texture for clip in flow} == {"clouds"}
    assert {sprite.look.texture for clip in flow for sprite in clip.sprites} == {"speckled"}
    assert {clip.style for clip in flow} == {"none"}


def test_where_flow_is_asked_for_the_whole_frame_moves_and_classical_flow_sees_it() -> None:
    for number in range(4):
        scene = Scene(draw_clip(number, "held-out", purpose="flow"))
        errors, moves = [], []
        for time in range(4):
            exact, seen = scene.flow(time, time + 1), scene.visible(time, time + 1)
            found = flow_of_pair(scene.picture(time), scene.picture(time + 1), preset="medium", scale=1.0).forward
            moves.append(np.linalg.norm(exact, axis=-1)[seen].mean())
            errors.append(np.linalg.norm(found - exact, axis=-1)[seen].mean())

        # Without any flow at all the error would be as large as the motion.
        assert np.mean(moves) > 0.8
        assert np.mean(errors) < 0.5 * np.mean(moves)


def test_where_depth_is_asked_for_it_can_be_seen() -> None:
    for number in range(40):
        clip = draw_clip(number, "train", purpose="depth", sprites=number % 5)

        assert clip.perspective
        assert clip.ground.slant >= 0.2
        assert clip.haze >= 0.3
        assert {sprite.look.size for sprite in clip.sprites} <= {"large"}
        radii = [clip.radius_px(sprite) * sprite.depth for sprite in clip.sprites]
        assert radii == pytest.approx([24.0] * len(radii))


def test_every_joint_of_a_walking_figure_is_in_the_frame() -> None:
    for number in range(60):
        clip = draw_clip(number, "train", purpose="figure")
        for time in range(clip.frames):
            points = joints(clip, time)
            assert points.min() >= 0
            assert points.max() <= 127


@pytest.mark.parametrize("side_px", [32, 64, 256])
@pytest.mark.parametrize("purpose", ["general", "flow", "depth", "figure"])
def test_every_size_can_be_drawn(purpose: Any, side_px: int) -> None:
    clip = draw_clip(1, "held-out", purpose=purpose, side_px=side_px, frames=3)

    assert Scene(clip).picture(2).shape == (side_px, side_px, 3)


@pytest.mark.parametrize(
    ("number", "settings", "fault"),
    [
        (-1, {}, r"stage: number of a clip must be in 0-\d+, got -1"),
        (2**63, {}, f"stage: number of a clip must be in 0-{2**63 - 1}, got {2**63}"),
        (0, {"sprites": 5}, "stage: sprites of a clip must be in 0-4, got 5"),
        (0, {"sprites": -1}, "stage: sprites of a clip must be in 0-4, got -1"),
        (0, {"side_px": 100}, "stage: a clip must be 32-1024 px wide, .* got 100 px and 16 frames"),
        (0, {"frames": 0}, "stage: a clip must be .* 1-512 frames long, got 128 px and 0 frames"),
    ],
)
def test_a_clip_that_cannot_be_is_refused(number: int, settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        draw_clip(number, "train", **settings)


@pytest.mark.parametrize("side_px", [64, 128])
def test_what_crosses_the_picture_goes_through_half_of_its_room_or_more_and_stays_in_it(side_px: int) -> None:
    clips = [crossing(draw_clip(n, "train", side_px=side_px, frames=8, sprites=1), n) for n in range(60)]

    ways = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    assert {clip.sprites[0].motion.name for clip in clips} == set(ways)
    for clip in clips:
        (sprite,) = clip.sprites
        margin = 0.7 * clip.radius_px(sprite)
        travel, towards = 7 * sprite.motion.speed, np.array(ways[sprite.motion.name])
        room = side_px - 1 - 2 * margin
        first = np.array([sprite.x, sprite.y])
        last = first + travel * towards
        assert 0.5 * room <= travel <= room
        assert (np.minimum(first, last) >= margin - 1e-9).all()
        assert (np.maximum(first, last) <= side_px - 1 - margin + 1e-9).all()
        assert clip.camera.name == "still"


def test_crossing_changes_where_objects_are_and_nothing_else() -> None:
    drawn = draw_clip(4, "held-out", frames=8)

    sent = crossing(drawn, 4)

    assert [sprite.look for sprite in sent.sprites] == [sprite.look for sprite in drawn.sprites]
    assert (sent.ground, sent.style, sent.frames) == (drawn.ground, drawn.style, drawn.frames)
    assert crossing(drawn, 4) == sent
    assert crossing(drawn, 5) != sent


def test_an_object_without_room_to_move_cannot_cross_a_picture() -> None:
    drawn = draw_clip(0, "train", side_px=32, frames=8, sprites=1)
    large = drawn.model_copy(
        update={
            "sprites": tuple(
                s.model_copy(update={"look": s.look.model_copy(update={"size": "large"})}) for s in drawn.sprites
            )
        }
    )

    with pytest.raises(UsageError, match=r"must have 8 px of room, got -2\.6 px; make it larger"):
        crossing(large, 0)
