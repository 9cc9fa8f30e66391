"""Edit nodes as methods: through the real engine, whatever their contract, with what they need given to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shotgraph.api import Chunk, Context, Field, Flow, Frame, Keypoints, Mask, Node, Params, Ports, Rgb
from shotgraph.errors import NodeError
from shotgraph.plugins.analysis.flow import Dis
from shotgraph.stage.bench.counting import measured
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.nodes import NodeMethod, node_methods
from shotgraph.stage.bench.truth import RANKED_FROM, Truth, held_out
from shotgraph.testing.given import GivenClasses


class Tint(Node):
    """Adds what its parameters say, so that each of them can be read off the frames."""

    id = "edit.tint"
    version = "3"
    contract = Frame(batch=4)
    numerics = "exact"
    cost = "heavy"

    class In(Ports):
        """A plate, and where."""

        video: Rgb
        matte: Mask | None = None

    class Out(Ports):
        """Tinted."""

        video: Rgb

    class Params(Params):
        """Words and numbers."""

        prompt: str = Field(description="words")
        source_prompt: str = Field("", description="words")
        guidance: float = Field(1.0, description="weight")
        steps: int = Field(1, description="steps")
        inversion_steps: int = Field(1, description="steps")
        seed: int = Field(0, description="of noise")
        strength: float = Field(1.0, description="of one method only")

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        if params.strength < 0:
            raise NodeError(f"edit.tint: strength must be 0 or more, got {params.strength}")
        ctx.note(prompt_length=len(params.prompt), text="words")
        added = np.float32(params.guidance + params.steps / 100 + params.inversion_steps / 10000 + params.seed)
        added = added + np.float32(1000) * (params.prompt == params.source_prompt)
        where = np.float32(1) if frames.matte is None else frames.matte[..., None]
        return self.Out(video=frames.video + where * added)


class Windowed(Tint):
    """A diffusion window's shape of work, without a seed."""

    id = "edit.windowed"
    contract = Chunk(size=3, overlap=1)

    class In(Ports):
        """A plate and its flow."""

        video: Rgb
        flow: Flow

    class Params(Params):
        """No seed."""

        prompt: str = Field(description="words")

    def process(self, frames: Any, params: Params, ctx: Context) -> Tint.Out:
        """The plate, moved up by the mean length of its flow, so that a missing flow would be seen."""
        return self.Out(video=frames.video + np.float32(np.isfinite(frames.flow.forward).any()))


class Posed(Tint):
    """Needs what the bench has not."""

    id = "edit.posed"

    class In(Ports):
        """A plate and joints."""

        video: Rgb
        joints: Keypoints


class Noisy(Tint):
    """A seed that counts only where noise is drawn on the way."""

    id = "edit.noisy"

    class Params(Params):
        """Noise."""

        prompt: str = Field(description="words")
        paint: str = Field(description="a file that the bench does not have")
        seed: int = Field(0, description="of noise")
        eta: float = Field(0.0, description="share of noise")


CLASSES = GivenClasses((Tint, Windowed, Posed, Noisy, Dis))
SETTINGS = Settings(guidance=2.0, steps=5, inversion_steps=7)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return Truth(held_out("E1", RANKED_FROM, side_px=64, frames=5))


def method(name: str, tmp_path: Path) -> NodeMethod:
    return NodeMethod(name, CLASSES, tmp_path / "cache", "cpu")


def test_a_node_gets_every_setting_of_the_run_it_has_a_parameter_for(truth: Truth, tmp_path: Path) -> None:
    outcome = method("tint", tmp_path).run(truth.source, truth.edit, 1, SETTINGS)

    assert outcome.frames.shape == truth.source.shape
    assert outcome.frames.dtype == np.float32
    np.testing.assert_allclose(outcome.frames - truth.source, 2.0 + 0.05 + 0.0007 + 1, atol=1e-5)
    assert outcome.facts == {"prompt_length": len(truth.edit.target_prompt)}
    assert outcome.evaluations == 0


def test_a_reconstruction_is_asked_for_with_the_words_of_the_source(truth: Truth, tmp_path: Path) -> None:
    settings = Settings(guidance=2.0, steps=5, inversion_steps=7, reconstruct=True)

    outcome = method("tint", tmp_path).run(truth.source, truth.edit, 0, settings)

    assert float((outcome.frames - truth.source).min()) > 999


def test_no_matte_is_given_unless_it_is_asked_for(truth: Truth, tmp_path: Path) -> None:
    """A matte that is forced on keeps any background."""
    tint, background = method("tint", tmp_path), truth.background
    assert background is not None

    free = tint.run(truth.source, truth.edit, 0, SETTINGS)
    told = tint.run(truth.source, truth.edit, 0, Settings(guidance=2.0, steps=5, inversion_steps=7, matte=True))

    assert float(np.abs(free.frames - truth.source)[background].min()) > 2
    assert float(np.abs(told.frames - truth.source)[background].max()) < 0.05
    assert float((told.frames - truth.source)[truth.mattes > 0.99].min()) > 1.9


def test_windows_are_blended_by_the_engine_and_flow_is_made_for_who_needs_it(truth: Truth, tmp_path: Path) -> None:
    windowed = method("windowed", tmp_path)

    assert windowed.missing(SETTINGS) == ""
    outcome = windowed.run(truth.source, truth.edit, 0, SETTINGS)

    np.testing.assert_allclose(outcome.frames - truth.source, 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings", "why"),
    [
        ("tint", Settings(), ""),
        ("tint", Settings(extra={"strength": 0.5}), ""),
        ("tint", Settings(extra={"key_frames": 2}), "edit.tint has no parameter key_frames"),
        ("windowed", Settings(matte=True), "edit.windowed takes no matte"),
        ("posed", Settings(), "edit.posed needs joints, which the bench cannot give"),
        ("noisy", Settings(), "edit.noisy needs paint, which no prompt says"),
        ("absent", Settings(), "node: must be one of"),
    ],
)
def test_what_keeps_a_node_from_running_is_said_beforehand(
    tmp_path: Path, name: str, settings: Settings, why: str
) -> None:
    told = method(name, tmp_path).missing(settings)

    assert told.startswith(why)
    assert bool(told) == bool(why)


def test_a_node_that_fails_is_named_with_its_own_words(truth: Truth, tmp_path: Path) -> None:
    settings = Settings(extra={"strength": -1.0})

    with pytest.raises(
        NodeError, match=r"bench: edit\.tint must edit the clip, got: .*strength must be 0 or more, got -1"
    ):
        method("tint", tmp_path).run(truth.source, truth.edit, 0, settings)


def test_version_and_seed_are_those_of_the_node(tmp_path: Path) -> None:
    assert method("tint", tmp_path).version == "3 (synthetic 1)"
    assert method("tint", tmp_path).is_sampled(SETTINGS)
    assert not method("windowed", tmp_path).is_sampled(SETTINGS)
    assert not method("noisy", tmp_path).is_sampled(SETTINGS)
    assert method("noisy", tmp_path).is_sampled(Settings(extra={"eta": 1.0}))
    assert node_methods(["core.read", "edit.a", "flow.dis", "edit.b"]) == ("a", "b")


def test_a_second_run_computes_the_edit_again(truth: Truth, tmp_path: Path) -> None:
    """A kept result would make the second method of a name free."""
    tint = method("tint", tmp_path)

    facts = [tint.run(truth.source, truth.edit, 0, SETTINGS).facts for _ in range(2)]

    assert facts[0] == facts[1] != {}


def test_evaluations_are_counted_by_who_is_called_and_not_by_who_says_so() -> None:
    import torch

    class UNet2DConditionModel(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    class Decoder(UNet2DConditionModel):
        pass

    net, other = UNet2DConditionModel(), Decoder()
    with measured(counts=True) as cost:
        net(torch.zeros(4, 4, 2, 2))
        net(torch.zeros(2, 4, 3, 2, 2))
        other(torch.zeros(9, 4, 2, 2))
    net(torch.zeros(50, 4, 2, 2))

    assert cost.evaluations == 4 + 6
    assert cost.seconds > 0
