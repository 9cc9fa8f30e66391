"""Rows of results: appended, keyed, and read back, so that a bench that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from shotgraph.digests import canonical, digest, text_key
from shotgraph.errors import UsageError
from shotgraph.stage.edits import Family

RESULTS = "results.jsonl"
_NEWLINE = b"\n"


class Row(BaseModel):
    """One clip, edit, seed and method.

    Attributes:
        key: of everything that decides its numbers.
        clip: number of the held-out clip.
        edit: family.
        seed: of the method.
        method: name, variation included.
        version: of the method.
        group: ``free``, or ``matte`` where the method was told where to edit.
        control: its answer is known beforehand.
        settings: what it was run with.
        identity: what else decides the method's answer: weights, libraries, machine.
        metrics: name to number; None where it could not be measured.
        reasons: metric to why there is no number.
        facts: what the method says of itself; never ranked.
        rankable: it succeeded, so that its other numbers may be compared.
        not_rankable: why not.
        seconds: wall time of the method: the engine planning, loading the model, editing. Loading is in every row; what other
            nodes give is kept and shared, so that the first method that needs it pays for all. The clip is written before.
        peak_bytes: most memory meanwhile: of the GPUs where any is in use, else of the process.
        evaluations: frames put through the noise predictor; None where they could not be counted.
        versions: of us and of the libraries that count.
        error: what the method died of; such a row is tried again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    key: str
    clip: int
    edit: Family
    seed: int
    method: str
    version: str
    group: str
    control: bool
    settings: dict[str, Any]
    identity: dict[str, str] = {}
    metrics: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    facts: dict[str, float] = {}
    rankable: bool = False
    not_rankable: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    evaluations: int | None = 0
    versions: dict[str, str] = {}
    error: str = ""

    def metric(self, name: str) -> float | None:
        """A measured number, or None."""
        return self.metrics.get(name)


def key_of(ingredients: Mapping[str, Any]) -> str:
    """The key of a row: of everything that decides it."""
    return text_key(digest(canonical(dict(ingredients))))


class Results:
    """The rows of one folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / RESULTS
        self._rows: dict[str, Row] = {}
        if self._path.exists():
            self._read()

    def __len__(self) -> int:
        """Rows, each key once."""
        return len(self._rows)

    def done(self, key: str) -> Row | None:
        """The row with that key, unless its method died."""
        row = self._rows.get(key)
        return row if row is not None and not row.error else None

    def rows(self, keys: Iterable[str] | None = None) -> list[Row]:
        """In the order they were measured.

        Args:
            keys: only these; None for all.

        Returns:
            The newest row of every key.
        """
        wanted = None if keys is None else set(keys)
        return [row for row in self._rows.values() if wanted is None or row.key in wanted]

    def append(self, row: Row) -> None:
        """Write one line and make sure that it is on disk: it may have taken minutes."""
        with self._path.open("ab") as stream:
            stream.write(row.model_dump_json().encode() + _NEWLINE)
            stream.flush()
            os.fsync(stream.fileno())
        self._rows[row.key] = row

    def _read(self) -> None:
        """Every whole line; half a line at the end, left by a killed run, is cut off so that the next one starts anew."""
        content = self._path.read_bytes()
        whole = content[: content.rfind(_NEWLINE) + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                row = Row.model_validate(json.loads(line))
            except ValueError as error:
                raise UsageError(
                    f"bench: {self._path}:{number} must be a row of results, got {line[:60]!r}; "
                    "move the file away or choose another --out"
                ) from error
            self._rows[row.key] = row
        if len(whole) != len(content):
            with self._path.open("r+b") as stream:
                stream.truncate(len(whole))
