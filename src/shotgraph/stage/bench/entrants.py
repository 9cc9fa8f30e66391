"""Who takes part in a bench: every name with its method, what it varies, and what keeps it from running."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shotgraph.stage.bench.methods import Method, Settings
from shotgraph.stage.bench.names import is_plain
from shotgraph.stage.edits import Family


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """A method with what its name varies.

    Attributes:
        name: in its normal form, variation included.
        method: that runs.
        settings: of this variant.
        missing: why it cannot run; empty when it can.
        is_sampled: the seed changes its answer.
        identity: what decides its answer beside version and settings.
        seeds: that it is run with.
    """

    name: str
    method: Method
    settings: Settings
    missing: str = ""
    is_sampled: bool = False
    identity: dict[str, str] = field(default_factory=dict[str, str])
    seeds: tuple[int, ...] = ()

    @property
    def is_control(self) -> bool:
        """Whether its answer is known beforehand."""
        return self.method.is_control

    def refuses(self, family: Family) -> str:
        """Why it cannot take edits of that family; empty when it can, or cannot run at all."""
        return "" if self.missing else self.method.refuses(family)


def entrant_of(name: str, method: Method, settings: Settings, seeds: Sequence[int]) -> Entrant:
    """Asked about itself once.

    Args:
        name: in its normal form.
        method: that runs.
        settings: of this variant.
        seeds: of the profile; a method that draws nothing takes the first alone.

    Returns:
        Able to run, or with the reason why not.
    """
    missing = method.missing(settings)
    if missing:
        return Entrant(name=name, method=method, settings=settings, missing=missing)
    is_sampled = method.is_sampled(settings)
    return Entrant(
        name=name,
        method=method,
        settings=settings,
        is_sampled=is_sampled,
        identity=dict(method.identity(settings)),
        seeds=tuple(seeds) if is_sampled else tuple(seeds[:1]),
    )


def tuning_entrant(entrants: Sequence[Entrant], family: Family) -> Entrant | None:
    """With whom guidance is chosen: `per_frame`, which every method is compared with, else the first that varies nothing.

    Args:
        entrants: those that were asked for.
        family: that it is chosen on.

    Returns:
        None when nobody can take that edit.
    """
    able = [e for e in entrants if is_plain(e.name) and not e.is_control and not e.missing and not e.refuses(family)]
    return next((e for e in able if e.name == "per_frame"), able[0] if able else None)
