"""Training a leg of a recipe: what it starts from, what it refuses, what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from tiny_training import SHORT, TinyTrainee, tiny_net

from shotgraph.digests import file_key
from shotgraph.errors import EnvironmentMismatchError, MediaMissingError, UsageError
from shotgraph.stage.training.cards import Part, read_card
from shotgraph.stage.training.checkpoints import latest, read
from shotgraph.stage.training.loop import Leg, Schedule, Trainee
from shotgraph.stage.training.recipe import Recipe, Workshop
from shotgraph.stage.training.train import RECIPES, Order, find_recipe, train

ONE = Order(threads=1)


@dataclass
class Tiny:
    """A recipe of the test's own, and the weights that it published."""

    published: list[torch.Tensor] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def inputs(self, workshop: Workshop) -> Mapping[str, Path]:
        return {"seed": workshop.models / "seed.txt"}

    def prepare(self, _: Workshop, schedule: Schedule) -> Trainee:
        self.steps.append(schedule.steps)
        return TinyTrainee(tiny_net(8))

    def publish(self, _: Workshop, trainee: Trainee) -> None:
        assert not trainee.module().training
        self.published.append(next(trainee.module().parameters()).detach().clone())

    def recipe(self) -> Recipe:
        return Recipe(
            name="vae",
            model="stage-tiny",
            schedule=SHORT,
            batch=1,
            banks=(),
            minutes=1,
            data="planes",
            inputs=self.inputs,
            prepare=self.prepare,
            publish=self.publish,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "seed.txt").write_text("first", encoding="utf-8")
    return Workshop(training=tmp_path / "training", banks=tmp_path, models=tmp_path / "models", tell=lambda _: None)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Tiny:
    trainee = TinyTrainee.__init__

    def named(self: TinyTrainee, *given: object) -> None:
        trainee(self, *given)
        self.name = "vae"

    monkeypatch.setattr(TinyTrainee, "__init__", named)
    return Tiny()


def test_what_is_published_is_the_average_and_the_card_says_how_far_it_is(shop: Workshop, tiny: Tiny) -> None:
    outcome = train(tiny.recipe(), shop, replace(ONE, leg=Leg(until=12)))

    path = latest(shop.checkpoints("vae"))
    assert path is not None
    kept = read(path)
    assert (outcome.step, outcome.steps, outcome.model) == (12, 30, shop.models / "stage-tiny")
    assert torch.equal(tiny.published[0], kept.group("average")["0.weight"])
    assert not torch.equal(tiny.published[0], kept.group("weight")["0.weight"])
    part = read_card(outcome.model).parts["vae"]
    origin = {"batch": "1", "seed": file_key(shop.models / "seed.txt")}
    assert part == Part(data="planes", steps=12, planned_steps=30, hours=part.hours, origin=origin)


def test_two_legs_publish_what_one_would(shop: Workshop, tiny: Tiny, tmp_path: Path) -> None:
    train(tiny.recipe(), shop, ONE)
    other = replace(shop, training=tmp_path / "other")

    train(tiny.recipe(), other, replace(ONE, leg=Leg(until=11)))
    outcome = train(tiny.recipe(), other, ONE)

    assert outcome.step == 30
    assert torch.equal(tiny.published[0], tiny.published[2])
    assert not torch.equal(tiny.published[0], tiny.published[1])


def test_a_training_that_is_complete_is_only_published_again(shop: Workshop, tiny: Tiny) -> None:
    train(tiny.recipe(), shop, ONE)

    outcome = train(tiny.recipe(), shop, ONE)

    assert outcome.step == 30
    assert torch.equal(tiny.published[0], tiny.published[1])


def test_other_steps_are_another_training(shop: Workshop, tiny: Tiny) -> None:
    train(tiny.recipe(), shop, replace(ONE, steps=4))
    assert tiny.steps == [4]

    with pytest.raises(EnvironmentMismatchError, match=r"schedule\.steps must be 4 as in the checkpoint, got 30"):
        train(tiny.recipe(), shop, ONE)


def test_no_steps_are_refused(shop: Workshop, tiny: Tiny) -> None:
    with pytest.raises(UsageError, match=r"steps must be at least 1, got 0; leave the option out for 30"):
        train(tiny.recipe(), shop, replace(ONE, steps=0))


def test_what_a_recipe_starts_from_has_to_be_there(shop: Workshop, tiny: Tiny) -> None:
    (shop.models / "seed.txt").unlink()

    with pytest.raises(
        MediaMissingError,
        match=r"vae: .*seed\.txt must be there to start from, got nothing; run `shotgraph stage train seed`",
    ):
        train(tiny.recipe(), shop, ONE)


def test_a_training_goes_on_from_nothing_but_what_it_started_from(shop: Workshop, tiny: Tiny) -> None:
    train(tiny.recipe(), shop, replace(ONE, leg=Leg(until=5)))
    (shop.models / "seed.txt").write_text("second", encoding="utf-8")

    with pytest.raises(
        EnvironmentMismatchError, match=r"vae must go on with the seed it started with, b2:[0-9a-f]{32}, got"
    ):
        train(tiny.recipe(), shop, ONE)


def test_nothing_is_published_before_the_first_step(shop: Workshop, tiny: Tiny) -> None:
    with pytest.raises(UsageError, match=r"vae must take a step before it is published, got none; let it run longer"):
        train(tiny.recipe(), shop, replace(ONE, leg=Leg(until=0)))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_found_under_its_own_name(name: str) -> None:
    recipe = find_recipe(name)

    assert recipe.name == name
    assert recipe.model.startswith("stage-")
    assert recipe.schedule.steps > recipe.schedule.warmup


def test_an_unknown_recipe_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"recipe must be one of vae, text, .*, got 'controlnot'; did you mean 'controlnet'\?"
    ):
        find_recipe("controlnot")
