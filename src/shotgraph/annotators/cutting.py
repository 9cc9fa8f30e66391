"""What nodes that look over time make of a table of cuts."""

from shotgraph.api import Table


def cut_frames(cuts: Table | None) -> frozenset[int]:
    """The frames that begin another scene, out of the rows of `cuts.detect`; none without a table."""
    if cuts is None:
        return frozenset()
    column = cuts.columns.index("frame")
    return frozenset(row[column] for row in cuts.rows)
