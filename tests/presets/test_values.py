"""Parameter values against JSON Schema, compared with what pydantic itself accepts."""

from __future__ import annotations

from typing import Any, Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import Field, Location, Params
from shotgraph.presets.document import Item, parse
from shotgraph.presets.faults import Faults, dotted
from shotgraph.presets.values import value_faults


class Adapter(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    name: str
    scale: float = pydantic.Field(1.0, ge=0)


class Wide(Params):
    count: int = Field(0, ge=0, lt=100, description="x")
    steps: int = Field(0, multiple_of=5, description="x")
    share: float = Field(0.5, gt=0, le=1, description="x")
    word: str = Field("ab", min_length=2, max_length=4, pattern="^[a-z]+$", description="x")
    flag: bool = Field(False, description="x")
    mode: Literal["soft", "hard"] = Field("soft", description="x")
    one: Literal["only"] = Field("only", description="x")
    pair: tuple[int, float] = Field((1, 1.0), description="x")
    many: list[int] = Field([], min_length=1, max_length=3, description="x")
    unique: set[int] = Field(set(), description="x")
    table: dict[str, float] = Field({}, description="x")
    maybe: int | None = Field(None, description="x")
    either: str | Adapter = Field("a", description="x")
    chain: list[Adapter] = Field([], description="x")
    mixed: Literal[1, "a"] = Field("a", description="x")
    number: int | float = Field(0, description="x")


SCHEMA = Wide.model_json_schema()


def faults_of(name: str, text: str) -> list[str]:
    root = parse(f"{name}: {text}\n", "x.yaml", Faults())
    assert root is not None
    found = value_faults(root.mapping()[name], SCHEMA["properties"][name], (name,), SCHEMA)
    return [f"{dotted(path)}: {message}" for _, path, message in found]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count", "99"), ("count", "4.0"), ("steps", "35"), ("share", "1"), ("share", "0.25"), ("word", "abcd"),
        ("flag", "true"), ("mode", "hard"), ("one", "only"), ("pair", "[3, 2]"), ("many", "[1, 2, 3]"),
        ("unique", "[1, 2]"), ("table", "{a: 1, b: 0.5}"), ("maybe", "3"), ("either", "text"),
        ("either", "{name: a}"), ("chain", "[{name: a}, {name: b, scale: 0}]"), ("number", "0.5"),
    ],
)  # fmt: skip
def test_what_pydantic_accepts_is_accepted(name: str, text: str) -> None:
    assert faults_of(name, text) == []
    root = parse(f"{name}: {text}\n", "x.yaml", Faults())
    assert root is not None
    Wide(**{name: root.mapping()[name].plain()})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("count", "100", "count: must be less than 100, got 100"),
        ("count", "-1", "count: must be greater than or equal to 0, got -1"),
        ("count", '"7"', "count: must be an integer, got '7'"),
        ("count", "7.5", "count: must be an integer, got 7.5"),
        ("count", "true", "count: must be an integer, got true"),
        ("steps", "7", "steps: must be a multiple of 5, got 7"),
        ("share", "0", "share: must be greater than 0, got 0"),
        ("share", "1.5", "share: must be less than or equal to 1, got 1.5"),
        ("share", "half", "share: must be a number, got 'half'"),
        ("word", "a", "word: must be at least 2 characters long, got 'a'"),
        ("word", "abcde", "word: must be at most 4 characters long, got 'abcde'"),
        ("word", "AB", "word: must be text that matches ^[a-z]+$, got 'AB'"),
        ("word", "7", "word: must be text, got 7"),
        ("flag", "yes", "flag: must be true or false, got 'yes'"),
        ("flag", "1", "flag: must be true or false, got 1"),
        ("mode", "hrad", "mode: must be one of 'soft', 'hard', got 'hrad'; did you mean 'hard'?"),
        ("mode", "3", "mode: must be 'soft' or 'hard', got 3"),
        ("one", "two", "one: must be 'only', got 'two'"),
        ("pair", "[1]", "pair: must be at least 2 items long, got [1]"),
        ("pair", "[1, 2, 3]", "pair: must be at most 2 items long, got [1, 2, 3]"),
        ("pair", "[1, x]", "pair[1]: must be a number, got 'x'"),
        ("pair", "3", "pair: must be a list, got 3"),
        ("many", "[]", "many: must be at least 1 items long, got []"),
        ("many", "[1, 2, 3, x]", "many[3]: must be an integer, got 'x'"),
        ("unique", "[1, 2, 1]", "unique: must not repeat an item, got [1, 2, 1]"),
        ("table", "{a: x}", "table.a: must be a number, got 'x'"),
        ("table", "[1]", "table: must be a mapping, got [1]"),
        ("maybe", "x", "maybe: must be an integer or nothing, got 'x'"),
        ("either", "3", "either: must be text or a mapping, got 3"),
        ("either", "{nmae: a}", "either.nmae: unknown key; did you mean 'name'?"),
        ("either", "{scale: 1}", "either.name: must be given, got nothing"),
        ("chain", "[{name: a, scale: -1}]", "chain[0].scale: must be greater than or equal to 0, got -1"),
        ("chain", "[a]", "chain[0]: must be a mapping, got 'a'"),
        ("mixed", "true", "mixed: must be one of 1, 'a', got true"),
        ("number", "x", "number: must be an integer or a number, got 'x'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_path(name: str, text: str, fault: str) -> None:
    assert fault in faults_of(name, text)


def test_an_unresolved_reference_is_not_judged() -> None:
    assert faults_of("count", '"${vars.n}"') == []
    assert faults_of("pair", '[1, "${vars.n}"]') == []


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-20, 120),
        st.floats(-2, 120, allow_nan=False),
        st.sampled_from(["ab", "soft", "only", "A", ""]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["name", "scale", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def _item(value: Any) -> Item:
    where = Location()
    if isinstance(value, dict):
        return Item({key: _item(part) for key, part in value.items()}, where, where)
    if isinstance(value, list):
        return Item(tuple(_item(part) for part in value), where, where)
    return Item(value, where, where)


@given(st.sampled_from(sorted(Wide.model_fields)), VALUES)
def test_whatever_we_accept_pydantic_accepts(name: str, value: Any) -> None:
    faults = list(value_faults(_item(value), SCHEMA["properties"][name], (name,), SCHEMA))

    if not faults:
        Wide(**{name: value})
