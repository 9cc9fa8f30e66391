"""Networks of the libraries, loaded on our terms: local, safetensors, one explicit dtype, and nothing left to chance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
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
