"""Every recipe, for two steps: the next one starts from it, and plain libraries load what it leaves."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.unets.unet_motion_model import MotionAdapter
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from safetensors.torch import load_file
from tiny_training import small_workshop

from shotgraph.diffusion.autoencoding import encode
from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.metrics.folder_clip import INSTANCE_HEAD, FolderClip
from shotgraph.stage.training import controlgates, drawgates, motiongates
from shotgraph.stage.training.banks import BankPlan
from shotgraph.stage.training.cards import read_card
from shotgraph.stage.training.checkpoints import latest
from shotgraph.stage.training.depth import inverse_depths
from shotgraph.stage.training.gates import PROBES, run_gates
from shotgraph.stage.training.judge import answers, load_judge, new_judge, save_judge
from shotgraph.stage.training.judge_data import HEADS
from shotgraph.stage.training.latents import displayed, open_vae
from shotgraph.stage.training.loop import Leg, seeded
from shotgraph.stage.training.moving import ClipTrainee
from shotgraph.stage.training.pose import key_points
from shotgraph.stage.training.recipe import Workshop
from shotgraph.stage.training.train import Order, find_recipe, train

PROMPT = "a red star over a gray plain background"
CHAIN = ("vae", "text", "t2i-64", "t2i", "t2i-fine", "controlnet", "motion", "t2v", "judge", "clip", "depth", "pose")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Every recipe after two steps."""
    with pytest.MonkeyPatch.context() as patch:
        shop = small_workshop(tmp_path_factory.mktemp("shop"), patch)
        threads = torch.get_num_threads()
        for name in CHAIN:
            train(find_recipe(name), shop, Order(leg=Leg(until=2), threads=1))
        torch.set_num_threads(threads)
    return shop


def dtypes(path: Path) -> set[torch.dtype]:
    return {tensor.dtype for tensor in load_file(path).values() if tensor.is_floating_point()}


def test_every_recipe_leaves_its_checkpoint_and_its_entry_in_the_card(trained: Workshop) -> None:
    steps = {name: latest(trained.checkpoints(name)) for name in CHAIN}

    assert {name: path.name for name, path in steps.items() if path} == dict.fromkeys(CHAIN, "step-000002.safetensors")
    card = read_card(trained.sd)
    assert list(card.parts) == ["vae", "text", "t2i-64", "t2i", "t2i-fine", "controlnet", "motion"]
    assert (card.parts["vae"].steps, card.parts["vae"].planned_steps) == (2, 5000)
    assert list(read_card(trained.t2v).parts) == ["t2v"]
    for name in ("judge", "clip", "depth", "pose"):
        assert list(read_card(trained.models / f"stage-{name}").parts) == [name]


def test_what_perceives_loads_and_answers(trained: Workshop) -> None:
    frames = np.random.Generator(np.random.Philox(0)).random((2, 96, 160, 3), np.float32)
    boxes = np.array([[20.0, 10.0, 30.0, 60.0]] * 2)

    clip = FolderClip.load(trained.models / "stage-clip", head=INSTANCE_HEAD)

    assert set(answers(load_judge(trained.models / "stage-judge"), frames)) == set(HEADS)
    assert clip.image(frames).shape == (2, 64)
    assert inverse_depths(trained.models / "stage-depth", frames).shape == (2, 96, 160)
    assert key_points(trained.models / "stage-pose", frames, boxes).shape == (2, 17, 2)


def test_no_configuration_says_where_it_was_made(trained: Workshop) -> None:
    written = [path.read_text(encoding="utf-8") for path in trained.models.rglob("config.json")]

    assert len(written) >= 8
    assert not any(str(trained.training) in text or str(trained.models) in text for text in written)


def test_a_new_text_encoder_takes_away_the_adapter_whose_words_it_does_not_know(
    trained: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_workshop(tmp_path, monkeypatch)
    told: list[str] = []
    shop = replace(trained, models=Path(shutil.copytree(trained.models, tmp_path / "models")), tell=told.append)
    recipe = find_recipe("t2i-fine")

    recipe.publish(shop, recipe.prepare(shop, recipe.schedule))

    assert not (shop.sd / "motion_adapter").exists()
    assert told[-1].endswith("run `shotgraph stage train motion` again")


def test_a_shorter_training_keeps_the_share_of_small_clips(
    trained: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_workshop(tmp_path, monkeypatch)
    recipe = find_recipe("motion")

    trainee = recipe.prepare(trained, replace(recipe.schedule, steps=10))

    assert isinstance(trainee, ClipTrainee)
    assert trainee.small_steps == 6


def test_weights_are_half_precision_but_those_of_the_text_tower(trained: Workshop) -> None:
    weights = "diffusion_pytorch_model.safetensors"

    assert {dtypes(trained.sd / part / weights) == {torch.float16} for part in ("vae", "unet", "controlnet")} == {True}
    assert dtypes(trained.sd / "motion_adapter" / weights) == {torch.float16}
    assert dtypes(trained.t2v / "unet" / weights) == {torch.float16}
    assert dtypes(trained.sd / "text_encoder" / "model.safetensors") == {torch.float32}
    assert dtypes(trained.masters("t2i-fine") / "unet" / weights) == {torch.float32}


def test_a_plain_pipeline_loads_the_text_to_image_model_and_draws(trained: Workshop) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(trained.sd)
    pipeline.set_progress_bar_config(disable=True)

    drawn = pipeline(PROMPT, num_inference_steps=2, height=32, width=64, output_type="np").images

    assert drawn.shape == (1, 32, 64, 3)
    assert np.isfinite(drawn).all()
    assert pipeline.unet.config.sample_size == 32


def test_a_plain_pipeline_loads_the_text_to_video_model_and_draws(trained: Workshop) -> None:
    pipeline = TextToVideoSDPipeline.from_pretrained(trained.t2v)
    pipeline.set_progress_bar_config(disable=True)

    drawn = pipeline(PROMPT, num_frames=3, num_inference_steps=2, height=32, width=64, output_type="np").frames

    assert np.asarray(drawn).shape == (1, 3, 32, 64, 3)


def test_plain_classes_load_the_controlnet_and_the_motion_adapter(trained: Workshop) -> None:
    control = ControlNetModel.from_pretrained(trained.sd / "controlnet")
    adapter = MotionAdapter.from_pretrained(trained.sd / "motion_adapter")
    pipeline = AnimateDiffPipeline.from_pretrained(trained.sd, motion_adapter=adapter)

    assert tuple(control.config.conditioning_embedding_out_channels) == (8, 16, 32)
    assert pipeline.unet.__class__.__name__ == "UNetMotionModel"


def test_our_own_bundle_loads_the_folder(trained: Workshop) -> None:
    bundle = ModelBundle.load(trained.sd)

    assert bundle.factor == 4
    assert bundle.words([PROMPT]).shape == (1, 32, 96)


def test_latents_have_a_deviation_of_one_on_what_the_scale_was_measured_on(trained: Workshop) -> None:
    found = list(trained.banks.glob("general-train-32px-0+16x1-1-*/latents-*.npy"))
    measured = trained.bank(BankPlan(split="train", clips=3, side_px=64)).frames[:, 0]

    assert len(found) == 1
    assert np.load(found[0]).shape == (16, 1, 4, 8, 8)
    # Measured in single precision, stored in half.
    assert float(encode(open_vae(trained.sd / "vae"), displayed(measured)).std()) == pytest.approx(1, rel=0.02)


def test_the_frozen_net_is_not_changed_by_what_is_trained_beside_it(trained: Workshop) -> None:
    weights = load_file(trained.sd / "unet" / "diffusion_pytorch_model.safetensors")
    video = load_file(trained.t2v / "unet" / "diffusion_pytorch_model.safetensors")

    same = {name: torch.equal(value, video[name].reshape(value.shape)) for name, value in weights.items()}
    assert all(same.values())
    assert float(video["transformer_in.proj_out.weight"].abs().max()) > 0


def test_the_small_stage_does_not_replace_a_model_of_the_full_one(
    trained: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_workshop(tmp_path, monkeypatch)
    before = (trained.sd / "unet" / "config.json").read_text(encoding="utf-8")
    recipe = find_recipe("t2i-64")
    trainee = recipe.prepare(trained, recipe.schedule)

    recipe.publish(trained, trainee)

    assert (trained.sd / "unet" / "config.json").read_text(encoding="utf-8") == before


def test_gates_of_models_that_draw_are_measured_on_what_they_draw(
    trained: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (drawgates, controlgates, motiongates):
        monkeypatch.setattr(module, "STEPS", 2)
    monkeypatch.setattr(drawgates, "PROMPTS", 3)
    monkeypatch.setattr(controlgates, "CLIPS", 2)
    monkeypatch.setattr(motiongates, "CLIPS", 1)
    with seeded(0):
        save_judge(new_judge(), trained.models / "stage-judge")
    probes = [probe for probe in PROBES if probe.name in ("t2i", "controlnet", "motion", "t2v")]

    rows = run_gates(trained.models, 0, probes)

    assert [row.gate for row in rows] == [gate for probe in probes for gate in probe.bounds]
    assert all(row.value is not None and 0 <= row.value <= 1 for row in rows)
    # Two steps of training teach nothing, and a gate that passes them measures nothing. (One clip may drift by chance.)
    drawn = [row for row in rows if row.rule == ">=" and not row.gate.endswith(".direction")]
    assert [row.gate for row in drawn if row.passed] == []
