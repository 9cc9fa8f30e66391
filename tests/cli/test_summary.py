"""The page at the end of a run, and what stderr says of shots that failed."""

from pathlib import Path
from typing import Any

import pytest
from command_line import Run
from small_shots import write_movie

from shotgraph.api import WrittenOutput
from shotgraph.cli.failures import tell_failures, told
from shotgraph.cli.output import counted, size_text
from shotgraph.cli.summary import document, print_summary, state_of
from shotgraph.errors import Exit
from shotgraph.pipeline.execute import Outcome
from shotgraph.pipeline.session import ShotResult

WRITTEN = WrittenOutput(
    path="/show/out/a.mov",
    frames=24,
    bytes=3_700_000,
    digest="b2:00",
    checks=("size: 64x48", "rate: 23.976", "timecode: 01:00:00:00", "chroma: declared loss, expected 444, got 422"),
)


def result(shot: str = "sq010", **fields: Any) -> ShotResult:
    return ShotResult(shot=shot, **fields)


def test_a_page_tells_shots_outputs_and_where_the_time_went(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome(computed={"flow": 10, "edit": 5}, loaded={"plate": 5}, seconds={"flow": 0.5, "edit": 2.0})

    print_summary([result(written=[WRITTEN], outcome=outcome, seconds=2.25), result("sq020", seconds=190.0)])

    assert capsys.readouterr().out.splitlines() == [
        "",
        "SHOT   STATE     FRAMES  TIME      REUSED",
        "sq010  verified  -       2.2 s     25%",
        "sq020  verified  -       00:03:10  -",
        "sq010: /show/out/a.mov  (24 frames, 3.7 MB)",
        "    3 checks passed: timecode 01:00:00:00, rate 23.976, size 64x48",
        "",
        "NODE  UNITS  TIME    PER UNIT",
        "edit  5      2.00 s  400.0 ms",
        "flow  10     0.50 s  50.0 ms",
    ]


def test_skipped_frames_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary([result(exit=Exit.SKIPPED_FRAMES, outcome=Outcome(skipped={"out": [1004, 1007]}))])

    told_lines = capsys.readouterr().out.splitlines()
    assert "sq010: out repeats the picture before at skipped frames 1004, 1007" in told_lines
    assert "sq010  skipped frames" in told_lines[2]


def test_the_document_holds_every_check_and_code() -> None:
    data = document([result(written=[WRITTEN]), result("sq020", exit=Exit.MEDIA_CORRUPT, message="plate: bad")])

    assert data["exit"] == 65
    assert data["shots"][0]["outputs"] == [WRITTEN]
    assert [(s["shot"], s["state"], s["exit"], s["message"]) for s in data["shots"]] == [
        ("sq010", "verified", 0, ""),
        ("sq020", "media corrupt", 65, "plate: bad"),
    ]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "verified"),
        ({"up_to_date": True}, "up to date"),
        ({"exit": Exit.CANNOT_CREATE}, "cannot create"),
        ({"exit": Exit.CANCELLED}, "cancelled"),
    ],
)
def test_a_state_is_two_or_three_words(fields: dict[str, Any], state: str) -> None:
    assert state_of(result(**fields)) == state


def test_nothing_is_said_of_shots_that_went_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_failures([result(), result("sq020", exit=Exit.SKIPPED_FRAMES)], total=2) == Exit.SKIPPED_FRAMES
    assert capsys.readouterr().err == ""


def test_the_only_shot_fails_with_its_own_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    message = "a.mov: must be right, got 2 differences\n  rate: 24\n  reel: none"

    code = tell_failures([result(exit=Exit.IO_FAILED, message=message)], total=1)

    assert code == Exit.IO_FAILED
    assert capsys.readouterr().err.splitlines() == [
        "  rate: 24",
        "  reel: none",
        "Error: sq010: a.mov: must be right, got 2 differences",
    ]


def test_of_several_shots_the_reasons_stand_above_the_last_line(capsys: pytest.CaptureFixture[str]) -> None:
    failed = result("sq020", exit=Exit.MEDIA_MISSING, message="sq020: plate must exist, got nothing")

    code = tell_failures([result(), failed, result("sq030", exit=Exit.NODE_FAILED, message="edit: failed")], total=3)

    assert code == Exit.MEDIA_MISSING
    assert capsys.readouterr().err.splitlines() == [
        "sq020: plate must exist, got nothing",
        "sq030: edit: failed",
        "Error: 2 of 3 shots failed: sq020, sq030; the reasons are above",
    ]


def test_an_internal_error_shows_where(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ValueError("oh")

    with pytest.raises(ValueError, match="oh") as caught:
        broken()

    tell_failures([result(exit=Exit.INTERNAL, message="ValueError: oh", error=caught.value)], total=1)

    lines = capsys.readouterr().err.splitlines()
    assert any("in broken" in line for line in lines)
    assert lines[-1] == "Error: sq010: ValueError: oh"


def test_a_message_is_led_by_its_shot_once() -> None:
    assert told(result(message="plate: bad")) == "sq010: plate: bad"
    assert told(result(message="sq010: plate is bad")) == "sq010: plate is bad"


@pytest.mark.parametrize(("number", "text"), [(0, "0 frames"), (1, "1 frame"), (2, "2 frames")])
def test_things_are_counted_in_english(number: int, text: str) -> None:
    assert counted(number, "frame") == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10.0 kB"),
        (10_400, "10 kB"),
        (2_500_000, "2.5 MB"),
        (24e9, "24 GB"),
        (3.2e12, "3.2 TB"),
    ],
)
def test_sizes_have_the_unit_people_would_use(size: float, text: str) -> None:
    assert size_text(size) == text


def test_the_summary_of_a_real_run_fits_a_page(shotgraph: Run, root: Path) -> None:
    for name in ("sh020", "sh030"):
        write_movie(root / f"{name}.mov")

    ran = shotgraph("run", "transcode", root, "--progress", "none")

    lines = ran.out.splitlines()
    assert ran.code == 0
    assert len(lines) < 25
    assert f"sh030: {root}/out/sh030_v001.mov  (10 frames, " in ran.out
    assert lines.count("    20 checks passed: timecode 01:00:10:00, reel A001C002, rate 23.976, size 64x48") == 3


def test_the_path_of_an_output_decides_whose_loss_it_is(shotgraph: Run, root: Path, two_targets: Path) -> None:
    ran = shotgraph("run", two_targets, root, "--progress", "none", "--set", "vars.container=mov")

    stills = ran.out.partition("sh010_v001.####.png")[2].partition("NODE")[0]
    movie = ran.out.partition("sh010_v001.mov")[2].partition("sh010:")[0]
    assert "loses pixels: prores_hq is a lossy codec" in movie
    assert "prores" not in stills
