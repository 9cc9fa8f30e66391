"""Paint on atlases brought back: what was painted moves with its layer, and nothing else changes by a bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import Artifact
from shotgraph.decomposition.render import frame_layers
from shotgraph.decomposition.saving import from_artifact
from shotgraph.errors import GraphError, MediaMissingError, NodeError
from shotgraph.plugins.decompose.apply import Apply
from shotgraph.plugins.decompose.export import stills_of
from tests.plugins.conftest import FakeContext, Scene, header
from tests.plugins.decompose.conftest import Footage, TakenApart, run_frames, save, take_apart

GREEN = np.array([0.1, 0.9, 0.1])
Paint = Callable[[np.ndarray], None]


@pytest.fixture
def exported(apart: TakenApart, tmp_path: Path) -> Callable[..., str]:
    """Atlases as they were exported, painted by a function of the (h, w, 4) picture; gives the pattern."""

    def write(*, suffix: str = "png", layers: tuple[int, ...] = (0, 1), bits: int = 16, **painters: Paint) -> str:
        for index, still in enumerate(stills_of(apart.layers, f".{suffix}")):
            if index not in layers:
                continue
            picture = still.pixels.astype(np.float32) / (65535 if suffix == "png" else 1)
            painters.get(f"layer_{index}", lambda _: None)(picture)
            if suffix == "png":
                picture = np.rint(picture * (2**bits - 1)).astype({8: np.uint8, 16: np.uint16}[bits])
            save(tmp_path / f"paint.{index}.{suffix}", picture)
        return str(tmp_path / f"paint.#.{suffix}")

    return write


def spot(picture: np.ndarray) -> None:
    """A green square in the middle of an atlas."""
    row, column = picture.shape[0] // 2, picture.shape[1] // 2
    picture[row - 3 : row + 4, column - 3 : column + 4, :3] = GREEN


def spot_on(apart: TakenApart, frame: int, index: int, reach: float) -> np.ndarray:
    """(H, W): where the middle of an atlas is seen, to `reach` texels about it."""
    layers = from_artifact(apart.layers)
    found = frame_layers(layers, frame - 1001)
    height, width = layers[index].size
    away = np.abs(found.places[index] - [width // 2, height // 2]).max(axis=-1)
    return (away < reach) & (found.weights[index] > 0.99)


def applied(apart: TakenApart, footage: Footage, pattern: str = "", **given: Any) -> dict[int, np.ndarray]:
    ports = {name: given.pop(name) for name in ("edit", "matte") if name in given}
    return run_frames(Apply, footage, Apply.Params(file=pattern, **given), layers=apart.layers, **ports)[0]


@pytest.mark.parametrize(("suffix", "bits"), [("png", 16), ("png", 8), ("exr", 32)])
def test_atlases_that_come_back_unpainted_change_no_bit(
    apart: TakenApart, footage: Footage, exported: Callable[..., str], suffix: str, bits: int
) -> None:
    pictures = applied(apart, footage, exported(suffix=suffix, bits=bits))

    for frame, picture in pictures.items():
        np.testing.assert_array_equal(picture, footage.video(frame))


def test_colours_that_a_paint_program_clears_under_alpha_are_no_paint(
    apart: TakenApart, footage: Footage, exported: Callable[..., str]
) -> None:
    def cleared(picture: np.ndarray) -> None:
        picture[picture[..., 3] == 0] = 0

    pictures = applied(apart, footage, exported(layer_0=cleared, layer_1=cleared))

    for frame, picture in pictures.items():
        np.testing.assert_array_equal(picture, footage.video(frame))


@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_paint_moves_with_its_layer_and_unpainted_pixels_are_those_of_the_plate(
    apart: TakenApart, footage: Footage, exported: Callable[..., str], suffix: str
) -> None:
    pictures = applied(apart, footage, exported(suffix=suffix, layer_1=spot))

    for frame, picture in pictures.items():
        plate = footage.video(frame)
        inside, around = spot_on(apart, frame, 1, 2.5), spot_on(apart, frame, 1, 4.5)
        assert inside.sum() > 15
        # The plate's own difference from its atlas stays.
        np.testing.assert_allclose(picture[inside], np.broadcast_to(GREEN, picture[inside].shape), atol=0.05)
        np.testing.assert_array_equal(picture[~around], plate[~around])


def test_both_layers_may_be_painted(apart: TakenApart, footage: Footage, exported: Callable[..., str]) -> None:
    one = applied(apart, footage, exported(layer_0=spot, layers=(0,)))
    pictures = applied(apart, footage, exported(layer_0=spot, layer_1=spot))

    on_disk, on_ground = spot_on(apart, 1001, 1, 2.5), spot_on(apart, 1001, 0, 2.5)
    assert np.abs(pictures[1001][on_disk] - GREEN).max() < 0.05
    assert np.abs(pictures[1001][on_ground] - GREEN).max() < 0.1
    np.testing.assert_array_equal(one[1001][on_ground], pictures[1001][on_ground])
    np.testing.assert_array_equal(one[1001][on_disk], footage.video(1001)[on_disk])


def test_paint_alone_lies_over_the_atlas_by_its_alpha(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    height, width = from_artifact(apart.layers)[1].size
    paint = np.zeros((height, width, 4), np.uint8)
    paint[height // 2 - 3 : height // 2 + 4, width // 2 - 3 : width // 2 + 4] = (255, 0, 0, 128)
    save(tmp_path / "paint.1.png", paint)

    pictures = applied(apart, footage, str(tmp_path / "paint.#.png"), mode="over")

    inside, plate = spot_on(apart, 1003, 1, 2.5), footage.video(1003)
    wanted = plate[inside] + 128 / 255 * (np.array([1, 0, 0]) - plate[inside])
    np.testing.assert_allclose(pictures[1003][inside], wanted, atol=0.05)
    assert np.array_equal(pictures[1003][~spot_on(apart, 1003, 1, 4.5)], plate[~spot_on(apart, 1003, 1, 4.5)])


def test_a_matte_limits_paint(apart: TakenApart, footage: Footage, exported: Callable[..., str], scene: Scene) -> None:
    left = np.zeros((scene.height, scene.width), np.float32)
    left[:, :30] = 1

    pictures = applied(apart, footage, exported(layer_1=spot), matte=lambda _: left)

    whole = applied(apart, footage, exported(layer_1=spot))
    np.testing.assert_array_equal(pictures[1001][:, 30:], footage.video(1001)[:, 30:])
    np.testing.assert_allclose(pictures[1001][:, :30], whole[1001][:, :30], atol=1e-6)
    assert not np.array_equal(pictures[1001], footage.video(1001))


def test_frames_that_were_not_fitted_go_through(footage: Footage, tmp_path: Path) -> None:
    part = take_apart(footage, frames="1001-1003", steps=60)
    height, width = from_artifact(part.layers)[0].size
    save(tmp_path / "paint.0.png", np.zeros((height, width, 3), np.uint8))

    pictures = applied(part, footage, str(tmp_path / "paint.#.png"))

    assert not np.array_equal(pictures[1003], footage.video(1003))
    for frame in (1004, 1005, 1006):
        np.testing.assert_array_equal(pictures[frame], footage.video(frame))


def test_an_atlas_of_another_size_is_refused(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    save(tmp_path / "paint.1.png", np.zeros((8, 9, 4), np.uint8))
    height, width = from_artifact(apart.layers)[1].size

    with pytest.raises(
        NodeError, match=rf"edit: paint\.1\.png must be {width}x{height} like the atlas of layer 1, got 9x8; paint over"
    ):
        applied(apart, footage, str(tmp_path / "paint.#.png"))


def test_an_atlas_of_no_layer_is_refused(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    save(tmp_path / "paint.2.png", np.zeros((8, 9, 4), np.uint8))

    with pytest.raises(NodeError, match="edit: files must be of layers 0-1, got 2; number them as the atlases were"):
        applied(apart, footage, str(tmp_path / "paint.#.png"))


@pytest.mark.parametrize(
    ("file", "edit", "got"), [("", None, "neither"), ("a.#.png", Artifact({}, {}), "both, file 'a.#.png'")]
)
def test_paint_comes_one_way(apart: TakenApart, footage: Footage, file: str, edit: Artifact | None, got: str) -> None:
    with pytest.raises(
        NodeError, match=f"edit: paint must come from file or from a linked edit, got {got}; use a node"
    ):
        applied(apart, footage, file, edit=edit)


def test_missing_files_are_refused_or_pass_the_shot_through(tmp_path: Path, exported: Callable[..., str]) -> None:
    ctx, missing = FakeContext(headers={"video": header()}, node="edit"), str(tmp_path / "none.#.png")
    allowed = Apply.Params(file=missing, missing_paint="passthrough")

    with pytest.raises(
        MediaMissingError, match=r"edit: file must name painted atlases, got none at '.*none\.#\.png'; export"
    ):
        Apply.info(Apply.Params(file=missing), ctx)
    assert Apply.info(allowed, ctx) == {}
    assert Apply.identity(1001, allowed, ctx) == "video"
    assert ctx.warnings == [f"edit: no painted atlas at {missing}; the shot goes through untouched"]
    for settings in (Apply.Params(), Apply.Params(file=exported(), missing_paint="passthrough")):
        assert Apply.identity(1001, settings, ctx) is None


def test_a_matte_of_another_size_is_refused() -> None:
    ctx = FakeContext(headers={"video": header(), "matte": header(width=32)}, node="edit")

    with pytest.raises(
        GraphError, match="edit: matte must be 64x40 like video, got 32x40; make it from the same picture"
    ):
        Apply.info(Apply.Params(), ctx)


def test_alpha_of_the_plate_stays(apart: TakenApart, footage: Footage, exported: Callable[..., str]) -> None:
    alpha = np.random.default_rng(1).random((*footage.video(1001).shape[:2], 1)).astype(np.float32)

    def video(frame: int) -> np.ndarray:
        return np.concatenate((footage.video(frame), alpha), axis=-1)

    pictures = applied(apart, replace(footage, video=video), exported(layer_1=spot))

    np.testing.assert_array_equal(pictures[1002][..., 3:], alpha)
