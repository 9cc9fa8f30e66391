"""Pictures to latents and back, for whoever has a VAE."""

from pathlib import Path
from typing import Any

import pytest
import torch

from shotgraph.diffusion.autoencoding import FRAMES_AT_ONCE, decode, encode, to_display, to_model
from shotgraph.diffusion.parts import load_part


@pytest.fixture
def vae(tiny_model: Path) -> Any:
    return load_part(tiny_model / "vae", "vae", torch.float32)


def test_display_values_span_what_networks_take() -> None:
    pictures = torch.tensor([0.0, 0.25, 1.0]).view(1, 1, 1, 3).expand(2, 4, 5, 3)

    given = to_model(pictures)

    assert given.shape == (2, 3, 4, 5)
    assert given[0, :, 0, 0].tolist() == [-1.0, -0.5, 1.0]
    assert torch.equal(to_display(given), pictures)


def test_latents_are_scaled_means_whatever_the_number_of_pictures(vae: Any) -> None:
    pictures = torch.rand((FRAMES_AT_ONCE + 1, 16, 24, 3), generator=torch.Generator().manual_seed(1))

    latents = encode(vae, pictures)

    mean = vae.encode(to_model(pictures[-1:])).latent_dist.mean
    assert torch.allclose(latents[-1:], mean * vae.config.scaling_factor, atol=1e-6)
    assert torch.allclose(decode(vae, latents[-1:]), to_display(vae.decode(mean).sample), atol=1e-5)


def test_a_vae_of_another_dtype_takes_and_gives_single_precision(vae: Any) -> None:
    vae.to(torch.bfloat16)

    latents = encode(vae, torch.full((1, 16, 24, 3), 0.5))

    assert latents.dtype == decode(vae, latents).dtype == torch.float32
