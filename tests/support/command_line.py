"""Fixtures of a command line of the tests' own; `conftest.py` of the folders that want them imports them from here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_shots import Ran, write_movie

from shotgraph.cli.main import main
from shotgraph.io.avsource import AvSource

Run = Callable[..., Ran]

TWO_TARGETS = """
shotgraph: 1
vars: {container: mkv}
shots:
  plate: ["{root}/{shot}/plate.*", "{root}/{shot}.{ext}"]
graph:
  plate: {node: core.read, file: "{plate}"}
  movie:
    node: core.write
    video: plate
    audio_from: plate
    file: "{root}/out/{shot}_v{version:03d}.${vars.container}"
  stills: {node: core.write, video: plate, file: "{root}/out/{shot}_v{version:03d}.####.png"}
targets: [movie, stills]
"""


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests gets in, and nothing of ours gets out."""
    for name in ("SHOTGRAPH_CONFIG", "SHOTGRAPH_CACHE", "SHOTGRAPH_PLUGINS", "SHOTGRAPH_PLUGINS_BLOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))


@pytest.fixture
def shotgraph(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one shot, ``sh010``: ten frames with timecode, reel and sound."""
    folder = tmp_path / "show"
    write_movie(folder / "sh010.mov")
    return folder


@pytest.fixture
def lossless(shotgraph: Run) -> Run:
    """Run `transcode` to FFV1 in mkv, telling about it in JSON."""

    def run(*arguments: object) -> Ran:
        return shotgraph("run", "transcode", *arguments, "--set", "vars.container=mkv", "--json")

    return run


@pytest.fixture
def two_targets(tmp_path: Path) -> Path:
    """A preset that writes each shot as a movie and as stills."""
    path = tmp_path / "two.yaml"
    path.write_text(TWO_TARGETS, encoding="utf-8")
    return path


@pytest.fixture
def nothing_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, whoever decodes a frame crashes the run."""

    def read(_self: object, frame: int) -> None:
        raise AssertionError(frame)

    monkeypatch.setattr(AvSource, "read", read)


def probed(shotgraph: Run, path: Path) -> dict[str, Any]:
    """What `probe --json` says of one movie."""
    ran = shotgraph("probe", path, "--json")
    assert ran.code == 0
    (clip,) = ran.document
    return clip


def started(*arguments: object, folder: Path, environ: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """A command line in a process of its own, for signals."""
    return subprocess.Popen(
        [sys.executable, "-m", "shotgraph", *map(str, arguments)],
        cwd=folder,
        env=os.environ | (environ or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
