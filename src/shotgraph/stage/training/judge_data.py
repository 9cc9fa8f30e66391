"""Pictures to teach a judge with: renders as they are and as a model spoils them, and pictures that nobody can name.

A judge must be right about outputs of models, so it sees renders blurred, noisy, faded and through a VAE; and it must say so when
there is nothing to name, so it sees blobs, empty grounds, noise, double exposures and shuffled tiles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from shotgraph.stage.scene import Scene
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.truth import centres
from shotgraph.stage.vocabulary import (
    GROUND_COLOURS,
    GROUND_TEXTURES,
    OBJECT_COLOURS,
    RGB,
    SHAPES,
    STYLES,
    TEXTURES,
)
from shotgraph.stage.worlds import Split, draw_clip

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]

# What is judged; behind the last word of each comes "unclear".
HEADS: dict[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": OBJECT_COLOURS,
    "texture": TEXTURES,
    "ground_colour": GROUND_COLOURS,
    "ground_texture": GROUND_TEXTURES,
    "style": STYLES,
}
UNCLEAR = "unclear"
# The class that a loss leaves out: nobody could tell from the picture.
UNSAID = -100
SIDES_PX = (64, 80, 96, 112, 128)
# What a style leaves to be seen of an object and its ground.
_VISIBLE = {
    "none": frozenset(HEADS),
    "flat": frozenset(("shape", "colour", "ground_colour", "style")),
    "mosaic": frozenset(("shape", "colour", "ground_colour", "style")),
    "neon": frozenset(("shape", "colour", "style")),
    "sketch": frozenset(("shape", "style")),
}


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and what may be said of it.

    Attributes:
        picture: (H, W, 3) in [0, 1].
        labels: (6,) class of every head, in the order of `HEADS`.
        centre: (2,) pixels, x then y, of the object that is meant; NaN where there is none.
    """

    picture: Floats
    labels: Labels
    centre: Floats = field(default_factory=lambda: np.full(2, np.nan, np.float32))


def labels_of(spec: ClipSpec, sprite: int) -> Labels:
    """What is to be seen of one sprite of a clip and of its ground."""
    look, ground = spec.sprites[sprite].look, spec.ground
    words = (look.shape, look.colour, look.texture, ground.colour, ground.texture, spec.style)
    return _labels(dict(zip(HEADS, words, strict=True)), _VISIBLE[spec.style])


def _labels(words: dict[str, str], visible: frozenset[str] = frozenset(HEADS)) -> Labels:
    """Classes of `words`; heads without a word, or not visible, are unsaid."""
    said = [(head, words.get(head)) for head in HEADS]
    classes = [
        len(HEADS[head]) if word == UNCLEAR else HEADS[head].index(word) if word and head in visible else UNSAID
        for head, word in said
    ]
    return np.array(classes, np.int64)


def front_sprite(spec: ClipSpec, time: float, preferred: int) -> tuple[int, tuple[float, float, float]]:
    """The preferred sprite, or the one that hides it; and its centre and radius."""
    places = centres(spec, time)
    chosen = preferred
    for index, (x, y, radius) in enumerate(places):
        px, py, reach = places[preferred]
        hides = spec.sprites[index].depth < spec.sprites[chosen].depth
        if hides and math.hypot(x - px, y - py) < 0.85 * (radius + reach):
            chosen = index
    return chosen, places[chosen]


def _corner(x: float, y: float, side_px: int) -> tuple[int, int]:
    """Left and top of a crop around (x, y)."""
    return round(x - (side_px - 1) / 2), round(y - (side_px - 1) / 2)


def crop_around(picture: Floats, x: float, y: float, side_px: int) -> Floats:
    """(side, side, 3) around (x, y), the frame's edge repeated beyond it."""
    left, top = _corner(x, y, side_px)
    rows = np.clip(np.arange(top, top + side_px), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side_px), 0, picture.shape[1] - 1)
    return picture[np.ix_(rows, columns)]


def view_of(picture: Floats, spec: ClipSpec, time: float, side_px: int, rng: np.random.Generator) -> Example:
    """A crop with a sprite in it: anywhere when it is the only one, else in the middle, which says which one is meant."""
    index, (own_x, own_y, radius) = front_sprite(spec, time, int(rng.integers(len(spec.sprites))))
    room = max(side_px / 2 - 1.05 * radius, 0) if len(spec.sprites) == 1 else 2.0
    x, y = own_x, own_y
    if len(spec.sprites) == 1 and side_px == picture.shape[0] and rng.random() < 0.7:
        x, y, room = (side_px - 1) / 2, (side_px - 1) / 2, 0.0
    dx, dy = (float(shift) for shift in rng.uniform(-room, room, 2))
    left, top = _corner(x + dx, y + dy, side_px)
    centre = np.array([own_x - left, own_y - top], np.float32)
    return Example(crop_around(picture, x + dx, y + dy, side_px), labels_of(spec, index), centre)


def turned(example: Example, rng: np.random.Generator) -> Example:
    """The same by quarter turns, and every second time mirrored; square pictures only."""
    picture, (x, y), last = example.picture, example.centre, example.picture.shape[0] - 1
    for _ in range(int(rng.integers(4))):
        picture, x, y = np.rot90(picture), y, last - x
    if rng.random() < 0.5:
        picture, x = picture[:, ::-1], last - x
    return Example(np.ascontiguousarray(picture), example.labels, np.array([x, y], np.float32))


def spoiled(picture: Floats, rng: np.random.Generator) -> Floats:
    """`picture`, often blurred, faded or noisy, as a model's output is."""
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.1))), np.float32)
    if rng.random() < 0.5:
        gray = picture.mean(axis=-1, keepdims=True)
        picture = gray + (picture - gray) * np.float32(rng.uniform(0.75, 1.25))
    if rng.random() < 0.5:
        picture = picture * rng.normal(1, 0.03, 3).astype(np.float32)
    if rng.random() < 0.5:
        picture = picture + rng.normal(0, rng.uniform(0, 0.03), picture.shape).astype(np.float32)
    return np.clip(picture, 0, 1).astype(np.float32)


def empty_grounds(count: int, split: Split, start: int) -> list[tuple[Floats, ClipSpec]]:
    """Pictures of 128 px with no object in them, and their clips."""
    specs = [draw_clip(start + number, split, styled=False) for number in range(count)]
    bare = [spec.model_copy(update={"sprites": ()}) for spec in specs]
    return [(Scene(spec).picture(0), spec) for spec in bare]


def ground_example(ground: tuple[Floats, ClipSpec], side_px: int, rng: np.random.Generator) -> Example:
    """A ground with nothing before it: its colour and texture are clear, no object's are."""
    picture, spec = ground
    crop = _any_crop(picture, side_px, rng)
    return Example(crop, _labels(_bare_words(spec) | dict.fromkeys(("shape", "colour", "texture"), UNCLEAR)))


def blob_example(ground: tuple[Floats, ClipSpec], side_px: int, rng: np.random.Generator) -> Example:
    """Something without a nameable shape before a ground; its colour is named, mixed, or none of the palette."""
    picture, spec = ground
    crop = _any_crop(picture, side_px, rng)
    mask = blob_mask(side_px, rng)[..., None]
    tone = np.float32(0.42) + np.float32(0.58) * _smooth_field(side_px, rng)[..., None]
    kind = rng.random()
    first, second = rng.choice(len(OBJECT_COLOURS), 2, replace=False)
    base = np.array(RGB[OBJECT_COLOURS[first]], np.float32)
    word = OBJECT_COLOURS[first]
    if kind > 0.6:
        share = _smooth_field(side_px, rng)[..., None]
        base, word = base + (np.array(RGB[OBJECT_COLOURS[second]], np.float32) - base) * share, UNCLEAR
    labels = _labels(_bare_words(spec) | {"shape": UNCLEAR, "colour": word})
    return Example((crop + (base * tone - crop) * mask).astype(np.float32), labels)


def blob_mask(side_px: int, rng: np.random.Generator) -> Floats:
    """(side, side) in [0, 1]: a lobed, elongated silhouette, far from all that have a name."""
    room = side_px * 0.15
    x0, y0 = (side_px - 1) / 2 + rng.uniform(-room, room, 2)
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    angle = np.arctan2(y - y0, x - x0)
    # The second harmonic dominates: no shape of the vocabulary is longer one way than the other.
    sizes = np.array([rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.2), rng.uniform(0, 0.12), rng.uniform(0, 0.1)])
    shifts = rng.uniform(0, 2 * math.pi, 4)
    waves = sum(size * np.cos(order * angle + s) for order, size, s in zip((2, 3, 4, 5), sizes, shifts, strict=True))
    radius = rng.uniform(13, 24)
    distance = np.hypot(x - x0, y - y0) - radius * (1 + waves)
    return (1 / (1 + np.exp(np.clip(1.7 * distance, -30, 30)))).astype(np.float32)


def nameless_example(pictures: list[Floats], rng: np.random.Generator) -> Example:
    """A picture of which nothing can be said: noise, a double exposure of `pictures`, or their tiles shuffled."""
    side = pictures[0].shape[0]
    match int(rng.integers(3)):
        case 0:
            field = rng.normal(0, 1, (side, side, 3)).astype(np.float32)
            field = cv2.GaussianBlur(field, (0, 0), float(rng.uniform(0.3, 9)))
            picture = 0.5 + 0.22 * (field - field.mean()) / (field.std() + 1e-6)
        case 1:
            picture = np.mean(pictures, axis=0)
        case _:
            picture = _shuffled(pictures[0], rng)
    return Example(np.clip(picture, 0, 1).astype(np.float32), _labels(dict.fromkeys(HEADS, UNCLEAR)))


def _shuffled(picture: Floats, rng: np.random.Generator) -> Floats:
    tile = 8
    count = picture.shape[0] // tile
    tiles = picture.reshape(count, tile, count, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)
    # Colours are exchanged too, or the ground's would still be plain to see.
    mixed = rng.permutation(tiles)[..., rng.permutation(3)]
    return mixed.reshape(count, count, tile, tile, 3).swapaxes(1, 2).reshape(picture.shape)


def _bare_words(spec: ClipSpec) -> dict[str, str]:
    return {"ground_colour": spec.ground.colour, "ground_texture": spec.ground.texture, "style": spec.style}


def _any_crop(picture: Floats, side_px: int, rng: np.random.Generator) -> Floats:
    y, x = rng.integers(picture.shape[0] - side_px + 1, size=2)
    return picture[y : y + side_px, x : x + side_px]


def _smooth_field(side_px: int, rng: np.random.Generator) -> Floats:
    """(side, side) in [0, 1], without detail."""
    field = cv2.GaussianBlur(rng.normal(0, 1, (side_px, side_px)).astype(np.float32), (0, 0), 6)
    return (0.5 + 0.5 * np.tanh(1.2 * (field - field.mean()) / (field.std() + 1e-6))).astype(np.float32)
