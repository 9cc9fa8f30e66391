"""Leases: heavy things, models above all, that the nodes of a run share and nobody keeps in a module."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_Held = TypeVar("_Held")


@dataclass(slots=True)
class _Loan:
    value: Any
    holders: int = 0


class Leases:
    """What is loaded now, and how many nodes hold it.

    Something that all have given back stays loaded until something else is asked for: the next shot mostly wants the same model.
    """

    def __init__(self) -> None:
        self._loans: dict[str, _Loan] = {}
        self._lock = threading.Lock()

    def take(self, name: str, load: Callable[[], _Held]) -> _Held:
        """The value called `name`, loaded now if it is not there; what nobody holds makes room first."""
        with self._lock:
            if name not in self._loans:
                self._loans = {key: loan for key, loan in self._loans.items() if loan.holders}
                self._loans[name] = _Loan(load())
            loan = self._loans[name]
            loan.holders += 1
            return loan.value

    def give_back(self, name: str) -> None:
        """End one lease."""
        with self._lock:
            self._loans[name].holders -= 1

    def names(self) -> tuple[str, ...]:
        """What is loaded, oldest first."""
        return tuple(self._loans)
