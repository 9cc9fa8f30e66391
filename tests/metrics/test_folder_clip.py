import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_clip import LENGTH, WIDTH, save_tiny_clip
from transformers.models.clip import CLIPModel, CLIPProcessor

from shotgraph.errors import ShapeError, UnavailableError, UsageError
from shotgraph.metrics.embedder import Embedder
from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip

PROMPTS = ["a red star", "a blue circle over a gray background"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP with a second head."""
    return save_tiny_clip(tmp_path_factory.mktemp("models") / "tiny-clip")


def frames(height: int = 32, width: int = 48) -> np.ndarray:
    """Ramps that differ in every frame and direction."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([np.stack([x / width, y / height, np.full_like(x, t / 3)], axis=-1) for t in range(3)])


def test_a_folder_is_an_embedder_of_unit_vectors(folder: Path) -> None:
    clip = FolderClip.load(folder)

    pictures, words = clip.image(frames()), clip.text(PROMPTS)

    assert isinstance(clip, Embedder)
    assert clip.name == "tiny-clip"
    assert (pictures.shape, words.shape) == ((3, WIDTH), (2, WIDTH))
    assert (pictures.dtype, words.dtype) == (np.float32, np.float32)
    assert np.allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(words, axis=1), 1, atol=1e-5)


def test_vectors_are_those_of_the_library_on_eight_bit_pictures(folder: Path) -> None:
    model, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    pictures = [Image.fromarray(np.rint(frame * 255).astype(np.uint8)) for frame in frames()]
    with torch.no_grad():
        given = processor(images=pictures, text=PROMPTS, padding=True, return_tensors="pt")
        expected = model(**given)

    clip = FolderClip.load(folder)

    assert np.allclose(clip.image(frames()), expected.image_embeds.numpy(), atol=5e-3)
    assert np.allclose(clip.text(PROMPTS), expected.text_embeds.numpy(), atol=1e-5)


def test_frames_one_by_one_give_what_the_batch_gives(folder: Path) -> None:
    clip = FolderClip.load(folder)

    single = np.concatenate([clip.image(frame[None]) for frame in frames()])

    assert np.allclose(single, clip.image(frames()), atol=1e-5)
    assert not np.allclose(single[0], single[2], atol=1e-3)


def test_the_second_head_replaces_the_projection_of_images(folder: Path) -> None:
    clip, second = FolderClip.load(folder), FolderClip.load(folder, head=INSTANCE_HEAD)

    assert second.image(frames()).shape == (3, 8)
    assert second.name == f"tiny-clip ({INSTANCE_HEAD})"
    assert np.array_equal(second.text(PROMPTS), clip.text(PROMPTS))


def test_a_head_for_another_tower_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    save_file({"weight": torch.zeros(4, 7)}, copy / INSTANCE_HEAD)

    with pytest.raises(
        UnavailableError, match=rf"{copy} must be .*, got: {INSTANCE_HEAD} of shape \(4, 7\) for vectors \d+ wide"
    ):
        FolderClip.load(copy, head=INSTANCE_HEAD)


def test_values_outside_the_display_range_are_clipped(folder: Path) -> None:
    clip = FolderClip.load(folder)

    assert np.array_equal(clip.image(frames() * 3 - 1), clip.image(np.clip(frames() * 3 - 1, 0, 1)))


def test_a_prompt_that_is_too_long_is_refused_not_cut(folder: Path) -> None:
    fits, long = " ".join(["red"] * (LENGTH - 2)), " ".join(["red"] * (LENGTH - 1))
    clip = FolderClip.load(folder)

    assert clip.text([fits]).shape == (1, WIDTH)
    with pytest.raises(UsageError, match=f"embedder: prompt must be at most {LENGTH} tokens, got {LENGTH + 1} in 'red"):
        clip.text([fits, long])


def test_frames_of_another_shape_are_refused(folder: Path) -> None:
    with pytest.raises(ShapeError, match=r"embedder: frames must be \(T, H, W, 3\), got \(32, 48, 3\)"):
        FolderClip.load(folder).image(frames()[0])


def copied(folder: Path, part: Path, *, without: str) -> Path:
    part.mkdir()
    for file in folder.iterdir():
        if file.name != without:
            os.link(file, part / file.name)
    return part


def test_a_model_of_another_kind_is_not_taken_for_a_clip(folder: Path, tmp_path: Path) -> None:
    part = copied(folder, tmp_path / "part", without="config.json")
    (part / "config.json").write_text("{}")

    with pytest.raises(UnavailableError, match=r"got: config\.json of model_type None; download the whole model there"):
        FolderClip.load(part)


def test_weights_that_are_not_there_are_not_made_up(folder: Path, tmp_path: Path) -> None:
    part = copied(folder, tmp_path / "part", without="model.safetensors")
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, part / "model.safetensors", metadata={"format": "pt"})

    with pytest.raises(
        UnavailableError, match=r"part must hold every weight of its config\.json, got none for text_projection\.weight"
    ):
        FolderClip.load(part)


def test_torn_weights_are_said_to_be(folder: Path, tmp_path: Path) -> None:
    part = copied(folder, tmp_path / "part", without="model.safetensors")
    (part / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:1000])

    with pytest.raises(
        UnavailableError, match=r"part must be a whole part of a diffusers or transformers folder, got: .*header"
    ):
        FolderClip.load(part)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            "model.safetensors",
            "model: {part} must be a whole part of a diffusers or transformers folder, got: .*model.safetensors",
        ),
        ("config.json", "embedder: {part} must be a transformers folder with a CLIP model.*got: .*config.json"),
        (INSTANCE_HEAD, "embedder: {part} must be a transformers folder with a CLIP model.*got: .*instance_head"),
    ],
)
def test_a_folder_with_a_missing_part_names_itself_and_the_cure(
    folder: Path, tmp_path: Path, missing: str, said: str
) -> None:
    part = copied(folder, tmp_path / "part", without=missing)

    with pytest.raises(UnavailableError, match=said.format(part=part)):
        FolderClip.load(part, head=INSTANCE_HEAD)
