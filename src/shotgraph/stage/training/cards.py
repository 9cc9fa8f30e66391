"""The card of a model: a ``README.md`` whose front matter is JSON, which is YAML too, so that hubs and people both read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shotgraph.errors import MediaError
from shotgraph.stage.captions import words

_FENCE = "---"
_NOTE = (
    "A tiny model of Shotgraph's procedural world, trained on nothing else. It validates mechanisms, not real-world quality: "
    "numbers measured with it say nothing about photographs."
)
_TITLES = {
    "stage-sd": "text to image, in Stable Diffusion's layout",
    "stage-t2v": "text to video, in ModelScope's layout",
    "stage-clip": "pictures and captions in one space, in CLIP's layout",
    "stage-depth": "relative inverse depth",
    "stage-pose": "joints of a figure",
    "stage-judge": "what a picture of the stage shows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One recipe's share in a model.

    Attributes:
        data: what it was trained on.
        steps: done.
        planned_steps: of the whole training; where `steps` is fewer, it is not finished.
        hours: of training; None when they were not kept.
        origin: what it started from: digests of files by recipe, names of banks, examples a step.
    """

    data: str
    steps: int
    planned_steps: int
    hours: float | None
    origin: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What one should know of a model before using it.

    Attributes:
        model: its name.
        prompt: a default that it understands.
        negative_prompt: that goes with it; other models' lists of bad words mean nothing here.
        guidance: that its gates were measured at.
        steps: of the sampler.
        side_px: width and height that it was trained at.
        vocabulary: every word it was taught.
        parts: by recipe.
        gates: rows as `shotgraph stage gates` last printed them.
    """

    model: str
    prompt: str = "a large red striped star over a gray clouds background"
    negative_prompt: str = ""
    guidance: float = 4.0
    steps: int = 50
    side_px: int = 128
    vocabulary: tuple[str, ...] = field(default_factory=words)
    parts: dict[str, Part] = field(default_factory=dict)
    gates: tuple[dict[str, Any], ...] = ()


def read_card(folder: Path) -> Card:
    """The card in a model's folder; an empty one where there is none yet.

    Args:
        folder: of the model; its name is the model's.

    Returns:
        The card.

    Raises:
        MediaError: the front matter is not a card's.
    """
    path = folder / "README.md"
    if not path.exists():
        return Card(model=folder.name)
    _, _, rest = path.read_text(encoding="utf-8").partition(f"{_FENCE}\n")
    try:
        front = json.loads(rest.partition(f"\n{_FENCE}\n")[0])["shotgraph"]
        parts = {name: Part(**part) for name, part in front.pop("parts").items()}
        return Card(
            **front | {"parts": parts, "gates": tuple(front["gates"]), "vocabulary": tuple(front["vocabulary"])}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MediaError(
            f"{path}: front matter must be a card in JSON, got {error}; publish the model again with `shotgraph stage train`"
        ) from error


def write_card(folder: Path, card: Card) -> None:
    """Write ``README.md`` into `folder`."""
    front = {"license": "apache-2.0", "tags": ["shotgraph", "procedural"], "shotgraph": asdict(card)}
    text = f"{_FENCE}\n{json.dumps(front, indent=1)}\n{_FENCE}\n\n{_body(card)}"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "README.md.part"
    part.write_text(text, encoding="utf-8")
    part.replace(folder / "README.md")


def _body(card: Card) -> str:
    lines = [f"# {card.model}: {_TITLES.get(card.model, 'a model of the stage')}", "", _NOTE, ""]
    if card.model in ("stage-sd", "stage-t2v"):
        lines += [
            f"Prompt: `{card.prompt}`; negative prompt: `{card.negative_prompt}`; guidance {card.guidance:g}; "
            f"{card.steps} steps; {card.side_px} px.",
            "",
        ]
    lines += ["| part | data | steps | hours |", "| --- | --- | --- | --- |"]
    for name, part in card.parts.items():
        hours = "not kept" if part.hours is None else f"{part.hours:.2f}"
        done = (
            f"{part.steps}" if part.steps == part.planned_steps else f"{part.steps} of {part.planned_steps}: unfinished"
        )
        lines.append(f"| {name} | {part.data} | {done} | {hours} |")
    if card.gates:
        lines += ["", "| gate | value | threshold | passed |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {r['gate']} | {_number(r['value'])} | {r['rule']} {r['threshold']:g} | {_verdict(r)} |"
            for r in card.gates
        ]
    return "\n".join([*lines, ""])


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4g}"


def _verdict(row: dict[str, Any]) -> str:
    return "yes" if row["passed"] else "**no**"
