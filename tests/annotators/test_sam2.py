"""SAM 2, tiny, through the real loader: prompts, and a memory that stays as large as it is."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_checkpoints import write_sam2
from tiny_poses import write_vitpose

from shotgraph.annotators.sam2 import Following, Prompt, Segmenter
from shotgraph.errors import UnavailableError

Checkpoint = Callable[..., Path]
MATTE = np.zeros((40, 56), np.float32)
MATTE[8:30, 10:25] = 1


@pytest.fixture
def segmenter(checkpoint: Checkpoint) -> Segmenter:
    return Segmenter.load(checkpoint(write_sam2), device="cpu")


def followed(segmenter: Segmenter, prompt: Prompt, frames: np.ndarray) -> np.ndarray:
    """(T, H, W) of all frames."""
    following = segmenter.begin(prompt, frames.shape[1:3])
    return np.stack([following.next(frame) for frame in frames])


@pytest.mark.parametrize(
    "prompt",
    [
        Prompt(points=((12.0, 20.0, 1),)),
        Prompt(points=((12.0, 20.0, 1), (50.0, 5.0, 0))),
        Prompt(box=(8.0, 6.0, 26.0, 31.0)),
        Prompt(points=((12.0, 20.0, 1),), box=(8.0, 6.0, 26.0, 31.0)),
        Prompt(matte=MATTE),
    ],
    ids=["point", "points on and beside", "box", "point and box", "matte"],
)
def test_every_kind_of_prompt_gives_mattes_at_the_frames_size(
    prompt: Prompt, segmenter: Segmenter, pictures: np.ndarray
) -> None:
    mattes = followed(segmenter, prompt, pictures)

    assert (mattes.shape, mattes.dtype) == ((3, 40, 56), np.float32)
    assert 0 <= mattes.min() < mattes.max() <= 1
    assert mattes.std(axis=(1, 2)).min() > 1e-3


def test_another_place_is_another_object(segmenter: Segmenter, pictures: np.ndarray) -> None:
    here, there = (followed(segmenter, Prompt(points=((x, 20.0, 1),)), pictures) for x in (5.0, 50.0))

    assert np.abs(here - there).max() > 1e-3
    np.testing.assert_array_equal(here, followed(segmenter, Prompt(points=((5.0, 20.0, 1),)), pictures))


def test_a_prompting_matte_is_what_comes_back_on_its_frame(segmenter: Segmenter, pictures: np.ndarray) -> None:
    first = followed(segmenter, Prompt(matte=MATTE), pictures[:1])[0]

    assert ((first > 0.5) == (MATTE > 0.5)).mean() > 0.9
    assert ((first.T[:40, :40] > 0.5) == (MATTE[:, :40] > 0.5)).mean() < 0.9


def test_the_first_frame_alone_knows_the_prompt_and_later_ones_remember(
    segmenter: Segmenter, pictures: np.ndarray
) -> None:
    with_memory = followed(segmenter, Prompt(matte=MATTE), pictures)
    other = followed(segmenter, Prompt(matte=MATTE[:, ::-1].copy()), pictures)

    assert np.abs(with_memory[2] - other[2]).max() > 1e-3


def long_clip(pictures: np.ndarray, count: int) -> list[np.ndarray]:
    """Frames that differ."""
    return [np.roll(pictures[0], frame, axis=1) for frame in range(count)]


def test_what_is_forgotten_would_never_have_been_looked_at(
    segmenter: Segmenter, pictures: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.stack(long_clip(pictures, 24))
    prompt = Prompt(points=((12.0, 20.0, 1),))

    forgetful = followed(segmenter, prompt, frames)
    monkeypatch.setattr(Following, "_forget", lambda *_: None)
    keeping = followed(segmenter, prompt, frames)
    monkeypatch.setattr(Following, "_forget", forget_all_but_one)
    careless = followed(segmenter, prompt, frames)

    np.testing.assert_array_equal(forgetful, keeping)
    assert np.abs(careless[-1] - keeping[-1]).max() > 1e-5


def forget_all_but_one(following: Any, index: int) -> None:
    """Too much."""
    for outputs in following._session.output_dict_per_obj.values():
        outputs["non_cond_frame_outputs"].pop(index - 1, None)


def test_no_tensor_is_added_by_a_longer_clip(segmenter: Segmenter, pictures: np.ndarray) -> None:
    following = segmenter.begin(Prompt(points=((12.0, 20.0, 1),)), (40, 56))
    session, tensors = following._session, dict[int, int]()

    for count, frame in enumerate(long_clip(pictures, 30), start=1):
        following.next(frame)
        if count in (5, 20, 30):
            gc.collect()
            tensors[count] = sum(type(item) is torch.Tensor for item in gc.get_objects())
        assert len(session.processed_frames) + sum(map(len, session.frames_tracked_per_obj.values())) == 0

    assert tensors[5] < tensors[20] == tensors[30]


@pytest.mark.parametrize("size", [(1, 1), (3, 90)], ids=str)
def test_frames_of_any_size_are_followed(size: tuple[int, int], segmenter: Segmenter) -> None:
    frames = np.random.default_rng(8).random((2, *size, 3)).astype(np.float32)

    assert followed(segmenter, Prompt(points=((0.0, 0.0, 1),)), frames).shape == (2, *size)


def test_a_folder_of_another_network_is_refused(checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_vitpose)

    with pytest.raises(
        UnavailableError,
        match=rf"model: {folder} must be a Sam2VideoModel, got VitPoseForPoseEstimation; choose a SAM 2 folder such as facebook/sam2\.1",
    ):
        Segmenter.load(folder, device="cpu")


def test_a_folder_without_a_processor_is_refused(tmp_path: Path, checkpoint: Checkpoint) -> None:
    folder = checkpoint(write_sam2)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())

    with pytest.raises(
        UnavailableError,
        match=rf"model: {tmp_path} must hold a preprocessor_config.json, got: .+; copy or pull the whole",
    ):
        Segmenter.load(tmp_path, device="cpu")
