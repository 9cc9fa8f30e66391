"""Paint on a frame, brought to all of them by way of the atlas."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.errors import GraphError, MediaMissingError, NodeError
from shotgraph.plugins.decompose.apply import Apply
from shotgraph.plugins.decompose.from_frame import FromFrame
from tests.plugins.conftest import FakeReader, Scene
from tests.plugins.decompose.conftest import Footage, KeepingContext, TakenApart, run_frames, save

DISK, BACK = {"disk_paint": True}, {"back_paint": True}


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(((a - b) ** 2).mean() + 1e-20))


def splat(apart: TakenApart, footage: Footage, pattern: Path, **params: Any) -> tuple[Any, KeepingContext]:
    ctx = KeepingContext(headers={"video": footage.info}, node="painted")
    settings = FromFrame.Params(file=str(pattern), **params)
    FromFrame.info(settings, ctx)
    inputs = FromFrame.In(video=FakeReader(footage.info, footage.video), layers=apart.layers)
    return FromFrame().process(inputs, settings, ctx).edit, ctx


def brought(apart: TakenApart, footage: Footage, edit: Any) -> dict[int, np.ndarray]:
    return run_frames(Apply, footage, Apply.Params(), layers=apart.layers, edit=edit)[0]


@pytest.mark.parametrize(("what", "layer"), [(DISK, 1), (BACK, 0)], ids=["disk", "back"])
@pytest.mark.parametrize("keys", [(1003,), (1001, 1006)], ids=["one frame", "two frames"])
def test_paint_on_a_frame_is_the_truth_on_all_of_them(
    apart: TakenApart,
    footage: Footage,
    scene: Scene,
    tmp_path: Path,
    what: dict[str, bool],
    layer: int,
    keys: tuple[int, ...],
) -> None:
    for key in keys:
        save(tmp_path / f"paint.{key}.exr", scene.picture(key, **what))

    edit, ctx = splat(apart, footage, tmp_path / "paint.####.exr")
    pictures = brought(apart, footage, edit)

    assert ctx.notes == {"layer": layer, "painted_frames": len(keys)}
    for frame in scene.range:
        truth, plate = scene.picture(frame, **what), footage.video(frame)
        painted = np.abs(truth - plate).max(axis=-1) > 0.01
        assert psnr_db(pictures[frame][painted], truth[painted]) > 34, frame
        assert psnr_db(plate[painted], truth[painted]) < 26, frame


def test_unpainted_pixels_keep_their_bits(apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path) -> None:
    save(tmp_path / "paint.1003.exr", scene.picture(1003, **DISK))

    pictures = brought(apart, footage, splat(apart, footage, tmp_path / "paint.####.exr")[0])

    for frame, picture in pictures.items():
        beside = ~scene.on_disk(frame, scene.grid)
        np.testing.assert_array_equal(picture[beside], footage.video(frame)[beside])


def test_a_layer_may_be_named(apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path) -> None:
    save(tmp_path / "paint.1003.exr", scene.picture(1003, **DISK, **BACK))

    edits = [splat(apart, footage, tmp_path / "paint.####.exr", layer=layer)[0] for layer in (0, 1)]

    assert [edit.meta["layer"] for edit in edits] == [0, 1]
    found = brought(apart, footage, edits[1])[1003] - footage.video(1003)
    assert np.abs(found[~scene.on_disk(1003, scene.grid)]).max() == 0
    assert np.abs(found).max() > 0.2


def test_a_layer_that_does_not_exist_is_refused(
    apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path
) -> None:
    save(tmp_path / "paint.1003.exr", scene.picture(1003, **DISK))

    with pytest.raises(NodeError, match="painted: layer must be one of 0-1, got 2; 0 is the background"):
        splat(apart, footage, tmp_path / "paint.####.exr", layer=2)


def test_paint_that_is_not_there_is_refused(apart: TakenApart, footage: Footage, tmp_path: Path) -> None:
    with pytest.raises(
        MediaMissingError, match=r"painted: file must name painted frames, got none at '.*/no\.####\.exr'"
    ):
        splat(apart, footage, tmp_path / "no.####.exr")


def test_paint_outside_the_shot_is_refused(apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path) -> None:
    save(tmp_path / "paint.1010.exr", scene.picture(1003))

    with pytest.raises(GraphError, match="painted: painted frames must lie in 1001-1006, got 1010; number paint"):
        splat(apart, footage, tmp_path / "paint.####.exr")


def test_paint_on_a_frame_that_was_not_fitted_is_refused(
    apart: TakenApart, footage: Footage, scene: Scene, tmp_path: Path
) -> None:
    save(tmp_path / "paint.1003.exr", scene.picture(1003, **DISK))
    meta = dict(apart.layers.meta) | {"first": 1004}
    later = TakenApart(type(apart.layers)(apart.layers.arrays, meta), [], apart.ctx)

    with pytest.raises(
        NodeError, match="layers: frames must be among those fitted, 1004-1009, got 1003; fit the whole"
    ):
        splat(later, footage, tmp_path / "paint.####.exr")
