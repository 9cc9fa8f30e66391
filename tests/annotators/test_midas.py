"""MiDaS of controlnet-aux at its full size, with weights that are views of a few values; the package's own detector beside it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_checkpoints import thin_state

from shotgraph.annotators.midas import Kind, MidasNetwork, load_midas
from shotgraph.annotators.quiet import quietly
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]

with quietly():
    from controlnet_aux.midas import MidasDetector
    from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel


def write_midas(path: Path, backbone: str) -> Path:
    """Under the names of the published files."""
    with quietly(), torch.device("meta"):
        network = DPTDepthModel(backbone=backbone, non_negative=True)
    # Its last step is a ReLU: well above 0 nothing is cut off.
    above = {"scratch.output_conv.4.bias": torch.tensor([50.0])}
    torch.save(thin_state(network, spread=0.03, **above), path)
    return path


@pytest.fixture(scope="module")
def hybrid(checkpoint: Checkpoint) -> MidasNetwork:
    """One that sees 64 px."""
    weights = checkpoint(write_midas, "vitb_rn50_384", suffix=".pt")
    return replace(load_midas(weights, "hybrid", device="cpu"), shorter_px=64)


def test_a_frame_is_answered_as_the_packages_own_detector_does_it(hybrid: MidasNetwork) -> None:
    # 64 x 128 px, which neither of the two resizes; the package rounds to 8 bits, frame by frame.
    codes = np.random.default_rng(2).integers(0, 256, (64, 128, 3), dtype=np.uint8)
    detector = MidasDetector(hybrid.network)

    found = hybrid((codes / np.float32(255))[None])[0]
    expected = detector(codes, detect_resolution=64, image_resolution=64)[..., 0] / 255
    blue_first = detector(codes[..., ::-1].copy(), detect_resolution=64, image_resolution=64)[..., 0] / 255

    spread = (found - found.min()) / np.ptp(found)
    assert np.ptp(found) > 1
    assert np.abs(spread - expected).max() < 1.5 / 255
    assert np.abs(spread - blue_first).max() > 10 / 255


def test_frames_come_back_at_their_size_and_do_not_see_each_other(hybrid: MidasNetwork, pictures: np.ndarray) -> None:
    together = hybrid(pictures)

    assert (together.shape, together.dtype) == ((3, 40, 56), np.float32)
    assert np.isfinite(together).all()
    for frame, picture in enumerate(pictures):
        np.testing.assert_allclose(hybrid(picture[None])[0], together[frame], rtol=1e-4)
    assert not np.allclose(together[0], together[1], rtol=1e-3)


def test_alpha_and_what_no_display_shows_do_not_matter(hybrid: MidasNetwork, pictures: np.ndarray) -> None:
    bright = pictures[:1] * 3 - 1
    with_alpha = np.concatenate((bright, bright[..., :1]), axis=-1)

    np.testing.assert_array_equal(hybrid(with_alpha), hybrid(np.clip(bright, 0, 1)))


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (70, 33)])
def test_small_and_upright_frames_come_back_at_their_size(size: tuple[int, int], hybrid: MidasNetwork) -> None:
    assert hybrid(np.full((1, *size, 3), 0.4, np.float32)).shape == (1, *size)


def test_nothing_stays_on_the_device_between_two_frames(hybrid: MidasNetwork, pictures: np.ndarray) -> None:
    hybrid(pictures[:1])

    assert hybrid.network.pretrained.activations == {}


def test_the_large_network_is_loaded_and_answers(checkpoint: Checkpoint) -> None:
    network = load_midas(checkpoint(write_midas, "vitl16_384", suffix=".pt"), "large", device="cpu")

    found = replace(network, shorter_px=32)(np.random.default_rng(3).random((1, 20, 30, 3)).astype(np.float32))

    assert found.shape == (1, 20, 30)
    assert np.ptp(found) > 0.1


def test_a_network_for_pictures_of_384_px_sees_them_so(hybrid: MidasNetwork) -> None:
    assert MidasNetwork(hybrid.network).shorter_px == 384


@pytest.mark.parametrize("kind", ["large"])
def test_weights_of_another_kind_are_refused(kind: Kind, checkpoint: Checkpoint) -> None:
    weights = checkpoint(write_midas, "vitb_rn50_384", suffix=".pt")

    with pytest.raises(
        UnavailableError,
        match=rf"model: {weights} must hold the 368 tensors of midas_large, got 368, \d+ of them alike; choose the file",
    ):
        load_midas(weights, kind, device="cpu")
