"""What a run tells while it works: lines for logs, JSON for machines, bars for people."""

import io
import json
from typing import Any

import pytest
from command_line import Run

from shotgraph.cli.progress import (
    BarProgress,
    JsonProgress,
    NoProgress,
    Pace,
    PlainProgress,
    clock,
    progress,
)
from shotgraph.pipeline.events import Event


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def unit(done: int, *, shot: str = "sq010", node: str = "edit", total: int = 100) -> Event:
    return Event("unit", shot, node, 1000 + done, 0.25, False, done, total)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00:00"), (59.9, "00:00:59"), (190, "00:03:10"), (360_005, "100:00:05")]
)
def test_a_clock_reads_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_the_time_to_go_follows_the_pace_so_far() -> None:
    now = Clock()
    pace = Pace(now)

    before = pace.left()
    now.seconds += 10
    pace.share(unit(25))

    # A quarter took 10 seconds, so three quarters take 30.
    assert (before, pace.left()) == ("--:--:--", "00:00:30")


def test_a_share_never_goes_back() -> None:
    pace = Pace(Clock())

    # A later stage can add units to the total.
    assert [pace.share(unit(50)), pace.share(unit(51, total=200)), pace.share(unit(300, total=200))] == [0.5, 0.5, 1.0]


def test_plain_progress_says_a_line_a_second_at_most() -> None:
    now, stream = Clock(), io.StringIO()
    told = PlainProgress(stream, now=now)

    told(unit(1))
    now.seconds += 0.5
    told(unit(2))
    now.seconds += 0.5
    told(unit(42))

    assert stream.getvalue().splitlines() == [
        "sq010: 1% edit 1001, 00:00:00 left",
        "sq010: 42% edit 1042, 00:00:01 left",
    ]


def test_warnings_outputs_and_ends_are_never_held_back() -> None:
    now, stream = Clock(), io.StringIO()
    told = PlainProgress(stream, now=now)

    told(unit(1))
    told(Event("warning", "sq010", "edit", text="frame 1004 is damaged; hold used instead"))
    told(Event("output", "sq010", "out", text="/show/out/a.mov"))
    told(Event("shot", "sq010", text="verified"))
    told(Event("stage", "sq010", text="s1: plate"))
    told.close()

    assert stream.getvalue().splitlines()[1:] == [
        "sq010: warning: frame 1004 is damaged; hold used instead",
        "sq010: /show/out/a.mov",
        "sq010: verified",
    ]


def test_two_shots_have_paces_of_their_own() -> None:
    now, stream = Clock(), io.StringIO()
    told = PlainProgress(stream, now=now)

    told(unit(90, shot="a"))
    now.seconds += 2
    told(unit(10, shot="b"))

    assert stream.getvalue().splitlines()[1].startswith("b: 10%")


def test_json_progress_is_one_object_a_line() -> None:
    now, stream = Clock(), io.StringIO()
    told = JsonProgress(stream, now=now)

    told(unit(25))
    told(unit(26))
    told(Event("note", "sq010", "edit", text="inpainted", values=(("pixels", 12),)))
    told.close()

    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"ev": "unit", "shot": "sq010", "node": "edit", "unit": 1025, "share": 0.25, "sec": 0.25},
        {"ev": "note", "shot": "sq010", "node": "edit", "text": "inpainted", "pixels": 12},
    ]


def test_a_line_of_json_stays_one_line_whatever_the_shot_is_called() -> None:
    stream = io.StringIO()

    JsonProgress(stream)(Event("warning", 'a\n"b"\x1b[2J', text="x\ny"))

    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["shot"] == 'a\n"b"\x1b[2J'


def test_bars_take_a_shot_name_for_text_and_not_for_markup() -> None:
    stream = io.StringIO()
    told = BarProgress(stream)

    told(unit(50, shot="[bold]sq010[/bold]"))
    told(Event("warning", "[red]sq", text="[blink]careful"))
    told.close()

    assert "[bold]sq010[/bold]" in stream.getvalue()
    assert "[red]sq: [blink]careful" in stream.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind"), [("auto", PlainProgress), ("plain", PlainProgress), ("json", JsonProgress), ("none", NoProgress)]
)
def test_without_a_terminal_progress_is_plain_unless_asked_otherwise(mode: str, kind: type) -> None:
    assert type(progress(mode, to_stderr=False)) is kind


def test_on_a_terminal_progress_is_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stderr", Terminal())

    told = progress("auto", to_stderr=True)
    told.close()

    assert type(told) is BarProgress


def test_a_run_with_json_progress_writes_nothing_but_json_lines(shotgraph: Run, root: Any) -> None:
    ran = shotgraph("run", "transcode", root, "--progress", "json")

    rows = [json.loads(line) for line in ran.out.splitlines()]
    assert [row["ev"] for row in rows if row["ev"] != "unit"] == ["stage", "output", "shot", "summary"]
    assert rows[-1]["exit"] == 0
    assert rows[-1]["shots"][0]["state"] == "verified"
    assert ran.err == ""


def test_a_run_without_progress_goes_straight_to_the_summary(shotgraph: Run, root: Any) -> None:
    ran = shotgraph("run", "transcode", root, "--progress", "none")

    assert ran.out.lstrip().startswith("SHOT   STATE     FRAMES")
