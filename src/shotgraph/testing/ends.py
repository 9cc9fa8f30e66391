"""Where synthetic graphs begin and end: a source whose every pixel says its frame and place, and a target that needs no codec.

Frame `f` of the source holds ``f + x / 100 + y / 10000`` in every channel, so a frame that is shifted, swapped or taken from
another time is seen at once.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.api import (
    Context,
    ExpectedOutput,
    Field,
    FrameRange,
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
from shotgraph.errors import OutputExistsError


def ramp(frame: int, *, height: int, width: int) -> Any:
    """(H, W, 3) float32: the synthetic source's frame number `frame`."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    plane = np.float32(frame) + x / 100 + y / 10000
    return np.repeat(plane[..., None], 3, axis=-1)


class RampReader:
    """Makes frames instead of reading them; frames listed in the file's ``bad`` entry are raised as damaged."""

    def __init__(self, height: int, width: int, offset: Mapping[str, float]) -> None:
        self._height, self._width, self._offset = height, width, offset

    def read(self, frame: int) -> Any:
        """The ramp, plus what the source file says for that frame."""
        return ramp(frame, height=self._height, width=self._width) + np.float32(self._offset.get(str(frame), 0.0))

    def close(self) -> None:
        """Nothing to release."""


class RampSource(Source):
    """Ramps over a range of frames; its file is JSON ``{"offsets": {"1003": 0.5}}`` so that one frame can be changed."""

    id = "test.source"
    version = "1"
    numerics = "exact"

    class Out(Ports):
        """Ramps."""

        video: Rgb

    class Params(Params):
        """Length and size."""

        file: str = Field("", description="JSON with offsets by frame", path="read")
        first: int = Field(1001, description="number of the first frame")
        count: int = Field(24, ge=1, description="frames")
        height: int = Field(3, ge=1, description="pixels")
        width: int = Field(5, ge=1, description="pixels")

    @classmethod
    def media(cls, params: Params, ctx: QueryContext) -> Media:
        """One small file per frame below the JSON's folder would be a sequence; this is one file."""
        info = StreamInfo(
            first_frame=params.first,
            count=params.count,
            rate=Rate.parse(24),
            width=params.width,
            height=params.height,
            kind="rgb",
            pixel_format="gbrpf32",
        )
        folder = Path(params.file) if params.file else None
        if folder is not None and folder.is_dir():
            files = {f: folder / f"{f}.json" for f in info.range}
            return Media(info=info, files=tuple(files.values()), frame_files=files, decoder="ramp 1")
        return Media(info=info, files=(folder,) if folder else (), decoder="ramp 1")

    def open(self, media: Media, params: Params, ctx: Context) -> Reader:
        """Offsets are read once."""
        offsets: dict[str, float] = {}
        for file in media.files:
            offsets |= json.loads(file.read_text(encoding="utf-8")).get("offsets", {})
        return RampReader(params.height, params.width, offsets)


class NpyWriter:
    """One ``.npy`` a frame, each under a unique name first; keys in a side file, so that a rerun can skip what is there."""

    def __init__(self, expected: ExpectedOutput, *, force: bool) -> None:
        self._folder = Path(expected.path)
        self._keys_file = self._folder / "keys.json"
        if self._folder.exists() and not self._keys_file.exists() and not force:
            raise OutputExistsError(
                f"test.target: {self._folder} must be free or ours, got a foreign folder; use --force"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._keys: dict[str, str] = json.loads(self._keys_file.read_text()) if self._keys_file.exists() else {}
        self._keys_file.write_text(json.dumps(self._keys))

    def done(self, frame: int, key: str) -> bool:
        """Whether that frame is there under that key."""
        return self._keys.get(str(frame)) == key and (self._folder / f"{frame}.npy").exists()

    def write(self, frame: int, value: Any, key: str) -> None:
        """One frame, then its key."""
        part = self._folder / f".{frame}.part.npy"
        np.save(part, value)
        part.replace(self._folder / f"{frame}.npy")
        self._keys[str(frame)] = key
        keys_part = self._folder / ".keys.part"
        keys_part.write_text(json.dumps(self._keys))
        keys_part.replace(self._keys_file)

    def finish(self) -> WrittenOutput:
        """Everything is on disk already."""
        return WrittenOutput(path=str(self._folder), frames=len(self._keys), bytes=0, digest="")

    def abort(self) -> None:
        """Frames written so far stay; they carry their keys."""


class StackWriter:
    """All frames in one ``.npy`` file, which gets its name at the end, as a movie does."""

    def __init__(self, path: Path, *, force: bool) -> None:
        if path.exists() and not force:
            raise OutputExistsError(f"test.stack: {path} must be free or ours, got a foreign file; use --force")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._frames = path, list[Any]()

    def done(self, frame: int, key: str) -> bool:
        """Never: the file is there as a whole or not at all."""
        return False

    def write(self, frame: int, value: Any, key: str) -> None:
        """Hold one frame."""
        self._frames.append(value)

    def finish(self) -> WrittenOutput:
        """Write the file and rename it."""
        part = self._path.with_name(f".{self._path.name}.part")
        with part.open("wb") as stream:
            np.save(stream, np.stack(self._frames))
        part.replace(self._path)
        size, content = self._path.stat().st_size, self._path.read_bytes()
        digest = f"b2:{blake2b(content, digest_size=16).hexdigest()}"
        return WrittenOutput(path=str(self._path), frames=len(self._frames), bytes=size, digest=digest)

    def abort(self) -> None:
        """Nothing was written."""


class NullWriter:
    """Takes frames and forgets them."""

    def done(self, frame: int, key: str) -> bool:
        """Never."""
        return False

    def write(self, frame: int, value: Any, key: str) -> None:
        """Forget it."""

    def finish(self) -> WrittenOutput:
        """Nothing to verify."""
        return WrittenOutput(path="null", frames=0, bytes=0, digest="")

    def abort(self) -> None:
        """Nothing to undo."""


class NpyTarget(Target):
    """Writes frames as ``.npy`` files into a folder; no folder means nowhere."""

    id = "test.target"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """Frames."""

        video: Rgb

    class Params(Params):
        """Where."""

        file: str = Field("", description="folder; empty for nowhere", path="write")

    @classmethod
    def expects(cls, frames: FrameRange, params: Params, ctx: QueryContext) -> ExpectedOutput:
        """The folder; the ``#`` says that frames are files of their own."""
        return ExpectedOutput(path=params.file or f"{ctx.node}.#", frames=str(frames), bytes=0)

    def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
        """A writer."""
        return NpyWriter(expected, force=ctx.force) if params.file else NullWriter()


class StackTarget(NpyTarget):
    """Writes all frames into one ``.npy`` file."""

    id = "test.stack"

    @classmethod
    def expects(cls, frames: FrameRange, params: Any, ctx: QueryContext) -> ExpectedOutput:
        """The file, header left out."""
        info = next(iter(ctx.headers.values()))
        return ExpectedOutput(path=params.file, frames=str(frames), bytes=len(frames) * info.width * info.height * 12)

    def open(self, expected: ExpectedOutput, params: Any, ctx: Context) -> Writer:
        """A writer."""
        return StackWriter(Path(expected.path), force=ctx.force)
