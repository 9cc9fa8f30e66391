"""Discovery: one named entry at a time, every fault with its owner and its cure."""

import importlib.metadata
import sys
from typing import Any

import pytest

from shotgraph.api import Node
from shotgraph.errors import PluginError
from shotgraph.pipeline.registry import Registry


def test_only_the_named_node_is_imported(site: Any) -> None:
    site.node("alpha_nodes", "turn.alpha")
    site.node("beta_nodes", "turn.beta")
    site.install("studio", "1.2", nodes={"turn.alpha": "alpha_nodes:Turn", "turn.beta": "beta_nodes:Turn"})
    registry = Registry(site.entry_points())

    assert registry.ids() == ("turn.alpha", "turn.beta")
    assert not {"alpha_nodes", "beta_nodes"} & set(sys.modules)
    node = registry.node_class("turn.beta")

    assert issubclass(node, Node)
    assert node.id == "turn.beta"
    assert registry.node_class("turn.beta") is node
    assert registry.distribution("turn.beta") == "studio 1.2"
    assert "alpha_nodes" not in sys.modules


def test_an_unknown_node_suggests_the_nearest(site: Any) -> None:
    site.install("studio", "1.2", nodes={"flow.dis": "nowhere:Dis"})

    with pytest.raises(PluginError, match=r"got 'flow\.dsi'; did you mean 'flow\.dis'\?; `shotgraph nodes` lists them"):
        Registry(site.entry_points()).node_class("flow.dsi")
    with pytest.raises(PluginError, match=r"got 'zzz'; `shotgraph nodes` lists them"):
        Registry(site.entry_points()).card("zzz")


def test_an_id_offered_twice_is_reported_with_both_distributions(site: Any) -> None:
    site.node("first_nodes", "turn.it")
    site.node("second_nodes", "turn.it")
    site.install("studio-a", "1.0", nodes={"turn.it": "first_nodes:Turn"})
    site.install("studio-b", "2.5", nodes={"turn.it": "second_nodes:Turn"})
    registry = Registry(site.entry_points())

    with pytest.raises(
        PluginError, match=r"'turn\.it' must be offered by one distribution, got studio-a 1\.0 and studio-b 2\.5"
    ):
        registry.node_class("turn.it")
    assert registry.ids() == ("turn.it",)
    assert registry.cards() == ()
    assert [(item.id, item.distribution) for item in registry.broken()] == [
        ("turn.it", "studio-a 1.0 and studio-b 2.5")
    ]


def test_blocking_one_of_two_offers_leaves_the_other(site: Any) -> None:
    site.node("first_nodes", "turn.it")
    site.node("second_nodes", "turn.it")
    site.install("studio-a", "1.0", nodes={"turn.it": "first_nodes:Turn"})
    site.install("studio-b", "2.5", nodes={"turn.it": "second_nodes:Turn"})

    registry = Registry(site.entry_points(), block=["studio-a"])

    assert registry.node_class("turn.it").__module__ == "second_nodes"
    assert registry.broken() == ()
    assert registry.disabled() == ()


BROKEN_MODULES = {
    "missing": (None, r"must be importable, got ModuleNotFoundError: No module named 'broken_nodes'"),
    "raises": ("raise RuntimeError('no licence')", r"must be importable, got RuntimeError: no licence"),
    "exits": ("raise SystemExit(3)", r"must be importable, got SystemExit: 3"),
    "syntax": ("def broken(:", r"must be importable, got SyntaxError"),
    "no attribute": ("", r"must be importable, got AttributeError: module 'broken_nodes' has no attribute 'Turn'"),
    "no class": ("Turn = 7", r"must be a subclass of shotgraph\.api\.Node, got 7"),
    "no node": ("class Turn: pass", r"must be a subclass of shotgraph\.api\.Node, got <class 'broken_nodes\.Turn'>"),
    "other id": (
        "from shotgraph.api import Node\nclass Turn(Node): id = 'turn.other'; version = '1'",
        r"id must equal the entry point's name, got 'turn\.other'",
    ),
    "no id": (
        "from shotgraph.api import Node\nclass Turn(Node): version = '1'",
        r"id must equal the entry point's name, got None",
    ),
    "no version": (
        "from shotgraph.api import Node\nclass Turn(Node): id = 'turn.it'",
        r"version must be text, got None",
    ),
    "other api": (
        "from shotgraph.api import Node\nclass Turn(Node): id = 'turn.it'; version = '1'; api = 2",
        r"api must be 1, got 2; install a release for this Shotgraph",
    ),
}


@pytest.mark.parametrize(("source", "message"), BROKEN_MODULES.values(), ids=list(BROKEN_MODULES))
def test_a_broken_node_is_named_and_harms_no_other(site: Any, source: str | None, message: str) -> None:
    site.node("sound_nodes", "turn.sound")
    if source is not None:
        site.module("broken_nodes", source)
    site.install("studio", "1.2", nodes={"turn.it": "broken_nodes:Turn", "turn.sound": "sound_nodes:Turn"})
    registry = Registry(site.entry_points())

    with pytest.raises(PluginError, match=rf"^plugin 'turn\.it' \(broken_nodes:Turn\) of studio 1\.2: {message}"):
        registry.node_class("turn.it")

    assert registry.node_class("turn.sound").id == "turn.sound"
    assert [(item.id, item.distribution) for item in registry.broken()] == [("turn.it", "studio 1.2")]


def test_a_node_that_nobody_asks_for_is_never_found_out(site: Any) -> None:
    site.node("sound_nodes", "turn.sound")
    site.install("studio", "1.2", nodes={"turn.it": "nowhere:Turn", "turn.sound": "sound_nodes:Turn"})
    registry = Registry(site.entry_points())

    registry.node_class("turn.sound")

    assert registry.broken() == ()


def test_an_import_fault_keeps_its_cause_and_its_cure(site: Any) -> None:
    site.module("broken_nodes", "raise RuntimeError('no licence')")
    site.install("studio", "1.2", nodes={"turn.it": "broken_nodes:Turn"})

    with pytest.raises(PluginError, match="repair or uninstall it, or disable it with -p no:NAME") as caught:
        Registry(site.entry_points()).node_class("turn.it")

    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("allow", "block", "left"),
    [
        (None, [], ["core.read", "flow.dis", "flow.raft", "turn.it"]),
        (None, ["flow.*"], ["core.read", "turn.it"]),
        (None, ["studio"], ["core.read"]),
        (None, ["core.read"], ["flow.dis", "flow.raft", "turn.it"]),
        (["turn.it"], [], ["core.read", "turn.it"]),
        (["studio"], ["flow.raft"], ["core.read", "flow.dis", "turn.it"]),
        ([], [], ["core.read"]),
        (["flow.dis"], ["flow.dis"], ["core.read"]),
    ],
)
def test_allow_and_block_lists_name_nodes_patterns_or_distributions(
    site: Any, allow: list[str] | None, block: list[str], left: list[str]
) -> None:
    site.install("shotgraph", "0.1", nodes={"core.read": "a:A"})
    site.install("studio", "1.2", nodes={"flow.dis": "b:B", "flow.raft": "c:C", "turn.it": "d:D"})

    registry = Registry(site.entry_points(), allow=allow, block=block)

    assert list(registry.ids()) == left
    assert set(registry.disabled()) == {"core.read", "flow.dis", "flow.raft", "turn.it"} - set(left)


def test_a_disabled_node_says_which_lists_to_look_at(site: Any) -> None:
    site.install("studio", "1.2", nodes={"turn.it": "nowhere:Turn"})

    with pytest.raises(
        PluginError, match=r"node 'turn\.it' must be enabled to be used, got .*SHOTGRAPH_PLUGINS_BLOCK and -p"
    ):
        Registry(site.entry_points(), block=["turn.*"]).node_class("turn.it")


def test_without_entry_points_given_those_installed_are_read() -> None:
    installed = importlib.metadata.entry_points(group="shotgraph.nodes")

    assert set(Registry().ids()) == {entry.name for entry in installed}
