"""Networks of the libraries, loaded on our terms: local, safetensors, one explicit dtype, and nothing left to chance."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers.utils import logging as transformers_logging

from shotgraph.errors import UnavailableError
from shotgraph.models.folders import check_no_pickle

# What the libraries raise over a folder that is not what it should be.
FAILURES = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)


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
    check_there(folder, "config.json")
    check_no_pickle(folder)
    given = {"torch_dtype": dtype, "use_safetensors": True, "local_files_only": True} | settings
    try:
        with _no_bars():
            module, report = kind.from_pretrained(str(folder), output_loading_info=True, **given)
    except FAILURES as error:
        raise UnavailableError(broken(folder, error)) from error
    # Left alone, the libraries fill a missing tensor with random numbers and only warn.
    missing = sorted(report["missing_keys"])
    if missing:
        raise UnavailableError(
            f"model: {folder} must hold every weight of its config.json, got none for {missing[0]} and {len(missing) - 1} "
            "more; copy or pull the model again"
        )
    return module.eval().requires_grad_(False)


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


def check_there(folder: Path, name: str) -> None:
    """Refuse a folder without that file; `UnavailableError`."""
    if not (folder / name).is_file():
        raise UnavailableError(
            f"model: {folder / name} must exist, got nothing there; copy or pull the whole diffusers folder again"
        )


def broken(folder: Path, error: Exception) -> str:
    """What to say of a folder that a library could not load."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"model: {folder} must be a whole part of a diffusers or transformers folder, got: {reason}; copy or pull the model again"


def load_tensors(network: torch.nn.Module, weights: Path, *, who: str) -> None:
    """Fill a network from one file of weights.

    Args:
        network: float32, filled in place.
        weights: ``.safetensors``, or a ``.pth`` or ``.pt`` of plain tensors, also below ``state_dict`` and behind ``module.``.
        who: the network's name, for messages.

    Raises:
        UnavailableError: damaged, more than tensors, or of another network.
    """
    found = {name.removeprefix("module."): value for name, value in _tensors_in(weights, who).items()}
    wanted = network.state_dict()
    alike = sum(name in found and found[name].shape == value.shape for name, value in wanted.items())
    if alike != len(wanted) or len(found) != len(wanted):
        raise UnavailableError(
            f"model: {weights} must hold the {len(wanted)} tensors of {who}, got {len(found)}, {alike} of them alike; "
            "choose the file that belongs to it"
        )
    network.load_state_dict(found)


def _tensors_in(weights: Path, who: str) -> dict[str, torch.Tensor]:
    try:
        if weights.suffix == ".safetensors":
            return load_file(weights)
        held = torch.load(weights, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnavailableError(
            f"model: {weights} must hold nothing but tensors of {who}, got more; convert it to safetensors where you trust it"
        ) from error
    except (*FAILURES, EOFError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UnavailableError(f"model: {weights} must hold tensors of {who}, got: {reason}; copy it again") from error
    inner = held.get("state_dict", held) if isinstance(held, dict) else None
    if not isinstance(inner, dict) or not all(isinstance(value, torch.Tensor) for value in inner.values()):
        raise UnavailableError(
            f"model: {weights} must hold tensors of {who} by name, got {type(held).__name__}; copy it again"
        )
    return inner
