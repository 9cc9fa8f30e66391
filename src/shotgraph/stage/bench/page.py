"""The page of a report: one HTML file that needs nothing else, with every foreign word escaped."""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, get_args

from shotgraph.stage.bench.bootstrap import Effect, effect_text
from shotgraph.stage.bench.conditions import conditions
from shotgraph.stage.bench.harness import Finished
from shotgraph.stage.bench.plots import Dot, intervals, scatter
from shotgraph.stage.bench.table import BRACKETS, CAVEAT, Cell, Line, head_of, success_by_edit
from shotgraph.stage.edits import TITLES as EDITS

_STYLE = """
body{font:14px/1.45 sans-serif;margin:2em auto;max-width:1180px;color:#222;padding:0 1em}
table{border-collapse:collapse;margin:1em 0}th,td{padding:3px 9px;border-bottom:1px solid #ddd;text-align:right}
th:first-child,td:first-child,td.text{text-align:left}.caveat{background:#fff4d6;padding:.7em 1em;border-left:4px solid #d9a400}
.off{color:#888}.PASS{color:#2a7d46}.FAIL{color:#b3261e}.TIE{color:#8a6d1d}.UNINFORMATIVE{color:#777}
img{max-width:100%;border:1px solid #ddd}figure{margin:1em 0}
"""


def page(
    finished: Finished,
    lines: Sequence[Line],
    entries: Sequence[Mapping[str, Any]],
    sheets: Sequence[tuple[str, Path]],
    notes: Sequence[str],
    warnings: Sequence[str],
) -> str:
    """The whole page.

    Args:
        finished: the benchmark.
        lines: its table.
        entries: its claims with verdicts.
        sheets: (title, PNG) of contact sheets; their bytes go into the page.
        notes: sentences on what was run and what was not.
        warnings: sentences that must be read before any number.

    Returns:
        HTML without a single reference to anything outside.
    """
    profile = finished.bench.profile
    parts = [
        f'<p class="caveat">{escape(CAVEAT)}</p>',
        *(f'<p class="caveat">{escape(warning)}</p>' for warning in warnings),
        f"<p>{escape(conditions(finished))}</p>",
        *(f"<p>{escape(note)}</p>" for note in notes),
        "<h2>Methods</h2>",
        _table(lines),
        f"<p>{escape(BRACKETS)} {escape(_missing(lines))}</p>",
        scatter(_dots(lines), x_title="PSNR to the true edit, dB", y_title="success"),
        "<h3>Success by edit</h3>",
        _by_edit(finished),
        "<h2>Claims</h2>",
        *_drawn_claims(entries),
        _claims(entries),
        "<h2>Contact sheets</h2>",
        *(_figure(title, path) for title, path in sheets),
    ]
    title = escape(f"Stage benchmark, profile {profile.name}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


def _table(lines: Sequence[Line]) -> str:
    columns = list(lines[0].cells) if lines else []
    heads = ["method", *map(head_of, columns), "rankable", "s", "evaluations", "MB"]
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f"<table><tr>{head}</tr>{''.join(_table_row(line, columns) for line in lines)}</table>"


def _table_row(line: Line, columns: Sequence[str]) -> str:
    group = " [matte given]" if line.group == "matte" else ""
    cells = [f"<td>{escape(line.method + group)}</td>", *(_number(line.cells[name], name) for name in columns)]
    evaluations = "-" if line.evaluations is None else f"{line.evaluations:.0f}"
    tail = (f"{line.rankable}/{line.rows}", f"{line.seconds:.2f}", evaluations, f"{line.peak_bytes / 1e6:.0f}")
    return f"<tr>{''.join(cells)}{''.join(f'<td>{escape(text)}</td>' for text in tail)}</tr>"


def _number(cell: Cell, metric: str) -> str:
    look = "" if cell.is_ranked and cell.value is not None else ' class="off"'
    told = f' title="{escape(cell.reason, quote=True)}"' if cell.reason else ""
    return f"<td{look}{told}>{escape(cell.text(metric))}</td>"


def _by_edit(finished: Finished) -> str:
    families = finished.bench.profile.edits
    head = "".join(f"<th>{escape(text)}</th>" for text in ("method", *(f"{f}, {EDITS[f]}" for f in families)))
    rows = [
        f"<tr><td>{escape(method)}</td>{''.join(_number(cell, 'success') for cell in cells.values())}</tr>"
        for method, cells in success_by_edit(finished).items()
    ]
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _missing(lines: Sequence[Line]) -> str:
    told = [f"{line.method}: {line.missing}" for line in lines if line.missing]
    return f"Missing: {'; '.join(told)}." if told else "No edit is missing."


def _dots(lines: Sequence[Line]) -> list[Dot]:
    dots: list[Dot] = []
    for line in lines:
        psnr, success = line.cells["psnr_to_truth_db"], line.cells["success"].value
        if psnr.value is None or success is None:
            continue
        is_exact = psnr.is_exact("psnr_to_truth_db")
        name, x = (f"{line.method} (exact)", math.inf) if is_exact else (line.method, psnr.value)
        dots.append(Dot(name, x, success, hollow=not line.rankable))
    return dots


def _drawn_claims(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Intervals of those that have an effect, differences and ratios each on a scale of their own."""
    drawn: list[str] = []
    for kind in get_args(Effect):
        chosen = [
            (str(e["claim"]), str(e["verdict"]), e["effect"]["value"], e["effect"]["low"], e["effect"]["high"])
            for e in entries
            if e["effect"] is not None and e["effect_kind"] == kind
        ]
        drawn.append(f"<h3>As a {kind}</h3>{intervals(chosen, kind=kind)}")
    return drawn


def _claims(entries: Sequence[Mapping[str, Any]]) -> str:
    confidence = f"{entries[0]['confidence']:.0%}" if entries else "interval"
    heads = "".join(
        f"<th>{text}</th>" for text in ("claim", "verdict", "effect", confidence, "minimum", "clips", "why")
    )
    return f"<table><tr>{heads}</tr>{''.join(_claim_row(entry) for entry in entries)}</table>"


def _claim_row(entry: Mapping[str, Any]) -> str:
    effect, verdict = entry["effect"], str(entry["verdict"])
    numbers = ("-", "-", f"{entry['minimum_effect']:g}", "0")
    if effect is not None:
        value, low, high = (effect_text(effect[name], entry["effect_kind"]) for name in ("value", "low", "high"))
        numbers = (value, f"{low} to {high}", f"{entry['minimum_effect']:g}", str(effect["clips"]))
    cells = "".join(f"<td>{escape(text)}</td>" for text in numbers)
    return (
        f"<tr><td>{escape(entry['claim'])}: {escape(entry['title'])}</td>"
        f'<td class="{escape(verdict, quote=True)}">{escape(verdict)}</td>{cells}'
        f'<td class="text">{escape("; ".join(entry["reasons"]))}</td></tr>'
    )


def _figure(title: str, path: Path) -> str:
    data = b64encode(path.read_bytes()).decode("ascii")
    return f'<figure><figcaption>{escape(title)}</figcaption><img alt="" src="data:image/png;base64,{data}"></figure>'
