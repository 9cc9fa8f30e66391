"""JSON Schema of a preset, for editors: our models, with every installed node's ports and parameters."""

from __future__ import annotations

from typing import Any, cast

from shotgraph.errors import PluginError
from shotgraph.presets.cards import Card, NodeCatalogue, parameters
from shotgraph.presets.schema import NAME, RESERVED_KEYS, PresetModel

# A value that is one reference takes the type of what it names, so any field may hold one.
_REFERENCE = {"type": "string", "pattern": r"^\$\{(vars|env)\."}


def json_schema(catalogue: NodeCatalogue) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a preset with the nodes of `catalogue`; nodes that cannot be had are left out."""
    document = PresetModel.model_json_schema()
    definitions: dict[str, Any] = document["$defs"]
    reserved: dict[str, Any] = definitions.pop("NodeEntry")["properties"]
    cards = [card for card in (_card(catalogue, node_id) for node_id in sorted(catalogue.ids())) if card]
    for card in cards:
        definitions |= _node_definitions(card, reserved)
    definitions["Node"] = {
        "type": "object",
        "properties": {"node": {"enum": [card.id for card in cards], "description": reserved["node"]["description"]}},
        "allOf": [
            {
                "if": {"properties": {"node": {"const": card.id}}, "required": ["node"]},
                "then": {"$ref": f"#/$defs/{card.id}"},
            }
            for card in cards
        ],
    }
    nodes = {"type": "object", "propertyNames": {"pattern": f"^{NAME.pattern}$"}}
    graph = nodes | {"additionalProperties": {"$ref": "#/$defs/Node"}, "description": "nodes by name"}
    document["properties"]["graph"] = graph
    definitions["Override"]["properties"]["graph"] = graph
    # Layers below may say the rest: only the format is needed in every file.
    document["required"] = ["shotgraph"]
    definitions["Shots"].pop("required", None)
    for section in (document, definitions["Shots"], definitions["Override"]):
        _accept_one_text(section["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "Shotgraph preset"}


def _card(catalogue: NodeCatalogue, node_id: str) -> Card | None:
    try:
        return catalogue.card(node_id)
    except PluginError:
        return None


def _node_definitions(card: Card, reserved: dict[str, Any]) -> dict[str, Any]:
    """The node's own definition, and those that its parameters refer to, under names of their own."""
    links = {
        port.name: {"type": "string", "description": f"link: {port.medium} of {' or '.join(port.kinds)}"}
        for port in card.inputs
    }
    values = {
        name: {"anyOf": [_renamed(schema, card.id), _REFERENCE], "description": schema.get("description", "")}
        for name, schema in parameters(card).items()
        if name not in RESERVED_KEYS
    }
    node = {
        "type": "object",
        "description": card.summary,
        "properties": {**values, **links, **reserved, "node": {"const": card.id}},
        "additionalProperties": False,
    }
    own = {f"{card.id}/{name}": _renamed(schema, card.id) for name, schema in card.schema.get("$defs", {}).items()}
    return {card.id: node, **own}


def _renamed(schema: Any, prefix: str) -> Any:
    """`schema` with its references moved to the definitions of node `prefix`; ``/`` in a name is written ``~1``."""
    if isinstance(schema, dict):
        items = cast(dict[str, Any], schema).items()
        return {
            key: f"#/$defs/{prefix}~1{str(value).removeprefix('#/$defs/')}"
            if key == "$ref"
            else _renamed(value, prefix)
            for key, value in items
        }
    if isinstance(schema, list):
        return [_renamed(part, prefix) for part in cast(list[Any], schema)]
    return schema


def _accept_one_text(properties: dict[str, Any]) -> None:
    """A list of texts may be written as one text."""
    for name, schema in properties.items():
        if schema.get("type") == "array" and schema.get("items") == {"type": "string"}:
            properties[name] = {
                "anyOf": [{"type": "string"}, {k: v for k, v in schema.items() if k != "description"}],
                "description": schema["description"],
            }
