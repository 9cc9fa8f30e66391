"""All layers of one shot: its sidecar, the overrides that match it, ``--set``; merged, substituted and validated."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shotgraph.api.shot import Shot
from shotgraph.presets.document import Item, read
from shotgraph.presets.faults import Faults, did_you_mean
from shotgraph.presets.layers import Layer, Opinion, merged, opinions
from shotgraph.presets.loader import Preset, set_path
from shotgraph.presets.schema import SHOT_KEYS, Override, PresetModel, validated
from shotgraph.presets.substitute import Substitution

SIDECAR = "shotgraph.yaml"
SIDECAR_KEYS = ("vars", "handles", "frames", "graph")
# Names and paths of files are no place for ${...}, and overrides are resolved once they are merged in.
_LITERAL = ("extends", "overrides", "shotgraph")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A preset for one shot, or for any.

    Attributes:
        root: merged and substituted.
        model: the same, validated; None when it is at fault.
        sidecar: what the shot's own file says, when there is one.
    """

    root: Item
    model: PresetModel | None
    sidecar: Item | None = None


def resolve(preset: Preset, faults: Faults, *, name: str | None = None, sidecar: Path | None = None) -> Resolved:
    """`preset` as it is for one shot.

    Args:
        preset: the layers.
        faults: takes what is wrong.
        name: the shot's name; None leaves overrides out.
        sidecar: the shot's own file.

    Returns:
        The document, and its model where it has one.
    """
    layers = shot_layers(preset, faults, name=name, sidecar=sidecar)
    root = substituted(merged(layers), preset, faults)
    own = next((layer.root for layer in layers if layer.name == "sidecar"), None)
    return Resolved(root, validated(root, faults), own)


def shot_layers(
    preset: Preset, faults: Faults, *, name: str | None = None, sidecar: Path | None = None
) -> tuple[Layer, ...]:
    """Every layer that holds for a shot, lowest first; arguments as in `resolve`."""
    layers = list(preset.layers)
    if sidecar is not None:
        layers += _sidecar_layer(sidecar, faults)
    if name is not None:
        found = ((glob, item) for glob, item in overrides(preset) if matches(name, glob))
        layers += [Layer(f"overrides {glob!r}", _sections(item)) for glob, item in found]
    return (*layers, preset.settings)


def overrides(preset: Preset) -> list[tuple[str, Item]]:
    """Every override with its glob, least specific first."""
    found = merged(preset.layers).find(("overrides",))
    # Stable: of two equally specific globs the later one wins.
    return sorted(found.mapping().items() if found else (), key=lambda pair: _specificity(pair[0]))


def matches(name: str, glob: str) -> bool:
    """Whether `glob` means the shot called `name`; a name that looks like a glob matches itself."""
    return name == glob or fnmatch.fnmatchcase(name, glob)


def substituted(root: Item, preset: Preset, faults: Faults) -> Item:
    """`root` with every ``${...}`` replaced."""
    substitution = Substitution(root.find(("vars",)), preset.site.environment, faults)
    items = {
        key: item if key in _LITERAL else substitution.resolved(item, (key,)) for key, item in root.mapping().items()
    }
    return Item(items, root.where, root.key)


def explain(preset: Preset, path: str, shot: Shot | None = None) -> tuple[Opinion, ...]:
    """What every layer says of the setting at `path`, lowest first; the last one holds.

    Args:
        preset: the layers.
        path: ``edit.strength``, ``vars.seed``, ``shots.handles`` ...
        shot: adds its sidecar and the overrides that match it.

    Returns:
        One opinion per layer that mentions the setting, empty when none does; `PresetError` when the sidecar cannot be
        used.
    """
    faults = Faults()
    name, sidecar = (shot.name, shot.sidecar) if shot else (None, None)
    layers: Sequence[Layer] = shot_layers(preset, faults, name=name, sidecar=sidecar)
    faults.raise_if_any()
    return opinions(layers, set_path(path))


def _sidecar_layer(path: Path, faults: Faults) -> list[Layer]:
    """The sidecar in the form of a preset; what it may set in nodes is checked where their parameters are known."""
    root = read(path, faults)
    if root is None:
        return []
    sections: dict[str, Item] = {}
    shots: dict[str, Item] = {}
    for key, item in root.mapping().items():
        if key in ("handles", "frames"):
            shots[key] = item
        elif key in SIDECAR_KEYS:
            sections[key] = item
        else:
            rule = "a sidecar may set only vars, handles, frames and, under graph, parameters marked per_shot"
            faults.add(item.key, (key,), f"{rule}; {did_you_mean(key, SIDECAR_KEYS)}")
    if shots:
        sections["shots"] = Item(shots, root.where, root.key)
    return [Layer("sidecar", Item(sections, root.where, root.key))]


def _sections(override: Item) -> Item:
    """What an override may set; the rest is told where it is written and must not be told again."""
    items = {key: item for key, item in override.mapping().items() if key in Override.model_fields}
    shots = items.get("shots")
    if shots:
        kept = {key: item for key, item in shots.mapping().items() if key in SHOT_KEYS}
        items["shots"] = Item(kept, shots.where, shots.key)
    return Item(items, override.where, override.key)


def _specificity(glob: str) -> tuple[bool, int]:
    """Orders globs: no wildcard beats any, then more literal characters beat fewer."""
    wild = sum(glob.count(character) for character in "*?[")
    return wild == 0, len(glob) - wild
