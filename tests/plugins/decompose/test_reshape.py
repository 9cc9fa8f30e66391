"""New shapes through the node: by points, by files, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.decomposition.render import frame_layers
from shotgraph.decomposition.saving import from_artifact
from shotgraph.errors import GraphError, MediaError, MediaMissingError, NodeError
from shotgraph.plugins.decompose.reshape import Reshape
from tests.plugins.conftest import FakeContext, Scene, header
from tests.plugins.decompose.conftest import Footage, TakenApart, run_frames, save, take_apart

GROWTH = 1.3
POINTS = ((0.0, 0.0, 1.0, 1.0), (9.0, 0.0, 9.0, 0.0), (0.0, 9.0, 0.0, 9.0))


class Grown(Scene):
    """The scene whose disk, with what is on it, is larger."""

    def surface(self, frame: int, layer: str, at: np.ndarray) -> np.ndarray:
        own = super().surface(frame, layer, at)
        return own / GROWTH if layer == "disk" else own


def centre_of(apart: TakenApart, scene: Scene) -> np.ndarray:
    """Texel at which the disk's middle lies."""
    found = frame_layers(from_artifact(apart.layers), 2)
    own = scene.surface(1003, "disk", scene.grid)
    inside = (own**2).sum(axis=-1) < 100
    away = np.column_stack((own[inside], np.ones(inside.sum())))
    return np.linalg.lstsq(away, found.places[1][inside].astype(np.float64), rcond=None)[0][2]


def bent(apart: TakenApart, footage: Footage, **params: Any) -> tuple[dict[int, np.ndarray], FakeContext]:
    settings = Reshape.Params(**params)
    Reshape.info(settings, FakeContext(headers={"video": footage.info}, node="edit"))
    return run_frames(Reshape, footage, settings, layers=apart.layers)


def assert_grown(pictures: dict[int, np.ndarray], footage: Footage, scene: Scene) -> None:
    truth = Grown(count=scene.count)
    for frame, picture in pictures.items():
        wanted, plate = truth.picture(frame), footage.video(frame)
        touched = truth.on_disk(frame, scene.grid)
        # A hard edge is one pixel off here and there.
        off = np.abs(picture - wanted).max(axis=-1)
        assert (off[touched] < 0.03).mean() > 0.9, frame
        assert (np.abs(plate - wanted).max(axis=-1)[touched] < 0.03).mean() < 0.4, frame
        far = (truth.surface(frame, "disk", scene.grid) ** 2).sum(axis=-1) > (scene.radius_px + 3) ** 2
        np.testing.assert_array_equal(picture[far], plate[far])


def test_points_bend_the_layer_on_every_frame(apart: TakenApart, footage: Footage, scene: Scene) -> None:
    middle = centre_of(apart, scene)
    offsets = [np.array([x, y]) for x in (-12, 0, 12) for y in (-12, 0, 12)]
    points = tuple((*map(float, middle + offset), *map(float, middle + GROWTH * offset)) for offset in offsets)

    pictures, ctx = bent(apart, footage, points=points)

    assert_grown(pictures, footage, scene)
    assert ctx.warnings == []


@pytest.mark.parametrize(("room", "y", "channels"), [(12, "down", ("R", "G")), (12, "up", ("u", "v"))])
def test_a_field_in_a_file_bends_it_too(
    apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path, room: int, y: str, channels: tuple[str, str]
) -> None:
    height, width = from_artifact(apart.layers)[1].size
    rows, columns = np.mgrid[-room : height + room, -room : width + room].astype(np.float64)
    vectors = (np.stack((columns, rows), axis=-1) - centre_of(apart, scene)) * (1 / GROWTH - 1)
    if y == "up":
        vectors[..., 1] *= -1
    save(tmp_path / "shape.1.exr", vectors.astype(np.float32), channels=channels)

    pictures, _ = bent(apart, footage, file=str(tmp_path / "shape.#.exr"), y=y, channels=channels)

    assert_grown(pictures, footage, scene)


def test_what_no_frame_shows_is_told_of(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    height, width = from_artifact(apart.layers)[1].size
    away = np.full((height, width, 3), 60, np.float32)
    save(tmp_path / "shape.1.exr", away)

    _, ctx = bent(apart, footage, file=str(tmp_path / "shape.#.exr"))

    assert len(ctx.warnings) == footage.info.count
    assert ctx.warnings[0].startswith("edit: frame 1001: ")
    assert ctx.warnings[0].endswith(
        "% of what comes into sight is seen on no frame; it continues what is about it, and wants paint"
    )


def test_frames_that_were_not_fitted_go_through(footage: Footage) -> None:
    part = take_apart(footage, frames="1001-1002", steps=60)
    points = ((0.0, 0.0, 3.0, 3.0), (20.0, 0.0, 20.0, 3.0), (0.0, 20.0, 3.0, 20.0))

    pictures, _ = bent(part, footage, points=points)

    assert not np.array_equal(pictures[1002], footage.video(1002))
    np.testing.assert_array_equal(pictures[1003], footage.video(1003))


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({}, GraphError, "edit: a shape must come from points or from file, got neither; give one of them"),
        ({"points": POINTS, "file": "a.#.exr"}, GraphError, r"points or from file, got both, file 'a\.#\.exr'"),
        ({"file": "/none/a.#.exr"}, MediaMissingError, r"edit: file must name fields on atlases, got none at '/none/a"),
    ],
)
def test_what_is_asked_must_be_clear(params: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        Reshape.info(Reshape.Params(**params), FakeContext(headers={"video": header()}, node="edit"))


def test_points_on_no_layer_are_refused(apart: TakenApart, footage: Footage) -> None:
    with pytest.raises(NodeError, match="edit: layer must be one of 0-1, got 2; 0 is the background"):
        bent(apart, footage, points=POINTS, layer=2)


def test_points_that_leave_it_open_are_refused(apart: TakenApart, footage: Footage) -> None:
    with pytest.raises(NodeError, match=r"edit: points must end at three or more places.*got \[\[1\.0, 1\.0\]\]"):
        bent(apart, footage, points=POINTS[:1])


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ((1, 0), np.float32, "must be {w}x{h} like the atlas, or larger by as much on either side, got {w}x{h1}; make"),
        ((-2, -2), np.float32, "must be {w}x{h} like the atlas"),
        ((0, 0), np.uint8, "must hold finite floats, got uint8; save it as a float .exr"),
        ((0, 0), None, "must hold finite floats, got 2 that are none; save it"),
    ],
    ids=["uneven", "smaller", "codes", "no number"],
)
def test_a_field_that_does_not_fit_is_refused(
    apart: TakenApart, footage: Footage, tmp_path: Path, change: tuple[int, int], kind: Any, text: str
) -> None:
    height, width = from_artifact(apart.layers)[1].size
    vectors = np.zeros((height + change[0], width + change[1], 3), kind or np.float32)
    suffix = "png" if kind is np.uint8 else "exr"
    if kind is None:
        vectors[3, 4, :2] = np.nan
    save(tmp_path / f"shape.1.{suffix}", vectors)

    with pytest.raises(NodeError, match=rf"edit: shape\.1\.{suffix} " + text.format(w=width, h=height, h1=height + 1)):
        bent(apart, footage, file=str(tmp_path / f"shape.#.{suffix}"))


def test_channels_that_are_not_there_are_refused(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    height, width = from_artifact(apart.layers)[1].size
    save(tmp_path / "shape.1.exr", np.zeros((height, width, 3), np.float32))

    with pytest.raises(MediaError, match=r"shape\.1\.exr: image must have the channel u, got R, G, B"):
        bent(apart, footage, file=str(tmp_path / "shape.#.exr"), channels=("u", "v"))
