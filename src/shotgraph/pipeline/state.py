"""What a root remembers of its runs, in ``{root}/.shotgraph``: plans, and which files are ours and verified."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shotgraph.api.media import WrittenOutput
from shotgraph.api.plan import Plan
from shotgraph.digests import digest

FOLDER = ".shotgraph"
_NAME_BYTES = 120


def replace_text(path: Path, text: str) -> None:
    """Write `path` so that a reader sees the old text or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


class RunState:
    """Records of finished and unfinished runs below one root."""

    def __init__(self, root: Path) -> None:
        self.folder = root / FOLDER

    def plan_path(self, plan: Plan) -> Path:
        """Where the frozen plan lies."""
        return self.folder / "plans" / f"{_safe(plan.shot)}.{plan.digest.removeprefix('b2:')[:16]}.json"

    def save_plan(self, plan: Plan) -> Path:
        """Freeze `plan` on disk; workers run this file."""
        path = self.plan_path(plan)
        replace_text(path, plan.model_dump_json(indent=1))
        return path

    def record_keys(self, plan: Plan, ingredients: dict[str, Any]) -> None:
        """Remember what every key of the last run of this shot and preset was made of, for `explain`."""
        replace_text(self._keys_path(plan.shot, plan.preset), json.dumps(ingredients, sort_keys=True))

    def last_keys(self, shot: str, preset: str) -> dict[str, Any] | None:
        """What `record_keys` remembered, or None."""
        try:
            return json.loads(self._keys_path(shot, preset).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _keys_path(self, shot: str, preset: str) -> Path:
        return self.folder / "keys" / f"{_safe(shot)}.{_safe(preset)}.json"

    def finish(self, plan: Plan, written: Iterable[WrittenOutput], skipped: dict[str, list[int]]) -> None:
        """Record the verified outputs of `plan`."""
        outputs = [asdict(output) | {"stamp": _stamp(Path(output.path))} for output in written]
        record = {"plan": plan.digest, "version": plan.version, "skipped": skipped, "outputs": outputs}
        replace_text(self._done_path(plan), json.dumps(record, indent=1))

    def finished(self, plan: Plan) -> list[WrittenOutput] | None:
        """The outputs of a finished, verified, identical plan when all are still as they were left; else None."""
        try:
            record = json.loads(self._done_path(plan).read_text(encoding="utf-8"))
            if record["version"] != plan.version or record["skipped"]:
                return None
            stamps = [row.pop("stamp") for row in record["outputs"]]
            outputs = [_written(row) for row in record["outputs"]]
        except (OSError, ValueError, KeyError, TypeError):
            # Damaged, or of a release that wrote other fields: then it proves nothing.
            return None
        intact = all(_stamp(Path(o.path)) == stamp for o, stamp in zip(outputs, stamps, strict=True))
        return outputs if intact else None

    def claim(self, written: WrittenOutput) -> None:
        """Remember a verified output as ours, also when its run comes to nothing."""
        path = Path(written.path)
        replace_text(self._owned_path(path), json.dumps({"path": written.path, "stamp": _stamp(path)}))

    def owns(self, path: Path) -> bool:
        """Whether the file at `path`, or every file of a sequence, is one we wrote and nobody has touched since."""
        try:
            record = json.loads(self._owned_path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return record == {"path": str(path), "stamp": _stamp(path)}

    def _owned_path(self, path: Path) -> Path:
        return self.folder / "owned" / f"{digest(os.fsencode(path)).hex()}.json"

    def _done_path(self, plan: Plan) -> Path:
        return self.folder / "done" / f"{plan.digest.removeprefix('b2:')}.json"


def _written(row: dict[str, Any]) -> WrittenOutput:
    fields = dict(row)
    checks: list[str] = fields.pop("checks")
    return WrittenOutput(checks=tuple(checks), **fields)


def _stamp(path: Path) -> list[list[Any]]:
    """Names, sizes and modification times of an output's files."""
    if "#" not in path.name:
        files = [path] if path.is_file() else []
    else:
        head, tail = path.name.split("#", 1)[0], path.name.rsplit("#", 1)[1]
        folder = path.parent
        files = (
            sorted(f for f in folder.iterdir() if f.name.startswith(head) and f.name.endswith(tail))
            if folder.is_dir()
            else []
        )
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _safe(name: str) -> str:
    """A shot or preset name as a file name: what could be a separator or shell syntax becomes an underscore, with a digest."""
    kept = "".join(c if c.isalnum() or c in "-_" else "_" for c in name)
    # Room for a digest, a suffix and the name of the part: file systems stop at 255 bytes.
    plain = kept.encode()[:_NAME_BYTES].decode(errors="ignore")
    return plain if plain == name else f"{plain}-{digest(name.encode()).hex()[:8]}"
