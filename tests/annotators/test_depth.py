"""Depth networks of transformers, tiny: every class through the real loader, and metres turned into inverse depth."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_depths import DEPTHS, write_depth_anything, write_dpt, write_zoedepth
from tiny_poses import write_vitpose
from transformers.modeling_outputs import DepthEstimatorOutput
from transformers.models.depth_pro.modeling_depth_pro import DepthProDepthEstimatorOutput
from transformers.models.dpt.image_processing_dpt import DPTImageProcessor
from transformers.models.zoedepth.image_processing_zoedepth import ZoeDepthImageProcessor

from shotgraph.annotators.depth import DepthNetwork, load_depth
from shotgraph.errors import NodeError, UnavailableError

Checkpoint = Callable[..., Path]
# Of frames whose answer comes at their size, so that nothing is resampled on the way.
NATIVE = {
    "dpt": (64, 64),
    "depth_anything_metric": (28, 42),
    "zoedepth": (32, 64),
    "zoedepth_two_worlds": (32, 64),
    "depth_pro": (128, 128),
}


def noise(size: tuple[int, int]) -> np.ndarray:
    """(2, H, W, 3) that no class of depth finds flat."""
    return np.random.default_rng(4).random((2, *size, 3)).astype(np.float32)


def told_by_the_library(network: Any, processor: Any, pictures: np.ndarray) -> np.ndarray:
    """(B, H, W) as transformers' own manual does it, frame by frame."""
    told = []
    for picture in pictures:
        given = processor([torch.from_numpy(picture).permute(2, 0, 1)], do_rescale=False, return_tensors="pt")
        sizes = {"target_sizes": [picture.shape[:2]]}
        if isinstance(processor, ZoeDepthImageProcessor):
            sizes["source_sizes"] = [picture.shape[:2]]
        with torch.no_grad():
            told += processor.post_process_depth_estimation(network(**given), **sizes)
    return torch.stack([one["predicted_depth"] for one in told]).numpy()


@pytest.mark.parametrize("name", DEPTHS)
def test_every_class_answers_at_the_frames_size_whatever_is_in_the_batch(
    name: str, checkpoint: Checkpoint, pictures: np.ndarray
) -> None:
    network = load_depth(checkpoint(DEPTHS[name]), device="cpu")

    together = network(pictures)
    alone = np.concatenate([network(picture[None]) for picture in pictures])

    assert (together.shape, together.dtype) == ((3, 40, 56), np.float32)
    assert np.isfinite(together).all()
    assert together.std() > 1e-3
    np.testing.assert_allclose(together, alone, rtol=1e-3, atol=1e-4 * np.abs(together).max())
    assert not np.allclose(together[0], together[1], rtol=1e-3)


@pytest.mark.parametrize("name", ["dpt", "depth_anything"])
def test_relative_answers_stay_as_the_library_gives_them(
    name: str, checkpoint: Checkpoint, pictures: np.ndarray
) -> None:
    own = load_depth(checkpoint(DEPTHS[name]), device="cpu")

    expected = told_by_the_library(own.network, own.processor, pictures)

    np.testing.assert_allclose(own(pictures), expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", [name for name in NATIVE if name != "dpt"])
def test_metres_become_inverse_depth_so_that_larger_is_nearer(name: str, checkpoint: Checkpoint) -> None:
    own, pictures = load_depth(checkpoint(DEPTHS[name]), device="cpu"), noise(NATIVE[name])
    own.processor.do_pad = False

    metres = told_by_the_library(own.network, own.processor, pictures)

    assert metres.max() > 1.5 * metres.min()
    np.testing.assert_allclose(own(pictures), 1 / np.maximum(metres, 0.01), rtol=1e-2)


def test_a_dpt_that_was_trained_on_distances_can_be_called_metric(checkpoint: Checkpoint) -> None:
    pictures = noise(NATIVE["dpt"])

    relative, metric = (load_depth(checkpoint(write_dpt), device="cpu", is_metric=flag) for flag in (False, True))

    assert (relative.metres, metric.metres) == ("none", "network")
    np.testing.assert_allclose(metric(pictures), 1 / np.maximum(relative(pictures), 0.01), rtol=1e-2)


class Shown(torch.nn.Module):
    """Answers 1 and the green that it is shown, which its processor brought about 0."""

    def __init__(self, processor: Any) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.mean, self.spread = processor.image_mean[1], processor.image_std[1]

    def forward(self, pixel_values: torch.Tensor) -> DepthEstimatorOutput:
        return DepthProDepthEstimatorOutput(predicted_depth=1 + pixel_values[:, 1] * self.spread + self.mean)


@pytest.mark.parametrize("name", DEPTHS)
def test_answers_lie_where_the_network_saw_them(name: str, checkpoint: Checkpoint) -> None:
    y, x = np.mgrid[0:80, 0:112].astype(np.float32)
    pictures = np.repeat((0.5 + 0.3 * np.sin(x / 30 + 1) * np.cos(y / 25))[None, ..., None], 3, axis=-1)
    own = load_depth(checkpoint(DEPTHS[name]), device="cpu")
    expected = 1 + pictures[..., 1]
    if own.metres == "network":
        expected = 1 / expected

    found = DepthNetwork(Shown(own.processor), own.processor, own.metres, own.is_alone)(pictures)

    assert np.abs(found - expected)[:, 4:-4, 4:-4].max() < 0.02
    # ZoeDepth pads by 18 and 22 px, and resizes the whole.
    assert np.abs(np.roll(found, (10, 10), axis=(1, 2)) - expected)[:, 12:-12, 12:-12].max() > 0.04


class Step(torch.nn.Module):
    """Half a metre on the left, ten on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, pixel_values: torch.Tensor) -> DepthEstimatorOutput:
        depth = torch.full((len(pixel_values), 16, 24), 10.0)
        depth[..., :12] = 0.5
        return DepthEstimatorOutput(predicted_depth=depth)


@pytest.mark.parametrize(
    "processor",
    [DPTImageProcessor(size={"height": 16, "width": 24}), ZoeDepthImageProcessor(size={"height": 16, "width": 24})],
    ids=["Depth Anything", "ZoeDepth"],
)
def test_an_edge_between_near_and_far_is_never_nearer_than_both(processor: Any, pictures: np.ndarray) -> None:
    inverse = DepthNetwork(Step(), processor, "network", is_alone=False)(pictures)
    sizes = [pictures.shape[1:3]] * 3
    padded = {"source_sizes": sizes} if isinstance(processor, ZoeDepthImageProcessor) else {}
    told = processor.post_process_depth_estimation(Step()(torch.zeros(3, 3, 16, 24)), target_sizes=sizes, **padded)

    assert inverse[:, :, :18].min() > 1.5
    assert inverse[:, :, -18:].max() < 0.3
    assert 0 <= inverse.min() <= inverse.max() < 2.3
    # Inverted afterwards, the overshoot of metres below 0 would be the nearest thing of all.
    assert min(float(one["predicted_depth"].min()) for one in told) < 0


def test_two_worlds_are_chosen_between_for_each_frame(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    counts: dict[int, list[int]] = {1: [], 2: []}
    for worlds, seen in counts.items():
        network = load_depth(checkpoint(write_zoedepth, worlds=worlds), device="cpu")
        network.network.register_forward_pre_hook(
            lambda _, __, given, seen=seen: seen.append(len(given["pixel_values"])), with_kwargs=True
        )
        network(pictures)

    assert counts == {1: [3], 2: [1, 1, 1]}


def test_alpha_and_what_no_display_shows_do_not_matter(checkpoint: Checkpoint, pictures: np.ndarray) -> None:
    network = load_depth(checkpoint(write_depth_anything), device="cpu")
    bright = pictures * 4 - 1
    with_alpha = np.concatenate((bright, np.full_like(bright[..., :1], 0.3)), axis=-1)

    np.testing.assert_array_equal(network(with_alpha), network(np.clip(bright, 0, 1)))
    assert not np.allclose(network(bright), network(pictures))


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (11, 200)])
def test_small_and_thin_frames_come_back_at_their_size(size: tuple[int, int], checkpoint: Checkpoint) -> None:
    picture = np.random.default_rng(1).random((1, *size, 3)).astype(np.float32)

    for name in ("dpt", "depth_pro"):
        assert load_depth(checkpoint(DEPTHS[name]), device="cpu")(picture).shape == (1, *size)


@pytest.mark.parametrize(
    ("name", "height", "width", "said"),
    [
        (
            "zoedepth",
            3,
            4,
            r"depth: frames must be of a size that ZoeDepthForDepthEstimation can be shown, got 4x3: .+",
        ),
        ("depth_anything", 2, 200, r"a size that DepthAnythingForDepthEstimation can be shown, got 200x2: .+"),
    ],
)
def test_frames_too_small_to_be_shown_are_an_error_with_their_size(
    name: str, height: int, width: int, said: str, checkpoint: Checkpoint
) -> None:
    network = load_depth(checkpoint(DEPTHS[name]), device="cpu")

    with pytest.raises(NodeError, match=said + r"; enlarge them with core\.resize$"):
        network(np.zeros((1, height, width, 3), np.float32))


def test_a_network_of_poses_is_refused(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_vitpose)

    with pytest.raises(
        UnavailableError,
        match=rf"model: {folder} must be a DPT, Depth Anything, ZoeDepth or Depth Pro, got VitPoseForPoseEstimation; choose stage-depth",
    ):
        load_depth(folder, device="cpu")


def test_a_depth_class_whose_answers_nobody_here_knows_is_refused(tmp_path: Path) -> None:
    config = {"model_type": "glpn", "architectures": ["GLPNForDepthEstimation"]}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")

    with pytest.raises(UnavailableError, match="ZoeDepth or Depth Pro, got GLPNForDepthEstimation; choose"):
        load_depth(tmp_path, device="cpu")


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_folder_that_is_not_whole_is_refused_by_the_file_it_lacks(
    name: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint(write_dpt), tmp_path / "dpt"))
    (folder / name).unlink()

    with pytest.raises(
        UnavailableError, match=rf"model: {folder} must hold a {name}, got: .+; copy or pull the whole folder again"
    ):
        load_depth(folder, device="cpu")
