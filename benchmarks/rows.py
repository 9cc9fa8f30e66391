"""What every benchmark prints: rows of a name, a measured value and what it must be.

A script measures, builds `Row`s with `row`, and ends with ``sys.exit(show(rows, as_json=options.json))``: a table, or with
``--json`` one document ``{"rows": [...]}``. The exit status is 0 when every row holds, else 1.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_COMPARISONS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number and its claim.

    Attributes:
        name: what was measured.
        value: the number.
        unit: its unit; empty for a ratio.
        threshold: the claim, such as ``<= 0.3``; empty for a number that is only stated.
        passed: whether the claim holds.
    """

    name: str
    value: float
    unit: str
    threshold: str
    passed: bool


def row(name: str, value: float, unit: str = "", threshold: str = "") -> Row:
    """A row that judges itself.

    Args:
        name: what was measured.
        value: the number.
        unit: its unit; empty for a ratio.
        threshold: ``<= x``, ``>= x`` or ``== x``; empty where nothing is claimed.

    Returns:
        The row; one without a claim has passed, one whose value is NaN has not.
    """
    if not threshold:
        return Row(name, value, unit, "", True)
    comparison, limit = threshold.split()
    return Row(name, value, unit, threshold, bool(_COMPARISONS[comparison](value, float(limit))))


def arguments(description: str, *, seeded: bool = False) -> argparse.ArgumentParser:
    """A parser with ``--json``, and ``--seed`` where randomness matters; each script adds its own sizes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--json", action="store_true", help='print {"rows": [...]} and nothing else')
    if seeded:
        parser.add_argument("--seed", type=int, default=7, help="of everything random")
    return parser


def show(rows: Sequence[Row], *, as_json: bool) -> int:
    """Print `rows`, and say how the process should end.

    Args:
        rows: in the order to print.
        as_json: one JSON document instead of the table.

    Returns:
        0 when every row has passed, else 1.
    """
    print(json.dumps({"rows": [asdict(item) for item in rows]}, indent=1) if as_json else _table(rows))
    return 0 if all(item.passed for item in rows) else 1


def note(text: str) -> None:
    """Say on stderr what is being measured; stdout belongs to the rows."""
    print(text, file=sys.stderr, flush=True)


def _table(rows: Sequence[Row]) -> str:
    heading = ("", "value", "unit", "claim", "")
    cells = [(r.name, f"{r.value:.4g}", r.unit, r.threshold or "-", "ok" if r.passed else "MISSED") for r in rows]
    widths = [max(len(line[column]) for line in (heading, *cells)) for column in range(len(heading))]
    lines = [_host(), ""]
    for name, value, *rest in (heading, *cells):
        words = (word.ljust(width) for word, width in zip(rest, widths[2:], strict=True))
        lines.append("  ".join((name.ljust(widths[0]), value.rjust(widths[1]), *words)).rstrip())
    return "\n".join(lines)


def _host() -> str:
    """CPU, cores and Python of this machine."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text(encoding="utf-8").splitlines() if cpus.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
