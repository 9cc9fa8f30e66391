"""Explain: what changed since the last run of a shot, and which results that touches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shotgraph.pipeline.planner import Draft


@dataclass(frozen=True, slots=True)
class Change:
    """One ingredient of a key that is not what it was.

    Attributes:
        node: node name.
        what: ``param strength``, ``version``, ``media plate.1017.exr`` ...
        before: as text; empty when it is new.
        after: as text; empty when it is gone.
    """

    node: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        """``edit: param strength 0.65 -> 0.4``."""
        return f"{self.node}: {self.what} {self.before or 'nothing'} -> {self.after or 'nothing'}"


def ingredients(draft: Draft) -> dict[str, dict[str, str]]:
    """Everything the keys of a graph are made of, as text: by node, by label."""
    rows: dict[str, dict[str, str]] = {}
    for name, vertex in draft.graph.vertices.items():
        parts = {label: json.loads(value)[1] for label, value in draft.keys.ingredients(name).items()}
        rows[name] = {label: _text(value) for label, value in parts.items() if label != "wiring"}
        rows[name]["wiring"] = _text({port: str(link) for port, link in vertex.links.items()})
        if vertex.media is not None:
            digests = draft.identities[name].digests
            rows[name] |= {f"media {f.name}": d.hex()[:12] for f, d in zip(vertex.media.files, digests, strict=True)}
    return rows


def changes(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[Change]:
    """What differs between two runs, node by node."""
    found: list[Change] = []
    for node in [*after, *(n for n in before if n not in after)]:
        old, new = before.get(node), after.get(node)
        if old is None or new is None:
            found.append(Change(node, "node", "" if old is None else "there", "" if new is None else "there"))
            continue
        labels = [*new, *(label for label in old if label not in new)]
        found.extend(
            Change(node, label, old.get(label, ""), new.get(label, ""))
            for label in labels
            if old.get(label) != new.get(label)
        )
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
