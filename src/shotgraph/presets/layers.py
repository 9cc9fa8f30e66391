"""Layers of a preset: how they merge, and which of them said what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shotgraph.api.graph import Location
from shotgraph.presets.document import Item, Plain
from shotgraph.presets.faults import KeyPath


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings.

    Attributes:
        name: ``engine``, ``site``, ``extends <file>``, ``preset``, ``sidecar``, ``overrides '<glob>'`` or ``--set``.
        root: what it says, in the form of a preset.
    """

    name: str
    root: Item


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one layer says of one setting.

    Attributes:
        layer: its name.
        where: the place of the value.
        value: what it says, before substitution; None deletes what the layers below say.
    """

    layer: str
    where: Location
    value: Plain


def merged(layers: Iterable[Layer]) -> Item:
    """All layers as one document: mappings merge, everything else is replaced, null deletes."""
    root: Item | None = None
    for layer in layers:
        root = layer.root if root is None else merge(root, layer.root)
    nowhere = Location()
    return pruned(root or Item({}, nowhere, nowhere))


def merge(lower: Item, upper: Item) -> Item:
    """`upper` over `lower`; a mapping in both keeps the place where `lower` began it."""
    if not (isinstance(lower.value, dict) and isinstance(upper.value, dict)):
        return upper
    items = dict(lower.value)
    for key, item in upper.value.items():
        items[key] = merge(items[key], item) if key in items else item
    return Item(items, lower.where, lower.key)


def pruned(item: Item) -> Item:
    """`item` without the keys whose value is null."""
    if not isinstance(item.value, dict):
        return item
    kept = {key: pruned(value) for key, value in item.value.items() if value.value is not None}
    return Item(kept, item.where, item.key)


def opinions(layers: Sequence[Layer], path: KeyPath) -> tuple[Opinion, ...]:
    """What every layer that mentions `path` says of it, lowest first; the last one holds.

    A layer that deletes or replaces something around `path` is listed too, with the value it put there.
    """
    found: list[Opinion] = []
    for layer in layers:
        item = _nearest(layer.root, path)
        if item is not None:
            found.append(Opinion(layer.name, item.where, item.plain()))
    return tuple(found)


def _nearest(root: Item, path: KeyPath) -> Item | None:
    """The item at `path`, or a value around it that is no mapping and so hides what lower layers say."""
    item = root
    for part in path:
        below = item.find((part,))
        if below is None:
            return None if isinstance(item.value, dict) else item
        item = below
    return item
