"""The tokenizer: CLIP's, on the stage's words."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.stage.captions import words
from shotgraph.stage.training.text import token_ids
from shotgraph.stage.training.tokens import END, LENGTH, START, new_tokenizer, save_tokenizer
from shotgraph.stage.vocabulary import TWO_TOKEN_WORDS


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return new_tokenizer()


def pieces(tokenizer: CLIPTokenizer, text: str) -> list[str]:
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)[1:-1]


def test_every_word_is_one_token_but_the_planned_two(tokenizer: CLIPTokenizer) -> None:
    counts = {word: len(pieces(tokenizer, word)) for word in words()}

    assert {word: count for word, count in counts.items() if count != 1} == dict.fromkeys(TWO_TOKEN_WORDS, 2)


def test_a_sentence_has_the_tokens_of_its_words_and_letters_where_it_has_none(tokenizer: CLIPTokenizer) -> None:
    assert pieces(tokenizer, "a red star xq Olive") == ["a</w>", "red</w>", "star</w>", "x", "q</w>", "olive</w>"]


def test_any_printable_text_has_tokens_letter_by_letter(tokenizer: CLIPTokenizer) -> None:
    ids = tokenizer("Qx7~!").input_ids[1:-1]

    assert len(ids) >= 2
    assert tokenizer.unk_token_id not in ids


def test_start_end_and_padding_are_the_last_ids_and_not_those_that_clip_defaults_to(tokenizer: CLIPTokenizer) -> None:
    ids = token_ids(tokenizer, ["a red star"])[0].tolist()

    assert len(tokenizer) <= 512
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (len(tokenizer) - 2, len(tokenizer) - 1)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id != 2
    assert len(ids) == LENGTH
    assert [ids[0], *ids[4:]] == [tokenizer.bos_token_id, *[tokenizer.eos_token_id] * 28]


def test_another_process_makes_the_same_ids(tokenizer: CLIPTokenizer) -> None:
    program = (
        "import json; from shotgraph.stage.training.tokens import new_tokenizer; "
        "print(json.dumps(new_tokenizer().get_vocab()))"
    )

    printed = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONHASHSEED": "7"}, capture_output=True, check=True
    ).stdout

    assert json.loads(printed) == tokenizer.get_vocab()


def test_a_saved_one_loads_with_the_plain_class_and_has_both_files(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path)

    loaded = CLIPTokenizer.from_pretrained(tmp_path)

    text = "neon style of a small turquoise speckled ring"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    assert loaded.model_max_length == LENGTH
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert (vocabulary[START], vocabulary[END]) == (loaded.bos_token_id, loaded.eos_token_id)
    # The last merge of a word gives the word.
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert {"red</w>", "star</w>"} <= {line.replace(" ", "") for line in merges}


def test_one_built_of_its_two_old_files_says_the_same(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path)
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]

    rebuilt = CLIPTokenizer(vocab=vocabulary, merges=[tuple(line.split(" ")) for line in lines])

    text = "a large turquoise speckled cross spins over a navy clouds background"
    assert rebuilt(text).input_ids == tokenizer(text).input_ids
