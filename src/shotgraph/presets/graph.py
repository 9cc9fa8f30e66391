"""From a preset to the graph of one shot, or every fault that stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shotgraph.api.graph import GraphSpec, Location, NodeSpec
from shotgraph.api.shot import Shot
from shotgraph.errors import PresetError
from shotgraph.presets.cards import NodeCatalogue
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean, shown
from shotgraph.presets.links import Bindings, absent_nodes, bindings
from shotgraph.presets.loader import Preset
from shotgraph.presets.nodes import Draft, check_settings, check_sidecar, contract_settings, drafts
from shotgraph.presets.resolve import Resolved, overrides, resolve
from shotgraph.presets.schema import PresetModel
from shotgraph.presets.shots import parsed_patterns


@dataclass(frozen=True, slots=True)
class _Checked:
    """A resolved preset, its nodes and their links."""

    resolved: Resolved
    nodes: dict[str, Draft]
    bound: Bindings


def graph_for(preset: Preset, shot: Shot, catalogue: NodeCatalogue, *, targets: Sequence[str] = ()) -> GraphSpec:
    """The graph of `preset` for `shot`: links as ``node.port``, parameters as written, references replaced.

    A disabled node is left out and links to it go to its first stream input. A node whose files are named after optional
    media that this shot does not have is left out too, with everything that needs it; only an optional input may stay unlinked that way.

    Args:
        preset: as loaded.
        shot: as discovered.
        catalogue: the installed nodes.
        targets: nodes to bring up to date instead of the preset's own.

    Returns:
        The nodes in the order written, those left out excepted. `PresetError` tells every fault of the preset, of its
        overrides for this shot and of its sidecar.
    """
    faults = Faults()
    checked = _checked(preset, catalogue, faults, shot=shot)
    names = _targets(checked, targets, faults)
    absent = _absent(checked, shot, names, faults)
    return _spec(preset, checked, names, absent, faults)


def check(preset: Preset, catalogue: NodeCatalogue) -> GraphSpec:
    """`graph_for` without a shot: the preset itself, its patterns, and every override in it.

    Args:
        preset: as loaded.
        catalogue: the installed nodes.

    Returns:
        The graph that shots without overrides, sidecar and missing media get; `PresetError` tells every fault.
    """
    faults = Faults()
    checked = _checked(preset, catalogue, faults)
    names = _targets(checked, (), faults)
    if checked.resolved.model:
        parsed_patterns(checked.resolved.model.shots, checked.resolved.root, faults)
    for glob, _ in overrides(preset):
        varied = _checked(preset, catalogue, faults, name=glob)
        _targets(varied, (), faults)
    return _spec(preset, checked, names, {}, faults)


def _checked(
    preset: Preset, catalogue: NodeCatalogue, faults: Faults, *, shot: Shot | None = None, name: str | None = None
) -> _Checked:
    """Everything that can be said without targets."""
    faults.extend(preset.faults)
    sidecar = shot.sidecar if shot else None
    resolved = resolve(preset, faults, name=shot.name if shot else name, sidecar=sidecar)
    nodes = drafts(resolved.root.find(("graph",)), catalogue, faults)
    for draft in nodes.values():
        check_settings(draft, faults)
    if resolved.sidecar:
        check_sidecar(resolved.sidecar, nodes, faults)
    return _Checked(resolved, nodes, bindings(nodes, faults))


def _targets(checked: _Checked, wanted: Sequence[str], faults: Faults) -> tuple[str, ...]:
    """Names of the targets; those asked for, else the preset's, else every enabled node without outputs."""
    ends = [name for name, draft in checked.nodes.items() if draft.is_enabled and draft.card and not draft.card.outputs]
    written = _written_targets(checked)
    asked = [(name, Location("--target"), ()) for name in wanted] or written
    names: list[str] = []
    for name, where, path in asked:
        draft = checked.nodes.get(name)
        if draft is None:
            hint = did_you_mean(name, ends or checked.nodes)
            faults.add(where, path, f"must be a node of the graph, got {shown(name)}; {hint}")
        elif draft.card and draft.card.outputs:
            rule = "must be a node that writes, hence has no outputs"
            faults.add(where, path, f"{rule}, got {name!r} ({draft.card.id}); {did_you_mean(name, ends)}")
        elif draft.is_enabled:
            names.append(name)
    if not names and not asked:
        names = ends
    is_broken = any(draft.card is None for draft in checked.nodes.values() if draft.is_enabled)
    if not names and not is_broken and checked.nodes and not faults:
        rule = "must name at least one enabled node that writes, got none; add a core.write node"
        faults.add(checked.resolved.root.locate(("targets",)), ("targets",), rule)
    return tuple(dict.fromkeys(names))


def _written_targets(checked: _Checked) -> list[tuple[str, Location, KeyPath]]:
    item = checked.resolved.root.find(("targets",))
    if item is None:
        return []
    if isinstance(item.value, str):
        return [(item.value, item.where, ("targets",))]
    parts = item.value if isinstance(item.value, tuple) else ()
    return [(p.value, p.where, ("targets", i)) for i, p in enumerate(parts) if isinstance(p.value, str)]


def _absent(checked: _Checked, shot: Shot, targets: tuple[str, ...], faults: Faults) -> dict[str, str]:
    """Nodes that this shot cannot have, each with the media it lacks."""
    model = checked.resolved.model
    if model is None:
        return {}
    missing = frozenset(model.shots.also) - set(shot.media)
    absent = absent_nodes(checked.nodes, checked.bound, missing)
    for name in targets:
        if name in absent:
            draft = checked.nodes[name]
            lack = absent[name]
            rule = f"needs {{{lack}}}, which shot {shot.name!r} does not have"
            faults.add(draft.item.key, draft.path, f"{rule}; add the media, or link {lack} only to optional inputs")
    return absent


def _spec(
    preset: Preset, checked: _Checked, targets: tuple[str, ...], absent: dict[str, str], faults: Faults
) -> GraphSpec:
    faults.raise_if_any()
    model = checked.resolved.model
    if model is None:
        raise PresetError([f"{preset.path}: a preset must be valid, got one that is not"])
    nodes = tuple(
        _node_spec(draft, model, checked.bound.get(name, {}), absent)
        for name, draft in checked.nodes.items()
        if draft.is_enabled and name not in absent
    )
    return GraphSpec(preset=preset.name, nodes=nodes, targets=targets)


def _node_spec(draft: Draft, model: PresetModel, links: dict[str, Any], absent: dict[str, str]) -> NodeSpec:
    entry = model.graph[draft.name]
    settings: dict[str, Any] = {key: str(link) for key, link in links.items() if link.node not in absent}
    settings |= {key: item.plain() for key, item in draft.values.items()}
    return NodeSpec(
        name=draft.name,
        node=entry.node,
        settings=settings,
        materialize=entry.materialize,
        on_error=entry.on_error,
        contract=contract_settings(entry.model_dump(include={"batch", "window", "chunk"}, exclude_none=True)),
        where=draft.item.key,
        setting_where={key: draft.settings[key].where for key in settings},
    )
