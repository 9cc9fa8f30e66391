"""The stage's tokenizer: CLIP's, on the closed vocabulary.

Every word of a caption is one token but the two that are planned to be two. Any other printable text still has tokens, letter by
letter, so that a prompt of a stranger's never crashes; whether it means anything is for the caption's check to say.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.stage.captions import words
from shotgraph.stage.vocabulary import TWO_TOKEN_WORDS

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 32
_SUFFIX = "</w>"


def new_tokenizer() -> CLIPTokenizer:
    """The tokenizer; the same vocabulary gives the same ids."""
    vocabulary, merges = _trained()
    for word in TWO_TOKEN_WORDS:
        pieces = _pieces(word, merges)
        half = len(pieces) // 2
        merges += [*_chain(pieces[:half]), *_chain(pieces[half:])]
    for left, right in merges:
        vocabulary.setdefault(left + right, len(vocabulary))
    # The start and end are the last ids, as in CLIP: its older pooling looks for the largest.
    for token in (START, END):
        vocabulary.setdefault(token, len(vocabulary))
    kind: Any = CLIPTokenizer
    return kind(
        vocab=vocabulary,
        merges=[(left, right) for left, right in merges],
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
        model_max_length=LENGTH,
    )


def _trained() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges that make every word but the planned two one token."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    alphabet = [*letters, *(letter + _SUFFIX for letter in letters)]
    merges = _learned([word for word in words() if word not in TWO_TOKEN_WORDS])
    return {token: number for number, token in enumerate(alphabet)}, merges


def _learned(spoken: list[str]) -> list[tuple[str, str]]:
    """Merges that make every word one token, the commonest pair first (Sennrich et al. 2016, algorithm 1).

    Not by `BpeTrainer`: it breaks ties in another order in every process, and a text tower is bound to its ids.
    """
    merges: list[tuple[str, str]] = []
    while True:
        split = [_pieces(word, merges) for word in spoken]
        counts = Counter(pair for pieces in split for pair in pairwise(pieces))
        if not counts:
            return merges
        merges.append(min(counts, key=lambda pair: (-counts[pair], pair)))


def _pieces(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """What the known merges make of `word`."""
    ranks = {pair: rank for rank, pair in enumerate(merges)}
    pieces = [*word[:-1], word[-1] + _SUFFIX]
    while True:
        known = [(ranks[pair], index) for index, pair in enumerate(pairwise(pieces)) if pair in ranks]
        if not known:
            return pieces
        _, place = min(known)
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


def _chain(pieces: list[str]) -> list[tuple[str, str]]:
    """Merges that join `pieces` to one token, from the left."""
    return [("".join(pieces[:end]), pieces[end]) for end in range(1, len(pieces))]


def save_tokenizer(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """An ordinary folder, with ``vocab.json`` and ``merges.txt`` for tools that read those."""
    tokenizer.save_pretrained(folder)
    state = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    (folder / "vocab.json").write_text(json.dumps(state["vocab"], ensure_ascii=False), encoding="utf-8")
    lines = [f"{left} {right}" for left, right in state["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines, ""]), encoding="utf-8")
