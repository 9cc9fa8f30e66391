"""What a model says about its own use: prompts, guidance, size, vocabulary.

Kept as YAML (or JSON) front matter of the ``README.md`` in its folder, under ``shotgraph``, beside the keys that hubs read. A
method's own defaults were tuned for another model: where the card says something, the card wins.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pydantic
import yaml
from pydantic import ConfigDict

from shotgraph.errors import UnavailableError

CARD = "README.md"
_KEY = "shotgraph"
_FRONT = re.compile(r"\A---\n(?P<front>.*?)\n---(?:\n|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\s,.;:!?]+")


class ModelCard(pydantic.BaseModel):
    """Settings that suit a model; None where its maker says nothing.

    Attributes:
        prompt: an example that it answers well.
        negative_prompt: what to steer away from when the user says nothing.
        guidance: classifier-free guidance when the user says nothing.
        steps: of the sampler when the user says nothing.
        side_px: side of the square pictures it was trained on, in pixels.
        vocabulary: every word it was taught, where that is a closed list.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    prompt: str = ""
    negative_prompt: str | None = None
    guidance: float | None = pydantic.Field(default=None, ge=0)
    steps: int | None = pydantic.Field(default=None, ge=1)
    side_px: int | None = pydantic.Field(default=None, ge=8)
    vocabulary: tuple[str, ...] = ()

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of `prompt` that the model was never taught, each once; none where its vocabulary is open."""
        known = {word.lower() for word in self.vocabulary}
        found = (word.lower() for word in _WORD.findall(prompt))
        return list(dict.fromkeys(word for word in found if known and word not in known))


def read_card(place: Path) -> ModelCard:
    """The card in a model's folder.

    Args:
        place: a model's folder, or its one file.

    Returns:
        The card; an empty one where there is none.

    Raises:
        UnavailableError: there is one, but it cannot be read.
    """
    file = place / CARD
    if not file.is_file():
        return ModelCard()
    try:
        match = _FRONT.match(file.read_text(encoding="utf-8"))
        front: Any = yaml.safe_load(match["front"]) if match else None
        settings = cast(dict[str, Any], front).get(_KEY) if isinstance(front, dict) else None
        return ModelCard.model_validate(settings or {})
    except (yaml.YAMLError, UnicodeDecodeError, pydantic.ValidationError) as error:
        reason = " ".join(str(error).split())
        raise UnavailableError(
            f"model: the card {file} must hold settings under {_KEY!r}, got: {reason}; mend or remove it"
        ) from error
