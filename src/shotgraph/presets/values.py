"""Checks values against the JSON Schema that pydantic writes for a node's parameters.

Only what pydantic emits is known; annotations (``title``, ``format``, ``default`` ...) say nothing about validity. Numbers are
never read from text, so that ``"7"`` is not a seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from shotgraph.presets.document import Item
from shotgraph.presets.faults import KeyPath, did_you_mean, shown
from shotgraph.presets.substitute import is_unresolved

Schema = Mapping[str, Any]
Fault = tuple[Item, KeyPath, str]

_NAMES = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_Limit = Callable[[Any, Any], bool]
_NUMBER_LIMITS: dict[str, tuple[str, _Limit]] = {
    "minimum": ("greater than or equal to {}", lambda value, limit: value >= limit),
    "maximum": ("less than or equal to {}", lambda value, limit: value <= limit),
    "exclusiveMinimum": ("greater than {}", lambda value, limit: value > limit),
    "exclusiveMaximum": ("less than {}", lambda value, limit: value < limit),
    "multipleOf": ("a multiple of {}", lambda value, limit: abs(value / limit - round(value / limit)) < 1e-9),
}
_TEXT_LIMITS: dict[str, tuple[str, _Limit]] = {
    "minLength": ("at least {} characters long", lambda value, limit: len(value) >= limit),
    "maxLength": ("at most {} characters long", lambda value, limit: len(value) <= limit),
    "pattern": ("text that matches {}", lambda value, limit: re.search(limit, value) is not None),
}
_LIST_LIMITS: dict[str, tuple[str, _Limit]] = {
    "minItems": ("at least {} items long", lambda value, limit: len(value) >= limit),
    "maxItems": ("at most {} items long", lambda value, limit: len(value) <= limit),
}


def value_faults(item: Item, schema: Schema, path: KeyPath, root: Schema) -> Iterator[Fault]:
    """What is wrong with `item`: the value at fault, its path, and the rule it breaks.

    Args:
        item: a value of the preset.
        schema: what it must be.
        path: where it is in the preset.
        root: the schema that holds the ``$defs``.

    Yields:
        Fault: one per broken rule.
    """
    if is_unresolved(item):
        return
    reference = schema.get("$ref")
    if reference is not None:
        yield from value_faults(item, _referenced(reference, root), path, root)
    for part in schema.get("allOf", ()):
        yield from value_faults(item, part, path, root)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        yield from _choice_faults(item, choices, path, root)
    if not _has_type(item, schema):
        yield item, path, f"must be {_described(schema, root)}, got {shown(item.plain())}"
        return
    if "const" in schema and not _equal(item.plain(), schema["const"]):
        yield item, path, f"must be {shown(schema['const'])}, got {shown(item.plain())}"
    if "enum" in schema and not any(_equal(item.plain(), choice) for choice in schema["enum"]):
        yield item, path, _enum_message(item, schema["enum"])
    yield from _content_faults(item, schema, path, root)


def _content_faults(item: Item, schema: Schema, path: KeyPath, root: Schema) -> Iterator[Fault]:
    value = item.value
    if isinstance(value, dict):
        yield from _object_faults(item, schema, path, root)
    elif isinstance(value, tuple):
        yield from _limit_faults(item, schema, path, _LIST_LIMITS)
        yield from _list_faults(value, item, schema, path, root)
    elif isinstance(value, str):
        yield from _limit_faults(item, schema, path, _TEXT_LIMITS)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _limit_faults(item, schema, path, _NUMBER_LIMITS)


def _limit_faults(
    item: Item, schema: Schema, path: KeyPath, limits: Mapping[str, tuple[str, _Limit]]
) -> Iterator[Fault]:
    for keyword, (rule, holds) in limits.items():
        if keyword in schema and not holds(item.value, schema[keyword]):
            yield item, path, f"must be {rule.format(schema[keyword])}, got {shown(item.plain())}"


def _list_faults(values: tuple[Item, ...], item: Item, schema: Schema, path: KeyPath, root: Schema) -> Iterator[Fault]:
    prefix = schema.get("prefixItems", ())
    rest = schema.get("items")
    for index, value in enumerate(values):
        expected = prefix[index] if index < len(prefix) else rest
        if isinstance(expected, Mapping):
            yield from value_faults(value, cast(Schema, expected), (*path, index), root)
    if schema.get("uniqueItems"):
        plain = [value.plain() for value in values]
        if any(_equal(one, other) for index, one in enumerate(plain) for other in plain[:index]):
            yield item, path, f"must not repeat an item, got {shown(plain)}"


def _object_faults(item: Item, schema: Schema, path: KeyPath, root: Schema) -> Iterator[Fault]:
    known: Mapping[str, Schema] = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    for key, value in item.mapping().items():
        if key in known:
            yield from value_faults(value, known[key], (*path, key), root)
        elif extra is False:
            yield value, (*path, key), f"unknown key; {did_you_mean(key, known)}"
        elif isinstance(extra, Mapping):
            yield from value_faults(value, cast(Schema, extra), (*path, key), root)
    for key in schema.get("required", ()):
        if key not in item.mapping():
            yield item, (*path, key), "must be given, got nothing"


def _choice_faults(item: Item, choices: list[Schema], path: KeyPath, root: Schema) -> Iterator[Fault]:
    """Nothing when one choice holds; the faults of the only choice of the value's type; else what it may be."""
    failures: list[list[Fault]] = []
    for choice in choices:
        faults = list(value_faults(item, choice, path, root))
        if not faults:
            return
        if _has_type(item, _followed(choice, root)):
            failures.append(faults)
    if len(failures) == 1:
        yield from failures[0]
        return
    described = " or ".join(dict.fromkeys(_described(choice, root) for choice in choices))
    yield item, path, f"must be {described}, got {shown(item.plain())}"


def _has_type(item: Item, schema: Schema) -> bool:
    types = schema.get("type")
    if types is None:
        return True
    return any(_is_a(item.value, name) for name in ([types] if isinstance(types, str) else types))


def _is_a(value: Any, name: str) -> bool:
    match name:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "integer":
            is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return is_whole and not isinstance(value, bool)
        case "array":
            return isinstance(value, tuple)
        case "object":
            return isinstance(value, dict)
        case _:
            return value is None


def _equal(one: Any, other: Any) -> bool:
    """Equality in which True is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _described(schema: Schema, root: Schema) -> str:
    """What a schema wants, in words."""
    schema = _followed(schema, root)
    if "const" in schema:
        return shown(schema["const"])
    if "enum" in schema:
        return " or ".join(shown(choice) for choice in schema["enum"])
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_described(choice, root) for choice in choices))
    types = schema.get("type", ())
    return " or ".join(_NAMES.get(name, name) for name in ([types] if isinstance(types, str) else types)) or "a value"


def _enum_message(item: Item, choices: list[Any]) -> str:
    listed = ", ".join(shown(choice) for choice in choices)
    hint = ""
    if isinstance(item.value, str):
        near = did_you_mean(item.value, [choice for choice in choices if isinstance(choice, str)])
        hint = f"; {near}" if near.startswith("did") else ""
    return f"must be one of {listed}, got {shown(item.plain())}{hint}"


def _followed(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = _referenced(schema["$ref"], root)
    return schema


def _referenced(reference: str, root: Schema) -> Schema:
    """The schema behind ``#/$defs/Name``."""
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return cast(Schema, found)
