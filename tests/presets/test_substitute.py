"""``${vars.x}`` and ``${env.NAME:-default}``."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api import Location
from shotgraph.presets.document import Item, Plain, parse
from shotgraph.presets.faults import Faults
from shotgraph.presets.substitute import Environment, Substitution, is_unresolved

NOWHERE = Location()
SITE = Environment(
    frozenset({"SHOW", "SEED", "EMPTY", "UNSET"}), {"SHOW": "maya", "SEED": "7", "EMPTY": "", "SECRET": "s3"}
)


def resolved(variables: str, text: str, environment: Environment = SITE) -> tuple[Plain, list[str]]:
    faults = Faults()
    root = parse(f"vars: {variables}\nvalue: {text}\n", "x.yaml", faults)
    assert root is not None
    value = root.find(("value",))
    assert value is not None
    found = Substitution(root.find(("vars",)), environment, faults).resolved(value, ("value",))
    return found.plain(), faults.lines()


@pytest.mark.parametrize(
    ("variables", "text", "value"),
    [
        ("{a: 7}", '"${vars.a}"', 7),
        ("{a: 0.5}", '"${vars.a}"', 0.5),
        ("{a: true}", '"${vars.a}"', True),
        ("{a: [1, x]}", '"${vars.a}"', [1, "x"]),
        ("{a: {b: 1}}", '"${vars.a}"', {"b": 1}),
        ("{a: 7}", '"n${vars.a}"', "n7"),
        ("{a: true}", '"is ${vars.a}"', "is true"),
        ("{a: 7, b: x}", '"${vars.a}${vars.b}"', "7x"),
        ('{a: "${vars.b}", b: "${vars.c}", c: 3}', '"${vars.a}"', 3),
        ('{a: "<${vars.b}>", b: x}', '["${vars.a}", {k: "${vars.a}!"}]', ["<x>", {"k": "<x>!"}]),
        ("{}", '"${env.SHOW}"', "maya"),
        ("{}", '"/jobs/${env.SHOW}/x"', "/jobs/maya/x"),
        ("{}", '"${env.SEED}"', 7),
        ("{}", '"${env.UNSET:-3}"', 3),
        ("{}", '"${env.UNSET:-a b}"', "a b"),
        ("{}", "\"${env.UNSET:-'3'}\"", "3"),
        ("{}", '"x${env.EMPTY:-d}"', "xd"),
        ("{}", '"x${env.EMPTY}"', "x"),
        ("{}", '"x${env.UNSET:-}"', "x"),
        ("{}", '"$vars.a {shot} $F4 }{"', "$vars.a {shot} $F4 }{"),
    ],
)
def test_a_reference_becomes_what_it_names(variables: str, text: str, value: Plain) -> None:
    found, faults = resolved(variables, text)

    assert faults == []
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("variables", "text", "fault"),
    [
        (
            "{seed: 1}",
            '"${vars.sead}"',
            "x.yaml:2:8: value: ${vars.sead} must name one of vars, got 'sead'; did you mean 'seed'",
        ),
        ("{}", '"${vars.a}"', "${vars.a} must name one of vars, got 'a'; add it to vars"),
        ('{a: "${vars.b}", b: "${vars.a}"}', '"${vars.a}"', "vars must not refer to themselves, got a > b > a"),
        ('{a: "x${vars.a}"}', '"${vars.a}"', "x.yaml:1:11: vars.a: vars must not refer to themselves, got a > a"),
        (
            "{}",
            '"${env.SECRET}"',
            "${env.SECRET} must be on the site's allow-list (EMPTY, SEED, SHOW, UNSET), got 'SECRET'",
        ),
        ("{}", '"${env.UNSET}"', "${env.UNSET} must be set, got nothing; set it or write ${env.UNSET:-default}"),
        ("{a: 1}", '"${vars.a:-2}"', "a reference must be ${vars.name} or ${env.NAME:-default}, got '${vars.a:-2}'"),
        ("{a: 1}", '"${vars.a.b}"', "a reference must be ${vars.name} or ${env.NAME:-default}, got '${vars.a.b}'"),
        ("{a: 1}", '"${a}"', "a reference must be ${vars.name} or ${env.NAME:-default}, got '${a}'"),
        ("{a: 1}", '"x ${vars.a"', "a reference must end in '}', got '${vars.a'"),
        ("{a: 1}", '"${vars.__class__.__mro__}"', "a reference must be ${vars.name} or ${env.NAME:-default}"),
        ("{a: [1]}", '"x ${vars.a}"', "${vars.a} must be text or a number when inside a text, got [1]"),
    ],
)
def test_a_reference_that_cannot_be_resolved_stays_and_is_told(variables: str, text: str, fault: str) -> None:
    found, faults = resolved(variables, text)

    assert fault in faults[0]
    assert len(faults) == 1
    assert found == text.strip('"')


def test_what_the_environment_says_is_never_looked_at_again() -> None:
    nested = Environment(frozenset({"A"}), {"A": "${env.SECRET} ${vars.x}", "SECRET": "s3"})

    found, faults = resolved("{x: 1}", '"<${env.A}>"', nested)

    assert (found, faults) == ("<${env.SECRET} ${vars.x}>", [])


@pytest.mark.parametrize("form", ['"${vars.%s}${vars.%s}"', '["${vars.%s}", "${vars.%s}"]'])
def test_vars_that_double_one_another_are_stopped(form: str) -> None:
    names = [f"v{n}" for n in range(60)]
    rows = [f"{name}: {form % (below, below)}" for name, below in zip(names[1:], names, strict=False)]
    start = time.perf_counter()

    _, faults = resolved("{v0: 0123456789, " + ", ".join(rows) + "}", '"${vars.v59}"')

    assert time.perf_counter() - start < 5
    assert any("references must expand to at most 1000000 characters, got more" in fault for fault in faults)


def test_unresolved_values_are_recognised_at_any_depth() -> None:
    root = parse('a: [{b: "x${vars.c}"}]\nb: ["$x"]\n', "x.yaml", Faults())

    assert root is not None
    assert is_unresolved(root.mapping()["a"])
    assert not is_unresolved(root.mapping()["b"])


@given(st.lists(st.one_of(st.text("ab {}$%.\n"), st.sampled_from(["${vars.v}"])), max_size=6), st.text("xy$}{ "))
def test_text_around_references_is_kept_to_the_character(parts: list[str], value: str) -> None:
    text = "".join(parts)
    item = Item(text, NOWHERE, NOWHERE)
    variables = Item({"v": Item(value, NOWHERE, NOWHERE)}, NOWHERE, NOWHERE)
    faults = Faults()

    found = Substitution(variables, SITE, faults).resolved(item, ())

    if "${" in text.replace("${vars.v}", "") or re.search(r"\$\{", value):
        return
    assert not faults
    assert found.value == text.replace("${vars.v}", value)
