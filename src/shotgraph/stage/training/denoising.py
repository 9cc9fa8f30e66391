"""What every denoiser of the stage is trained with: batches by step, offset noise and min-SNR weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from shotgraph.stage.training.folders import new_scheduler
from shotgraph.stage.training.truth import batch_rng

NOISE_OFFSET, MIN_SNR = 0.1, 5.0
_TIMES = 1000
# What a noisy time weighs more at most, where a net is to learn from words what it could make out by itself: an error of the
# noise weighs an error of the picture by SNR, so that without this the times that decide a clip's layout hardly count.
_MOST_WEIGHT = 64.0
Net = TypeVar("Net", bound=nn.Module)


def plain_attention(net: Net) -> Net:
    """`net` with attention in plain products: on a CPU, torch's fused kernel is slower backwards through narrow heads.

    For the stage's U-Net with its gradient the step takes three quarters as long at 32 x 32 latents, and half at 16 x 16.
    """
    given: Any = net
    given.set_attn_processor(AttnProcessor())
    return net


def draw_batch(
    ids: Tensor, empty: Tensor, *, size: int, address: tuple[int, int], dropped: float
) -> tuple[Tensor, Tensor]:
    """A batch of examples and their captions.

    Args:
        ids: (N, forms, tokens) captions of every example.
        empty: (tokens) no caption.
        size: examples.
        address: seed and step: the batch is a function of them alone.
        dropped: share of examples that lose their caption, for classifier-free guidance.

    Returns:
        (B) indices and (B, tokens) ids.
    """
    rng = batch_rng(*address)
    chosen = torch.from_numpy(rng.integers(len(ids), size=size))
    forms = torch.from_numpy(rng.integers(ids.shape[1], size=size))
    spoken = ids[chosen, forms].clone()
    spoken[torch.from_numpy(rng.random(size) < dropped)] = empty
    return chosen, spoken


def offset_noise(shape: tuple[int, ...], noise: torch.Generator) -> Tensor:
    """Standard normal noise (B, C, ...) whose mean also varies, by channel: the mean of plain noise tells the mean colour."""
    drawn = torch.randn(shape, generator=noise)
    return drawn + NOISE_OFFSET * torch.randn((*shape[:2], *[1] * (len(shape) - 2)), generator=noise)


def denoising_loss(
    guess: Callable[[Tensor, Tensor], Tensor], clean: Tensor, noise: torch.Generator, *, noisier: bool = False
) -> tuple[Tensor, dict[str, float]]:
    """Error of predicted noise, weighted by min(SNR, 5) / SNR (Hang et al. 2023, eq. 5, for noise prediction).

    Args:
        guess: (noisy latents, times (B)) to predicted noise; run in bfloat16, which costs a third of float32 where the CPU has it.
        clean: (B, C, ...) latents.
        noise: draws noise and times.
        noisier: lean to the times at which the layout is decided, in how often they are drawn and in what they weigh. Over the
            frames of a clip a large object can be made out in nearly pure noise, so that elsewhere the words that say where it
            goes tell a net nothing new.

    Returns:
        The loss, and the unweighted error for the log.
    """
    drawn = offset_noise(tuple(clean.shape), noise)
    times = _drawn_times(len(clean), noise, noisier=noisier)
    signal = new_scheduler().alphas_cumprod[times]
    alpha = signal.view(-1, *[1] * (clean.dim() - 1))
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * drawn
    with torch.autocast("cpu", torch.bfloat16):
        predicted = guess(noisy, times)
    ratio = signal / (1 - signal)
    weight = ratio.clamp(max=MIN_SNR) / ratio
    if noisier:
        weight = weight * (1 / ratio).clamp(1.0, _MOST_WEIGHT)
    error = (predicted.float() - drawn).square().flatten(1).mean(dim=1)
    return (weight * error).mean(), {"plain": float(error.detach().mean())}


def _drawn_times(count: int, noise: torch.Generator, *, noisier: bool) -> Tensor:
    """(count) training times, each as likely as the next; or, where noisier ones are asked for, in proportion to themselves."""
    if not noisier:
        return torch.randint(0, _TIMES, (count,), generator=noise)
    return (_TIMES * torch.rand(count, generator=noise).sqrt()).long().clamp(max=_TIMES - 1)
