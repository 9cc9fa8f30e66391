"""A clip as layers, built from its specification."""

from __future__ import annotations

from shotgraph.stage.figure import bones_of
from shotgraph.stage.layer import HAZE_DEPTH, Layer
from shotgraph.stage.poses import Matrix, camera_view, motion_pose, rotation, slanting, translation
from shotgraph.stage.shading import Surface
from shotgraph.stage.shapes import distance_of
from shotgraph.stage.spec import ClipSpec, Ground, Sprite
from shotgraph.stage.textures import pattern_of

GROUND = 0


def layers_of(spec: ClipSpec) -> tuple[Layer, ...]:
    """The layers of a clip, farthest first.

    Args:
        spec: the clip.

    Returns:
        The ground, then everything before it in the order it is drawn.
    """
    objects = [_sprite(spec, sprite, number + 1) for number, sprite in enumerate(spec.sprites)]
    if spec.figure is not None:
        objects += bones_of(spec, spec.figure)
    return (_ground(spec, spec.ground), *sorted(objects, key=lambda layer: -layer.depth))


def _ground(spec: ClipSpec, ground: Ground) -> Layer:
    centre = translation((spec.width - 1) / 2, (spec.height - 1) / 2)
    per_px = ground.slant / (spec.height / 2)

    def pose(time: float) -> Matrix:
        view = camera_view(spec.camera, time, ground.depth, width=spec.width, height=spec.height)
        return view @ centre @ slanting(per_px)

    surface = Surface(
        ground.colour,
        pattern_of(ground.texture, ground.seed),
        spec.style,
        is_ground=True,
        # The far edge shows the plane's coordinates that much closer together, and must stay band-limited there.
        coarsening=(1.0 - ground.slant) ** 2,
    )
    return Layer(
        name="ground",
        object_id=GROUND,
        pose=pose,
        surface=surface,
        depth=ground.depth,
        slant=per_px,
        haze=spec.haze * ground.depth / HAZE_DEPTH,
    )


def _sprite(spec: ClipSpec, sprite: Sprite, object_id: int) -> Layer:
    radius = spec.radius_px(sprite)
    place = translation(sprite.x, sprite.y)

    def pose(time: float) -> Matrix:
        view = camera_view(spec.camera, time, sprite.depth, width=spec.width, height=spec.height)
        return view @ place @ motion_pose(sprite.motion, time, radius_px=radius) @ rotation(sprite.angle)

    surface = Surface(sprite.look.colour, pattern_of(sprite.look.texture, sprite.seed), spec.style)
    return Layer(
        name=f"sprite {object_id - 1}",
        object_id=object_id,
        pose=pose,
        surface=surface,
        depth=sprite.depth,
        distance=distance_of(sprite.look.shape, radius),
        shear_px=sprite.shear_px,
        haze=spec.haze * sprite.depth / HAZE_DEPTH,
    )
