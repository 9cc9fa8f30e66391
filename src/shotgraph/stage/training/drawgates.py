"""Gates of the text-to-image model: whether pictures show what their prompts say, by the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from shotgraph.diffusion.bundle import ModelBundle
from shotgraph.diffusion.noise import PhiloxNoise
from shotgraph.diffusion.sampling import sample
from shotgraph.stage.captions import caption
from shotgraph.stage.spec import ClipSpec
from shotgraph.stage.training.cards import Card, read_card
from shotgraph.stage.training.denoising import NOISE_OFFSET
from shotgraph.stage.training.gating import Gate, gates_of
from shotgraph.stage.training.judge import answers, load_judge
from shotgraph.stage.training.vaegates import CLIPS_OF_A_SEED
from shotgraph.stage.worlds import draw_clip

PROMPTS, STEPS = 200, 25
_AT_ONCE = 20


def measure(models: Path, seed: int) -> list[Gate]:
    """The rows of ``stage-sd`` at its card's guidance and size, over 200 prompts, by ``stage-judge``."""
    sd, judge = models / "stage-sd", load_judge(models / "stage-judge")
    card, bundle = read_card(sd), ModelBundle.load(sd)
    specs = [asked_clip(seed, number) for number in range(PROMPTS)]
    start = starts(bundle, seed, len(specs), card.side_px)
    said = answers(judge, pictures_of(bundle, card, specs, start))
    moved = answers(judge, pictures_of(bundle, card, specs, other_means(start, seed)))
    followed = 1 - _agree(said["ground_colour"], moved["ground_colour"])
    shares = {f"t2i.{what}": value for what, value in shown(said, specs).items()}
    return gates_of(shares | {"t2i.ground_from_noise_mean": followed})


def asked_clip(seed: int, number: int) -> ClipSpec:
    """A held-out clip of one object and no style, whose caption is a prompt."""
    return draw_clip(CLIPS_OF_A_SEED * seed + number, "held-out", sprites=1, styled=False)


def starts(bundle: ModelBundle, seed: int, count: int, side_px: int) -> Tensor:
    """(N, C, h, w): the noise that every picture starts from."""
    side = side_px // bundle.factor
    return PhiloxNoise(seed).draw("gates x_T", range(count), (bundle.vae.config["latent_channels"], side, side))


def other_means(start: Tensor, seed: int) -> Tensor:
    """The same noise about another mean of every channel, as far from 0 as those of training."""
    means = PhiloxNoise(seed).draw("gates mean", range(len(start)), (start.shape[1], 1, 1))
    return start - start.mean(dim=(2, 3), keepdim=True) + NOISE_OFFSET * means


@torch.no_grad()
def pictures_of(bundle: ModelBundle, card: Card, specs: Sequence[ClipSpec], start: Tensor) -> NDArray[np.float32]:
    """(N, H, W, 3) display values: what the model draws for the captions of clips.

    Args:
        bundle: the model.
        card: says the guidance and the negative prompt.
        specs: whose captions are the prompts.
        start: (N, C, h, w) noise.

    Returns:
        Clamped pictures.
    """
    grid = bundle.grid(STEPS)
    nothing = bundle.words([card.negative_prompt])
    found: list[Tensor] = []
    for at in range(0, len(specs), _AT_ONCE):
        words = bundle.words([caption(spec, motion=False) for spec in specs[at : at + _AT_ONCE]])
        denoise = bundle.denoiser(grid, words, unconditional=nothing, guidance=card.guidance)
        clean = sample(start[at : at + _AT_ONCE], denoise, grid)
        found.append(bundle.decode(clean).clamp(0, 1))
    return torch.cat(found).numpy()


def shown(said: Mapping[str, Sequence[str]], specs: Sequence[ClipSpec]) -> dict[str, float]:
    """Share of pictures with the object's colour, the ground's colour and the object's shape of their prompts.

    Args:
        said: by the judge, one word a picture.
        specs: whose captions were the prompts.

    Returns:
        By ``colour``, ``ground`` and ``shape``.
    """
    looks = [spec.sprites[0].look for spec in specs]
    return {
        "colour": _agree(said["colour"], [look.colour for look in looks]),
        "ground": _agree(said["ground_colour"], [spec.ground.colour for spec in specs]),
        "shape": _agree(said["shape"], [look.shape for look in looks]),
    }


def _agree(said: Sequence[str], wanted: Sequence[str]) -> float:
    return float(np.mean([one == other for one, other in zip(said, wanted, strict=True)]))
