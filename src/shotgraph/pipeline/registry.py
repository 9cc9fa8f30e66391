"""Which nodes are installed, and loading exactly those that a run names.

Follows DESIGN section 8. pluggy's own `load_setuptools_entrypoints` is not used: it returns 0 for an unknown name, drops a
second distribution's entry without a word, and lets one broken plugin take the tool down with it.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

from shotgraph.api.node import API_VERSION, Node
from shotgraph.errors import PluginError
from shotgraph.pipeline.catalogue import Catalogue, NodeCard
from shotgraph.pipeline.hooks import Hooks
from shotgraph.pipeline.offers import CURE, HOOKS_GROUP, NODES_GROUP, Broken, Offer, did_you_mean


class Registry:
    """The nodes and hooks of one run.

    What is allowed or blocked is a node id, a hooks entry, a distribution, or a pattern such as ``flow.*``.

    Attributes:
        hooks: the hooks of this run.
    """

    def __init__(
        self,
        entry_points: Iterable[EntryPoint] | None = None,
        *,
        allow: Sequence[str] | None = None,
        block: Sequence[str] = (),
        cache: Path | None = None,
    ) -> None:
        """Read what is installed; nothing is imported yet.

        Args:
            entry_points: of both groups; None reads the environment, once.
            allow: if given, every other plugin is disabled; the built-in nodes stay.
            block: plugins that are disabled in any case.
            cache: file of the catalogue, see `default_catalogue`; None remembers nothing.
        """
        found = _installed() if entry_points is None else entry_points
        offers = [Offer.of(entry) for entry in found if entry.group in (NODES_GROUP, HOOKS_GROUP)]
        enabled = [offer for offer in offers if offer.is_enabled(allow=allow, block=block)]
        self._nodes: dict[str, list[Offer]] = {}
        for offer in enabled:
            if offer.entry.group == NODES_GROUP:
                self._nodes.setdefault(offer.entry.name, []).append(offer)
        self._disabled = {o.entry.name for o in offers} - {o.entry.name for o in enabled}
        self.hooks = Hooks([offer for offer in enabled if offer.entry.group == HOOKS_GROUP])
        self._classes: dict[str, type[Node]] = {}
        self._failed: dict[str, Broken] = {}
        self._catalogue = Catalogue(cache)

    def ids(self) -> tuple[str, ...]:
        """Every enabled node id, sorted, those that will turn out broken included; nothing is imported."""
        return tuple(sorted(self._nodes))

    def disabled(self) -> tuple[str, ...]:
        """Ids and hook names that the allow or block list took out, sorted."""
        return tuple(sorted(self._disabled))

    def distribution(self, node_id: str) -> str:
        """``name version`` of the package that offers `node_id`."""
        return self._offer(node_id).distribution

    def node_class(self, node_id: str) -> type[Node]:
        """The class registered under `node_id`, imported now.

        Args:
            node_id: e.g. ``flow.dis``.

        Returns:
            The class; the same one for the same id.

        Raises:
            PluginError: unknown, disabled, offered twice, not importable, or not a node of that id.
        """
        if node_id not in self._classes:
            offer = self._offer(node_id)
            try:
                node = _checked(offer.load(), offer)
            except PluginError as error:
                self._failed[node_id] = offer.broken(error)
                raise
            self.hooks.register(node, name=node_id)
            self._classes[node_id] = node
        return self._classes[node_id]

    def card(self, node_id: str) -> NodeCard:
        """What is known of `node_id`; imports it only when the catalogue does not remember it."""
        card = self._card(node_id)
        self._catalogue.save()
        return card

    def cards(self) -> tuple[NodeCard, ...]:
        """The card of every node that can be had; those that cannot are in `broken` afterwards."""
        cards: list[NodeCard] = []
        for node_id in self.ids():
            try:
                cards.append(self._card(node_id))
            except PluginError:
                # Recorded in `broken` already; one bad plugin must not hide the others.
                continue
        self._catalogue.save()
        return tuple(cards)

    def broken(self) -> tuple[Broken, ...]:
        """Plugins found broken so far: ids offered twice, what failed to load, and hooks that do not."""
        twice = [_twice(node_id, offers) for node_id, offers in self._nodes.items() if len(offers) > 1]
        return tuple(sorted([*twice, *self._failed.values(), *self.hooks.broken()]))

    def _card(self, node_id: str) -> NodeCard:
        offer = self._offer(node_id)
        card = self._catalogue.find(offer.entry, distribution=offer.distribution)
        if card is not None:
            return card
        node = self.node_class(node_id)
        try:
            return self._catalogue.add(offer.entry, node, distribution=offer.distribution)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            fault = PluginError(f"{offer.who}: its ports and parameters must be readable, got {cause}; {CURE}")
            self._failed[node_id] = offer.broken(fault)
            raise fault from error

    def _offer(self, node_id: str) -> Offer:
        offers = self._nodes.get(node_id, [])
        if len(offers) == 1:
            return offers[0]
        if offers:
            raise PluginError(_twice(node_id, offers).error)
        if node_id in self._disabled:
            raise PluginError(
                f"registry: node {node_id!r} must be enabled to be used, got an allow or block list without it; "
                "see SHOTGRAPH_PLUGINS, SHOTGRAPH_PLUGINS_BLOCK and -p"
            )
        hint = did_you_mean(node_id, self._nodes)
        raise PluginError(
            f"registry: node must be an installed one, got {node_id!r}{hint}; `shotgraph nodes` lists them"
        )


def _installed() -> Iterable[EntryPoint]:
    return [entry for group in (NODES_GROUP, HOOKS_GROUP) for entry in importlib.metadata.entry_points(group=group)]


def _twice(node_id: str, offers: Sequence[Offer]) -> Broken:
    who = " and ".join(sorted(offer.distribution for offer in offers))
    cure = f"uninstall one, or disable it with -p no:{offers[-1].package}"
    return Broken(node_id, who, f"registry: node {node_id!r} must be offered by one distribution, got {who}; {cure}")


def _checked(node: object, offer: Offer) -> type[Node]:
    """`node`, which `offer` loaded, when it is what a nodes entry must be."""
    if not (isinstance(node, type) and issubclass(node, Node)):
        raise PluginError(f"{offer.who}: must be a subclass of shotgraph.api.Node, got {node!r}; {CURE}")
    stated = getattr(node, "id", None)
    if stated != offer.entry.name:
        raise PluginError(f"{offer.who}: id must equal the entry point's name, got {stated!r}; {CURE}")
    version = getattr(node, "version", None)
    if not isinstance(version, str):
        raise PluginError(f'{offer.who}: version must be text, got {version!r}; add version = "1" to the class')
    if node.api != API_VERSION:
        raise PluginError(
            f"{offer.who}: api must be {API_VERSION}, got {node.api}; install a release for this Shotgraph"
        )
    return node
