"""Networks of lines of controlnet-aux, through the real loader, against the package's own detectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_lines import write_lines

from shotgraph.annotators.lines import Kind, LineNetwork, load_lines
from shotgraph.annotators.quiet import quietly
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]

with quietly():
    from controlnet_aux import HEDdetector, LineartDetector, PidiNetDetector, TEEDdetector


def asked_of_the_package(own: LineNetwork, kind: Kind, codes: np.ndarray) -> np.ndarray:
    """(64, 128) of 8-bit codes, in [0, 1], by the detector that belongs to the network."""
    detectors: Mapping[Kind, Callable[[], Any]] = {
        "hed": lambda: HEDdetector(own.network),
        "pidinet": lambda: PidiNetDetector(own.network),
        "lineart": lambda: LineartDetector(own.network, own.network),
        "teed": lambda: TEEDdetector(own.network),
    }
    size = {"detect_resolution": 64} | ({"image_resolution": 64} if kind != "teed" else {"safe_steps": 0})
    return np.asarray(detectors[kind]()(codes, output_type="np", **size))[..., 0] / 255


@dataclass(frozen=True)
class Pair:
    """A loaded network and what it is called."""

    kind: Kind
    network: LineNetwork


@pytest.fixture(params=get_args(Kind))
def pair(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Pair:
    """Each kind."""
    weights = checkpoint(write_lines, request.param, suffix=".pth")
    return Pair(request.param, load_lines(request.param, weights, device="cpu"))


def test_lines_are_those_of_the_packages_own_detector(pair: Pair) -> None:
    # A size that neither resizes; blotches of their own tint, so that channels cannot be swapped unseen.
    coarse = np.random.default_rng(3).integers(0, 256, (8, 16, 3)).astype(np.uint8)
    codes = coarse.repeat(8, axis=0).repeat(8, axis=1)

    found = pair.network((codes / np.float32(255)), detect_px=64)
    expected = asked_of_the_package(pair.network, pair.kind, codes)

    assert expected.std() > 2 / 255
    assert np.abs(found - expected).max() < 2 / 255
    assert np.abs(pair.network((codes[..., ::-1] / np.float32(255)), detect_px=64) - expected).max() > 4 / 255


@pytest.mark.parametrize("size", [(40, 56), (1, 1), (5, 30)], ids=str)
def test_maps_come_back_at_the_frames_size_within_0_and_1(size: tuple[int, int], pair: Pair) -> None:
    picture = np.random.default_rng(5).random((*size, 4)).astype(np.float32) * 3 - 1

    found = pair.network(picture, detect_px=64)

    assert (found.shape, found.dtype) == (size, np.float32)
    assert 0 <= found.min() <= found.max() <= 1
    np.testing.assert_array_equal(found, pair.network(np.clip(picture[..., :3], 0, 1), detect_px=64))


def test_maps_are_floats_and_not_8_bit_codes(pair: Pair, pictures: np.ndarray) -> None:
    found = pair.network(pictures[0], detect_px=64)

    assert len(np.unique(found)) > 257
    assert np.abs(found * 255 - np.rint(found * 255)).max() > 0.1


def test_a_network_sees_multiples_of_64_px(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = load_lines("teed", checkpoint(write_lines, "teed", suffix=".pth"), device="cpu")
    seen: list[tuple[int, ...]] = []
    network.network.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))

    for detect_px in (64, 128, 150):
        network(pictures[0], detect_px=detect_px)

    # 40 x 56: 56 is 1.4 times 40.
    assert seen == [(1, 3, 64, 64), (1, 3, 128, 192), (1, 3, 128, 192)]


def test_safetensors_give_the_same_lines(checkpoint: Checkpoint, pictures: np.ndarray, tmp_path: Path) -> None:
    weights = checkpoint(write_lines, "teed", suffix=".pth")
    save_file(torch.load(weights, weights_only=True), tmp_path / "teed.safetensors")

    networks = [load_lines("teed", file, device="cpu") for file in (weights, tmp_path / "teed.safetensors")]

    first, second = (network(pictures[0], detect_px=64) for network in networks)
    np.testing.assert_array_equal(first, second)


def test_weights_of_another_kind_are_refused(checkpoint: Checkpoint) -> None:
    weights = checkpoint(write_lines, "lineart", suffix=".pth")

    with pytest.raises(
        UnavailableError,
        match=rf"model: {weights} must hold the 36 tensors of edges\.teed, got 24, 0 of them alike; choose the file that belongs to it",
    ):
        load_lines("teed", weights, device="cpu")


class Surprise:
    """More than a tensor."""


def test_a_file_that_holds_more_than_tensors_is_not_read(tmp_path: Path) -> None:
    weights = tmp_path / "teed.pth"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "by": Surprise()}, weights)

    with pytest.raises(
        UnavailableError, match=rf"model: {weights} must hold nothing but tensors of edges\.teed, got more; convert it"
    ):
        load_lines("teed", weights, device="cpu")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must hold tensors of edges.hed, got: .+; copy it again"),
        (b"PK\x03\x04half", "must hold tensors of .+, got: .+"),
    ],
    ids=["empty", "torn"],
)
def test_a_damaged_file_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    weights = tmp_path / "ControlNetHED.pth"
    weights.write_bytes(content)

    with pytest.raises(UnavailableError, match=rf"model: {weights} {said}"):
        load_lines("hed", weights, device="cpu")
