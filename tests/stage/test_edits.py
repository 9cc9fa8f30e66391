"""The ten families: each after is exact, changes what was asked, and nothing beside it."""

from typing import Any

import numpy as np
import pytest
from stage_clips import lively, sliding, warp_error

from shotgraph.errors import UsageError
from shotgraph.stage.captions import unknown_words
from shotgraph.stage.edits import FAMILIES, TITLES, draw_edit, edit_of
from shotgraph.stage.scene import Scene
from shotgraph.stage.worlds import draw_clip, is_clear

LOCAL = ["E1", "E2", "E3", "E4", "E6", "E8", "E9", "E10"]
RESHAPED = ["E3", "E7", "E8"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("number", range(2))
def test_the_truth_of_an_edit_follows_its_flow(family: Any, number: int) -> None:
    edit = draw_edit(family, number, "held-out")

    error = warp_error(Scene(edit.target), [(0, 1), (edit.target.frames // 2, edit.target.frames // 2 + 1)])

    assert error <= 0.05e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_truth_of_an_edit_of_a_clip_of_whole_pixels_has_no_error(family: Any) -> None:
    one = sliding(speed=2.0, texture="speckled").model_copy(update={"frames": 64})
    (sprite,) = one.sprites
    other = sprite.model_copy(
        update={"x": 20.0, "y": 44.0, "depth": 2.0, "look": sprite.look.model_copy(update={"colour": "red"})}
    )
    clip = one.model_copy(update={"sprites": (sprite, other)})

    edit = edit_of(family, clip, 3)

    assert warp_error(Scene(edit.target), [(0, 1), (2, 3)]) <= 1e-6


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in RESHAPED])
def test_an_edit_that_keeps_silhouettes_keeps_the_flow(family: Any) -> None:
    edit = draw_edit(family, 1, "held-out")

    assert np.array_equal(Scene(edit.source).flow(0, 1), Scene(edit.target).flow(0, 1))


@pytest.mark.parametrize("family", RESHAPED)
def test_along_the_flow_of_the_source_a_new_silhouette_would_look_wrong(family: Any) -> None:
    edit = edit_of(family, sliding(speed=2.3, camera_speed=5.0), 0)

    assert warp_error(Scene(edit.target), [(0, 1)], along=Scene(edit.source)) > 0.05e-3
    assert warp_error(Scene(edit.target), [(0, 1)]) <= 0.05e-3


@pytest.mark.parametrize("shadows", [False, True])
@pytest.mark.parametrize("family", LOCAL)
def test_a_local_edit_changes_nothing_outside_its_matte(family: Any, shadows: bool) -> None:
    clip = draw_edit(family, 2, "held-out").source.model_copy(update={"shadows": shadows})
    edit = edit_of(family, clip, 2)

    change = np.abs(Scene(edit.target).picture(3) - Scene(edit.source).picture(3)).max(axis=-1)
    matte = edit.matte(3)

    assert edit.is_local
    assert matte.min() < 1e-5
    assert change[matte == 0].max(initial=0) == 0
    assert (change <= 2 * matte + 1e-6).all()
    assert change[matte > 0.9].max() > 0.02


@pytest.mark.parametrize("family", ["E5", "E7"])
def test_a_global_edit_may_change_everything(family: Any) -> None:
    edit = draw_edit(family, 0, "held-out")

    assert not edit.is_local
    assert edit.matte(0).min() == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_asked_is_what_the_target_has(family: Any) -> None:
    for number in range(6):
        edit = draw_edit(family, number, "train")

        assert edit.asked
        for asked in edit.asked:
            assert asked.before != asked.after
            values = []
            for spec in (edit.source, edit.target):
                if asked.attribute == "ground":
                    values.append(spec.ground.colour)
                elif asked.attribute == "style":
                    values.append(spec.style)
                elif asked.attribute == "presence":
                    there = asked.object_index is not None and asked.object_index < len(spec.sprites)
                    values.append(spec.sprites[asked.object_index or 0].look.shape if there else "")
                else:
                    assert asked.object_index is not None
                    values.append(getattr(spec.sprites[asked.object_index].look, asked.attribute))
            assert values == [asked.before, asked.after]


@pytest.mark.parametrize("family", FAMILIES)
def test_both_prompts_are_words_of_the_stage_and_differ(family: Any) -> None:
    for number in range(6):
        edit = draw_edit(family, number, "held-out")

        assert edit.source_prompt != edit.target_prompt
        assert unknown_words(edit.source_prompt) == unknown_words(edit.target_prompt) == ()


def test_motion_order_and_camera_stay_those_of_the_source() -> None:
    for family in FAMILIES:
        edit = draw_edit(family, 1, "held-out")

        assert edit.target.camera == edit.source.camera
        for before, after in zip(edit.source.sprites, edit.target.sprites, strict=False):
            assert after.model_copy(update={"look": before.look}) == before


def test_only_the_left_one_of_two_is_edited() -> None:
    for number in range(8):
        edit = draw_edit("E6", number, "held-out")
        (asked,) = edit.asked

        left = min(edit.source.sprites, key=lambda sprite: sprite.x)
        assert edit.source.sprites[asked.object_index or 0] == left
        assert len({sprite.look.colour for sprite in edit.target.sprites}) == 2


def test_what_is_removed_was_before_the_rest_of_the_picture() -> None:
    edit = draw_edit("E8", 3, "held-out")

    assert (len(edit.source.sprites), len(edit.target.sprites)) == (2, 1)
    gone = Scene(edit.source).alpha(2, 0) > 0.99
    assert gone.any()
    # What is seen there now is the clean plate: the very picture without the object.
    clean = Scene(edit.source.model_copy(update={"sprites": edit.source.sprites[:1]})).picture(0)
    assert np.array_equal(Scene(edit.target).picture(0)[gone], clean[gone])


def test_a_long_edit_is_of_64_frames_through_which_objects_stay() -> None:
    edit = draw_edit("E10", 0, "held-out")
    longer = draw_clip(0, "held-out", frames=80)

    assert edit.source.frames == edit.target.frames == 64
    assert is_clear(edit.source)
    assert edit_of("E10", longer, 1).target.frames == 64


def test_an_edit_has_a_number_and_the_seed_decides_the_change() -> None:
    assert draw_edit("E1", 7, "held-out") == draw_edit("E1", 7, "held-out")
    assert draw_edit("E1", 7, "held-out") != draw_edit("E1", 8, "held-out")
    clip = draw_clip(7, "held-out")
    assert len({edit_of("E1", clip, seed).target_prompt for seed in range(20)}) > 3


def test_a_drawn_edit_is_of_a_clear_clip_whatever_its_purpose() -> None:
    for purpose in ("general", "flow", "depth"):
        clip = draw_edit("E6", 4, "held-out", purpose=purpose, side_px=64, frames=8).source  # type: ignore[arg-type]

        assert is_clear(clip)
        assert (clip.width, clip.frames, clip.perspective) == (64, 8, purpose == "depth")


@pytest.mark.parametrize(
    ("family", "changes", "fault"),
    [
        (
            "E6",
            {"sprites": lively().sprites[:1]},
            "E6 (colour of the left of two objects) must have 2 sprites to edit, got 1",
        ),
        ("E1", {"sprites": ()}, "E1 (colour of an object) must have 1 sprites to edit, got 0"),
        ("E5", {"style": "neon"}, "E5 (global style) must start from no style, got 'neon'; draw another clip"),
        ("E10", {}, "E10 (colour over 64 frames) must have 64 frames, got 6; draw a longer clip"),
    ],
)
def test_a_clip_that_cannot_take_an_edit_is_refused(family: Any, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=r"^stage: ") as caught:
        edit_of(family, lively(**changes), 0)

    assert fault in str(caught.value)


def test_objects_that_never_fit_are_refused() -> None:
    with pytest.raises(
        UsageError, match=r"E6 .* must have a clip whose objects fit, got none of 100 at 32 px; draw larger"
    ):
        draw_edit("E6", 0, "train", side_px=32, frames=2)


def test_every_family_has_a_title() -> None:
    assert list(TITLES) == list(FAMILIES) == [f"E{number}" for number in range(1, 11)]
