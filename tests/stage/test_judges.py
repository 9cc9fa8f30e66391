"""Judges that know the truth."""

import cv2
import numpy as np
import pytest

from shotgraph.errors import ShapeError, UsageError
from shotgraph.metrics.success import stage_score
from shotgraph.stage.edits import Edit, Family, edit_of
from shotgraph.stage.judges import Verdicts, ground_colour, object_colour, object_shape, verdicts
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, Ground, Look, Motion, Sprite
from shotgraph.stage.training.truth import centres
from shotgraph.stage.vocabulary import GROUND_COLOURS, OBJECT_COLOURS, SHAPES, TEXTURES

EXACT: tuple[Family, ...] = ("E1", "E3", "E4", "E6", "E7", "E8")


def clip(**changes: str) -> ClipSpec:
    """Two objects, the left one farther and turning."""
    look = Look(shape="square", colour="green", texture="speckled").model_copy(update=changes)
    left = Sprite(look=look, x=38, y=70, angle=0.2, depth=2.0, motion=Motion(name="spins", speed=3.0), seed=4)
    right = Sprite(look=Look(shape="ring", colour="orange", size="small"), x=92, y=50, depth=1.0)
    return ClipSpec(ground=Ground(colour="olive", texture="clouds", seed=2), sprites=(left, right), frames=6)


def rendered(spec: ClipSpec, times: tuple[int, ...] = (0, 1)) -> np.ndarray:
    return np.stack([Scene(spec).picture(time) for time in times])


def score(seen: Verdicts) -> float:
    return stage_score(seen.target, seen.source).mean


@pytest.mark.parametrize("family", EXACT)
def test_the_true_edit_succeeds_and_the_source_does_not(family: Family) -> None:
    edit = edit_of(family, clip(), 3)

    after, before = verdicts(rendered(edit.target), edit), verdicts(rendered(edit.source), edit)

    assert after.target.shape == (2, len(edit.asked))
    assert score(after) == 1.0
    assert score(before) == 0.0
    assert before.source.all()


@pytest.mark.parametrize("family", ["E1", "E3", "E6"])
def test_noise_succeeds_in_nothing(family: Family) -> None:
    edit = edit_of(family, clip(), 3)
    noise = np.random.Generator(np.random.Philox(0)).random((2, 128, 128, 3), np.float32)

    assert score(verdicts(noise, edit)) == 0.0


@pytest.mark.parametrize("family", EXACT)
def test_the_true_edit_still_succeeds_blurred_and_noisy(family: Family) -> None:
    edit = edit_of(family, clip(), 3)
    rng = np.random.Generator(np.random.Philox(1))
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.8) for frame in rendered(edit.target)])

    seen = verdicts(np.clip(frames + rng.normal(0, 0.02, frames.shape), 0, 1).astype(np.float32), edit)

    assert score(seen) == 1.0


def test_the_edit_of_one_frame_counts_for_that_frame() -> None:
    edit = edit_of("E1", clip(), 3)
    frames = rendered(edit.source)
    frames[1] = Scene(edit.target).picture(1)

    seen = verdicts(frames, edit)

    assert seen.target[:, 0].tolist() == [False, True]
    assert seen.source[:, 0].tolist() == [True, False]


@pytest.mark.parametrize("texture", TEXTURES)
@pytest.mark.parametrize("colour", OBJECT_COLOURS)
def test_every_colour_is_named_under_every_texture(colour: str, texture: str) -> None:
    scene = Scene(clip(colour=colour, texture=texture))

    assert object_colour(scene.picture(1), scene.alpha(1, 1)) == colour


def test_a_colour_between_two_names_is_unclear() -> None:
    frame = np.full((40, 60, 3), (0.75, 0.10, 0.60), np.float32)
    matte = np.zeros((40, 60), np.float32)
    matte[10:30, 5:50] = 1

    assert object_colour(frame, matte) == "unclear"


def test_an_object_that_is_out_of_sight_has_no_colour() -> None:
    assert object_colour(rendered(clip())[0], np.zeros((128, 128), np.float32)) == "unclear"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_recognised_also_two_pixels_off(shape: str) -> None:
    scene = Scene(clip(shape=shape, texture="striped"))

    moved = np.roll(scene.picture(1), (1, -2), axis=(0, 1))

    assert object_shape(scene.picture(1), scene, 0, 1) == shape
    assert object_shape(moved, scene, 0, 1) == shape


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_recognised_where_size_follows_depth(shape: str) -> None:
    sprite = Sprite(look=Look(shape=shape, colour="red"), x=63.0, y=60.0, depth=1.9)
    scene = Scene(ClipSpec(ground=Ground(colour="gray"), sprites=(sprite,), perspective=True))

    assert object_shape(scene.picture(1), scene, 0, 1) == shape
    ((_, _, radius_px),) = centres(scene.spec, 1)
    assert radius_px == pytest.approx(24.0 / 1.9)


def test_a_shape_far_from_its_pose_is_unclear() -> None:
    scene = Scene(clip(shape="cross"))

    assert object_shape(np.roll(scene.picture(1), 30, axis=0), scene, 0, 1) == "unclear"


@pytest.mark.parametrize("colour", GROUND_COLOURS)
def test_every_ground_is_named(colour: str) -> None:
    edit = edit_of("E1", clip(), 0)
    ground = Ground(colour=colour, texture="striped")

    assert ground_colour(Scene(clip().model_copy(update={"ground": ground})).picture(0), edit, 0) == colour


class Reads:
    """A trained judge that always says the same, and keeps what it was shown."""

    def __init__(self, **words: str) -> None:
        self.words, self.shown = words, np.zeros(0)

    def __call__(self, pictures: np.ndarray) -> dict[str, list[str]]:
        self.shown = pictures
        return {head: [word] * len(pictures) for head, word in self.words.items()}


def test_textures_are_read_from_a_crop_around_the_object() -> None:
    edit = edit_of("E2", clip(), 1)
    reader = Reads(texture=edit.asked[0].after)

    seen = verdicts(rendered(edit.target), edit, reader=reader)

    assert seen.target.all()
    assert not seen.source.any()
    assert reader.shown.shape == (2, 80, 80, 3)
    alpha = np.repeat(Scene(edit.target).alpha(1, 1)[..., None], 3, axis=-1)
    shown = verdicts(np.stack([alpha, alpha]), edit, reader=reader) and reader.shown[1, ..., 0]
    y, x = np.nonzero(shown > 0.5)
    assert abs(y.mean() - 39.5) < 1.5
    assert abs(x.mean() - 39.5) < 1.5


def test_styles_are_read_from_whole_frames() -> None:
    edit = edit_of("E5", clip(), 1)
    reader = Reads(style="none")

    seen = verdicts(rendered(edit.target), edit, reader=reader)

    assert not seen.target.any()
    assert seen.source.all()
    assert reader.shown.shape == (2, 128, 128, 3)


def test_a_texture_without_a_trained_judge_is_refused() -> None:
    edit = edit_of("E2", clip(), 1)

    with pytest.raises(UsageError, match="texture must be read by the trained judge, got none"):
        verdicts(rendered(edit.target), edit)


@pytest.mark.parametrize("shape", [(2, 64, 128, 3), (7, 128, 128, 3), (128, 128, 3)])
def test_frames_of_another_form_are_refused(shape: tuple[int, ...]) -> None:
    edit: Edit = edit_of("E1", clip(), 0)

    with pytest.raises(ShapeError, match=r"frames must be \(up to 6, 128, 128, 3\).*got \(" + str(shape)[1:-1]):
        verdicts(np.zeros(shape, np.float32), edit)
