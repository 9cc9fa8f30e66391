"""From a preset's name to its layers: engine < site < extends < preset, with ``--set`` on top."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from shotgraph.api.graph import Location
from shotgraph.presets.document import Item, read, typed
from shotgraph.presets.faults import Faults, KeyPath, did_you_mean, shown
from shotgraph.presets.layers import Layer, merge, merged
from shotgraph.presets.library import SHIPPED_FOLDER, SUFFIXES, find_preset, named
from shotgraph.presets.schema import FORMAT, RESERVED_NAMES
from shotgraph.presets.substitute import Environment

DEFAULT_PLATE = ("{root}/{shot}/plate.*", "{root}/{shot}.{ext}")
SETTABLE = ("vars", "shots", "graph", "targets", "description")
SITE_KEYS = ("vars", "shots", "overrides")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What only the site config or the command line may say.

    Attributes:
        defaults: a file with the site's own ``vars``, ``shots`` and ``overrides``, below every preset.
        search_path: folders whose presets are known by name.
        environment: variables that presets may read.
    """

    defaults: Path | None = None
    search_path: tuple[Path, ...] = ()
    environment: Environment = field(default_factory=Environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A preset as loaded: its layers, unchecked and without substitutions.

    Attributes:
        name: for ``{preset}``, files and reports.
        path: its file.
        layers: engine to preset, lowest first.
        settings: the layer of ``--set``, on top of everything.
        site: what it was loaded with.
        faults: what is wrong with the documents, to be told with everything else.
    """

    name: str
    path: Path
    layers: tuple[Layer, ...]
    settings: Layer
    site: Site
    faults: Faults

    @property
    def description(self) -> str:
        """What the preset, or else the last of its bases, says it does; empty when none does."""
        item = merged((*self.layers, self.settings)).find(("description",))
        return item.value if item and isinstance(item.value, str) else ""


def load(name_or_path: str | Path, *, site: Site | None = None, sets: Sequence[str] = ()) -> Preset:
    """The preset called `name_or_path`, with everything it extends.

    Args:
        name_or_path: a path, or a name known to `find_preset`.
        site: the site's presets and defaults; none when left out.
        sets: ``path=value`` of each ``--set``, later ones win.

    Returns:
        The layers; what they say is checked by `graph_for` and `check`. `UsageError` when there is no such preset,
        `PresetError` for a file that cannot be used at all.
    """
    site = site or Site()
    path = find_preset(name_or_path, site.search_path)
    faults = Faults()
    files = _Files(path, site, faults)
    layers = (_engine_layer(), *_site_layer(site, faults), *files.layers())
    if files.unusable:
        faults.raise_if_any()
    settings = _set_layer(sets, layers, faults)
    return Preset(name=path.stem, path=path, layers=layers, settings=settings, site=site, faults=faults)


def set_path(text: str) -> KeyPath:
    """The path that a person means by ``edit.strength``: a node's setting, or one of a section such as ``vars``."""
    parts = tuple(text.split("."))
    return parts if parts[0] in RESERVED_NAMES else ("graph", *parts)


def _engine_layer() -> Layer:
    """What holds when nobody says anything."""
    where = Location("engine")

    def item(value: str | int | tuple[Item, ...] | dict[str, Item]) -> Item:
        return Item(value, where, where)

    plate = item(tuple(item(pattern) for pattern in DEFAULT_PLATE))
    shots = item({"plate": plate, "handles": item(0), "first_frame": item(1001)})
    return Layer("engine", item({"shots": shots}))


def _site_layer(site: Site, faults: Faults) -> tuple[Layer, ...]:
    if site.defaults is None:
        return ()
    root = read(site.defaults, faults)
    if root is None:
        return ()
    for key, item in root.mapping().items():
        if key not in SITE_KEYS:
            faults.add(
                item.key, (key,), f"site defaults must be {', '.join(SITE_KEYS)}; {did_you_mean(key, SITE_KEYS)}"
            )
    return (Layer("site", root),)


class _Files:
    """A preset and what it extends, each file once, bases first; `unusable` says that a file had to be left out."""

    def __init__(self, path: Path, site: Site, faults: Faults) -> None:
        self._path, self._site, self._faults = path, site, faults
        self._folders = [Path(os.path.realpath(f)) for f in (path.parent, *site.search_path, SHIPPED_FOLDER)]
        self._done: dict[Path, Layer] = {}
        self._open: list[Path] = []
        self.unusable = False

    def layers(self) -> tuple[Layer, ...]:
        """The layers, lowest first."""
        self._add(self._path, "preset")
        return tuple(self._done.values())

    def _add(self, path: Path, layer: str) -> None:
        real = Path(os.path.realpath(path))
        # A base shared by two others counts once, below both, so that neither is undone by the other's copy.
        if real in self._done:
            return
        root = read(path, self._faults)
        if root is None:
            self.unusable = True
            return
        self._check_format(root, path)
        self._open.append(real)
        for where, key, text in self._bases(root):
            base = self._found(text, path, where, key)
            if base is not None:
                self._add(base, f"extends {text}")
        self._open.pop()
        self._done[real] = Layer(layer, root)

    def _check_format(self, root: Item, path: Path) -> None:
        if not isinstance(root.value, dict):
            self._fail(Location(str(path), 1, 1), (), f"a preset must be a mapping, got {shown(root.plain())}")
            return
        version = root.find(("shotgraph",))
        if version is None:
            rule = f"must be given, got nothing; begin the file with 'shotgraph: {FORMAT}'"
            self._faults.add(Location(str(path), 1, 1), ("shotgraph",), rule)
        # True == 1 in Python, hence the type as well.
        elif version.value != FORMAT or type(version.value) is not int:
            self._faults.add(version.where, ("shotgraph",), f"must be {FORMAT}, got {shown(version.plain())}")

    def _bases(self, root: Item) -> list[tuple[Location, KeyPath, str]]:
        """Place, path and text of everything `root` extends."""
        extends = root.find(("extends",))
        if extends is None or extends.value is None:
            return []
        listed = extends.value if isinstance(extends.value, tuple) else (extends,)
        bases: list[tuple[Location, KeyPath, str]] = []
        for index, item in enumerate(listed):
            key: KeyPath = ("extends", index) if listed is extends.value else ("extends",)
            if isinstance(item.value, str):
                bases.append((item.where, key, item.value))
            else:
                self._fail(item.where, key, f"must be the name or path of a preset, got {shown(item.plain())}")
        return bases

    def _found(self, text: str, path: Path, where: Location, key: KeyPath) -> Path | None:
        """The file that `text` names in the preset at `path`."""
        # The system refuses a NUL with an error of its own kind.
        text = text.replace("\0", "?")
        is_name = Path(text).suffix not in SUFFIXES and len(Path(text).parts) == 1
        base = named(text, self._site.search_path) if is_name else path.parent / text
        if base is None:
            self._fail(where, key, f"must be the name of a preset or the path of a .yaml file, got {shown(text)}")
            return None
        real = Path(os.path.realpath(base))
        if not any(real.is_relative_to(folder) for folder in self._folders):
            rule = "must lie in the preset's folder or in a folder of the site's search path"
            self._fail(where, key, f"{rule}, got {shown(text)}; copy it there")
            return None
        if real in self._open:
            names = [file.name for file in (*self._open[self._open.index(real) :], real)]
            self._fail(where, key, f"presets must not extend themselves, got {' > '.join(names)}")
            return None
        if not real.is_file():
            self._fail(where, key, f"must be an existing preset, got {shown(text)}; looked for {real}")
            return None
        return base

    def _fail(self, where: Location, key: KeyPath, message: str) -> None:
        self._faults.add(where, key, message)
        self.unusable = True


def _set_layer(sets: Sequence[str], layers: Sequence[Layer], faults: Faults) -> Layer:
    """The layer of ``--set``; a node it names must exist below."""
    root = Item({}, Location("--set"), Location("--set"))
    nodes = _node_names(merged(layers))
    for text in sets:
        where = Location(f"--set {text}")
        key, equals, value = text.partition("=")
        path = set_path(key)
        if not equals or not all(path):
            faults.add(where, (), f"must be path=value, such as vars.seed=7 or edit.strength=0.4, got {shown(text)}")
        elif path[0] not in SETTABLE:
            faults.add(where, (), f"must set one of {', '.join(SETTABLE)} or a node, got {shown(key)}; edit the preset")
        elif path[0] == "graph" and (len(path) < 3 or path[1] not in nodes):
            hint = did_you_mean(str(path[1]) if len(path) > 1 else "", nodes)
            faults.add(where, (), f"must name a setting of a node of the graph, got {shown(key)}; {hint}")
        else:
            item = typed(value, where.file, faults)
            root = merge(root, reduce(lambda inner, part: Item({str(part): inner}, where, where), path[::-1], item))
    return Layer("--set", root)


def _node_names(root: Item) -> list[str]:
    """Nodes of the graph, and those that only an override adds."""
    overrides = root.find(("overrides",))
    places = [root, *(overrides.mapping().values() if overrides else ())]
    graphs = [place.find(("graph",)) for place in places]
    return list(dict.fromkeys(name for graph in graphs if graph for name in graph.mapping()))
