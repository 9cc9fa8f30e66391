"""The command line as a whole: light to start, one exit code a cause, one `Error:` line."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from shotgraph import __version__, errors
from shotgraph.cli.commands import COMMANDS
from shotgraph.cli.exits import exit_code_of
from shotgraph.cli.main import SECTIONS
from shotgraph.errors import Exit, PresetError, ShotgraphError

HEAVY = {"numpy", "torch", "av", "cv2", "OpenImageIO", "pydantic", "yaml", "rich", "diffusers", "transformers"}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, env=dict(os.environ)
    )


def raising(error: BaseException) -> Callable[[], Any]:
    def work() -> None:
        raise error

    return work


def test_help_imports_nothing_heavy() -> None:
    done = python("-X", "importtime", "-m", "shotgraph", "--help")

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported & HEAVY == set()
    assert done.stdout.startswith("Usage: shotgraph")


def test_help_lists_every_command_once_under_its_section(shotgraph: Any) -> None:
    ran = shotgraph("--help")

    assert ran.code == 0
    for entry in COMMANDS:
        assert entry.section in SECTIONS
        section = ran.out.partition(f"{entry.section.capitalize()}:\n")[2].partition("\n\n")[0]
        assert re.search(rf"^  {entry.name} .*{re.escape(entry.help[:20])}", section, re.MULTILINE)


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS])
def test_every_command_of_the_table_exists_and_explains_itself(shotgraph: Any, name: str) -> None:
    command = import_module(f"shotgraph.cli.{name}").command

    ran = shotgraph(name, "--help")

    assert isinstance(command, click.Command)
    assert command.name == name
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: shotgraph {name}")


def test_the_version_is_printed(shotgraph: Any) -> None:
    assert shotgraph("--version").out == f"shotgraph {__version__}\n"


def test_an_unknown_command_suggests_the_nearest(shotgraph: Any) -> None:
    ran = shotgraph("prob")

    assert ran.code == Exit.USAGE
    assert ran.err.splitlines()[-1].endswith("got 'prob'; did you mean 'probe'?")


@pytest.mark.parametrize("value", ["flow.dis", "no:", "yes:flow.dis"])
def test_minus_p_takes_only_no_name(shotgraph: Any, value: str) -> None:
    ran = shotgraph("-p", value, "nodes")

    assert ran.code == Exit.USAGE
    assert ran.err.splitlines()[-1].startswith(f"Error: -p must be no:NAME, got '{value}'")


@pytest.mark.parametrize(
    "cls",
    [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, ShotgraphError) and cls is not PresetError
    ],
)
def test_a_deliberate_error_ends_with_its_own_code_and_no_traceback(
    capsys: pytest.CaptureFixture[str], cls: type[ShotgraphError]
) -> None:
    code = exit_code_of(raising(cls("reader: count must be 5, got 4; copy it again")))

    assert code == cls.exit_code
    assert capsys.readouterr().err == "Error: reader: count must be 5, got 4; copy it again\n"


def test_many_faults_are_listed_and_counted_last(capsys: pytest.CaptureFixture[str]) -> None:
    code = exit_code_of(raising(PresetError(["a.yaml:1:2: x: bad", "a.yaml:3:4: y: bad"])))

    assert code == Exit.USAGE
    assert capsys.readouterr().err.splitlines() == [
        "a.yaml:1:2: x: bad",
        "a.yaml:3:4: y: bad",
        "Error: preset: must be free of faults, got 2; they are listed above",
    ]


def test_a_single_fault_is_the_last_line_itself(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(raising(PresetError(["a.yaml:1:2: x: must be y, got z"])))

    assert capsys.readouterr().err == "Error: a.yaml:1:2: x: must be y, got z\n"


def test_details_stand_above_the_headline(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(raising(errors.VerifyError("a.mov: must be right, got 2 differences\n  rate: 24\n  reel: none")))

    assert capsys.readouterr().err.splitlines() == [
        "  rate: 24",
        "  reel: none",
        "Error: a.mov: must be right, got 2 differences",
    ]


def test_a_note_names_the_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.MediaError("a.r3d: must be whole, got 12 bytes")
    error.add_note("raised by shotgraph_open_media of plugin 'house'")

    exit_code_of(raising(error))

    assert capsys.readouterr().err.splitlines()[0] == "raised by shotgraph_open_media of plugin 'house'"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_is_a_clean_cancel(capsys: pytest.CaptureFixture[str], error: BaseException) -> None:
    assert exit_code_of(raising(error)) == Exit.CANCELLED
    assert capsys.readouterr().err == "Error: cancelled; run the same command again to go on\n"


def test_a_place_that_cannot_be_used_is_an_error_with_a_cure(shotgraph: Any, root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    ran = shotgraph("plan", "transcode", root, "--out", tmp_path / "file")

    assert ran.code == Exit.IO_FAILED
    assert ran.err == (
        f"Error: {tmp_path}/file: must be readable and writable, got File exists; check the path, permissions and free space\n"
    )


def test_an_unexpected_error_shows_where_and_says_error_only_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        try:
            {}["plate"]
        except KeyError as error:
            raise ValueError("Error: looks like ours") from error

    code = exit_code_of(work)

    lines = capsys.readouterr().err.splitlines()
    assert code == Exit.INTERNAL
    assert lines[-1].startswith("Error: internal: ValueError: Error: looks like ours; please report")
    assert [line for line in lines[:-1] if line.startswith("Error:")] == []
    assert sum("in work" in line for line in lines) == 2
    assert "KeyError ('plate'), and then:" in lines


@pytest.mark.parametrize(("result", "code"), [(None, 0), (Exit.SKIPPED_FRAMES, 3), (0, 0)])
def test_what_a_command_returns_is_the_exit_code(result: int | None, code: int) -> None:
    assert exit_code_of(lambda: result) == code


def test_the_process_returns_the_code() -> None:
    done = python("-m", "shotgraph", "probe", "/nowhere/plate.mov")

    assert done.returncode == Exit.MEDIA_MISSING
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("Error: /nowhere/plate.mov: ")
