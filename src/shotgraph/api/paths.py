"""Path fields: ``{shot}`` and ``{version:03d}`` inside file parameters. One regular expression; no attribute ever gets reached."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shotgraph.errors import UsageError

FIELD = re.compile(r"\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::0?(?P<width>\d{1,2})d)?\}")


def fill(template: str, fields: Mapping[str, str | int], *, who: str, keep: frozenset[str] = frozenset()) -> str:
    """`template` with every field replaced by its value; `UsageError` for an unknown field, or padding on text.

    Args:
        template: text such as ``{root}/out/{shot}_v{version:03d}.mov``; any other brace is literal.
        fields: values; a padded field needs an integer.
        who: what the template belongs to, for the message.
        keep: fields that stay as they are, to be filled later.

    Returns:
        The path.
    """

    def literal(name: str) -> str:
        text = str(fields[name])
        # A folder called {version} would be taken for the field when that is filled in later.
        if any(inner["name"] in keep for inner in FIELD.finditer(text)):
            raise UsageError(f"{who}: field {{{name}}} must not hold a field itself, got {text!r}; rename it")
        return text

    def value(match: re.Match[str]) -> str:
        name, width = match["name"], match["width"]
        if name in keep:
            return match[0]
        if name not in fields:
            known = ", ".join(sorted(fields)) or "none"
            raise UsageError(f"{who}: field {{{name}}} must be one of {known}, got {template!r}")
        if width is None:
            return literal(name)
        try:
            return f"{int(fields[name]):0{int(width)}d}"
        except ValueError as error:
            raise UsageError(
                f"{who}: field {match[0]} must be an integer to be padded, got {fields[name]!r}"
            ) from error

    return FIELD.sub(value, template)
