"""A command line of the test's own, and movies to look at."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from command_line import lossless, nothing_decodes, own_folders, root, shotgraph, two_targets

__all__ = ["lossless", "nothing_decodes", "own_folders", "root", "shotgraph", "two_targets"]


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
