"""Cards: what they say, and when a remembered one may be believed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shotgraph.api import PortSpec
from shotgraph.errors import PluginError
from shotgraph.pipeline.catalogue import NodeCard, default_catalogue
from shotgraph.pipeline.registry import Registry


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "catalogue.json"


@pytest.fixture
def studio(site: Any) -> Any:
    site.node("studio_nodes", "turn.it")
    site.install("studio", "1.2", nodes={"turn.it": "studio_nodes:Turn"})
    return site


def forget(module: str) -> None:
    sys.modules.pop(module, None)


def test_a_card_says_everything_about_a_node(studio: Any) -> None:
    card = Registry(studio.entry_points()).card("turn.it")

    assert card.id == "turn.it"
    assert card.summary == "Turn turn.it around."
    assert card.doc == "Turn turn.it around.\n\nSecond paragraph."
    assert (card.version, card.distribution) == ("3", "studio 1.2")
    assert (card.contract, card.contract_settings) == ("Frame", {"batch": 2})
    assert card.inputs == (
        PortSpec("video", "stream", ("rgb",)),
        PortSpec("matte", "stream", ("rgb",), optional=True),
    )
    assert card.outputs == (PortSpec("video", "stream", ("rgb",)),)
    assert card.schema["properties"]["turns"]["minimum"] == 0
    assert (card.cost, card.numerics, card.is_source, card.is_target) == ("light", "host", False, False)


def test_a_card_survives_json(studio: Any) -> None:
    card = Registry(studio.entry_points()).card("turn.it")

    assert NodeCard.from_json(json.loads(json.dumps(card.to_json()))) == card


def test_a_remembered_card_equals_the_fresh_one_and_imports_nothing(studio: Any, cache: Path) -> None:
    fresh = Registry(studio.entry_points(), cache=cache).card("turn.it")
    forget("studio_nodes")

    warm = Registry(studio.entry_points(), cache=cache).card("turn.it")

    assert warm == fresh
    assert "studio_nodes" not in sys.modules


@pytest.mark.parametrize("change", ["content", "touch", "version", "value", "remove"])
def test_a_card_is_forgotten_when_what_it_is_about_changed(studio: Any, cache: Path, change: str) -> None:
    Registry(studio.entry_points(), cache=cache).card("turn.it")
    forget("studio_nodes")
    file = studio.folder / "studio_nodes.py"
    info = studio.folder / "studio-1.2.dist-info"
    match change:
        case "content":
            file.write_text(file.read_text() + "\n# longer\n")
        case "touch":
            stat = file.stat()
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
        case "version":
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: studio\nVersion: 1.3\n")
        case "value":
            studio.node("studio_nodes_b", "turn.it")
            (info / "entry_points.txt").write_text("[shotgraph.nodes]\nturn.it = studio_nodes_b:Turn\n")
        case "remove":
            file.unlink()
    registry = Registry(studio.entry_points(), cache=cache)

    if change == "remove":
        with pytest.raises(PluginError, match="must be importable, got ModuleNotFoundError"):
            registry.card("turn.it")
        return
    card = registry.card("turn.it")

    assert card.summary == "Turn turn.it around."
    assert {"studio_nodes", "studio_nodes_b"} & set(sys.modules)


def test_a_card_is_forgotten_when_the_file_of_its_parameters_changed(site: Any, cache: Path) -> None:
    shared = site.module(
        "studio_params", "from shotgraph.api import Params\nclass Shared(Params):\n    turns: int = 1\n"
    )
    site.module(
        "studio_nodes",
        "from shotgraph.api import Node\nimport studio_params\n"
        "class Turn(Node):\n    id = 'turn.it'\n    version = '1'\n    Params = studio_params.Shared\n",
    )
    site.install("studio", "1.2", nodes={"turn.it": "studio_nodes:Turn"})
    Registry(site.entry_points(), cache=cache).card("turn.it")
    for name in ("studio_nodes", "studio_params"):
        forget(name)
    shared.write_text("from shotgraph.api import Params\nclass Shared(Params):\n    corners: int = 4\n")

    card = Registry(site.entry_points(), cache=cache).card("turn.it")

    assert list(card.schema["properties"]) == ["corners"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"format": 999, "records": {}}',
        b'{"format": 1, "records": 7}',
        b'{"format": 1, "records": {"turn.it": 7}}',
        b'{"format": 1, "records": {"turn.it": {"entry": []}}}',
    ],
)
def test_a_damaged_catalogue_is_a_miss_and_is_repaired(studio: Any, cache: Path, damage: bytes) -> None:
    cache.parent.mkdir()
    cache.write_bytes(damage)

    card = Registry(studio.entry_points(), cache=cache).card("turn.it")

    assert card.version == "3"
    assert json.loads(cache.read_text())["records"]["turn.it"]["card"]["id"] == "turn.it"


def test_a_record_with_the_right_name_and_a_wrong_card_is_a_miss(studio: Any, cache: Path) -> None:
    Registry(studio.entry_points(), cache=cache).card("turn.it")
    document = json.loads(cache.read_text())
    del document["records"]["turn.it"]["card"]["schema"]
    cache.write_text(json.dumps(document))
    forget("studio_nodes")

    assert Registry(studio.entry_points(), cache=cache).card("turn.it").schema["properties"]


def test_a_cache_that_cannot_be_written_changes_nothing(studio: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    card = Registry(studio.entry_points(), cache=blocked / "catalogue.json").card("turn.it")

    assert card.id == "turn.it"
    assert blocked.read_text() == "not a folder"


def test_saving_leaves_one_whole_file(studio: Any, cache: Path) -> None:
    Registry(studio.entry_points(), cache=cache).cards()

    assert [file.name for file in cache.parent.iterdir()] == ["catalogue.json"]


def test_a_warm_catalogue_is_not_written_again(studio: Any, cache: Path) -> None:
    Registry(studio.entry_points(), cache=cache).cards()
    before = cache.stat().st_mtime_ns

    Registry(studio.entry_points(), cache=cache).cards()

    assert cache.stat().st_mtime_ns == before


def test_cards_lists_the_sound_nodes_and_broken_names_the_rest(studio: Any, cache: Path) -> None:
    studio.module("bad_nodes", "raise RuntimeError('no licence')")
    studio.module(
        "odd_nodes",
        "from shotgraph.api import Node, Ports\nclass Odd(Node):\n    id = 'turn.odd'\n    version = '1'\n"
        "    class In(Ports):\n        video: int\n",
    )
    studio.install("outside", "0.9", nodes={"turn.bad": "bad_nodes:Bad", "turn.odd": "odd_nodes:Odd"})
    registry = Registry(studio.entry_points(), cache=cache)

    cards = registry.cards()

    assert [card.id for card in cards] == ["turn.it"]
    assert [(item.id, item.distribution) for item in registry.broken()] == [
        ("turn.bad", "outside 0.9"),
        ("turn.odd", "outside 0.9"),
    ]
    assert "RuntimeError: no licence" in registry.broken()[0].error
    assert "its ports and parameters must be readable, got GraphError: " in registry.broken()[1].error


def test_each_environment_has_a_catalogue_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here = default_catalogue()
    monkeypatch.setattr(sys, "prefix", "/another/venv")

    assert default_catalogue() != here
    assert default_catalogue().parent == here.parent


def test_listing_warm_nodes_imports_no_heavy_library(studio: Any, cache: Path) -> None:
    Registry(studio.entry_points(), cache=cache).cards()
    program = (
        "import importlib.metadata, sys\n"
        "from pathlib import Path\n"
        "from shotgraph.pipeline.registry import Registry\n"
        f"found = [e for d in importlib.metadata.distributions(path=[{str(studio.folder)!r}]) for e in d.entry_points]\n"
        f"cards = Registry(found, cache=Path({str(cache)!r})).cards()\n"
        "print([card.id for card in cards], sorted({'torch', 'av', 'cv2', 'studio_nodes'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(studio.folder)},
    )

    assert done.stdout == "['turn.it'] []\n"
