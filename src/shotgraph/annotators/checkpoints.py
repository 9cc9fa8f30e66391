"""What a folder of transformers says about itself, read before its weights are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoImageProcessor

from shotgraph.errors import UnavailableError
from shotgraph.models.loading import FAILURES

# Left out, a folder that brings code of its own makes the library ask on the terminal whether to run it.
_TERMS: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def config_of(folder: Path) -> Any:
    """Its configuration; `UnavailableError` where there is none that can be read."""
    return _part(AutoConfig, folder, "a config.json")


def processor_of(folder: Path, kind: Any = AutoImageProcessor) -> Any:
    """What makes pictures ready for its network, of the class that it names; `UnavailableError` where there is none."""
    return _part(kind, folder, "a preprocessor_config.json")


def check_class(folder: Path, kind: Any, *, examples: str) -> None:
    """Refuse a folder of another network.

    Args:
        folder: of transformers.
        kind: the network's class.
        examples: models that are of it.

    Raises:
        UnavailableError: its configuration cannot be read, or is that of another class.
    """
    config = config_of(folder)
    if type(config) is not kind.config_class:
        raise UnavailableError(f"model: {folder} must be a {kind.__name__}, got {named(config)}; choose {examples}")


def named(config: Any) -> str:
    """The class of the network that a configuration is of, as messages say it."""
    return ", ".join(config.architectures or [type(config).__name__])


def _part(kind: Any, folder: Path, file: str) -> Any:
    try:
        return kind.from_pretrained(folder, **_TERMS)
    except FAILURES as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnavailableError(
            f"model: {folder} must hold {file}, got: {reason}; copy or pull the whole folder again"
        ) from error
