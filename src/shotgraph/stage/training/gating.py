"""A gate: one number that a trained model has to reach on clips it never saw."""

from __future__ import annotations

from typing import NamedTuple


class Gate(NamedTuple):
    """A row of `shotgraph stage gates`.

    Attributes:
        name: ``judge.renders.shape``.
        value: measured; NaN where nothing could be measured.
        threshold: the least that passes; the most where `rule` says so.
        passed: whether it does.
        rule: ``>=`` or ``<=``.
    """

    name: str
    value: float
    threshold: float
    passed: bool
    rule: str = ">="


def at_least(name: str, value: float, threshold: float) -> Gate:
    """The gate of a value that should be large; a NaN does not pass."""
    return Gate(name, value, threshold, value >= threshold)


def at_most(name: str, value: float, threshold: float) -> Gate:
    """The gate of a value that should be small; a NaN does not pass."""
    return Gate(name, value, threshold, value <= threshold, "<=")
