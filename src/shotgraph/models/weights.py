"""One file of weights, for libraries that insist on their own: local, and known by its digest before anything reads it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shotgraph.errors import UnavailableError
from shotgraph.models.digests import DigestMemo
from shotgraph.models.registry import Places

SUFFIXES = (".safetensors", ".pth", ".pt")
# torch.hub ends its files' names with the first digits of their SHA-256.
_STAMPED = re.compile(r"-(?P<digits>[0-9a-f]{8,64})\.(?:pth|pt)$")


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file that is here.

    Attributes:
        path: where.
        digest: ``b2:<hex>`` of its content.
    """

    path: Path
    digest: str


def find_weights(name: str, named: Mapping[str, str], *, places: Places | None = None) -> WeightFile:
    """The file of weights that `name` means.

    Args:
        name: a path, or a key of `named`.
        named: names of a library to its files in torch's cache.
        places: holds the memo of digests; None for the user's own.

    Returns:
        A file that is here.

    Raises:
        UnavailableError: it is not here, is no file of weights, or is not what its name says.
    """
    path = _cached(name, named) if name in named else Path(name).expanduser()
    if not path.is_file():
        cure = f"choose one of {', '.join(named)}, or check the path" if named else "check the path"
        where = f"put torchvision's file at {path}" if name in named else cure
        raise UnavailableError(f"weights: {name} must be a file on this machine, got nothing at {path}; {where}")
    if path.suffix not in SUFFIXES:
        raise UnavailableError(
            f"weights: {path} must end in {', '.join(SUFFIXES)}, got {path.suffix or 'no suffix'}; convert it"
        )
    _check_stamp(path)
    memo = DigestMemo((places or Places.of_user()).memo)
    return WeightFile(path, memo.digests({path.name: path})[path.name])


def _cached(name: str, named: Mapping[str, str]) -> Path:
    """Where torch.hub would keep the file called `name`, by its own rules."""
    home = os.environ.get("TORCH_HOME", f"{os.environ.get('XDG_CACHE_HOME', '~/.cache')}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints" / named[name]


def _check_stamp(path: Path) -> None:
    stamp = _STAMPED.search(path.name)
    if stamp is None:
        return
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if not found.startswith(stamp["digits"]):
        raise UnavailableError(
            f"weights: {path} must have the SHA-256 that its name ends with, {stamp['digits']}, got {found[:8]}; copy it again"
        )
