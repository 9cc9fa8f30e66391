"""Where a bench's graph begins and ends: a clip out of an array file, and frames kept in memory. No codec, so no loss."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shotgraph.api import (
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
    Mask,
    Media,
    Params,
    Ports,
    QueryContext,
    Rate,
    Reader,
    Rgb,
    Source,
    StreamInfo,
    Target,
    Writer,
    WrittenOutput,
)

FIRST_FRAME = 1001


class ArrayReader:
    """Frames of one array."""

    def __init__(self, frames: NDArray[np.float32]) -> None:
        self._frames = frames

    def read(self, frame: int) -> Any:
        """A copy: the engine freezes what it is given."""
        return self._frames[frame - FIRST_FRAME].copy()

    def close(self) -> None:
        """Nothing to release."""


class _ArraySource(Source):
    """Frames in an ``.npy`` file, float32."""

    version = "1"
    numerics = "exact"

    class Params(Params):
        """Where."""

        file: str = Field(description=".npy file", path="read")

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:  # noqa: ARG003 - the node's signature
        """From the array's own header."""
        frames = np.load(params.file, mmap_mode="r")
        info = StreamInfo(
            first_frame=FIRST_FRAME,
            count=len(frames),
            rate=Rate.parse(24),
            width=frames.shape[2],
            height=frames.shape[1],
            kind="rgb" if frames.ndim == 4 else "mask",
            pixel_format="gbrpf32" if frames.ndim == 4 else "grayf32",
        )
        return Media(info=info, files=(Path(params.file),), decoder="npy 1")

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:  # noqa: ARG002 - the node's signature
        """All of it: clips of the stage are small."""
        return ArrayReader(np.load(params.file))


class ClipSource(_ArraySource):
    """A clip in an ``.npy`` file, (T, H, W, 3) float32."""

    id = "bench.clip"

    class Out(Ports):
        """Its frames."""

        video: Rgb


class MatteSource(_ArraySource):
    """Mattes in an ``.npy`` file, (T, H, W) float32."""

    id = "bench.matte"

    class Out(Ports):
        """Its frames."""

        mask: Mask


class _Keeper:
    """Keeps frames in order."""

    def __init__(self, frames: list[NDArray[np.float32]]) -> None:
        self._frames = frames

    def done(self, frame: int, key: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Never."""
        return False

    def write(self, frame: int, value: Any, key: str) -> None:  # noqa: ARG002 - the protocol's signature
        """Keep one."""
        self._frames.append(np.asarray(value, np.float32))

    def finish(self) -> WrittenOutput:
        """Nothing is on disk."""
        return WrittenOutput(path="memory", frames=len(self._frames), bytes=0, digest="")

    def abort(self) -> None:
        """What is there is of no use."""
        self._frames.clear()


def keeping(frames: list[NDArray[np.float32]]) -> type[Target]:
    """A target class that appends what it is given to `frames`."""

    class Keep(Target):
        """Keeps frames in memory."""

        id = "bench.keep"
        version = "1"
        numerics = "exact"

        class In(Ports):
            """Frames."""

            video: Rgb

        @classmethod
        def expects(cls, frames: FrameRange, params: Any, ctx: QueryContext) -> ExpectedOutput:  # noqa: ARG003
            """No file; the ``#`` says that it is no movie."""
            return ExpectedOutput(path="memory.#", frames=str(frames), bytes=0)

        def open(self, expected: ExpectedOutput, params: Any, ctx: Context) -> Writer:  # noqa: ARG002
            """A keeper."""
            return _Keeper(frames)

    return Keep
