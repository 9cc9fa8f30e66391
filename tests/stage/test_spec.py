"""What a clip may be, and what is said of one that may not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage_clips import lively

from shotgraph.errors import UsageError
from shotgraph.stage.spec import RADIUS_PX, ClipSpec, Ground, Look, Sprite, read_spec
from shotgraph.stage.worlds import draw_clip

SPRITE = json.loads(lively().sprites[0].model_dump_json())


def document(**changes: Any) -> dict[str, Any]:
    """A valid clip as JSON, with some fields changed by their dotted path (`None` takes one away)."""
    clip = json.loads(lively().model_dump_json())
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = clip
        for name in parents:
            place = place[int(name) if name.isdigit() else name]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return clip


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**63 - 1), st.sampled_from(["general", "flow", "depth", "figure"]))
def test_json_gives_the_same_clip_back(number: int, purpose: Any) -> None:
    clip = draw_clip(number, "train", purpose=purpose)

    assert read_spec(clip.model_dump_json()) == clip


def test_the_document_under_test_is_right_before_it_is_broken() -> None:
    assert read_spec(json.dumps(document())) == lively()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"width": 24}, "width must be greater than or equal to 32, got 24"),
        ({"width": 100}, "width must be a multiple of 8, got 100"),
        ({"height": 2048}, "height must be less than or equal to 1024, got 2048"),
        ({"frames": 0}, "frames must be greater than or equal to 1, got 0"),
        ({"frames": 513}, "frames must be less than or equal to 512, got 513"),
        ({"ground": None}, "ground must be given, got nothing"),
        (
            {"ground__colour": "red"},
            "ground.colour must be 'gray', 'navy', 'brown', 'pink', 'olive' or 'black', got 'red'",
        ),
        ({"ground__texture": "dotted"}, "ground.texture must be 'plain', 'gradient', .* got 'dotted'"),
        ({"ground__slant": 0.5}, "ground.slant must be less than or equal to 0.4, got 0.5"),
        ({"ground__depth": 9.0}, "ground.depth must be less than or equal to 8, got 9.0"),
        ({"ground__seed": -1}, "ground.seed must be greater than or equal to 0, got -1"),
        ({"sprites__0__look__shape": "blob"}, "sprites.0.look.shape must be 'circle', 'square', .* got 'blob'"),
        ({"sprites__0__look__size": "huge"}, "sprites.0.look.size must be 'small' or 'large', got 'huge'"),
        ({"sprites__1__look__colour": "navy"}, "sprites.1.look.colour must be 'red', .* got 'navy'"),
        ({"sprites__1__look__texture": "clouds"}, "sprites.1.look.texture must be 'plain', .* got 'clouds'"),
        ({"sprites__1__depth": 0.5}, "sprites.1.depth must be greater than or equal to 0.8, got 0.5"),
        ({"sprites__1__x": 1e300}, r"sprites.1.x must be less than or equal to 4096, got 1e\+300"),
        ({"sprites__1__y": "left"}, "sprites.1.y must be a valid number, .* got 'left'"),
        ({"sprites__1__shear_px": 5.0}, "sprites.1.shear_px must be less than or equal to 4, got 5.0"),
        ({"sprites__1__seed": 2**63}, f"sprites.1.seed must be less than {2**63}, got {2**63}"),
        ({"sprites__1__motion__name": "jumps"}, "sprites.1.motion.name must be 'still', .* got 'jumps'"),
        ({"sprites__1__motion__speed": 17}, "sprites.1.motion.speed must be less than or equal to 16, got 17"),
        ({"figure__height_px": 8.0}, "figure.height_px must be greater than or equal to 16, got 8.0"),
        ({"figure__cadence": 0.0}, "figure.cadence must be greater than 0, got 0.0"),
        ({"camera__name": "rolls"}, "camera.name must be 'still', .* got 'rolls'"),
        ({"style": "cubist"}, "style must be 'none', 'flat', 'sketch', 'neon' or 'mosaic', got 'cubist'"),
        ({"haze": 1.0}, "haze must be less than or equal to 0.8, got 1.0"),
        ({"flicker": 0.4}, "flicker must be less than or equal to 0.3, got 0.4"),
        ({"fog": 1}, "fog must be a field of the specification, got 1"),
        ({"sprites": [SPRITE] * 5}, "sprites must have at most 4 items"),
        ({"sprites__1__depth": 1.5}, r"clip: depths of sprites must differ, got \[1.5, 1.5\]; the order of drawing"),
        (
            {"figure__depth": 1.509},
            r"clip: depths of sprites must be 0.01 or more from the figure's 1.509, got \[1.5, 2.5\]; a sprite cannot lie",
        ),
        (
            {"ground__depth": 3.2},
            "clip: depths of objects must be less than the ground's nearest, 2.46154, got 2.5; move the ground back",
        ),
    ],
)
def test_a_value_out_of_its_range_is_named(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(UsageError, match=rf"(?s)got \d+ fault\(s\); correct them.*\n  {fault}"):
        read_spec(json.dumps(document(**changes)))


@pytest.mark.parametrize("field", ["sprites__0__angle", "sprites__0__motion__phase", "figure__phase"])
def test_a_number_that_is_none_is_refused(field: str) -> None:
    with pytest.raises(UsageError, match=r"must be a finite number, got (nan|inf)"):
        read_spec(json.dumps(document(**{field: float("nan")})))


def test_every_fault_stands_on_a_line_of_its_own_under_the_name_of_the_file() -> None:
    with pytest.raises(
        UsageError, match=r"^shots/a.json: a clip must follow its specification, got 2 fault\(s\)"
    ) as caught:
        read_spec(json.dumps(document(width=31, style="pop")), who="shots/a.json")

    assert [line.split()[0] for line in str(caught.value).splitlines()[1:]] == ["width", "style"]


@pytest.mark.parametrize("text", ["", "{", "[1, 2", "\x00"])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="clip must be JSON, got Invalid JSON"):
        read_spec(text)


def test_with_perspective_a_sprite_shrinks_with_its_distance() -> None:
    near, far = (Sprite(look=Look(shape="star", colour="red"), x=0, y=0, depth=depth) for depth in (1.0, 2.0))
    ground = Ground(colour="gray")
    flat = ClipSpec(ground=ground, sprites=(near, far))
    deep = ClipSpec(ground=ground, sprites=(near, far), perspective=True)

    assert [flat.radius_px(sprite) for sprite in (near, far)] == [RADIUS_PX["large"]] * 2
    assert [deep.radius_px(sprite) for sprite in (near, far)] == [RADIUS_PX["large"], RADIUS_PX["large"] / 2]
