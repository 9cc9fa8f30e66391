"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shotgraph.presets import NodeCatalogue, json_schema


@pytest.fixture
def schema(catalogue: NodeCatalogue) -> dict[str, Any]:
    return json_schema(catalogue)


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [found for part in value.values() for found in references(part)]
    return [found for part in value for found in references(part)] if isinstance(value, list) else []


def test_the_schema_is_json_and_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    json.dumps(schema)

    for reference in references(schema):
        found: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/")]
        assert found
    assert len(references(schema)) > 8


def test_a_node_offers_its_links_parameters_and_reserved_keys_and_nothing_else(schema: dict[str, Any]) -> None:
    edit = schema["$defs"]["edit.propagate"]

    assert edit["additionalProperties"] is False
    assert edit["properties"]["node"] == {"const": "edit.propagate"}
    assert edit["properties"]["flow"] == {"type": "string", "description": "link: stream of flow"}
    assert {"enabled", "materialize", "on_error", "chunk"} < set(edit["properties"])
    strength = edit["properties"]["strength"]
    assert strength["description"] == "share of the edit"
    assert strength["anyOf"][0]["maximum"] == 1
    assert strength["anyOf"][1] == {"type": "string", "pattern": r"^\$\{(vars|env)\."}


def test_definitions_of_two_nodes_do_not_collide(schema: dict[str, Any]) -> None:
    assert "edit.propagate/Lora" in schema["$defs"]
    assert "Lora" not in schema["$defs"]


def test_only_nodes_that_can_be_had_are_offered(schema: dict[str, Any]) -> None:
    offered = schema["$defs"]["Node"]["properties"]["node"]["enum"]

    assert "flow.dis" in offered
    assert "edit.broken" not in offered


def test_a_file_that_extends_another_needs_only_the_format(schema: dict[str, Any]) -> None:
    assert schema["required"] == ["shotgraph"]
    assert schema["properties"]["shotgraph"]["const"] == 1
    assert schema["properties"]["extends"]["anyOf"][0] == {"type": "string"}
    assert set(schema["properties"]) == {
        "shotgraph", "description", "extends", "vars", "shots", "graph", "targets", "overrides",
    }  # fmt: skip
