"""New shapes: fields on atlases, and frames bent by them against frames drawn so."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.decomposition.layers import Layer, Layers
from shotgraph.decomposition.render import frame_layers, points_of, texels_of, uv_of
from shotgraph.decomposition.reshape import Displacement, bent_frame, centred, through_points
from shotgraph.errors import NodeError
from shotgraph.maths.planar import Motion
from shotgraph.maths.warp import pixel_grid
from tests.decomposition.conftest import FRAMES, SIDE, Known, drawn, square_corner


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.square(one - other).mean()))


def texel_of(layers: Layers, time: int, pixel: np.ndarray) -> np.ndarray:
    """Where a pixel of a frame lies in the atlas of the square."""
    points = points_of(pixel[None].astype(np.float32), (SIDE, SIDE), layers)
    uv, _ = layers[1].place(torch.full((1,), time), points)
    return texels_of(uv.detach(), layers[1].size)[0].astype(np.float64)


def growth_of(layers: Layers, factor: float) -> Displacement:
    """The square `factor` times as large about its centre, by nine points."""
    centre = square_corner(0) + 8
    offsets = np.array([(x, y) for x in (-7.0, 0.0, 7.0) for y in (-7.0, 0.0, 7.0)])
    before = [texel_of(layers, 0, centre + offset) for offset in offsets]
    after = [texel_of(layers, 0, centre + factor * offset) for offset in offsets]
    return through_points([(*a, *b) for a, b in zip(before, after, strict=True)], layers[1].size)


@pytest.mark.parametrize("factor", [1.25, 0.75])
def test_a_grown_object_is_the_one_that_was_drawn_so(layers: Layers, known: Known, factor: float) -> None:
    field = growth_of(layers, factor)

    for time in (0, 3, FRAMES - 1):
        truth, matte = drawn(time, growth=factor)
        bent = bent_frame(known.video[time], layers, time, {1: field}).picture
        touched = np.maximum(matte, known.mattes[time]) > 0
        assert psnr_db(bent[touched], truth[touched]) > 32
        # The plate as it was is what this is far from.
        assert psnr_db(known.video[time][touched], truth[touched]) < 24


def test_what_no_bent_layer_touches_keeps_its_bits_and_alpha_its_plane(layers: Layers, known: Known) -> None:
    alpha = np.random.default_rng(0).random((SIDE, SIDE, 1)).astype(np.float32)
    plate = np.concatenate((known.video[2], alpha), axis=-1)

    bent = bent_frame(plate, layers, 2, {1: growth_of(layers, 1.25)}).picture

    _, matte = drawn(2, growth=1.35)
    assert np.array_equal(bent[matte == 0], plate[matte == 0])
    assert np.array_equal(bent[..., 3], plate[..., 3])
    assert not np.array_equal(bent, plate)


def test_points_that_stay_change_nothing(layers: Layers, known: Known) -> None:
    assert np.array_equal(bent_frame(known.video[1], layers, 1, {1: growth_of(layers, 1.0)}).picture, known.video[1])


def test_grain_and_paint_go_with_their_surface(layers: Layers, known: Known) -> None:
    height, width = layers[1].size
    shift = Displacement(np.broadcast_to(np.array([-3, 0], np.float32), (height, width, 2)).copy())
    plate = known.video[2].copy()
    x, y = np.rint(square_corner(2) + 8).astype(int)
    plate[y, x] += 0.25

    found = bent_frame(plate, layers, 2, {1: shift}).picture - bent_frame(known.video[2], layers, 2, {1: shift}).picture

    moved = np.unravel_index(np.abs(found).max(axis=-1).argmax(), found.shape[:2])
    assert np.hypot(moved[0] - y, moved[1] - x) == pytest.approx(3, abs=1)
    assert np.abs(found).max() > 0.15
    assert np.abs(found[y, x]).max() < 0.05


def test_what_a_layer_gives_free_comes_from_the_one_behind(layers: Layers, known: Known) -> None:
    height, width = layers[1].size
    away = Displacement(np.full((height, width, 2), 40, np.float32))

    bent = bent_frame(known.video[2], layers, 2, {1: away})

    ground = drawn(2, growth=1e-3)[0]
    was = known.mattes[2] > 0
    assert psnr_db(bent.picture[was], ground[was]) > 17
    # The middle of the square hides what no frame shows.
    assert 0.05 < bent.guessed < 0.9
    assert bent_frame(known.video[2], layers, 2, {1: growth_of(layers, 1.25)}).guessed < 0.02


def test_the_pixel_of_a_place_is_the_one_that_lies_there() -> None:
    maps = np.stack([np.array([[1.1, 0.1, 2], [-0.05, 0.9, 1], [0, 0, 1.0]]), np.eye(3)])
    layer = Layer(Motion(maps, 1, ()), (0, 0, 39, 29), frame=(30, 40), density=1.0, backend="grid")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for grid in layer.residual.grids:
            grid.copy_(0.02 * torch.randn(grid.shape, generator=generator))
    points = torch.rand((200, 2), generator=generator) * 2 - 1
    times = torch.randint(0, 2, (200,), generator=generator)
    places = layer.place(times, points)[0]

    with torch.no_grad():
        back = layer.pixel(times, places)

    assert (back - points).abs().max() < 1e-3
    assert (places - points).abs().max() > 0.1


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0.6, 1.6))
def test_a_spline_through_points_of_an_affine_map_is_that_map(dx: float, dy: float, scale: float) -> None:
    before = np.array([(2, 3), (20, 4), (5, 14), (18, 12)], float)
    after = scale * before + [dx, dy]

    field = through_points([(*a, *b) for a, b in zip(before, after, strict=True)], (16, 24))

    places = pixel_grid(16, 24)
    np.testing.assert_allclose(field.at(places), (places - [dx, dy]) / scale - places, atol=2e-3)
    assert field.vectors.shape == (32, 48, 2)


@pytest.mark.parametrize(
    ("points", "got"),
    [
        ([(0, 0, 1, 1), (5, 5, 6, 6)], r"got \[\[1.0, 1.0\], \[6.0, 6.0\]\]; add points that stay"),
        ([(0, 0, 1, 1), (5, 5, 6, 6), (8, 1, 9, 9)], r"got \[\[1.0, 1.0\], \[6.0, 6.0\], \[9.0, 9.0\]\]"),
        ([(0, 0, 1, 1), (5, 5, 6, 2), (8, 1, 1, 1)], r"got \[\[1.0, 1.0\], \[6.0, 2.0\], \[1.0, 1.0\]\]"),
    ],
    ids=["two", "a line", "the same"],
)
def test_points_that_leave_it_open_are_refused(points: list[tuple[float, float, float, float]], got: str) -> None:
    with pytest.raises(NodeError, match="warp: points must end at three or more places.*" + got):
        through_points(points, (16, 24), who="warp")


def test_a_larger_canvas_lies_about_the_atlas_and_its_border_repeats() -> None:
    vectors = np.zeros((12, 20, 2), np.float32)
    vectors[3, 4] = (1, 2)
    vectors[0, 0] = (5, 6)

    field = centred(vectors, (6, 14))

    assert field.origin == (-3, -3)
    np.testing.assert_array_equal(field.at(np.array([[1, 0], [-50, -50]], np.float32)), [[1, 2], [5, 6]])


def test_layers_that_stay_are_not_asked_where_they_are(layers: Layers, known: Known) -> None:
    found = frame_layers(layers, 2)
    nothing = Displacement(np.zeros((2, 2, 2), np.float32))

    bent = bent_frame(known.video[2], layers, 2, {0: nothing, 1: nothing})

    assert np.array_equal(bent.picture, known.video[2])
    assert bent.guessed == 0
    assert uv_of(found.places[0][:1, 0], layers[0]).shape == (1, 2)
