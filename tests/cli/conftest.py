"""A command line of the test's own: its cache and config folders, and movies to look at."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from shotgraph.cli.main import main


@dataclass
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person who runs the tests gets in, and nothing of ours gets out."""
    for name in ("SHOTGRAPH_CONFIG", "SHOTGRAPH_CACHE", "SHOTGRAPH_PLUGINS", "SHOTGRAPH_PLUGINS_BLOCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg-cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))


@pytest.fixture
def shotgraph(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def movie() -> Callable[..., Path]:
    """Write a small movie: every frame another ramp."""

    def write(path: Path, *, frames: int = 5, rate: Fraction = Fraction(25), timecode: str = "01:00:00:00") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            container.metadata["timecode"] = timecode
            stream = container.add_stream("libx264", rate=rate, options={"qp": "0"})
            stream.width, stream.height, stream.pix_fmt = 24, 16, "yuv420p"
            for index in range(frames):
                picture = (np.arange(24 * 16).reshape(16, 24) + 7 * index).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
            container.mux(stream.encode(None))
        return path

    return write
