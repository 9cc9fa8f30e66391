"""Parts of a diffusers folder, loaded by the libraries but on our terms: local, safetensors, one explicit dtype."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer
from transformers.utils import logging as transformers_logging

from shotgraph.errors import UnavailableError
from shotgraph.models.folders import check_no_pickle

_KINDS: dict[str, Any] = {
    "vae": AutoencoderKL,
    "unet": UNet2DConditionModel,
    "text_encoder": CLIPTextModel,
    "tokenizer": CLIPTokenizer,
    "scheduler": DDIMScheduler,
}
_FAILURES = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)


def load_part(folder: Path, part: str, dtype: torch.dtype) -> Any:
    """A network in evaluation mode, without gradients.

    Args:
        folder: its own, with ``config.json`` and safetensors.
        part: ``vae``, ``unet`` or ``text_encoder``.
        dtype: of its weights, whatever they are stored as.

    Returns:
        The module, on the CPU; fails as `load_network` does.
    """
    return load_network(_KINDS[part], folder, dtype)


def load_network(kind: Any, folder: Path, dtype: torch.dtype, **settings: Any) -> Any:
    """A network of any of the libraries' classes, in evaluation mode, without gradients.

    Args:
        kind: with a ``from_pretrained``.
        folder: its own, with ``config.json`` and safetensors.
        dtype: of its weights, whatever they are stored as.
        **settings: for ``from_pretrained``.

    Returns:
        The module, on the CPU.

    Raises:
        UnavailableError: missing, damaged, of another shape than its configuration says, or a pickle.
    """
    _check_there(folder, "config.json")
    check_no_pickle(folder)
    given = {"torch_dtype": dtype, "use_safetensors": True, "local_files_only": True} | settings
    try:
        with _no_bars():
            module, report = kind.from_pretrained(str(folder), output_loading_info=True, **given)
    except _FAILURES as error:
        raise UnavailableError(_broken(folder, error)) from error
    # Left alone, the libraries fill a missing tensor with random numbers and only warn.
    missing = sorted(report["missing_keys"])
    if missing:
        raise UnavailableError(
            f"model: {folder} must hold every weight of its config.json, got none for {missing[0]} and {len(missing) - 1} "
            "more; copy or pull the model again"
        )
    return module.eval().requires_grad_(False)


def load_config(folder: Path, part: str) -> Any:
    """A tokenizer or a scheduler.

    Args:
        folder: its own.
        part: ``tokenizer`` or ``scheduler``.

    Returns:
        The object.

    Raises:
        UnavailableError: missing or damaged.
    """
    _check_there(folder, "scheduler_config.json" if part == "scheduler" else "tokenizer_config.json")
    try:
        return _KINDS[part].from_pretrained(str(folder), local_files_only=True)
    except _FAILURES as error:
        raise UnavailableError(_broken(folder, error)) from error


@contextmanager
def _no_bars() -> Iterator[None]:
    """The libraries' own progress bars off, and back as they were: progress is the engine's to tell."""
    libraries: tuple[Any, ...] = (diffusers_logging, transformers_logging)
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in shown:
            library.enable_progress_bar()


def _check_there(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise UnavailableError(
            f"model: {folder / name} must exist, got nothing there; copy or pull the whole diffusers folder again"
        )


def _broken(folder: Path, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"model: {folder} must be a whole part of a diffusers folder, got: {reason}; copy or pull the model again"
