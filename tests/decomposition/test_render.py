"""Frames out of layers, atlases as pictures, and edits that touch nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shotgraph.api import Artifact
from shotgraph.decomposition.findings import after_fit, before_fit, empty_frames, finding, folded, sharpness
from shotgraph.decomposition.layers import Layer, Layers
from shotgraph.decomposition.render import (
    atlas_colour,
    atlas_picture,
    frame_layers,
    paint_on_atlas,
    painted_frame,
    pixels_of,
    points_of,
    splatted,
)
from shotgraph.decomposition.saving import frame_index, from_artifact, to_artifact
from shotgraph.errors import NodeError
from shotgraph.maths.paint import Edit
from shotgraph.maths.planar import Motion
from shotgraph.maths.warp import pixel_grid
from tests.decomposition.conftest import FRAMES, SIDE, SQUARE_STEP, Known


def spot(size: tuple[int, int], centre: tuple[int, int], value: float = 0.5) -> Edit:
    """A painted square of 5 x 5 texels."""
    difference, alpha = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
    part = (slice(centre[1] - 2, centre[1] + 3), slice(centre[0] - 2, centre[0] + 3))
    difference[part], alpha[part] = value, 1
    return Edit(difference, alpha, np.ones(size, np.bool_))


def test_a_frame_is_the_sum_of_its_layers(layers: Layers, known: Known) -> None:
    found = frame_layers(layers, 3)

    np.testing.assert_allclose(found.weights.sum(axis=0), 1, atol=1e-6)
    assert np.square(found.colour - known.video[3]).mean() < 10**-3.4
    height, width = layers[0].size
    inside = found.places[0][found.weights[0] > 0.5]
    assert inside.min() > -0.5
    assert (inside < [width - 0.5, height - 0.5]).all()


def test_another_size_samples_the_same_layers(layers: Layers) -> None:
    # Three pixels for one: the middle one lies on its centre, and the edges of both frames on each other.
    small, large = frame_layers(layers, 1), frame_layers(layers, 1, (3 * SIDE, 3 * SIDE))

    np.testing.assert_allclose(large.places[:, 1::3, 1::3], small.places, atol=1e-3)
    np.testing.assert_allclose(large.colour[1::3, 1::3], small.colour, atol=1e-4)


@given(st.integers(2, 300), st.integers(2, 300))
def test_points_of_pixels_are_undone(height: int, width: int) -> None:
    motion = Motion(np.eye(3)[None], 0, ())
    layer = Layer(motion, (0, 0, 19, 9), frame=(10, 20), density=1.0, backend="grid")
    layers, pixels = Layers([layer], (10, 20)), np.array([[0.25, 0.5], [1.0, 1.5]], np.float32)

    back = pixels_of(points_of(pixels, (height, width), layers), (height, width), layers)

    np.testing.assert_allclose(back, pixels, atol=1e-3)


def test_an_atlas_shows_what_frames_see_and_says_so(layers: Layers) -> None:
    picture = atlas_picture(layers, 1)

    assert picture.shape == (*layers[1].size, 4)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert middle[3] > 0.99
    assert picture[0, 0, 3] < 0.1


def test_paint_moves_with_its_layer_and_nothing_else_changes(layers: Layers, known: Known) -> None:
    height, width = layers[1].size
    edit = spot((height, width), (width // 2, height // 2))
    centres = []
    for time in (0, FRAMES - 1):
        frame = known.video[time]

        result = painted_frame(frame, frame_layers(layers, time), 1, edit)

        changed = np.abs(result - frame).max(axis=-1) > 0
        assert 9 <= changed.sum() <= 60
        assert np.array_equal(result[~changed], frame[~changed])
        assert np.abs(result - frame).max() == pytest.approx(0.5, abs=0.05)
        centres.append(np.argwhere(changed).mean(axis=0)[::-1])
    np.testing.assert_allclose(centres[1] - centres[0], (FRAMES - 1) * SQUARE_STEP, atol=0.5)


def test_no_paint_is_the_frame_itself(layers: Layers, known: Known) -> None:
    height, width = layers[0].size
    nothing = Edit(
        np.zeros((height, width, 3), np.float32),
        np.zeros((height, width), np.float32),
        np.ones((height, width), np.bool_),
    )

    assert np.array_equal(painted_frame(known.video[2], frame_layers(layers, 2), 0, nothing), known.video[2])


def test_paint_behind_another_layer_is_hidden_by_it(layers: Layers, known: Known) -> None:
    found = frame_layers(layers, 2)
    hidden = np.argwhere(found.weights[1] > 0.999).mean(axis=0).astype(int)
    x, y = np.rint(found.places[0][tuple(hidden)]).astype(int)

    result = painted_frame(known.video[2], found, 0, spot(layers[0].size, (int(x), int(y))))

    assert np.abs(result - known.video[2]).max() < 0.02


def test_paint_on_a_frame_comes_back_on_that_frame(layers: Layers, known: Known) -> None:
    found = frame_layers(layers, 2)
    middle = np.argwhere(found.weights[1] > 0.999).mean(axis=0).astype(int)
    edit = spot((SIDE, SIDE), (int(middle[1]), int(middle[0])), 0.3)

    on_atlas = paint_on_atlas(edit, found, 1, layers[1].size)
    result = painted_frame(known.video[2], found, 1, on_atlas)

    core = np.zeros((SIDE, SIDE), np.bool_)
    core[middle[0] - 1 : middle[0] + 2, middle[1] - 1 : middle[1] + 2] = True
    assert np.abs(result - known.video[2])[core] == pytest.approx(0.3, abs=0.06)
    assert np.abs(result - known.video[2])[edit.alpha == 0].max() < 0.2
    assert not on_atlas.seen.all()


@settings(max_examples=25)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_splatting_keeps_the_sum_and_the_mean(dx: float, dy: float) -> None:
    values = np.random.default_rng(0).random((6, 7, 2)).astype(np.float32)
    places = pixel_grid(6, 7) + np.array([dx + 5, dy + 5], np.float32)

    mean, weight = splatted(values, places, (20, 20))

    assert weight.sum() == pytest.approx(42, rel=1e-4)
    np.testing.assert_allclose((mean * weight[..., None]).sum(axis=(0, 1)), values.sum(axis=(0, 1)), rtol=1e-4)


def test_layers_are_kept_and_built_again_to_the_last_bit(layers: Layers) -> None:
    kept = to_artifact(layers, first=1001, references=[1001])

    again = from_artifact(Artifact(dict(kept.arrays), dict(kept.meta)))

    assert np.array_equal(frame_layers(again, 4).colour, frame_layers(layers, 4).colour)
    assert np.array_equal(atlas_colour(again, 1), atlas_colour(layers, 1))
    assert kept.meta["facts"] == {"references": [1001]}
    assert frame_index(kept, 1003) == 2
    with pytest.raises(NodeError, match="frames must be among those fitted, 1001-1006, got 1007"):
        frame_index(kept, 1007)
    with pytest.raises(NodeError, match="an artifact must be of format 1, got None; fit it again"):
        from_artifact(Artifact({}, {}))


def test_a_good_fit_passes_every_test(layers: Layers, known: Known) -> None:
    findings = after_fit(layers, known.clip.video, known.clip.mattes)

    assert {item.test for item in findings} == {
        "reconstruction_db", "undecided", "folded", "covered", "outside", "sharpness", "matte_iou",
    }  # fmt: skip
    assert [str(item) for item in findings if not item.passed] == []
    assert before_fit(known.clip.valid)[0].passed


@pytest.mark.parametrize(
    ("test", "bad", "text"),
    [
        ("reconstruction_db", 25.0, "reconstruction_db must be >= 28, got 25; one layer cannot hold two motions"),
        ("folded", 0.02, "folded must be <= 0.01, got 0.02; the layer folds over itself"),
        ("covered", 0.2, "covered must be >= 0.3, got 0.2; most of the atlas is never seen"),
        ("outside", 0.5, "outside must be <= 0.01, got 0.5; the layer leaves its atlas"),
        ("undecided", 0.1, "undecided must be <= 0.05, got 0.1; the matte is neither on nor off"),
        ("sharpness", 0.3, "sharpness must be >= 0.5, got 0.3; the atlas is blurred"),
        ("matte_iou", 0.8, "matte_iou must be >= 0.9, got 0.8; the layer does not keep to its matte"),
        ("flow", 0.4, "flow must be >= 0.6, got 0.4; too little of the flow comes back"),
    ],
)
def test_what_fails_is_told_with_its_value_and_a_cure(test: str, bad: float, text: str) -> None:
    found = finding(test, bad)

    assert not found.passed
    assert str(found).startswith(text)
    assert not finding(test, float("nan")).passed
    assert " of layer 2 " in str(finding(test, bad, layer=2))


def test_a_mapping_that_turns_over_is_folded() -> None:
    grid = pixel_grid(8, 9)
    mirrored = grid.copy()
    mirrored[..., 0] *= -1

    assert not folded(grid).any()
    assert folded(mirrored).all()


def test_blur_lowers_sharpness_and_empty_mattes_are_found() -> None:
    rng = np.random.default_rng(1)
    picture = rng.random((20, 20, 3)).astype(np.float32)
    smooth = np.full((20, 20, 3), 0.5, np.float32)

    assert sharpness(smooth) < 1e-6 < sharpness(picture)
    assert empty_frames(np.stack([np.ones((3, 3)), np.zeros((3, 3)), np.full((3, 3), 0.4)]).astype(np.float32)) == [
        1,
        2,
    ]
