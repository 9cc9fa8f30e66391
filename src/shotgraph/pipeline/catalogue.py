"""What is known of a node without importing it, and the file that remembers it.

A node's module may import torch; listing nodes and checking a preset must not. So the first import of a node leaves a card
in a small JSON file. A card is good as long as every file that shaped it still has the size and modification time it had, and
the package would still be imported from the same place; anything else is a miss, and so is a damaged file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import platformdirs

from shotgraph import __version__
from shotgraph.api.node import Node, Source, Target
from shotgraph.api.ports import PortSpec, port_specs

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCard:
    """A node as `nodes`, `check` and editors see it.

    Attributes:
        id: node id.
        summary: first line of its docstring.
        doc: the whole docstring.
        version: version of its pixels.
        distribution: ``name version`` of the package that offers it.
        contract: name of the declared contract.
        contract_settings: its fields.
        inputs: input ports, in order.
        outputs: output ports, in order.
        schema: JSON Schema of its parameters.
        cost: light or heavy.
        numerics: exact, host or device.
        is_source: it reads media.
        is_target: it writes files.
    """

    id: str
    summary: str
    doc: str
    version: str
    distribution: str
    contract: str
    contract_settings: dict[str, Any]
    inputs: tuple[PortSpec, ...]
    outputs: tuple[PortSpec, ...]
    schema: dict[str, Any]
    cost: str
    numerics: str
    is_source: bool
    is_target: bool

    @classmethod
    def of(cls, node: type[Node], *, distribution: str) -> NodeCard:
        """The card of an imported node."""
        doc = inspect.getdoc(node) or ""
        return cls(
            id=node.id,
            summary=doc.partition("\n")[0],
            doc=doc,
            version=node.version,
            distribution=distribution,
            contract=type(node.contract).__name__,
            # Tuples become lists here already, so that a remembered card equals a fresh one.
            contract_settings=json.loads(json.dumps(asdict(node.contract))),
            inputs=port_specs(node.In),
            outputs=port_specs(node.Out),
            schema=node.Params.model_json_schema(),
            cost=node.cost,
            numerics=node.numerics,
            is_source=issubclass(node, Source),
            is_target=issubclass(node, Target),
        )

    def to_json(self) -> dict[str, Any]:
        """What ``nodes show --json`` prints."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> NodeCard:
        """The card behind `to_json`; `KeyError` or `TypeError` when `document` is not one."""
        values: dict[str, Any] = {item.name: document[item.name] for item in fields(cls)}
        for side in ("inputs", "outputs"):
            values[side] = tuple(replace(PortSpec(**port), kinds=tuple(port["kinds"])) for port in values[side])
        return cls(**values)


def default_catalogue() -> Path:
    """The catalogue file of this Python environment, in the user's cache folder."""
    environment = hashlib.blake2b(sys.prefix.encode(), digest_size=6).hexdigest()
    return platformdirs.user_cache_path("shotgraph") / f"catalogue-{environment}.json"


class Catalogue:
    """Cards remembered in one file; without a file it remembers nothing.

    Args:
        path: the JSON file, or None; it need not exist.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._records = _read(path)
        self._is_saved = True
        self._stats: dict[str, list[int] | None] = {}

    def find(self, entry: EntryPoint, *, distribution: str) -> NodeCard | None:
        """The remembered card of `entry`, or None when there is none or anything behind it changed."""
        with suppress(KeyError, TypeError, AttributeError):
            record = self._records[entry.name]
            if record["entry"] != _identity(entry, distribution):
                return None
            if all(self._stat(file) == stat for file, stat in record["files"].items()):
                return replace(NodeCard.from_json(record["card"]), distribution=distribution)
        return None

    def add(self, entry: EntryPoint, node: type[Node], *, distribution: str) -> NodeCard:
        """The card of `node`, which `entry` just loaded; remembered at the next `save`."""
        card = NodeCard.of(node, distribution=distribution)
        self._records[entry.name] = {
            "entry": _identity(entry, distribution),
            "files": {file: self._stat(file) for file in sorted(_files_behind(node))},
            "card": card.to_json(),
        }
        self._is_saved = False
        return card

    def save(self) -> None:
        """Write the file, whole or not at all; a folder that cannot be written only makes the next start slower."""
        if self._path is None or self._is_saved:
            return
        self._is_saved = True
        part = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.part")
        document = json.dumps({"format": _FORMAT, "records": self._records})
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(document, encoding="utf-8")
            part.replace(self._path)

    def _stat(self, file: str) -> list[int] | None:
        if file not in self._stats:
            try:
                found = Path(file).stat()
                self._stats[file] = [found.st_size, found.st_mtime_ns]
            except OSError:
                self._stats[file] = None
        return self._stats[file]


def _read(path: Path | None) -> dict[str, Any]:
    with suppress(OSError, ValueError, KeyError, TypeError):
        document: Any = json.loads(path.read_text(encoding="utf-8")) if path else None
        if document["format"] == _FORMAT:
            return dict(document["records"])
    return {}


def _identity(entry: EntryPoint, distribution: str) -> list[str]:
    """What must be equal for a card to be about the same thing, whatever the files say."""
    # A top-level name is looked up without importing it; of `a.b.c`, finding `b` would import `a`.
    try:
        spec = importlib.util.find_spec(entry.module.partition(".")[0])
    except (ImportError, ValueError):
        spec = None
    return [entry.value, distribution, (spec and spec.origin) or "", __version__]


def _files_behind(node: type[Node]) -> Iterator[str]:
    """Files of the node's class, ports and parameters, and of all their bases."""
    classes = {base for part in (node, node.In, node.Out, node.Params) for base in part.__mro__}
    for module in {base.__module__ for base in classes}:
        file = getattr(sys.modules.get(module), "__file__", None)
        if file:
            yield file
