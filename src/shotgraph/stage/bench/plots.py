"""Small drawings as SVG: a scatter of what matters against what it costs, and intervals of claims. No script, no link."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from shotgraph.stage.bench.bootstrap import NEUTRAL, Effect, effect_text

_WIDTH, _HEIGHT, _MARGIN = 560, 320, 48
_ROW, _LABEL_WIDTH, _TICK_WIDTH = 24, 150, 40
_COLOURS = {"PASS": "#2a7d46", "FAIL": "#b3261e", "TIE": "#8a6d1d", "UNINFORMATIVE": "#7a7a7a"}


@dataclass(frozen=True, slots=True)
class Dot:
    """One method in a scatter.

    Attributes:
        name: beside the dot.
        x: value; infinite where there is nothing beyond.
        y: value.
        hollow: it may not be ranked.
    """

    name: str
    x: float
    y: float
    hollow: bool


def scatter(dots: Sequence[Dot], *, x_title: str, y_title: str) -> str:
    """Methods in a plane.

    Args:
        dots: what to draw; none gives a sentence instead. An infinite one lies at the end of the finite ones.
        x_title: below.
        y_title: on the left.

    Returns:
        An ``svg`` element; all text escaped.
    """
    if not dots:
        return "<p>Nothing to draw.</p>"
    across = _Scale([dot.x for dot in dots if math.isfinite(dot.x)] or [0.0], _MARGIN, _WIDTH - _MARGIN - 90)
    up = _Scale([dot.y for dot in dots], _HEIGHT - _MARGIN, _MARGIN / 2)
    parts = [*_axes(across, up), *_titles(x_title, y_title)]
    for dot in dots:
        x, y = across(min(dot.x, across.high)), up(dot.y)
        look = 'fill="none" stroke="#7a7a7a"' if dot.hollow else 'fill="#1f5fa8"'
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {look}/>')
        # What is clipped to the end lies on the best of the others: its name goes above.
        rise = 4 if math.isfinite(dot.x) else -9
        parts.append(f'<text x="{x + 8:.1f}" y="{y + rise:.1f}">{escape(dot.name)}</text>')
    return _svg(_WIDTH, _HEIGHT, parts)


def intervals(entries: Sequence[tuple[str, str, float, float, float]], *, kind: Effect) -> str:
    """Effects with their intervals; those of ratios on a logarithmic scale, on which twice and half are as far from none.

    Args:
        entries: (claim, verdict, effect, low, high); ratios above 0.
        kind: what the effects are; none of it is a dashed line.

    Returns:
        An ``svg`` element; all text escaped.
    """
    if not entries:
        return "<p>No claim of this kind has an effect to draw.</p>"
    neutral, is_log = NEUTRAL[kind], kind == "ratio"
    values = [neutral, *(value for entry in entries for value in entry[2:])]
    across = _Scale(values, _LABEL_WIDTH, _WIDTH - 20, is_log=is_log)
    height = _ROW * (len(entries) + 1)
    middle = across(neutral)
    parts = [f'<line x1="{middle:.1f}" y1="0" x2="{middle:.1f}" y2="{height}" stroke="#999" stroke-dasharray="3 3"/>']
    for place, (name, verdict, effect, low, high) in enumerate(entries):
        y, colour = _ROW * (place + 0.7), _COLOURS.get(verdict, "#000")
        parts.append(f'<text x="4" y="{y + 4:.1f}">{escape(name)} {escape(verdict)}</text>')
        parts.append(
            f'<line x1="{across(low):.1f}" y1="{y:.1f}" x2="{across(high):.1f}" y2="{y:.1f}" stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(f'<circle cx="{across(effect):.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
    # An end beside the middle would be printed over it.
    ends = [end for end in (across.low, across.high) if abs(across(end) - middle) >= _TICK_WIDTH]
    for value in (neutral, *ends):
        text = escape(effect_text(value, kind))
        parts.append(f'<text x="{across(value):.1f}" y="{height - 4}" text-anchor="middle">{text}</text>')
    return _svg(_WIDTH, height, parts)


class _Scale:
    """Values to places between two ends, with a little air; by their logarithm where the scale is one."""

    def __init__(self, values: Sequence[float], start: float, end: float, *, is_log: bool = False) -> None:
        self.low, self.high = min(values), max(values)
        self._of = math.log if is_log else float
        low, high = self._of(self.low), self._of(self.high)
        air = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
        self._from, self._span = low - air, high - low + 2 * air
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (self._of(value) - self._from) / self._span * (self._end - self._start)


def _axes(across: _Scale, up: _Scale) -> list[str]:
    left, bottom = _MARGIN, _HEIGHT - _MARGIN
    parts = [
        f'<line x1="{left}" y1="{bottom}" x2="{_WIDTH - 10}" y2="{bottom}" stroke="#444"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left}" y2="10" stroke="#444"/>',
    ]
    for value in dict.fromkeys((across.low, across.high)):
        parts.append(f'<text x="{across(value):.1f}" y="{bottom + 16}" text-anchor="middle">{value:.3g}</text>')
    for value in dict.fromkeys((up.low, up.high)):
        parts.append(f'<text x="{left - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    return parts


def _titles(x_title: str, y_title: str) -> list[str]:
    return [
        f'<text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x_title)}</text>',
        f'<text x="12" y="{_HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 12 {_HEIGHT / 2:.0f})">'
        f"{escape(y_title)}</text>",
    ]


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-size="11" '
        f'font-family="sans-serif">{"".join(parts)}</svg>'
    )
