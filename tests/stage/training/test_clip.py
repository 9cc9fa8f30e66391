"""stage-clip and its second head."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from tiny_banks import first_and_last_loss, fixed_weights, tiny_bank
from transformers.models.clip.modeling_clip import CLIPModel
from transformers.models.clip.processing_clip import CLIPProcessor

from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip
from shotgraph.stage.captions import caption
from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.clip import (
    ClipTrainee,
    StageClip,
    area_under_curve,
    consistencies,
    distinct_clips,
    gates,
    jittered,
    mirrored,
    new_clip,
    save_clip,
    seen,
)
from shotgraph.stage.training.loop import noise_of
from shotgraph.stage.training.tokens import new_tokenizer
from shotgraph.stage.training.truth import batch_rng, reseeded
from shotgraph.stage.worlds import draw_clip


def pictures(count: int, height: int = 128, width: int = 128) -> np.ndarray:
    """Smooth pictures, no two alike."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / 128
    waves = [np.stack([np.sin(7 * x + n), np.cos(9 * y - n), np.sin(5 * (x + y) + 2 * n)], -1) for n in range(count)]
    return (0.5 + 0.45 * np.stack(waves)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> StageClip:
    with fixed_weights():
        return new_clip(new_tokenizer()).eval()


@pytest.fixture(scope="module")
def folder(model: StageClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("stage-clip")
    save_clip(model, place)
    return place


@pytest.fixture(scope="module")
def trainee() -> ClipTrainee:
    with fixed_weights():
        model = new_clip(new_tokenizer())
    bank = tiny_bank(BankPlan(split="train", clips=6))
    pairs = tiny_bank(BankPlan(split="train", clips=3, frames=2, start=100))
    return ClipTrainee(bank, pairs, new_tokenizer(), model, spoken=6, clips=3)


def test_the_folder_loads_with_plain_calls_and_gives_the_same_vectors(model: StageClip, folder: Path) -> None:
    plain = CLIPModel.from_pretrained(folder).eval()
    processor = CLIPProcessor.from_pretrained(folder)
    given = processor(text=["a red star"], padding=True, return_tensors="pt")

    with torch.no_grad():
        again = plain.text_model(**given).pooler_output
        before = model.clip.text_model(**given).pooler_output

    assert plain.dtype == torch.float32
    # Stored in half precision.
    assert torch.allclose(again, before, atol=5e-3)
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float16}  # noqa: SIM118


def test_a_batch_is_prepared_as_the_processor_prepares_a_picture(folder: Path) -> None:
    frames = pictures(2)
    processor = CLIPProcessor.from_pretrained(folder)

    given = processor.image_processor(
        list(torch.from_numpy(frames).permute(0, 3, 1, 2)), do_rescale=False, return_tensors="pt"
    )["pixel_values"]

    assert given.shape == (2, 3, 64, 64)
    assert (seen(frames) - given).abs().max() < 1e-3
    assert (seen(frames[:, ::-1]) - given).abs().max() > 0.1


def test_both_heads_embed_and_differ(folder: Path) -> None:
    frames = pictures(3)

    first, second = FolderClip.load(folder), FolderClip.load(folder, head=INSTANCE_HEAD)

    assert first.image(frames).shape == (3, 96)
    assert first.text(["a red star", "no object"]).shape == (2, 96)
    assert second.image(frames).shape == (3, 64)
    assert np.allclose(np.linalg.norm(second.image(frames), axis=-1), 1, atol=1e-5)


def test_the_second_head_is_the_trained_one(model: StageClip, folder: Path) -> None:
    frames = pictures(2)

    with torch.no_grad():
        pooled = model.clip.vision_model(pixel_values=seen(frames)).pooler_output
        expected = torch.nn.functional.normalize(model.instance(pooled), dim=-1).numpy()

    assert np.allclose(FolderClip.load(folder, head=INSTANCE_HEAD).image(frames), expected, atol=1e-3)


def test_the_loss_of_a_batch_falls_when_it_is_trained_on(trainee: ClipTrainee) -> None:
    first, last = first_and_last_loss(trainee.module(), lambda: trainee.loss(0, noise_of(0, 0))[0], steps=12, rate=2e-3)

    assert last < 0.6 * first


def test_every_part_of_the_model_learns(trainee: ClipTrainee) -> None:
    trainee.module().zero_grad()
    trainee.loss(1, noise_of(0, 1))[0].backward()

    silent = [
        name for name, weight in trainee.module().named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    # Keys' biases shift every score alike, which a softmax does not see: their gradient is rounding.
    assert [name for name in silent if not name.endswith("k_proj.bias")] == []


def test_instances_are_a_function_of_the_step_and_of_four_kinds(trainee: ClipTrainee) -> None:
    pictures, same = trainee.instances(batch_rng(0, 5))
    anchors, positives, twins, shifted = np.split(pictures, 4)

    assert np.array_equal(trainee.instances(batch_rng(0, 5))[0][:3], anchors)
    assert not np.array_equal(trainee.instances(batch_rng(0, 6))[0][:3], anchors)
    # One of these three clips has nothing with a texture.
    assert same.tolist() == [True, False, False]
    change = [float(np.abs(anchors - kind).mean()) for kind in (positives, twins, shifted)]
    assert min(change) > 0
    assert change[2] < 0.05


def test_a_twin_that_is_the_clip_itself_is_told_and_does_not_count(trainee: ClipTrainee) -> None:
    own = trainee.pairs.frames[:, 0]
    kept = replace(trainee, _others={clip: own[clip] for clip in range(len(own))})

    pictures, same = kept.instances(batch_rng(0, 5))

    assert same.all()
    anchors, positives, twins, shifted = torch.randn((4, 3, 96), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        alike = kept._instance_loss(torch.cat((anchors, positives, anchors, shifted)), same)[0]
        apart = kept._instance_loss(torch.cat((anchors, positives, twins, shifted)), same)[0]
        counted = kept._instance_loss(torch.cat((anchors, positives, anchors, shifted)), ~same)[0]
    assert float(alike) == pytest.approx(float(apart))
    assert float(counted) > float(alike) + 0.1
    assert pictures.shape[0] == 4 * kept.clips


def test_a_twin_has_the_same_caption_and_other_seeds() -> None:
    spec = draw_clip(3, "train")

    twin = reseeded(spec, 1)

    assert caption(twin, motion=True) == caption(spec, motion=True)
    assert twin.ground.seed != spec.ground.seed
    assert [sprite.seed for sprite in twin.sprites] != [sprite.seed for sprite in spec.sprites]
    assert reseeded(spec, 2) != twin


def test_jitter_scales_whole_channels_of_single_pictures() -> None:
    frames = pictures(2) * 0.8

    changed = jittered(frames, 0.02, np.random.Generator(np.random.Philox(1)))

    gains = changed / frames
    assert np.allclose(gains, gains[:, :1, :1], atol=1e-4)
    assert 0 < np.abs(gains[0, 0, 0] - gains[1, 0, 0]).max() < 0.15
    assert np.array_equal(jittered(frames, 0.0, np.random.Generator(np.random.Philox(1))), frames)


def test_area_under_the_curve_counts_ties_half() -> None:
    assert area_under_curve([3, 2], [1, 2]) == 0.875
    assert area_under_curve([1, 2], [3, 4]) == 0.0


def test_clips_to_choose_from_differ_in_two_words() -> None:
    said = [frozenset(caption(spec, motion=False).split()) for spec in distinct_clips(0, 12)]

    gaps = [len(one ^ other) for index, one in enumerate(said) for other in said[:index]]

    assert len(said) == 12
    assert min(gaps) >= 4


class MeanColour:
    """An embedder that sees colour and nothing else: blind to phase, sharp about jitter."""

    name = "mean colour"

    def image(self, frames: np.ndarray) -> np.ndarray:
        ratio = frames.mean(axis=(1, 2)) - 0.4
        return ratio / np.linalg.norm(ratio, axis=-1, keepdims=True)

    def text(self, prompts: list[str]) -> np.ndarray:
        return np.zeros((len(prompts), 3), np.float32)


def test_consistency_of_a_clip_is_above_that_of_the_same_with_jitter() -> None:
    plain, jitter, phase = consistencies(MeanColour(), 0, clips=3, frames=4)

    assert (plain > jitter).all()
    assert (plain > phase).all()


def test_gates_of_random_weights_fail(folder: Path) -> None:
    rows = gates(folder, 0, clips=6, frames=3, sets=1)

    assert [(row.name, row.bound.threshold) for row in rows] == [
        ("clip.retrieval@1", 0.90),
        ("clip.instance.jitter_auc", 0.95),
        ("clip.instance.phase_auc", 0.95),
    ]
    assert rows[0].value < 0.2
    assert [row.name for row in rows if row.passed] == []


def test_pictures_are_mirrored_where_they_should_be() -> None:
    pictures = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)

    turned = mirrored(pictures, np.array([True, False]))

    assert np.array_equal(turned[0], pictures[0, :, ::-1])
    assert np.array_equal(turned[1], pictures[1])
