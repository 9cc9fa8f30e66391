"""With a stand-in for the library, which is an extra of its own; the same calls were tried against open_clip_torch 3.3.0."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from shotgraph.errors import ShapeError, UnavailableError, UsageError
from shotgraph.metrics.embedder import Embedder
from shotgraph.metrics.openclip import OpenClip, squared

SIDE = 6


class Model(nn.Module):
    """Its vector of a picture is the mean of each channel, of a prompt its first three tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def encode_image(self, pictures: torch.Tensor) -> torch.Tensor:
        assert pictures.shape[1:] == (3, SIDE, SIDE)
        return self.weight * pictures.mean(dim=(2, 3))

    def encode_text(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.weight * tokens[:, :3]


def tokenize(prompts: list[str]) -> torch.Tensor:
    """The length of each word, cut at four words, as the library cuts: in silence."""
    rows = [[len(word) for word in prompt.split()][:4] for prompt in prompts]
    return torch.tensor([row + [0] * (4 - len(row)) for row in rows])


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    asked: dict[str, object] = {}
    module = ModuleType("open_clip")

    def create_model(name: str, **settings: object) -> Model:
        asked.update(settings, name=name)
        return Model()

    functions = {
        "list_models": lambda: ["Tiny-1"],
        "create_model": create_model,
        "get_tokenizer": lambda _: tokenize,
        "get_model_preprocess_cfg": lambda _: {"size": (SIDE, SIDE), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.25, 1.0)},
    }
    vars(module).update(vars(SimpleNamespace(**functions)))
    monkeypatch.setitem(sys.modules, "open_clip", module)
    return asked


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "laion.safetensors"
    file.write_bytes(b"weights")
    return file


def test_weights_come_from_the_named_file(library: dict[str, object], weights: Path) -> None:
    clip = OpenClip.load(f"open_clip:Tiny-1:{weights}")

    assert isinstance(clip, Embedder)
    assert clip.name == "Tiny-1 laion"
    assert library == {"name": "Tiny-1", "pretrained": str(weights), "device": "cpu"}


@pytest.mark.usefixtures("library")
def test_pictures_are_fitted_and_normalised_by_the_models_own_numbers(weights: Path) -> None:
    clip = OpenClip.load(f"open_clip:Tiny-1:{weights}")
    frames = np.broadcast_to(np.array([1.0, 0.75, 0.0], np.float32), (2, 12, 20, 3)).copy()

    found = clip.image(frames)

    assert np.allclose(found, np.array([1.0, 1.0, -0.5]) / 1.5, atol=1e-5)
    with pytest.raises(ShapeError, match=r"embedder: frames must be \(T, H, W, 3\), got \(12, 20, 3\)"):
        clip.image(frames[0])


@pytest.mark.usefixtures("library")
def test_prompts_become_unit_vectors_and_are_never_cut(weights: Path) -> None:
    clip = OpenClip.load(f"open_clip:Tiny-1:{weights}")

    assert np.allclose(clip.text(["aa a aa"]), [[2 / 3, 1 / 3, 2 / 3]])
    assert np.allclose(clip.text(["aa a aa bb"]), [[2 / 3, 1 / 3, 2 / 3]])
    with pytest.raises(
        UsageError, match="embedder: prompt must be at most 4 tokens, got more in 'aa a aa bb c'; shorten"
    ):
        clip.text(["aa", "aa a aa bb c"])
    assert np.allclose(clip.text(["aa a aa "]), [[2 / 3, 1 / 3, 2 / 3]])
    # Cut within the last word: the library counts pieces of words.
    pieces: Any = lambda prompts: torch.tensor([[ord(letter) for letter in f"{p:4}"][:4] for p in prompts])  # noqa: E731
    with pytest.raises(UsageError, match="prompt must be at most 4 tokens, got more in 'abcdefg'; shorten it"):
        replace(clip, tokenizer=pieces).text(["abcdefg"])


def test_the_shorter_side_fits_and_the_middle_is_kept() -> None:
    ramp = torch.linspace(0, 1, 40)[None, None, :, None].expand(1, 20, 40, 3)

    found = squared(ramp, 10)

    assert found.shape == (1, 3, 10, 10)
    assert found[0, 0, 5].mean() == pytest.approx(0.5, abs=1e-3)
    assert found[0, 0, 5, 0] == pytest.approx(0.26, abs=0.02)
    assert squared(ramp.transpose(1, 2), 10)[0, 0, :, 5].mean() == pytest.approx(0.5, abs=1e-3)


def test_detail_too_fine_for_the_size_becomes_its_mean_and_no_pattern() -> None:
    stripes = (torch.arange(60) % 3 == 0).float()[None, None, :, None].expand(1, 30, 60, 3)

    found = squared(stripes, 10)

    assert found[..., 2:-2].mean() == pytest.approx(1 / 3, abs=0.02)
    assert found[..., 2:-2].std() < 0.1


@pytest.mark.parametrize("name", ["open_clip", "open_clip:Tiny-1", "open_clip::w.safetensors", "open_clip:Tiny-1:w.pt"])
def test_a_name_without_architecture_and_safetensors_is_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"embedder: open_clip must be given as open_clip:ARCH.*, got '{name}'; nothing is"
    ):
        OpenClip.load(name)


def test_a_missing_library_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)

    with pytest.raises(
        UnavailableError, match=r"embedder: open_clip must be installed, got .*; run pip install open_clip_"
    ):
        OpenClip.load("open_clip:Tiny-1:w.safetensors")


@pytest.mark.usefixtures("library")
def test_missing_weights_and_unknown_architectures_are_named(weights: Path) -> None:
    with pytest.raises(
        UnavailableError, match=r"embedder: weights must exist, got nothing at /no/w.safetensors; check"
    ):
        OpenClip.load("open_clip:Tiny-1:/no/w.safetensors")
    with pytest.raises(UsageError, match="architecture must be one that open_clip lists, got 'tiny-1'; check its case"):
        OpenClip.load(f"open_clip:tiny-1:{weights}")
