"""Names of methods: what runs, and behind an ``@`` what differs from the run's settings, such as ``per_frame@eta=1+matte``."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from shotgraph.errors import UsageError
from shotgraph.stage.bench.methods import Settings

_SEPARATOR, _JOINT = "@", "+"
_FLAGS = ("matte", "reconstruct")
_COUNTS, _WEIGHTS = ("steps", "inversion_steps"), ("guidance",)
# Beyond it a float holds no odd numbers any more.
_WHOLE_BELOW = 2.0**53
# More would be no number of most files and libraries.
_COUNT_BELOW = 2**63


def varied(name: str, settings: Settings) -> tuple[str, Settings]:
    """A name such as ``per_frame@guidance=7.5+reconstruct`` taken apart; `UsageError` for a variation that is no setting.

    Args:
        name: a method, and what differs from the run's settings behind an ``@``.
        settings: of the run.

    Returns:
        The method's own name, and the settings of this variant.
    """
    base, parts = _parts(name)
    for key, text in parts.items():
        value = _scalar(text)
        if key in _FLAGS:
            settings = replace(settings, **{key: True})
        elif key in (*_COUNTS, *_WEIGHTS):
            settings = replace(settings, **{key: float(value) if key in _WEIGHTS else value})
        else:
            settings = replace(settings, extra={**settings.extra, key: value})
    return base, settings


def normal_name(name: str) -> str:
    """The one way to write `name`: parts in the order of the alphabet, numbers as short as can be; `UsageError` as `varied`."""
    base, parts = _parts(name)
    told = [f"{key}={parts[key]}" if parts[key] else key for key in sorted(parts)]
    return f"{base}{_SEPARATOR}{_JOINT.join(told)}" if told else base


def is_plain(name: str) -> bool:
    """Whether it varies nothing."""
    return _SEPARATOR not in name


def _parts(name: str) -> tuple[str, dict[str, str]]:
    """The method, and what varies with its value as text; a flag's is empty, of a key given twice the last counts."""
    base, _, variation = name.partition(_SEPARATOR)
    parts: dict[str, str] = {}
    for item in variation.split(_JOINT) if variation else ():
        key, _, text = item.partition("=")
        if key == "seed":
            raise UsageError(
                f"bench: seeds must be given with --seeds, got {item!r} in {name!r}; leave it out of the name"
            )
        value = _short(text)
        if not key or (key in _FLAGS) != (not value) or not _fits(key, value):
            raise UsageError(
                f"bench: a variation must be matte, reconstruct or name=value, got {item!r} in {name!r}; "
                "write METHOD@guidance=3+reconstruct"
            )
        parts[key] = value
    return base, parts


def _fits(key: str, value: str) -> bool:
    """Whether a setting of ours has the kind of value that it needs."""
    return is_count(value) if key in _COUNTS else key not in _WEIGHTS or _number(value) is not None


def is_count(text: str) -> bool:
    """Whether `text` is a whole number from 0 in plain digits, of 63 bits; `str.isdigit` takes a ``²`` too."""
    return text.isascii() and text.isdecimal() and int(text) < _COUNT_BELOW


def _short(text: str) -> str:
    """Of all ways to write a number or a truth value, one."""
    if text.lower() in ("true", "false"):
        return text.lower()
    number = _number(text)
    if number is None:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < _WHOLE_BELOW else repr(number)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _scalar(text: str) -> Any:
    """Numbers and truth values as YAML would read them, anything else as text."""
    if text in ("true", "false"):
        return text == "true"
    if _number(text) is None:
        return text
    return int(text) if text.removeprefix("-").isdecimal() else float(text)
