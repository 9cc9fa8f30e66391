"""What nodes make of a table of cuts."""

from shotgraph.annotators.cutting import cut_frames
from shotgraph.api import Table


def test_frames_are_read_from_their_column_wherever_it_is() -> None:
    assert cut_frames(Table(("change_lab", "frame"), ((9.5, 1004), (12.0, 1010)))) == {1004, 1010}


def test_without_cuts_or_a_table_nothing_is_cut() -> None:
    assert cut_frames(Table(("frame", "change_lab"), ())) == frozenset()
    assert cut_frames(None) == frozenset()
