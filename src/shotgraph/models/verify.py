"""What was recorded about a model when it was made or pulled, and whether its files still say so."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from safetensors import SafetensorError, safe_open

from shotgraph.digests import file_key
from shotgraph.errors import UnavailableError
from shotgraph.models.folders import RECORD, loaded_files
from shotgraph.models.registry import Model, Places

State = Literal["same", "unrecorded", "changed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file of a model.

    Attributes:
        file: its path inside the model.
        state: ``same`` as recorded, ``unrecorded``, ``changed``, ``missing``, or ``damaged`` (cut short, no safetensors).
        digest: as it is now; empty when missing.
    """

    file: str
    state: State
    digest: str

    @property
    def is_sound(self) -> bool:
        """Whether it may be used."""
        return self.state in ("same", "unrecorded")


def record_path(model: Model, places: Places) -> Path:
    """Where a model's digests are written down: in its own folder, for the hub's (whose cache is not ours) among our records."""
    if model.origin != "hub":
        return (model.place if model.place.is_dir() else model.place.parent) / RECORD
    repository = model.place.parent.parent.name.removeprefix("models--")
    return places.records / f"{repository}@{model.commit}.json"


def record(model: Model, places: Places) -> Path:
    """Write down a model's digests, read afresh, and its commit; the file that holds them."""
    path = record_path(model, places)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {name: file_key(file) for name, file in loaded_files(model.place).items()}
    path.write_text(json.dumps({"commit": model.commit, "files": files}, indent=1) + "\n", encoding="utf-8")
    return path


def recorded(model: Model, places: Places) -> dict[str, str]:
    """The recorded digests by file.

    Args:
        model: on this machine.
        places: where records are.

    Returns:
        File to digest; empty without a record.

    Raises:
        UnavailableError: the record cannot be read.
    """
    path = record_path(model, places)
    if not path.is_file():
        return {}
    try:
        return {str(k): str(v) for k, v in cast(dict[str, str], json.loads(path.read_bytes())["files"]).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"model: the record {path} must be JSON with 'files', got {error}; remove it or pull the model again"
        ) from error


def verify(model: Model, places: Places) -> list[FileCheck]:
    """Every file read again, whatever is remembered, and compared with the record."""
    expected = recorded(model, places)
    files = loaded_files(model.place)
    checks = [_check(name, path, expected) for name, path in files.items()]
    return [*checks, *(FileCheck(name, "missing", "") for name in sorted(expected.keys() - files.keys()))]


def _check(name: str, path: Path, expected: dict[str, str]) -> FileCheck:
    digest = file_key(path)
    if path.suffix == ".safetensors" and not _is_whole(path):
        return FileCheck(name, "damaged", digest)
    if name not in expected:
        return FileCheck(name, "unrecorded", digest)
    return FileCheck(name, "same" if expected[name] == digest else "changed", digest)


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file has the size its header says."""
    try:
        with safe_open(str(path), framework="numpy") as opened:
            opened.keys()
    except (SafetensorError, OSError):
        return False
    return True
