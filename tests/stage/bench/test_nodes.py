"""Edit nodes as methods: through the real engine, whatever their contract, with what they need given to them."""

import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
import pytest

from shotgraph.api import Chunk, Context, Depth, Field, Flow, Frame, Keypoints, Mask, Node, Params, Ports, Rgb
from shotgraph.errors import NodeError, OutputError
from shotgraph.plugins.analysis.flow import Dis
from shotgraph.plugins.edit.propagate import Propagate
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.nodes import NodeMethod, node_methods
from shotgraph.stage.bench.scores import Instruments, score
from shotgraph.stage.bench.truth import RANKED_FROM, Truth, held_out
from shotgraph.stage.bench.wiring import Wiring, write_paint
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
        steps: int = Field(1, ge=1, description="steps")
        inversion_steps: int = Field(1, description="steps")
        seed: int = Field(0, description="of noise")
        strength: float = Field(1.0, le=8, description="of one method only")
        blend: Literal["soft", "hard"] = Field("soft", description="of one method only")
        passes: int = Field(1, description="an odd number")

        @pydantic.field_validator("passes")
        @classmethod
        def _is_odd(cls, value: int) -> int:
            if value % 2 == 0:
                raise ValueError(f"passes must be odd, got {value}")
            return value

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        if params.strength < 0:
            raise NodeError(f"edit.tint: strength must be 0 or more, got {params.strength}")
        ctx.note(prompt_length=len(params.prompt), text="words", success=1, loss=float("nan"))
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


class Held(Tint):
    """Must be told where to edit."""

    id = "edit.held"

    class In(Ports):
        """A plate, and where."""

        video: Rgb
        where: Mask


class Modelled(Tint):
    """Tints by what its model's weights are; the flow it needs is made by another node."""

    id = "edit.modelled"
    numerics = "device"

    class In(Ports):
        """A plate and its flow."""

        video: Rgb
        flow: Flow

    class Params(Params):
        """A model."""

        prompt: str = Field(description="words")
        model: str = Field("", description="a folder")

    def process(self, frames: Any, params: Params, ctx: Context) -> Tint.Out:
        """Runs a predictor of two frames for every one."""
        import torch

        class UNet2DConditionModel(torch.nn.Module):
            def forward(self, sample: torch.Tensor) -> torch.Tensor:
                return sample

        UNet2DConditionModel()(sample=torch.zeros(2 * len(frames.video), 4, 2, 2))
        return self.Out(video=frames.video + np.float32(0.1))


class Painted(Tint):
    """Shows the painted frame, if it is given one."""

    id = "edit.painted"

    class Params(Params):
        """A file that may be left out."""

        prompt: str = Field(description="words")
        file: str = Field("", path="read", description="painted frames")

    def process(self, frames: Any, params: Params, ctx: Context) -> Tint.Out:
        """The plate, brighter where there is paint."""
        return self.Out(video=frames.video + np.float32(bool(params.file)))


class Noisy(Tint):
    """A seed that counts only where noise is drawn on the way."""

    id = "edit.noisy"

    class Params(Params):
        """Noise."""

        prompt: str = Field(description="words")
        paint: str = Field(description="a file that the bench does not have")
        seed: int = Field(0, description="of noise")
        eta: float = Field(0.0, description="share of noise")


class Estimate(Tint):
    """Measures the plate with a model of its own."""

    id = "depth.estimate"

    class Out(Ports):
        """Depth."""

        depth: Depth

    class Params(Params):
        """Its model."""

        model: str = Field("stage-depth", description="a folder")


class Deep(Modelled):
    """Needs depth, and a model that edits."""

    id = "edit.deep"

    class In(Ports):
        """A plate and its depth."""

        video: Rgb
        depth: Depth


CLASSES = GivenClasses((Tint, Windowed, Posed, Held, Modelled, Painted, Noisy, Propagate, Dis))
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
    # Words and what is not finite are no numbers.
    assert outcome.facts == {"prompt_length": len(truth.edit.target_prompt), "success": 1.0}
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


def test_a_matte_that_must_be_linked_is_the_one_that_is_given(tmp_path: Path) -> None:
    """The plate is no matte, whatever else there is nothing to link."""
    (tmp_path / "matte.npy").touch()
    told = Wiring(Held, CLASSES, Settings(matte=True))

    graph = {spec.name: spec for spec in told.graph(tmp_path, {"prompt": "red"})}

    assert graph["edit"].settings == {"video": "plate", "where": "given_matte", "prompt": "red"}
    assert told.unfed == []
    assert Wiring(Held, CLASSES, Settings()).unfed == ["where"]


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
        ("tint", Settings(extra={"strength": "high"}), "edit.tint: strength must be a valid number, unable to parse"),
        ("tint", Settings(extra={"strength": 9}), "edit.tint: strength must be less than or equal to 8, got 9"),
        ("tint", Settings(extra={"blend": "mild"}), "edit.tint: blend must be 'soft' or 'hard', got 'mild'"),
        ("tint", Settings(extra={"passes": 4}), "edit.tint: passes is refused: Value error, passes must be odd, got 4"),
        ("tint", Settings(extra={"passes": 3}), ""),
        ("tint", Settings(steps=0), "edit.tint: steps must be greater than or equal to 1, got 0"),
        ("noisy", Settings(extra={"eta": "high", "paint": "x"}), "edit.noisy: eta must be a valid number"),
        ("modelled", Settings(extra={"prompt": 3}), "edit.modelled: prompt must be a valid string, got 3"),
        ("held", Settings(), "edit.held needs a matte; write held@matte"),
        ("held", Settings(matte=True), ""),
        ("posed", Settings(), "edit.posed needs joints, which the bench cannot give"),
        ("noisy", Settings(), "edit.noisy needs paint, which no prompt says"),
        ("modelled", Settings(), "no model given; use --model"),
        ("modelled", Settings(model="stage-nothing"), "model: must be one of"),
        ("propagate", Settings(), ""),
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
    # No number at all: `missing` tells it, and nothing here dies of it.
    assert not method("noisy", tmp_path).is_sampled(Settings(extra={"eta": "high"}))
    assert node_methods(["core.read", "edit.a", "flow.dis", "edit.b"]) == ("a", "b")


def test_seconds_are_those_of_the_engine_and_not_of_what_is_prepared_for_it(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = np.save

    def slowly(*given: Any) -> None:
        time.sleep(0.7)
        save(*given)

    monkeypatch.setattr(np, "save", slowly)
    started = time.perf_counter()

    outcome = method("tint", tmp_path).run(truth.source, truth.edit, 0, SETTINGS)

    assert outcome.seconds is not None
    assert 0 < outcome.seconds <= time.perf_counter() - started - 0.7


def test_a_second_run_computes_the_edit_again(truth: Truth, tmp_path: Path) -> None:
    """A kept result would make the second method of a name free."""
    tint = method("tint", tmp_path)

    facts = [tint.run(truth.source, truth.edit, 0, SETTINGS).facts for _ in range(2)]

    assert facts[0] == facts[1] != {}


def weights_in(folder: Path, content: bytes) -> Settings:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(content)
    return Settings(model=str(folder))


def test_other_weights_in_the_same_folder_are_another_identity(tmp_path: Path) -> None:
    modelled = method("modelled", tmp_path)

    first = modelled.identity(weights_in(tmp_path / "model", b"one"))
    second = modelled.identity(weights_in(tmp_path / "model", b"another"))

    assert first["model of edit.modelled"].startswith("b2:")
    assert first["model of edit.modelled"] != second["model of edit.modelled"]
    assert {name for name in first if first[name] != second[name]} == {"model of edit.modelled"}


def test_machine_libraries_and_nodes_that_are_needed_join_the_identity(tmp_path: Path) -> None:
    windowed = method("windowed", tmp_path).identity(SETTINGS)

    assert windowed["node flow.dis"] == f"{Dis.version} (synthetic 1)"
    assert (windowed["device"], windowed["dtype"]) == ("cpu", "fp32")
    assert {"torch", "numpy", "cpu", "python"} <= set(windowed)
    two, three = (NodeMethod("tint", CLASSES, tmp_path, "cpu", threads=n).identity(SETTINGS) for n in (2, 3))
    assert {name for name in two if two[name] != three[name]} == {"threads"}
    # Without a model nobody asks for one.
    assert not [name for name in two if name.startswith("model")]


def test_who_measures_the_plate_keeps_a_model_of_its_own(tmp_path: Path) -> None:
    wiring = Wiring(Deep, GivenClasses((Deep, Estimate)), Settings(model="stage-sd"))

    graph = {spec.name: spec for spec in wiring.graph(tmp_path, {"model": "stage-sd", "prompt": "red"})}

    assert wiring.models == {"edit.deep": "stage-sd", "depth.estimate": "stage-depth"}
    assert graph["edit"].settings == {"video": "plate", "depth": "given_depth", "model": "stage-sd", "prompt": "red"}
    assert graph["given_depth"].settings == {"video": "plate"}


def test_evaluations_of_a_model_are_counted_while_the_node_runs(truth: Truth, tmp_path: Path) -> None:
    outcome = method("modelled", tmp_path).run(truth.source, truth.edit, 0, weights_in(tmp_path / "model", b"one"))

    # Two for every frame, in batches of four of which the last is filled up.
    assert outcome.evaluations == 2 * 8


@pytest.mark.parametrize(
    ("name", "family", "why"),
    [
        ("tint", "E1", ""),
        ("tint", "E9", "edit.tint takes no painted first frame"),
        ("painted", "E1", ""),
        ("painted", "E9", ""),
        ("propagate", "E9", ""),
        ("propagate", "E1", "edit.propagate needs a painted first frame, which E9 alone gives"),
    ],
)
def test_a_painted_first_frame_is_for_those_who_take_one(tmp_path: Path, name: str, family: Any, why: str) -> None:
    assert method(name, tmp_path).refuses(family) == why


def test_the_true_first_frame_is_carried_through_the_clip(tmp_path: Path) -> None:
    truth = Truth(held_out("E9", RANKED_FROM, side_px=64, frames=3))

    frames = method("propagate", tmp_path).run(truth.source, truth.edit, 0, SETTINGS).frames

    # 16 bits, and no paint where nothing changed.
    np.testing.assert_allclose(frames[0], truth.target[0], atol=1 / 255)
    assert np.abs(frames[0] - truth.target[0])[truth.mattes[0] > 0.9].max() < 2 / 65535
    assert score(frames, truth, Instruments()).values["success"] == 1.0
    assert np.abs(frames[2] - truth.source[2]).max() > 0.1


def test_paint_is_given_with_that_edit_alone(truth: Truth, tmp_path: Path) -> None:
    given = Truth(held_out("E9", RANKED_FROM, side_px=64, frames=2))
    painted = method("painted", tmp_path)

    with_paint = painted.run(given.source, given.edit, 0, SETTINGS).frames
    without = painted.run(truth.source, truth.edit, 0, SETTINGS).frames

    np.testing.assert_allclose(with_paint - given.source, 1.0, atol=1e-5)
    np.testing.assert_allclose(without, truth.source, atol=1e-6)


def test_a_picture_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cv2.imencode", lambda *_given: (False, None))

    with pytest.raises(OutputError, match=r"paint\.1001\.png must be written as PNG, got a picture of \(2, 3, 3\)"):
        write_paint(tmp_path, np.zeros((2, 3, 3), np.float32))
