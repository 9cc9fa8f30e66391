from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from shotgraph.errors import MediaError, MediaMissingError
from shotgraph.io.flowimages import FLOW_CHANNELS, read_flow


def write_exr(path: Path, names: tuple[str, ...]) -> np.ndarray:
    """(4, 7, C): every sample another value."""
    pixels = np.arange(4 * 7 * len(names), dtype=np.float32).reshape(4, 7, len(names)) / 8
    spec = oiio.ImageSpec(7, 4, len(names), oiio.FLOAT)
    spec.channelnames = names
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), oiio.geterror()
    assert output.write_image(pixels), output.geterror()
    output.close()
    return pixels


@pytest.mark.parametrize("names", [FLOW_CHANNELS, tuple(reversed(FLOW_CHANNELS)), (*FLOW_CHANNELS, "extra")])
def test_channels_are_found_by_name_in_any_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_exr(tmp_path / "flow.exr", names)
    source = oiio.ImageInput.open(str(tmp_path / "flow.exr"))
    stored = tuple(source.spec().channelnames)
    planes = dict(zip(stored, np.moveaxis(source.read_image(oiio.FLOAT), -1, 0), strict=True))
    source.close()

    flow = read_flow(tmp_path / "flow.exr")

    assert flow.forward.shape == (4, 7, 2)
    assert np.array_equal(flow.forward[..., 0], planes["forward.x"])
    assert np.array_equal(flow.forward[..., 1], planes["forward.y"])
    assert np.array_equal(flow.backward[..., 0], planes["backward.x"])
    assert np.array_equal(flow.backward[..., 1], planes["backward.y"])
    assert np.array_equal(flow.occluded, planes["occluded"])
    assert flow.occluded.dtype == np.float32


def test_other_channels_are_named(tmp_path: Path) -> None:
    write_exr(tmp_path / "picture.exr", ("R", "G", "B"))

    with pytest.raises(
        MediaError, match=r"picture\.exr: flow must have the channels forward.x, .*, got R, G, B; write a"
    ):
        read_flow(tmp_path / "picture.exr")


def test_what_is_missing_or_no_image_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.exr").write_text("no image")

    with pytest.raises(
        MediaMissingError, match=r"none\.exr: flow must exist, got nothing there; write it with core.write"
    ):
        read_flow(tmp_path / "none.exr")
    with pytest.raises(MediaError, match=r"text\.exr: flow must be a readable image, got .+; write it again"):
        read_flow(tmp_path / "text.exr")


def test_a_file_cut_short_is_damaged(tmp_path: Path) -> None:
    whole = tmp_path / "whole.exr"
    write_exr(whole, FLOW_CHANNELS)
    cut = tmp_path / "cut.exr"
    cut.write_bytes(whole.read_bytes()[:-120])

    with pytest.raises(MediaError, match=r"cut\.exr: flow must decode, got .+; write it again"):
        read_flow(cut)
