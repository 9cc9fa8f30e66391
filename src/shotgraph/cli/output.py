"""What commands print: a table for people, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Any, TypeVar

import click

from shotgraph.api.frames import FrameRange, FrameSet
from shotgraph.api.rates import Rate
from shotgraph.api.timecode import Timecode

Command = TypeVar("Command", bound=Callable[..., Any])
_TEN, _THOUSAND = 10, 1000


def json_option(command: Command) -> Command:
    """``--json``: stdout becomes one document, everything else goes to stderr."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def plain(value: Any) -> Any:
    """`value` in terms of JSON; rates and ratios stay exact as text, labels are written out."""
    if isinstance(value, Rate):
        return plain(value.fps)
    if isinstance(value, Timecode | FrameRange | FrameSet | Fraction | PurePath):
        return str(value)
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def counted(number: int, thing: str) -> str:
    """``1 frame``, ``2 frames``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def size_text(size_bytes: float) -> str:
    """``312 B``, ``1.5 MB``, ``24 GB``: decimal units, as `cache_limit` takes them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < _THOUSAND:
            return f"{size_bytes:.0f} {unit}" if size_bytes >= _TEN or unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _THOUSAND
    return f"{size_bytes:.1f} TB"


def print_json(document: Any) -> None:
    """One document on stdout."""
    click.echo(json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Left-aligned columns; the last one is never padded."""
    lines = [[str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
