"""A bundle is five parts that fit: one dtype, one latent, one text width; anything else is refused with the file and the cure."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from tiny_models import TOKENS, WIDTH, tiny_unet, tiny_vae, write_tiny_model
from torch import Tensor

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.diffusion.sampling import sample
from shotgraph.errors import UnavailableError, UsageError


@pytest.fixture(scope="module")
def bundle(tiny_model: Path) -> ModelBundle:
    return ModelBundle.load(tiny_model)


@pytest.fixture
def copied(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def pictures(frames: int = 2, height: int = 16, width: int = 24) -> Tensor:
    """Ramps, wider than high, each frame brighter."""
    t, y, x = torch.meshgrid(torch.arange(frames), torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack((x / width, y / height, (t + 1) / (frames + 1)), dim=-1).float()


def latents(frames: int = 2) -> Tensor:
    return torch.randn((frames, 4, 4, 6), generator=torch.Generator().manual_seed(3))


def test_a_folder_loads_as_float32_for_inference(bundle: ModelBundle) -> None:
    assert (bundle.factor, bundle.channels, bundle.native_px) == (4, 4, 32)
    assert (bundle.device, bundle.dtype) == (torch.device("cpu"), torch.float32)
    assert not any(module.training for module in (bundle.vae, bundle.unet, bundle.text))
    assert not any(p.requires_grad for p in (*bundle.vae.parameters(), *bundle.unet.parameters()))


@pytest.mark.parametrize(("stored", "wanted"), [(torch.float16, torch.float32), (torch.float32, torch.bfloat16)])
def test_every_part_gets_the_one_dtype_whatever_the_folder_holds(
    tmp_path: Path, stored: torch.dtype, wanted: torch.dtype
) -> None:
    folder = write_tiny_model(tmp_path / "half", dtype=stored)

    bundle = ModelBundle.load(folder, dtype=wanted)

    found = {p.dtype for part in (bundle.vae, bundle.unet, bundle.text) for p in part.parameters()}
    assert found == {wanted}
    # Latents stay float32 between the networks.
    z = bundle.encode(pictures())
    assert z.dtype == bundle.noise(z, 5, bundle.words(["red"])).dtype == bundle.decode(z).dtype == torch.float32
    assert bool(torch.isfinite(bundle.decode(z)).all())


def test_parts_of_two_dtypes_are_refused(bundle: ModelBundle) -> None:
    half = tiny_vae().to(torch.float16)

    with pytest.raises(
        UnavailableError,
        match=r"all parts of .*tiny-sd must be of one dtype on one device, got vae: torch.float16 on cpu; unet: torch.float32 on cpu",
    ):
        replace(bundle, vae=half)


def test_a_unet_for_other_latents_is_refused(bundle: ModelBundle) -> None:
    with pytest.raises(
        UnavailableError, match=r"tiny-sd/unet must have 4 in_channels like the VAE's latents, got 9; inpainting"
    ):
        replace(bundle, unet=tiny_unet(in_channels=9))
    with pytest.raises(UnavailableError, match=r"tiny-sd/unet must have 8 in_channels like the VAE's latents, got 4"):
        replace(bundle, vae=tiny_vae(latent_channels=8))


def test_a_unet_for_another_text_encoder_is_refused(bundle: ModelBundle) -> None:
    with pytest.raises(
        UnavailableError,
        match=r"unet must attend to embeddings 16 wide like the text encoder's, got 24; take both parts",
    ):
        replace(bundle, unet=tiny_unet(cross_attention_dim=24))


@pytest.mark.parametrize(
    "missing",
    ["vae/config.json", "unet/config.json", "tokenizer/tokenizer_config.json", "scheduler/scheduler_config.json"],
)
def test_a_missing_configuration_is_named(copied: Path, missing: str) -> None:
    (copied / missing).unlink()

    with pytest.raises(
        UnavailableError, match=rf"model: {copied / missing} must exist, got nothing there; copy or pull"
    ):
        ModelBundle.load(copied)


@pytest.mark.parametrize("part", ["vae", "unet", "text_encoder"])
def test_missing_weights_name_the_folder(copied: Path, part: str) -> None:
    for file in (copied / part).glob("*.safetensors"):
        file.unlink()

    with pytest.raises(
        UnavailableError,
        match=rf"model: {copied / part} must be a whole part of a diffusers or transformers folder, got: .*safetensors",
    ):
        ModelBundle.load(copied)


@pytest.mark.parametrize("part", ["vae", "unet", "text_encoder"])
def test_weights_cut_short_name_the_folder(copied: Path, part: str) -> None:
    (file,) = (copied / part).glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:-100])

    with pytest.raises(
        UnavailableError,
        match=rf"model: {copied / part} must be a whole part of a diffusers or transformers folder, got: ",
    ):
        ModelBundle.load(copied)


def test_weights_of_another_shape_than_the_configuration_says_name_the_folder(copied: Path) -> None:
    file = copied / "unet/config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"in_channels": 5}))

    with pytest.raises(
        UnavailableError,
        match=rf"model: {copied / 'unet'} must be a whole part of a diffusers or transformers folder, got: ",
    ):
        ModelBundle.load(copied)


@pytest.mark.parametrize("part", ["vae", "unet", "text_encoder"])
def test_weights_that_lack_a_tensor_are_no_weights(copied: Path, part: str) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = (copied / part).glob("*.safetensors")
    tensors = load_file(file)
    gone = sorted(tensors)[3]
    save_file({k: v for k, v in tensors.items() if k != gone}, file, metadata={"format": "pt"})

    with pytest.raises(UnavailableError, match=rf"model: {copied / part} must .*, got .*{re.escape(gone)}"):
        ModelBundle.load(copied)


@pytest.mark.parametrize(
    ("part", "name"),
    [("unet", "diffusion_pytorch_model.bin"), ("text_encoder", "pytorch_model.bin"), ("vae", "vae.ckpt")],
)
def test_a_pickle_is_refused_and_never_opened(copied: Path, part: str, name: str) -> None:
    for file in (copied / part).glob("*.safetensors"):
        file.unlink()
    pickle = copied / part / name
    pickle.write_bytes(b"cos\nsystem\n(S'touch /nowhere'\ntR.")

    with pytest.raises(
        UnavailableError, match=rf"model: {pickle} must be safetensors, got a \.\w+ file, which can run code"
    ):
        ModelBundle.load(copied)


def test_a_pickle_beside_safetensors_is_left_alone(copied: Path) -> None:
    (copied / "unet/diffusion_pytorch_model.bin").write_bytes(b"not even a pickle")

    assert ModelBundle.load(copied).channels == 4


def test_another_vae_is_taken_where_one_is_named(bundle: ModelBundle, tiny_model: Path, tmp_path: Path) -> None:
    other = write_tiny_model(tmp_path / "other", seed=5) / "vae"

    mixed = ModelBundle.load(tiny_model, vae=other)

    assert not torch.equal(mixed.encode(pictures()), bundle.encode(pictures()))
    assert torch.equal(mixed.words(["red"]), bundle.words(["red"]))


def test_pictures_become_latents_four_times_smaller(bundle: ModelBundle) -> None:
    z = bundle.encode(pictures())

    assert z.shape == (2, 4, 4, 6)
    assert bundle.decode(z).shape == (2, 16, 24, 3)
    # The mean of the distribution: nothing is drawn.
    assert torch.equal(z, bundle.encode(pictures()))
    given = pictures().permute(0, 3, 1, 2) * 2 - 1
    assert torch.allclose(z, bundle.vae.encode(given).latent_dist.mean * bundle.vae.config["scaling_factor"], atol=1e-6)


def test_many_frames_go_through_the_vae_in_parts_and_come_out_the_same(bundle: ModelBundle) -> None:
    many = pictures(frames=19)

    z = bundle.encode(many)

    alone = torch.cat([bundle.encode(frame[None]) for frame in many])
    assert float((z - alone).abs().max()) < 1e-5
    assert float((bundle.decode(z) - torch.cat([bundle.decode(one[None]) for one in z])).abs().max()) < 1e-5


def test_sides_the_vae_cannot_halve_are_refused(bundle: ModelBundle) -> None:
    with pytest.raises(UsageError, match="sides must be multiples of 4 px, got 22x16; change work_size"):
        bundle.encode(pictures(width=22))


def test_words_are_the_text_encoders_last_hidden_state(bundle: ModelBundle) -> None:
    words = bundle.words(["red star", ""])

    ids = bundle.tokenizer(["red star", ""], padding="max_length", max_length=TOKENS, return_tensors="pt").input_ids
    assert words.shape == (2, TOKENS, WIDTH)
    assert torch.equal(words, bundle.text(ids).last_hidden_state)
    assert not torch.equal(words[0], words[1])


def test_a_prompt_longer_than_the_model_reads_is_refused(bundle: ModelBundle) -> None:
    longest = "a" * (TOKENS - 2)
    bundle.words([longest])

    with pytest.raises(UsageError, match=rf"prompt: must have at most 38 tokens, got 39 in '{longest}b'; shorten it"):
        bundle.words(["red", longest + "b"])


def test_guidance_is_two_evaluations_in_one_batch(bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    without, with_words = bundle.words(["", "red star"]).split(1)
    x, batches = latents(), list[int]()
    plain = bundle.noise

    def counted(x: Tensor, time: int, words: Tensor) -> Tensor:
        batches.append(len(x))
        return plain(x, time, words)

    expected = plain(x, 401, without) + 7.5 * (plain(x, 401, with_words) - plain(x, 401, without))
    monkeypatch.setattr(ModelBundle, "noise", lambda _self, *given: counted(*given))

    found = bundle.guided_noise(x, 401, without, with_words, 7.5)
    once = bundle.guided_noise(x, 401, without, with_words, 1.0)

    assert batches == [4, 2]
    assert float((found - expected).abs().max()) < 1e-5
    assert torch.equal(once, plain(x, 401, with_words))


def test_guidance_without_something_to_steer_away_from_is_refused(bundle: ModelBundle) -> None:
    with pytest.raises(UsageError, match=r"guidance must be 1 without a negative prompt, got 7\.5; embed one"):
        bundle.denoiser(bundle.grid(5), bundle.words(["red"]), guidance=7.5)


def test_a_denoiser_gives_noise_whatever_the_model_predicts(bundle: ModelBundle) -> None:
    x, words = latents(), bundle.words(["red"])
    velocity = replace(bundle, scheduler=dict(bundle.scheduler) | {"prediction_type": "v_prediction"})
    grid, other = bundle.grid(10), velocity.grid(10)

    eps = bundle.denoiser(grid, words)(x, 4)
    from_v = velocity.denoiser(other, words)(x, 4)

    a = other.alpha(4)
    assert torch.equal(eps, bundle.noise(x, grid.times[4], words))
    assert torch.allclose(from_v, a**0.5 * eps + (1 - a) ** 0.5 * x, atol=1e-6)


def test_a_whole_generation_is_what_diffusers_own_pipeline_makes(bundle: ModelBundle, tiny_model: Path) -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    pipeline: Any = StableDiffusionPipeline(
        vae=bundle.vae,
        text_encoder=bundle.text,
        tokenizer=bundle.tokenizer,
        unet=bundle.unet,
        scheduler=DDIMScheduler.from_pretrained(str(tiny_model / "scheduler")),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    x = latents(1)
    without, with_words = bundle.words(["blue", "red star"]).split(1)
    grid = bundle.grid(4)

    found = bundle.decode(sample(x, bundle.denoiser(grid, with_words, unconditional=without, guidance=5.0), grid))

    expected = pipeline(
        "red star", negative_prompt="blue", num_inference_steps=4, guidance_scale=5.0, latents=x, output_type="np"
    ).images
    assert found.shape == (1, 16, 24, 3)
    assert float(np.abs(found.clamp(0, 1).numpy() - expected).max()) < 1e-4
    assert float(found.std()) > 1e-3
