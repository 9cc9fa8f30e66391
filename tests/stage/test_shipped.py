"""The bundled models: what is shipped is what was recorded, small enough, and loads with the libraries' own calls."""

import numpy as np
import pytest
import torch
from diffusers import (
    AnimateDiffPipeline,
    ControlNetModel,
    MotionAdapter,
    StableDiffusionPipeline,
    TextToVideoSDPipeline,
)
from transformers import AutoModelForDepthEstimation, CLIPModel, VitPoseForPoseEstimation

from shotgraph.models.registry import Places, bundled_names, resolve
from shotgraph.models.verify import verify

MODELS = ("stage-clip", "stage-depth", "stage-judge", "stage-pose", "stage-sd", "stage-t2v")
PROMPT = "a large red plain circle over a gray plain background"
MOST_BYTES = 32e6
BUNDLED = Places.of_user().bundled


def test_everything_that_is_bundled_is_known_here_and_fits() -> None:
    sizes = [path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()]

    assert tuple(sorted(bundled_names(Places.of_user()))) == MODELS
    assert 0 < sum(sizes) <= MOST_BYTES


@pytest.mark.parametrize("name", MODELS)
def test_every_file_is_the_one_that_was_recorded(name: str) -> None:
    assert {check.state for check in verify(resolve(name), Places.of_user())} == {"same"}


def test_a_plain_pipeline_draws_a_red_circle_over_gray() -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(BUNDLED / "stage-sd")
    pipeline.set_progress_bar_config(disable=True)
    start = torch.Generator().manual_seed(0)

    drawn = pipeline(
        PROMPT, num_inference_steps=15, guidance_scale=3.0, height=128, width=128, output_type="np", generator=start
    ).images[0]

    redness = drawn[..., 0] - drawn[..., 1:].max(axis=-1)
    assert 0.02 < float((redness > 0.3).mean()) < 0.6
    assert np.abs(drawn[redness < 0.05] - 0.5).max(axis=-1).mean() < 0.25


def test_a_plain_pipeline_loads_the_text_to_video_model() -> None:
    pipeline = TextToVideoSDPipeline.from_pretrained(BUNDLED / "stage-t2v")
    pipeline.set_progress_bar_config(disable=True)

    drawn = pipeline(PROMPT, num_frames=2, num_inference_steps=2, height=64, width=64, output_type="np").frames

    assert np.asarray(drawn).shape == (1, 2, 64, 64, 3)
    assert np.isfinite(drawn).all()


def test_plain_classes_load_what_stands_beside_the_unet() -> None:
    ControlNetModel.from_pretrained(BUNDLED / "stage-sd/controlnet")
    adapter = MotionAdapter.from_pretrained(BUNDLED / "stage-sd/motion_adapter")

    pipeline = AnimateDiffPipeline.from_pretrained(BUNDLED / "stage-sd", motion_adapter=adapter)

    assert pipeline.unet.__class__.__name__ == "UNetMotionModel"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("stage-depth", AutoModelForDepthEstimation), ("stage-pose", VitPoseForPoseEstimation), ("stage-clip", CLIPModel)],
)
def test_plain_transformers_load_the_analysis_models_whole(name: str, kind: type) -> None:
    _, report = kind.from_pretrained(BUNDLED / name, output_loading_info=True)  # type: ignore[attr-defined]

    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
