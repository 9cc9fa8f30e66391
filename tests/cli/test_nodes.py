"""`nodes` and `doctor`: what is installed, and what is broken without doing harm."""

import json
from typing import Any

import pytest

from shotgraph.errors import Exit


@pytest.fixture
def studio(site: Any) -> Any:
    """A studio's package with one sound and one broken node."""
    site.node("studio_nodes", "turn.it")
    site.module("studio_broken", "raise RuntimeError('no licence')")
    site.install("studio", "1.2", nodes={"turn.it": "studio_nodes:Turn", "turn.bad": "studio_broken:Bad"})
    return site


@pytest.mark.usefixtures("studio")
def test_nodes_lists_a_plugin_beside_the_built_in_ones_and_names_the_broken(shotgraph: Any) -> None:
    ran = shotgraph("nodes")

    assert ran.code == Exit.VERIFIED
    rows = {line.split()[0]: line for line in ran.out.splitlines()}
    assert rows["turn.it"].split(maxsplit=5)[1:] == ["3", "Frame", "studio", "1.2", "Turn turn.it around."]
    assert "edges.canny" in rows
    assert "turn.bad" not in rows
    assert (
        "broken: plugin 'turn.bad' (studio_broken:Bad) of studio 1.2: must be importable, got RuntimeError" in ran.err
    )


@pytest.mark.usefixtures("studio")
def test_nodes_as_json_is_one_document(shotgraph: Any) -> None:
    ran = shotgraph("nodes", "--json")

    document = json.loads(ran.out)
    assert {"turn.it", "edges.canny"} <= {card["id"] for card in document["nodes"]}
    assert next(item for item in document["broken"] if item["id"] == "turn.bad")["distribution"] == "studio 1.2"


@pytest.mark.usefixtures("studio")
def test_a_blocked_plugin_is_neither_listed_nor_broken(shotgraph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    by_option = shotgraph("-p", "no:turn.*", "nodes")
    monkeypatch.setenv("SHOTGRAPH_PLUGINS_BLOCK", "turn.it, studio")
    by_environment = shotgraph("nodes")

    for ran in (by_option, by_environment):
        assert "turn." not in ran.out + ran.err
        assert "edges.canny" in ran.out


@pytest.mark.usefixtures("studio")
def test_an_allow_list_leaves_the_built_in_nodes(shotgraph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOTGRAPH_PLUGINS", "turn.it")

    ran = shotgraph("nodes")

    assert "turn.it" in ran.out
    assert "edges.canny" in ran.out
    assert "turn.bad" not in ran.err


@pytest.mark.usefixtures("studio")
def test_show_describes_ports_and_parameters(shotgraph: Any) -> None:
    lines = shotgraph("nodes", "show", "turn.it").out.splitlines()

    assert lines[0] == "turn.it  version 3  (studio 1.2)"
    assert "inputs    matte: rgb  (stream, optional)" in lines
    assert "outputs   video: rgb  (stream)" in lines
    assert lines[-1].split(maxsplit=4) == ["turns", "integer", "0..", "1", "quarter turns"]


def test_limits_say_which_of_them_belong_to_the_range(shotgraph: Any) -> None:
    rows = {line.split()[0]: line for line in shotgraph("nodes", "show", "flow.dis").out.splitlines() if line}

    assert rows["scale"].split()[1:4] == ["number", ">0..1", "1.0"]
    assert rows["preset"].split()[1] == "ultrafast|fast|medium"


@pytest.mark.usefixtures("studio")
def test_show_prints_the_card_or_the_schema_as_json(shotgraph: Any) -> None:
    card = json.loads(shotgraph("nodes", "show", "turn.it", "--json").out)
    schema = json.loads(shotgraph("nodes", "show", "turn.it", "--json-schema").out)

    assert (card["id"], card["contract_settings"]) == ("turn.it", {"batch": 2})
    assert card["schema"] == schema
    assert schema["properties"]["turns"]["minimum"] == 0


@pytest.mark.usefixtures("studio")
def test_a_node_that_is_not_there_is_an_error_with_a_suggestion(shotgraph: Any) -> None:
    ran = shotgraph("nodes", "show", "turn.itt")

    assert ran.code == Exit.UNAVAILABLE
    assert "got 'turn.itt'; did you mean 'turn.it'?" in ran.err.splitlines()[-1]


@pytest.mark.usefixtures("studio")
def test_doctor_names_what_is_broken_and_says_so_with_its_code(shotgraph: Any) -> None:
    ran = shotgraph("doctor")

    assert ran.code == Exit.UNAVAILABLE
    assert "broken: plugin 'turn.bad' (studio_broken:Bad) of studio 1.2" in ran.out
    assert ran.err.splitlines()[-1].startswith("Error: doctor: plugins must be sound, got ")


def test_doctor_as_json_tells_versions_and_places(shotgraph: Any, site: Any) -> None:
    site.module("studio_hooks", "from shotgraph.api import hookimpl\n@hookimpl\ndef shotgraph_event(event): ...\n")
    site.install("studio", "1.2", hooks={"house": "studio_hooks"})

    document = json.loads(shotgraph("-p", "no:turn.*", "doctor", "--json").out)

    assert document["hooks"] == ["house (studio 1.2)"]
    assert document["environment"]["numpy"]
    assert document["site_config"].endswith("xdg-config/shotgraph/config.yaml (absent)")
