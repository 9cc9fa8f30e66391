"""A clip's pictures and the truth about them: who lies before whom, who is seen where, and how far away."""

import numpy as np
import pytest
from stage_clips import HardStripes, lively, sliding, warp_error

from shotgraph.stage.layers import GROUND
from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec, Ground, Look, Sprite
from shotgraph.stage.vocabulary import RGB
from shotgraph.stage.worlds import draw_clip


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(lively())


def test_layers_are_drawn_from_far_to_near(scene: Scene) -> None:
    depths = [layer.depth for layer in scene.layers]

    assert depths == sorted(depths, reverse=True)
    assert len(set(depths)) == len(depths)
    assert [layer.name for layer in scene.layers[:3]] == ["ground", "sprite 1", "sprite 0"]


def test_the_nearer_of_two_objects_hides_the_other() -> None:
    near = Sprite(look=Look(shape="circle", colour="red"), x=40, y=30, depth=1.0)
    far = Sprite(look=Look(shape="square", colour="blue"), x=44, y=30, depth=2.0)
    for sprites in ((near, far), (far, near)):
        scene = Scene(ClipSpec(width=96, height=64, ground=Ground(colour="gray"), sprites=sprites))

        picture = scene.picture(0)

        assert picture[30, 42] == pytest.approx(RGB["red"], abs=1e-5)
        assert scene.ids(0)[30, 42] == sprites.index(near) + 1
        assert scene.depth(0)[30, 42] == 1.0


def test_what_is_seen_is_the_nearest_of_what_covers_a_pixel(scene: Scene) -> None:
    shares = scene.shares(*scene.grid, 2)
    depths = np.array([layer.depth for layer in scene.layers])

    covering = np.where(shares.cover > 0.99, depths[:, None, None], np.inf)

    sure = shares.purity > 0.99
    assert sure.mean() > 0.5
    assert np.array_equal(depths[shares.top][sure], covering.min(axis=0)[sure])


def test_alphas_of_all_objects_add_up_to_one(scene: Scene) -> None:
    alphas = [scene.alpha(number, 3) for number in range(4)]

    assert np.sum(alphas, axis=0) == pytest.approx(np.ones((64, 96)), abs=1e-5)
    assert all(alpha.max() > 0.9 for alpha in alphas)
    ids = scene.ids(3)
    assert [number for number in range(4) if (alphas[number][ids == number] < 0.2).any()] == []


def test_objects_are_large_enough_to_be_judged() -> None:
    for number in range(12):
        clip = draw_clip(number, "held-out")

        ids = Scene(clip).ids(0)

        assert [i for i in range(1, len(clip.sprites) + 1) if (ids == i).mean() < 0.01] == []


def test_depth_recedes_upwards_on_a_slanted_ground_only() -> None:
    slanted = Scene(ClipSpec(width=96, height=64, ground=Ground(colour="pink", depth=4.0, slant=0.25))).depth(0)
    upright = Scene(ClipSpec(width=96, height=64, ground=Ground(colour="pink", depth=4.0))).depth(0)

    # Inverse depth is linear in the row, a quarter less at the upper edge (half a pixel beyond the first row).
    expected = (1 + 0.25 * (np.arange(64) - 31.5) / 32) / 4
    assert 1 / slanted == pytest.approx(np.repeat(expected[:, None], 96, axis=1), rel=1e-5)
    assert np.array_equal(upright, np.full((64, 96), 4, np.float32))


def test_haze_takes_colours_away_with_distance() -> None:
    sprites = tuple(
        Sprite(look=Look(shape="circle", colour="red"), x=x, y=32, depth=depth) for x, depth in ((24, 1.0), (72, 3.0))
    )
    clear = ClipSpec(width=96, height=64, ground=Ground(colour="black", depth=6.0), sprites=sprites)

    near, far, ground = (
        Scene(clear.model_copy(update={"haze": 0.4})).picture(0)[y, x] for x, y in ((24, 32), (72, 32), (48, 4))
    )

    haze = np.array([0.72, 0.77, 0.83])
    for colour, name, share in ((near, "red", 0.1), (far, "red", 0.3), (ground, "black", 0.6)):
        assert colour == pytest.approx(np.array(RGB[name]) * (1 - share) + haze * share, abs=2e-3)


def test_a_shadow_falls_to_the_lower_right_on_the_ground_only() -> None:
    sprite = Sprite(look=Look(shape="square", colour="yellow", size="small"), x=40, y=30)
    bare = ClipSpec(width=96, height=64, ground=Ground(colour="gray"), sprites=(sprite,))

    lost = Scene(bare).picture(0) - Scene(bare.model_copy(update={"shadows": True})).picture(0)

    assert lost[30, 40].max() == 0
    assert lost[46, 54].min() > 0.05
    assert lost[14, 26].max() < 0.01 * lost[46, 54].min()
    assert Scene(bare).shadow(0, of=1)[46, 54] == Scene(bare).shadow(0)[46, 54] > 0.2
    assert Scene(bare).shadow(0, of=2).max() == 0


def test_light_swings_over_everything_and_starts_as_it_was() -> None:
    steady = lively()
    swinging = steady.model_copy(update={"flicker": 0.2})

    ratios = [Scene(swinging).picture(t).mean() / Scene(steady).picture(t).mean() for t in (0, 1)]

    assert ratios == pytest.approx([1, 1 + 0.2 * np.sin(0.9)], rel=1e-3)


def test_a_shear_bends_an_object_and_its_flow_alike() -> None:
    stiff = sliding(speed=0.0, texture="speckled", camera_speed=0.0)
    (sprite,) = stiff.sprites
    waving = stiff.model_copy(update={"sprites": (sprite.model_copy(update={"shear_px": 4.0}),)})

    assert np.abs(Scene(stiff).flow(0, 1)).max() < 1e-9
    flow = Scene(waving).flow(0, 1)[12:48, 40]
    assert np.ptp(flow[:, 0]) > 1
    assert np.abs(flow[:, 1]).max() < 1e-9
    assert warp_error(Scene(waving), [(0, 1)]) < 0.05e-3


def test_an_atlas_is_the_objects_own_picture(scene: Scene) -> None:
    layer = next(index for index, layer in enumerate(scene.layers) if layer.name == "sprite 0")
    size_px, time = 257, 3

    atlas = scene.atlas(layer, size_px=size_px, pixels_per_unit=4.0)

    # A pixel that only this object colours shows the atlas where its coordinates point.
    local = scene.local(layer, time)
    own = (scene.shares(*scene.grid, time).of_layer[layer] > 0.999) & (np.abs(local) < 30).all(axis=-1)
    column, row = (np.rint(local[own][:, axis] * 4 + (size_px - 1) / 2).astype(int) for axis in (0, 1))
    assert own.sum() > 100
    assert np.abs(atlas[row, column, :3] - scene.picture(time)[own]).max() < 0.05
    assert atlas[row, column, 3].min() > 0.98
    assert atlas[0, 0, 3] == 0


def test_the_ground_is_seen_where_nothing_else_is() -> None:
    empty = Scene(ClipSpec(width=40, height=32, ground=Ground(colour="navy")))

    assert empty.ids(0).max() == GROUND
    assert empty.alpha(GROUND, 0).min() == 1
    assert empty.picture(0) == pytest.approx(np.broadcast_to(RGB["navy"], (32, 40, 3)), abs=1e-6)


def test_hard_stripes_break_a_warp_that_soft_ones_survive() -> None:
    clip = sliding(speed=1.3, camera_speed=1.5)

    assert warp_error(Scene(clip), [(0, 1), (1, 2)]) < 0.05e-3
    assert warp_error(HardStripes(clip), [(0, 1), (1, 2)]) > 2.5e-3
