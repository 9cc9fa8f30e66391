"""The card of a model, for people, hubs and our own loader."""

from dataclasses import replace
from pathlib import Path

import pytest

from shotgraph.errors import MediaError
from shotgraph.models.card import read_card as read_as_user
from shotgraph.stage.training.cards import Card, Part, read_card, write_card

CARD = Card(
    model="stage-sd",
    guidance=3.5,
    parts={
        "vae": Part(data="crops", steps=5000, planned_steps=5000, hours=0.75),
        "t2i": Part(data="latents", steps=20, planned_steps=1500, hours=None),
    },
    gates=(
        {"gate": "vae.psnr_db", "value": 31.25, "rule": ">=", "threshold": 30.0, "passed": True, "note": ""},
        {"gate": "t2i.colour", "value": None, "rule": ">=", "threshold": 0.95, "passed": False, "note": "no model"},
    ),
)


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_card(tmp_path / "stage-sd", CARD)

    assert read_card(tmp_path / "stage-sd") == CARD


def test_a_model_without_a_card_has_the_defaults(tmp_path: Path) -> None:
    assert read_card(tmp_path / "stage-sd") == Card(model="stage-sd")


def test_people_read_what_is_unfinished_and_what_is_missed(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)

    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| vae | crops | 5000 | 0.75 |" in text
    assert "| t2i | latents | 20 of 1500: unfinished | not kept |" in text
    assert "| vae.psnr_db | 31.25 | >= 30 | yes |" in text
    assert "| t2i.colour | not measured | >= 0.95 | **no** |" in text
    assert "not real-world quality" in text


def test_the_loader_of_models_finds_its_settings_in_it(tmp_path: Path) -> None:
    write_card(tmp_path, replace(CARD, negative_prompt="gray", steps=30, side_px=64))

    card = read_as_user(tmp_path)

    assert (card.guidance, card.negative_prompt, card.steps, card.side_px) == (3.5, "gray", 30, 64)
    assert card.prompt == CARD.prompt
    assert card.unknown_words("a red unicorn over a gray background") == ["unicorn"]


@pytest.mark.parametrize("front", ["model: stage-sd", '{"shotgraph": {"model": "x"}}', '{"shotgraph": {"parts": 3}}'])
def test_a_front_matter_that_is_no_card_is_refused(tmp_path: Path, front: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n", encoding="utf-8")

    with pytest.raises(
        MediaError, match=r"README\.md: front matter must be a card in JSON, got .*; publish the model again"
    ):
        read_card(tmp_path)
