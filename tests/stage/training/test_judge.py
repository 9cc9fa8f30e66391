"""The attribute judge and the pictures it is taught with."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny_banks import first_and_last_loss, fixed_weights, tiny_bank

from shotgraph.errors import ShapeError, UnavailableError
from shotgraph.stage.spec import ClipSpec, Ground, Look, Sprite
from shotgraph.stage.training import judge as judges
from shotgraph.stage.training.banks import Bank, BankPlan
from shotgraph.stage.training.judge import (
    JudgeModel,
    JudgeTrainee,
    answers,
    decoded_frames,
    gates,
    load_judge,
    save_judge,
)
from shotgraph.stage.training.judge_data import (
    HEADS,
    SIDES_PX,
    UNSAID,
    blob_example,
    blob_mask,
    crop_around,
    empty_grounds,
    front_sprite,
    ground_example,
    labels_of,
    nameless_example,
    view_of,
)
from shotgraph.stage.training.loop import noise_of

PLAN = BankPlan(split="held-out", clips=6, start=1_000_000)
GROUND = Ground(colour="navy", texture="clouds")


@pytest.fixture(scope="module")
def bank() -> Bank:
    return tiny_bank(PLAN)


def new_judge() -> JudgeModel:
    with fixed_weights():
        return judges.new_judge()


def sprite(x: float, depth: float, **changes: str) -> Sprite:
    look = Look(shape="star", colour="red", texture="striped")
    return Sprite(look=look.model_copy(update=changes), x=x, y=60.0, depth=depth)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 96)])
def test_every_head_has_a_class_for_each_word_and_one_for_unclear(height: int, width: int) -> None:
    logits = new_judge().eval()(torch.rand(2, 3, height, width))

    assert {head: tuple(value.shape) for head, value in logits.items()} == {
        head: (2, len(words) + 1) for head, words in HEADS.items()
    }


def test_a_batch_is_a_function_of_its_step_alone(bank: Bank) -> None:
    first, again = (JudgeTrainee(bank, new_judge(), batch=4) for _ in range(2))
    first.examples(2)

    pictures, labels, centres = first.examples(3)

    assert torch.equal(pictures, again.examples(3)[0])
    assert torch.equal(labels, again.examples(3)[1])
    assert torch.equal(centres.nan_to_num(), again.examples(3)[2].nan_to_num())
    assert pictures.shape[1:] in {(3, side, side) for side in SIDES_PX}
    assert not torch.equal(labels, again.examples(4)[1])


def test_the_loss_of_a_batch_falls_when_it_is_trained_on(bank: Bank) -> None:
    trainee = JudgeTrainee(bank, new_judge(), batch=6)

    first, last = first_and_last_loss(trainee.module(), lambda: trainee.loss(1, noise_of(0, 1))[0], steps=12, rate=3e-3)

    assert last < 0.6 * first


def test_a_saved_judge_answers_as_before(tmp_path: Path) -> None:
    judge = new_judge().eval()
    pictures = torch.rand(2, 3, 72, 64, generator=torch.Generator().manual_seed(0))

    save_judge(judge, tmp_path)

    again = load_judge(tmp_path)
    assert again.dtype == torch.float32
    # Stored in half precision.
    assert all(torch.allclose(again(pictures)[head], value, atol=5e-3) for head, value in judge(pictures).items())


def test_a_pickle_of_a_judge_is_not_opened(tmp_path: Path) -> None:
    judge = new_judge()
    save_judge(judge, tmp_path)
    (tmp_path / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(judge.state_dict(), tmp_path / "diffusion_pytorch_model.bin")

    with pytest.raises(UnavailableError, match=r"must be safetensors, got a \.bin file"):
        load_judge(tmp_path)


def test_gates_of_a_judge_with_random_weights_fail(tmp_path: Path) -> None:
    save_judge(new_judge(), tmp_path)

    rows = gates(tmp_path, 0, count=6)

    assert [row.name for row in rows] == [
        *(f"judge.renders.{head}" for head in HEADS),
        *(f"judge.vae.{head}" for head in HEADS),
        "judge.blobs",
        "judge.nameless",
    ]
    assert [row.bound.threshold for row in rows] == [0.98] * 6 + [0.95] * 6 + [0.90] * 2
    assert not any(row.passed for row in rows if row.name.startswith("judge.renders"))


def test_what_was_not_measured_does_not_pass(tmp_path: Path) -> None:
    save_judge(new_judge(), tmp_path)

    through = [row for row in gates(tmp_path, 0, count=4) if "vae" in row.name]

    assert all(math.isnan(row.value) and not row.passed for row in through)


def test_a_round_trip_that_keeps_pictures_gives_the_rows_of_renders(tmp_path: Path) -> None:
    save_judge(new_judge(), tmp_path)

    rows = gates(tmp_path, 0, round_trip=lambda pictures: pictures, count=6)

    assert [row.value for row in rows[:6]] == [row.value for row in rows[6:12]]


def test_frames_through_a_vae_are_codes_again(bank: Bank) -> None:
    negative = decoded_frames(bank, lambda pictures: 1 - pictures, 2)

    assert negative.dtype == np.uint8
    assert np.array_equal(negative, 255 - bank.frames[:2, 0])


def test_decoded_frames_are_drawn_with_their_own_labels(bank: Bank) -> None:
    black = np.zeros_like(bank.frames[:2, 0])
    trainee = JudgeTrainee(bank, new_judge(), decoded=black)

    drawn = [trainee._render(64, rng(seed)) for seed in range(12)]

    dark = [example for example in drawn if not example.picture.any()]
    known = {tuple(labels_of(bank.plan.spec(clip), 0)) for clip in range(2)}
    known |= {tuple(labels_of(bank.plan.spec(clip), len(bank.plan.spec(clip).sprites) - 1)) for clip in range(2)}
    assert 0 < len(dark) < len(drawn)
    assert all(tuple(example.labels) in known for example in dark)


def test_a_style_without_hue_leaves_colours_unsaid() -> None:
    plain = ClipSpec(ground=GROUND, sprites=(sprite(60, 1.0),))
    sketched = plain.model_copy(update={"style": "sketch"})

    assert list(labels_of(plain, 0)) == [3, 0, 1, 1, 4, 0]
    assert list(labels_of(sketched, 0)) == [3, UNSAID, UNSAID, UNSAID, UNSAID, 2]


def test_of_two_sprites_the_one_in_front_is_judged() -> None:
    near, far = sprite(64, 1.0), sprite(50, 2.0, colour="blue")
    aside = sprite(10, 2.0, colour="blue")

    assert front_sprite(ClipSpec(ground=GROUND, sprites=(near, far)), 0, 1)[0] == 0
    assert front_sprite(ClipSpec(ground=GROUND, sprites=(near, far)), 0, 0)[0] == 0
    assert front_sprite(ClipSpec(ground=GROUND, sprites=(near, aside)), 0, 1) == (1, (10.0, 60.0, 24.0))


def test_a_crop_beyond_the_edge_repeats_it() -> None:
    y, x = np.mgrid[0:40, 0:60].astype(np.float32)
    ramp = np.stack((x, y, x + y), axis=-1)

    crop = crop_around(ramp, 1.5, 20.5, 8)

    assert list(crop[0, :, 0]) == [0, 0, 0, 1, 2, 3, 4, 5]
    assert list(crop[:, 0, 1]) == [17, 18, 19, 20, 21, 22, 23, 24]


def test_a_view_of_one_of_two_objects_has_it_in_the_middle() -> None:
    spec = ClipSpec(ground=GROUND, sprites=(sprite(30, 1.0), sprite(95, 1.5, colour="blue")))
    y, x = np.mgrid[0:128, 0:128].astype(np.float32)

    example = view_of(np.stack((x, y, x), axis=-1), spec, 0, 64, rng(3))

    middle = example.picture[31:33, 31:33].mean(axis=(0, 1))
    expected = 30 if example.labels[1] == 0 else 95
    assert abs(middle[0] - expected) <= 3
    assert abs(middle[1] - 60) <= 3


def elongation(mask: np.ndarray) -> float:
    """Ratio of the principal second moments."""
    y, x = np.nonzero(mask > 0.5)
    small, large = np.linalg.eigvalsh(np.cov(np.stack((x, y))))
    return float(np.sqrt(large / small))


def test_blobs_are_longer_one_way_than_any_shape() -> None:
    circle = cv2.circle(np.zeros((96, 96), np.uint8), (48, 48), 20, 1, -1)

    assert elongation(circle) < 1.05
    assert min(elongation(blob_mask(96, rng(seed))) for seed in range(30)) > 1.2


def test_what_is_unclear_is_labelled_so() -> None:
    grounds = empty_grounds(1, "held-out", 0)
    unclear = [len(words) for words in HEADS.values()]

    bare = ground_example(grounds[0], 64, rng()).labels
    blob = blob_example(grounds[0], 64, rng()).labels
    pictures = [grounds[0][0][:64, :64], grounds[0][0][64:, 64:]]
    nameless = [nameless_example(pictures, rng(seed)) for seed in range(6)]

    assert list(bare[:3]) == unclear[:3]
    assert all(bare[3:] != unclear[3:])
    assert blob[0] == unclear[0]
    assert list(blob[3:]) == list(bare[3:])
    assert all(list(example.labels) == unclear for example in nameless)
    assert all(example.picture.shape == (64, 64, 3) for example in nameless)


@pytest.mark.parametrize(("share", "index", "word"), [(0.4, 3, "unclear"), (0.6, 3, "star"), (0.9, 6, "unclear")])
def test_an_answer_is_a_word_only_when_the_judge_is_sure(share: float, index: int, word: str) -> None:
    assert judges._word("shape", share, index) == word


@pytest.mark.parametrize("shape", [(1, 16, 64, 3), (64, 64, 3), (1, 64, 64, 4)])
def test_pictures_of_another_form_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"at least 32 px a side, got \(" + str(shape)[1:-1]):
        answers(new_judge(), np.zeros(shape, np.float32))
