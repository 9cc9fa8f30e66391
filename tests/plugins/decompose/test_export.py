"""Atlases as pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from shotgraph.api import Artifact, FrameRange
from shotgraph.decomposition.render import atlas_picture
from shotgraph.decomposition.saving import from_artifact
from shotgraph.errors import NodeError, OutputExistsError, UsageError
from shotgraph.io.pictures import read_picture
from shotgraph.plugins.decompose.export import Export, stills_of
from tests.plugins.conftest import FakeContext
from tests.plugins.decompose.conftest import TakenApart


def written(apart: TakenApart, pattern: Path, **changes: Any) -> Any:
    settings, ctx = Export.Params(file=str(pattern)), FakeContext(headers={}, node="atlas", **changes)
    expected = Export.expects(FrameRange(1001, 1001), settings, ctx)
    writer = Export().open(expected, settings, ctx)
    writer.write(1001, Export.In(layers=apart.layers), "key")
    return writer.finish()


@pytest.mark.parametrize(("suffix", "kind", "error"), [("png", "uint16", 1 / 65535), ("exr", "float", 1e-6)])
def test_every_layer_is_an_image_of_its_atlas(
    apart: TakenApart, tmp_path: Path, suffix: str, kind: str, error: float
) -> None:
    output = written(apart, tmp_path / f"atlas.#.{suffix}")

    layers = from_artifact(apart.layers)
    assert output.frames == 2
    for index in range(2):
        path = tmp_path / f"atlas.{index}.{suffix}"
        image = oiio.ImageInput.open(str(path))
        assert str(image.spec().format) == kind
        assert tuple(image.spec().channelnames) == ("R", "G", "B", "A")
        image.close()
        picture, coded = read_picture(path)
        atlas = atlas_picture(layers, index)
        assert coded == (suffix == "png")
        shown = atlas[..., 3] > 0.5
        np.testing.assert_allclose(picture[..., 3], atlas[..., 3], atol=error)
        wanted = np.clip(atlas[shown, :3], 0, 1) if coded else atlas[shown, :3]
        np.testing.assert_allclose(picture[shown, :3], wanted, atol=error)
        assert 0.3 < shown.mean() < 1


def test_alpha_says_what_of_the_atlas_some_frame_shows(apart: TakenApart) -> None:
    background, disk = (still.pixels[..., 3] / 65535 for still in stills_of(apart.layers, ".png"))

    # A disk in its box, with a margin.
    assert disk[disk.shape[0] // 2, disk.shape[1] // 2] == 1
    assert disk[0, 0] == 0
    assert disk.mean() == pytest.approx(np.pi / 4 / 1.1**2, abs=0.08)
    assert background[background.shape[0] // 2, -5] == 1


@pytest.mark.parametrize("name", ["atlas.png", "atlas.#.jpg"])
def test_a_pattern_that_cannot_hold_them_is_refused(name: str) -> None:
    ctx = FakeContext(headers={}, node="atlas")

    with pytest.raises(
        UsageError, match=rf"atlas: file must be a \.png or \.exr pattern with # for the layer, got '{name}'"
    ):
        Export.expects(FrameRange(1, 1), Export.Params(file=name), ctx)


def test_a_foreign_file_stays(apart: TakenApart, tmp_path: Path) -> None:
    (tmp_path / "atlas.1.png").write_text("mine")

    with pytest.raises(OutputExistsError, match=r"atlas\.1\.png"):
        written(apart, tmp_path / "atlas.#.png")
    assert (tmp_path / "atlas.1.png").read_text() == "mine"
    assert written(apart, tmp_path / "atlas.#.png", force=True).frames == 2


def test_another_artifact_is_refused() -> None:
    with pytest.raises(NodeError, match="layers: an artifact must be of format 1, got 7; fit it again"):
        list(stills_of(Artifact({}, {"format": 7}), ".png"))
