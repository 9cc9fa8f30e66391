"""Words that only clips can show: their embeddings learn with what moves, and the rest of the text tower stays as it is.

A picture's caption never says "drifts left", so the tower that pictures taught knows such words by their first random
vectors only. Captions without them are embedded bit for bit as before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer

from shotgraph.stage.vocabulary import CAMERA_WORDS, MOTION_WORDS


def motion_ids(tokenizer: CLIPTokenizer) -> Tensor:
    """(K) ids of the tokens that stand in captions of clips and in none of pictures."""
    speak: Any = tokenizer
    phrases = [*(form for forms in MOTION_WORDS.values() for form in forms), *CAMERA_WORDS.values(), ",", "walks"]
    words = sorted({word for phrase in phrases for word in phrase.split()})
    found = {token for word in words for token in speak(word, add_special_tokens=False).input_ids}
    return torch.tensor(sorted(found))


class MotionWords(nn.Module):
    """The rows of the embedding table that are trained.

    Args:
        text: tower whose table holds the rows' start.
        ids: (K) int64, which rows.

    Attributes:
        ids: (K) which rows.
        rows: (K, width) what is in them.
    """

    ids: Tensor

    def __init__(self, text: CLIPTextModel, ids: Tensor) -> None:
        super().__init__()
        table: Any = text.get_input_embeddings()
        self.register_buffer("ids", ids, persistent=False)
        self.rows = nn.Parameter(table.weight.detach()[ids].clone())

    def said(self, text: CLIPTextModel, ids: Tensor) -> Tensor:
        """(B, tokens, width): what the frozen `text` makes of captions (B, tokens) with these rows in its table."""
        name, table = _table(text)
        changed = table.detach().index_copy(0, self.ids, self.rows)
        answer: Any = functional_call(text, {name: changed}, (ids,))
        return answer.last_hidden_state

    @torch.no_grad()
    def write_into(self, text: CLIPTextModel) -> None:
        """Put the rows into the table of `text` for good."""
        _table(text)[1][self.ids] = self.rows


def _table(text: CLIPTextModel) -> tuple[str, nn.Parameter]:
    """(name, embedding table) of a tower."""
    wanted: Any = text.get_input_embeddings()
    return next((name, value) for name, value in text.named_parameters() if value is wanted.weight)
