"""The guidance of the cards: the best of what was drawn, and of equals the mildest."""

from dataclasses import replace
from pathlib import Path

from shotgraph.stage.training.cards import Card, read_card, write_card
from shotgraph.stage.training.drawgates import asked_clip, shown
from shotgraph.stage.training.guiding import SEED, Trial, keep_guidance
from shotgraph.stage.training.vaegates import CLIPS_OF_A_SEED

ROW = {"gate": "t2i.colour", "value": 0.9, "rule": ">=", "threshold": 0.95, "passed": False, "note": ""}


def test_all_three_count_alike_and_of_equals_the_mildest_is_kept(tmp_path: Path) -> None:
    write_card(tmp_path / "stage-sd", replace(Card(model="stage-sd"), gates=(ROW,)))
    found = [Trial(2.0, 0.6, 0.9, 0.6), Trial(3.0, 0.9, 0.9, 0.9), Trial(5.0, 0.9, 0.9, 0.9), Trial(7.5, 1.0, 1.0, 0.6)]

    best = keep_guidance(tmp_path, found)

    assert best.guidance == 3.0
    card = read_card(tmp_path / "stage-sd")
    assert card.guidance == 3.0
    # Those were measured at 4.
    assert card.gates == ()
    assert not (tmp_path / "stage-t2v").exists()


def test_gates_measured_at_the_same_guidance_stay(tmp_path: Path) -> None:
    write_card(tmp_path / "stage-sd", replace(Card(model="stage-sd"), guidance=3.0, gates=(ROW,)))

    keep_guidance(tmp_path, [Trial(3.0, 0.9, 0.9, 0.9)])

    assert read_card(tmp_path / "stage-sd").gates == (ROW,)


def test_shares_are_of_pictures_that_show_what_their_prompts_say() -> None:
    specs = [asked_clip(SEED, number) for number in range(4)]
    said = {
        "colour": [spec.sprites[0].look.colour for spec in specs],
        "ground_colour": [spec.ground.colour for spec in specs[:2]] + ["unclear"] * 2,
        "shape": ["unclear"] * 3 + [specs[3].sprites[0].look.shape],
    }

    assert shown(said, specs) == {"colour": 1.0, "ground": 0.5, "shape": 0.25}


def test_its_prompts_are_none_that_a_gate_asks_for() -> None:
    # `stage gates` takes seeds up to 999.
    assert SEED > 999
    assert asked_clip(999, CLIPS_OF_A_SEED - 1) != asked_clip(SEED, 0)
