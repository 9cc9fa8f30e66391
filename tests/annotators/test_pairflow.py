"""What nodes of flow share."""

from typing import Any

import numpy as np

from shotgraph.annotators.pairflow import warn_of_cut, without_unknown
from shotgraph.api import FlowFrame

HEIGHT, WIDTH = 6, 12


def shifted(x: float, y: float, *, occluded: float = 0) -> FlowFrame:
    forward = np.tile(np.array([x, y], np.float32), (HEIGHT, WIDTH, 1))
    return FlowFrame(forward, -forward, np.full((HEIGHT, WIDTH), occluded, np.float32))


def mask(rows: slice, columns: slice) -> np.ndarray:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[rows, columns] = True
    return inside


def test_what_has_no_value_or_goes_to_such_a_place_is_occluded() -> None:
    pair = shifted(2, 1)
    here, there = mask(slice(0, 2), slice(0, 3)), mask(slice(4, 5), slice(8, 10))

    known = without_unknown(pair, here=here, there=there)

    # (8, 4) and (9, 4) are reached from (6, 3) and (7, 3).
    np.testing.assert_array_equal(known.occluded > 0, here | mask(slice(3, 4), slice(6, 8)))
    assert known.forward is pair.forward
    assert known.backward is pair.backward


def test_half_a_pixel_without_a_value_has_none() -> None:
    known = without_unknown(shifted(0.5, 0), here=mask(slice(0, 0), slice(0, 0)), there=mask(slice(2, 3), slice(5, 6)))

    assert np.argwhere(known.occluded).tolist() == [[2, 4], [2, 5]]


def test_what_was_occluded_stays_so() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), bool)

    assert without_unknown(shifted(0, 0, occluded=1), here=nothing, there=nothing).occluded.min() == 1


def test_a_cut_is_told_with_both_frames_and_how_much_is_lost() -> None:
    class Listener:
        node, frames = "flow", (1004, 1005)

        def __init__(self) -> None:
            self.said: list[str] = []

        def warn(self, message: str) -> None:
            self.said.append(message)

    def said(seen: int) -> list[str]:
        pair, listener = shifted(0, 0, occluded=1), Listener()
        pair.occluded.reshape(-1)[:seen] = 0
        context: Any = listener
        warn_of_cut(pair, context)
        return listener.said

    # Of 72 pixels, 10 are 14 % and 11 are 15.3 %.
    assert said(11) == []
    assert said(10) == [
        "flow: frames 1004 and 1005 look like a cut, 86% of 1004 is not seen in 1005; what follows flow ends there, "
        "split the shot"
    ]
