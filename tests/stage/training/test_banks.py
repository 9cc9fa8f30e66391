"""Frames on disk: rendered once, and never those of another world."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shotgraph.stage import shading
from shotgraph.stage.captions import caption
from shotgraph.stage.scene import Scene
from shotgraph.stage.training import banks
from shotgraph.stage.training.banks import BankPlan, open_bank, open_table, pictures_of, world_digest
from shotgraph.stage.vocabulary import RGB
from shotgraph.stage.worlds import crossing

PLAN = BankPlan(split="train", clips=3, side_px=32, start=40)


@pytest.fixture
def other_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Red is a little darker here."""
    world_digest.cache_clear()
    monkeypatch.setattr(shading, "RGB", dict(RGB) | {"red": (0.80, 0.14, 0.14)})
    yield
    world_digest.cache_clear()


def test_frames_are_those_of_the_clips_and_named_by_them(tmp_path: Path) -> None:
    bank = open_bank(PLAN, tmp_path, processes=1)

    spec = PLAN.spec(2)
    assert bank.frames.shape == (3, 1, 32, 32, 3)
    assert np.abs(bank.frames[2, 0] - 255 * Scene(spec).picture(2)).max() <= 0.5 + 1e-3
    assert bank.captions[2][0] == caption(spec, motion=False)
    assert len(set(bank.captions[2])) >= 2


def test_clips_have_consecutive_frames_and_captions_with_motion(tmp_path: Path) -> None:
    plan = BankPlan(split="train", clips=2, frames=3, side_px=32, length=8)

    bank = open_bank(plan, tmp_path, processes=1)

    spec = plan.spec(1)
    assert spec.frames == 8
    assert bank.captions[1][0] == caption(spec, motion=True)
    assert np.array_equal(bank.frames[1, 2], banks.codes(Scene(spec).picture(2)))


def test_in_every_second_clip_of_a_crossing_bank_the_object_crosses_the_picture() -> None:
    plan = BankPlan(split="train", clips=40, frames=2, side_px=64, sprites=1, length=8, crossing=True)
    free = replace(plan, crossing=False)

    specs = [plan.spec(index) for index in range(40)]

    assert specs[::2] == [crossing(free.spec(index), index) for index in range(0, 40, 2)]
    assert specs[1::2] == [free.spec(index) for index in range(1, 40, 2)]
    assert plan.name != free.name


def test_two_processes_render_the_same_as_one(tmp_path: Path) -> None:
    one = open_bank(PLAN, tmp_path / "one", processes=1)
    two = open_bank(PLAN, tmp_path / "two", processes=2)

    assert np.array_equal(one.frames, two.frames)


def test_a_bank_that_is_there_is_not_rendered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_bank(PLAN, tmp_path, processes=1)
    monkeypatch.setattr(banks, "pictures_of", None)

    assert np.array_equal(open_bank(PLAN, tmp_path, processes=1).frames, first.frames)


def test_a_bank_that_was_not_finished_is_rendered_again(tmp_path: Path) -> None:
    def dying(plan: BankPlan, index: int) -> np.ndarray:
        if index == 1:
            raise KeyboardInterrupt
        return pictures_of(plan, index)

    path = tmp_path / "frames.npy"
    with pytest.raises(KeyboardInterrupt):
        open_table(path, PLAN, (1, 32, 32, 3), dying, processes=1)
    frames = open_table(path, PLAN, (1, 32, 32, 3), pictures_of, processes=1)

    assert np.array_equal(frames[2], pictures_of(PLAN, 2))


def test_a_changed_world_has_banks_of_its_own(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    before = open_bank(PLAN, tmp_path, processes=1)
    request.getfixturevalue("other_world")
    after = open_bank(PLAN, tmp_path, processes=1)

    assert before.place != after.place
    assert before.place.name.startswith("general-train-32px-40+3x1-any-")


def test_the_name_tells_everything_that_decides_a_frame() -> None:
    plans = [
        PLAN,
        BankPlan(split="held-out", clips=3, side_px=32, start=40),
        BankPlan(split="train", clips=4, side_px=32, start=40),
        BankPlan(split="train", clips=3, side_px=64, start=40),
        BankPlan(split="train", clips=3, side_px=32, start=41),
        BankPlan(split="train", clips=3, side_px=32, start=40, frames=2),
        BankPlan(split="train", clips=3, side_px=32, start=40, sprites=1),
        BankPlan(split="train", clips=3, side_px=32, start=40, length=8),
        BankPlan(split="train", clips=3, side_px=32, start=40, purpose="flow"),
    ]

    assert len({plan.name for plan in plans}) == len(plans)


def test_training_and_held_out_clips_of_one_number_differ() -> None:
    held_out = BankPlan(split="held-out", clips=3, side_px=32, start=40)

    assert PLAN.spec(0) != held_out.spec(0)
