"""Writing one value of a shot to one file: a table as CSV or JSON, an artifact as safetensors."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as safetensors_bytes

from shotgraph.api import Artifact, Table, WrittenOutput
from shotgraph.digests import file_key
from shotgraph.errors import OutputError, OutputExistsError, UsageError, VerifyError
from shotgraph.io.framelog import FrameLog, WrittenFrame
from shotgraph.io.settling import refuse_existing, settle

# In the header of a safetensors file, which holds text only.
META = "shotgraph"


def _csv_bytes(value: Any) -> bytes:
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(value.columns)
    lines.writerows(value.rows)
    return text.getvalue().encode("utf-8")


def _json_bytes(value: Any) -> bytes:
    rows = [dict(zip(value.columns, map(_as_json, row), strict=True)) for row in value.rows]
    return (json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _as_json(cell: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _safetensors_bytes(value: Any) -> bytes:
    arrays = {name: np.ascontiguousarray(array) for name, array in value.arrays.items()}
    return safetensors_bytes(arrays, metadata={META: json.dumps(value.meta, ensure_ascii=False)})


# Suffix to what it holds, and how.
_FORMATS: dict[str, tuple[type[Any], Callable[[Any], bytes]]] = {
    ".csv": (Table, _csv_bytes),
    ".json": (Table, _json_bytes),
    ".safetensors": (Artifact, _safetensors_bytes),
}


def check_value_file(path: Path, *, who: str) -> None:
    """Refuse a file that no value can be written to; `UsageError`."""
    if path.suffix not in _FORMATS:
        raise UsageError(
            f"{who}: file must end in {', '.join(_FORMATS)}, got {path.name!r}; tables go to .csv or .json, artifacts to .safetensors"
        )


class ValueSink:
    """An `api.Writer` of one value: complete under its name, or not there."""

    def __init__(self, path: Path, value_of: Callable[[Any], Artifact | Table], *, force: bool) -> None:
        """`value_of` takes the value out of what the node is given; OutputExistsError for a foreign file, unless `force`."""
        self._path, self._value_of, self._force = path, value_of, force
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent}: folder must be creatable, got {error}; check permissions") from error
        self._log = FrameLog(path)
        self._reserve()

    def _reserve(self) -> None:
        if self._log.intact(0) is None:
            refuse_existing(self._path, force=self._force)

    def done(self, frame: int, key: str) -> bool:  # noqa: ARG002 - a value has no frames
        """Whether the file is intact and was written with this key."""
        entry = self._log.intact(0)
        return entry is not None and entry.key == key

    def write(self, frame: int, value: Any, key: str) -> None:  # noqa: ARG002 - a value has no frames
        """Write it under a temporary name, and rename that."""
        chosen = self._value_of(value)
        kind, bytes_of = _FORMATS[self._path.suffix]
        if not isinstance(chosen, kind):
            wanted, found = ("a table", "an artifact") if kind is Table else ("an artifact", "a table")
            raise OutputError(
                f"{self._path}: {self._path.suffix} must hold {wanted}, got {found}; choose another suffix"
            )
        part = self._path.with_name(f".{self._path.name}.part")
        try:
            part.write_bytes(bytes_of(chosen))
            entry = WrittenFrame(0, key, self._path.name, part.stat().st_size, file_key(part))
            self._reserve()
            self._log.announce(entry)
            settle(part, self._path)
            self._log.settled(entry)
        except OutputExistsError:
            raise
        except OSError as error:
            raise OutputError(
                f"{self._path}: file must be written, got {error}; free space, or check the folder's permissions"
            ) from error
        finally:
            part.unlink(missing_ok=True)

    def finish(self) -> WrittenOutput:
        """What is there, written now or before; `VerifyError` when nothing is."""
        entry = self._log.intact(0)
        if entry is None:
            raise VerifyError(f"{self._path}: file must be what was written, got none or another; run it again")
        return WrittenOutput(
            path=str(self._path), frames=0, bytes=entry.bytes, digest=entry.digest, checks=(f"digest: {entry.digest}",)
        )

    def abort(self) -> None:
        """The file is whole or not there: nothing to take back."""
