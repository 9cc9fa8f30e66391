"""Words of motion learn alone: captions of pictures are embedded as before, to the bit."""

import pytest
import torch
from torch import Tensor
from transformers.models.clip.modeling_clip import CLIPTextModel

from shotgraph.stage.training.loop import seeded
from shotgraph.stage.training.text import new_text_model, token_ids
from shotgraph.stage.training.tokens import new_tokenizer
from shotgraph.stage.training.wording import MotionWords, motion_ids

STILL = "a large red striped star over a gray clouds background"
MOVING = "a large red striped star drifts left over a gray clouds background , camera pans right"


@pytest.fixture
def text() -> CLIPTextModel:
    with seeded(0):
        return new_text_model(new_tokenizer()).eval().requires_grad_(False)


def ids(*captions: str) -> Tensor:
    return token_ids(new_tokenizer(), list(captions))


def test_words_of_motion_are_those_that_no_caption_of_a_picture_holds() -> None:
    found = set(motion_ids(new_tokenizer()).tolist())

    assert not found & set(ids(STILL)[0].tolist())
    assert set(ids(MOVING)[0].tolist()) - set(ids(STILL)[0].tolist()) <= found


def test_before_training_they_say_what_the_tower_says(text: CLIPTextModel) -> None:
    words = MotionWords(text, motion_ids(new_tokenizer()))

    given = ids(STILL, MOVING)

    assert torch.equal(words.said(text, given), text(given).last_hidden_state)


def test_trained_rows_change_captions_of_motion_alone_and_stay_when_written(text: CLIPTextModel) -> None:
    words = MotionWords(text, motion_ids(new_tokenizer()))
    before = text(ids(STILL)).last_hidden_state
    with torch.no_grad():
        words.rows += 0.1

    moving = words.said(text, ids(MOVING))
    words.write_into(text)

    assert torch.equal(text(ids(MOVING)).last_hidden_state, moving)
    assert torch.equal(text(ids(STILL)).last_hidden_state, before)
    assert not torch.allclose(moving, MotionWords(text, torch.tensor([1])).said(text, ids(STILL)), atol=1e-3)


def test_the_gradient_reaches_the_rows_that_are_spoken_and_nothing_else(text: CLIPTextModel) -> None:
    words = MotionWords(text, motion_ids(new_tokenizer()))

    words.said(text, ids(MOVING)).square().mean().backward()

    spoken = set(ids(MOVING)[0].tolist())
    moved = [bool(row.any()) for row in words.rows.grad]
    assert moved == [token in spoken for token in words.ids.tolist()]
    assert all(parameter.grad is None for parameter in text.parameters())
