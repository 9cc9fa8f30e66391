"""What goes into JSON, and how tables line up."""

from fractions import Fraction
from pathlib import Path

import pytest

from shotgraph.api import FrameRange, FrameSet, Rate, Shot, Timecode
from shotgraph.cli.output import plain, print_table

NTSC = Rate.parse("29.97")


def test_values_without_a_json_form_become_exact_text() -> None:
    values = [
        NTSC,
        Timecode(1800, NTSC, drop=True),
        FrameRange(1, 3),
        FrameSet.parse("1,5"),
        Fraction(4, 3),
        Path("a/b"),
    ]

    assert plain(values) == ["30000/1001", "00:01:00;02", "1-3", "1,5", "4/3", "a/b"]


def test_records_mappings_and_tuples_are_followed_inwards() -> None:
    shot = plain(Shot(name="sq", root=Path("/show"), frames=FrameRange(2, 4)))

    assert (shot["root"], shot["frames"], shot["first_frame"]) == ("/show", "2-4", 1001)
    assert plain({"a": (1, None, True, 1.5)}) == {"a": [1, None, True, 1.5]}


def test_columns_line_up_and_nothing_trails(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "BB"), [("long", "x"), ("s", "")])

    assert capsys.readouterr().out == "A     BB\nlong  x\ns\n"
