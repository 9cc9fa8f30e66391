"""Path fields: two forms, one regular expression, nothing reached."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotgraph.api.paths import fill
from shotgraph.errors import UsageError

FIELDS = {"root": "/show", "shot": "sq010_0020", "version": 7, "take": "12"}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{root}/out/{shot}_v{version:03d}.mov", "/show/out/sq010_0020_v007.mov"),
        ("{version:4d}", "0007"),
        ("{take:03d}", "012"),
        ("{version}{version}", "77"),
        ("plate.####.exr", "plate.####.exr"),
        ("{}", "{}"),
        ("{shot.__class__}", "{shot.__class__}"),
        ("{shot[0]}", "{shot[0]}"),
        ("{shot!r}", "{shot!r}"),
        ("{shot:0999999999d}", "{shot:0999999999d}"),
    ],
)
def test_only_names_and_paddings_are_fields(template: str, path: str) -> None:
    assert fill(template, FIELDS, who="core.write") == path


def test_kept_fields_wait_for_later() -> None:
    assert fill("{shot}_v{version:03d}", {"shot": "a"}, who="w", keep=frozenset({"version"})) == "a_v{version:03d}"


@given(st.dictionaries(st.sampled_from(["a", "b"]), st.text(), min_size=2))
def test_a_value_is_never_read_as_a_template(fields: dict[str, str]) -> None:
    assert fill("{a}|{b}", fields, who="w") == f"{fields['a']}|{fields['b']}"


def test_an_unknown_field_lists_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match=r"^out: field \{shto\} must be one of root, shot, take, version, got '\{shto\}.mov'"
    ):
        fill("{shto}.mov", FIELDS, who="out")


def test_without_any_field_the_message_says_so() -> None:
    with pytest.raises(UsageError, match="must be one of none"):
        fill("{shot}", {}, who="out")


def test_text_cannot_be_padded() -> None:
    with pytest.raises(UsageError, match=r"^out: field \{shot:03d\} must be an integer to be padded, got 'sq010_0020'"):
        fill("{shot:03d}", FIELDS, who="out")


def test_a_value_cannot_bring_a_field_that_is_filled_later() -> None:
    kept = frozenset({"version"})

    with pytest.raises(
        UsageError, match=r"^out: field \{shot\} must not hold a field itself, got 'a\{version:03d\}'; rename it"
    ):
        fill("{shot}_v{version}.mov", {"shot": "a{version:03d}"}, who="out", keep=kept)

    assert fill("{shot}_v{version}.mov", {"shot": "a{shot}"}, who="out", keep=kept) == "a{shot}_v{version}.mov"
