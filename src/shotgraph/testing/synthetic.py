"""Synthetic nodes, one of every contract, whose right answer is known: for tests of the engine and for its benchmarks.

Frame `f` of the source holds ``f + x / 100 + y / 10000`` in every channel, so a frame that is shifted, swapped or taken from
another time is seen at once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from shotgraph.api import (
    Artifact,
    Chunk,
    Clip,
    Clips,
    Context,
    ExpectedOutput,
    Field,
    Frame,
    FrameRange,
    GraphSpec,
    Mask,
    Media,
    Node,
    NodeSpec,
    Params,
    Port,
    Ports,
    QueryContext,
    Rate,
    Reader,
    Rgb,
    Sequential,
    SequentialNode,
    Source,
    StreamInfo,
    Target,
    Window,
    Writer,
    WrittenOutput,
)
from shotgraph.errors import NodeError, OutputExistsError, PluginError


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


class Null(Node):
    """Gives its input back."""

    id = "test.null"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """Any picture."""

        video: Rgb

    class Out(Ports):
        """The same."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video)


class Gain(Node):
    """Multiplies; can be told to fail at a frame, to count its calls in a file, and to be heavy."""

    id = "test.gain"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """One picture."""

        video: Rgb

    class Out(Ports):
        """One picture."""

        video: Rgb

    class Params(Params):
        """Factor and mischief."""

        gain: float = Field(2.0, description="factor")
        fail_at: int = Field(0, description="frame that raises; 0 for none")
        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        if params.calls:
            with Path(params.calls).open("a", encoding="utf-8") as stream:
                stream.write(f"{ctx.node} {ctx.frames[0]}\n")
        if ctx.frames[0] == params.fail_at:
            raise NodeError(f"test.gain: frame must not be {params.fail_at}, got it", hint="set fail_at elsewhere")
        return self.Out(video=frames.video * np.float32(params.gain))


class HeavyGain(Gain):
    """`Gain` whose outputs are kept on disk."""

    id = "test.heavy"
    cost = "heavy"


class Batch(Node):
    """Micro-batches: adds the batch's mean, so that a frame in another batch or with other padding differs."""

    id = "test.batch"
    version = "1"
    contract = Frame(batch=4)
    numerics = "exact"
    cost = "heavy"

    class In(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video + frames.video.mean(axis=0, keepdims=True))


class Smooth(Node):
    """Weighted sum over a temporal window, asymmetric so that past and future cannot be swapped unseen."""

    id = "test.smooth"
    version = "1"
    contract = Window(past=2, future=1)
    numerics = "exact"

    class In(Ports):
        """(4, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(H, W, 3)."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        weights = np.array([1, 2, 3, 5], np.float32)[: len(frames.video)]
        return self.Out(video=np.tensordot(weights, frames.video, axes=1))


class Warble(Node):
    """A diffusion window's stand-in: nonlinear in the whole window, so a window in another place gives other frames."""

    id = "test.chunk"
    version = "1"
    contract = Chunk(size=8, overlap=3)
    numerics = "exact"
    cost = "heavy"

    class In(Ports):
        """(T, H, W, 3)."""

        video: Rgb

    class Out(Ports):
        """(T, H, W, 3)."""

        video: Rgb

    class Params(Params):
        """Strength."""

        strength: float = Field(0.5, description="how much of the window's range is added")
        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        if params.calls:
            with Path(params.calls).open("a", encoding="utf-8") as stream:
                stream.write(f"{ctx.node} {ctx.index}\n")
        span = np.sin(frames.video.sum()) * np.float32(params.strength)
        anchored = ctx.anchors["video"].mean() if ctx.anchors else np.float32(0)
        return self.Out(video=(frames.video + span + anchored).astype(np.float32))


class Whole(Node):
    """A whole-shot node: every frame minus the shot's mean, and the mean as an artifact."""

    id = "test.clip"
    version = "1"
    contract = Clip()
    numerics = "exact"

    class In(Ports):
        """A reader."""

        video: Rgb

    class Out(Ports):
        """Centred frames and their mean."""

        video: Rgb | None = None
        mean: "MeanArtifact | None" = None

    class Params(Params):
        """Calls."""

        calls: str = Field("", description="file that gets a line per frame", semantic=False)

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        reader = frames.video
        mean = np.mean([reader[f].mean() for f in reader.frames], dtype=np.float64)
        for frame in ctx.frames:
            if params.calls:
                with Path(params.calls).open("a", encoding="utf-8") as stream:
                    stream.write(f"{ctx.node} {frame}\n")
            ctx.emit(frame, self.Out(video=reader[frame] - np.float32(mean)))
        return self.Out(mean=Artifact({"mean": np.array([mean])}, {"frames": len(reader.frames)}))


from typing import Annotated  # noqa: E402 - the annotation above is a string, resolved when ports are read

MeanArtifact = Annotated[Artifact, Port("artifact", "mean")]


class GroupMean(Node):
    """One artifact for a group of shots: the mean of all their frames."""

    id = "test.clips"
    version = "1"
    contract = Clips()
    numerics = "exact"

    class In(Ports):
        """One reader a shot."""

        video: Rgb

    class Out(Ports):
        """The mean."""

        mean: MeanArtifact

    def process(self, frames: Any, params: Params, ctx: Context) -> Out:
        """See the class."""
        means = [reader[f].mean() for reader in frames.video for f in reader.frames]
        return self.Out(mean=Artifact({"mean": np.array([np.mean(means, dtype=np.float64)])}, {"frames": len(means)}))


class AddMean(Node):
    """Adds an artifact to every frame."""

    id = "test.add"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """A picture and a mean."""

        video: Rgb
        mean: MeanArtifact

    class Out(Ports):
        """A picture."""

        video: Rgb

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        return self.Out(video=frames.video + np.float32(frames.mean.arrays["mean"][0]))


class Accumulate(SequentialNode):
    """Running sum over the shot."""

    id = "test.sequential"
    version = "1"
    contract = Sequential(checkpoint_every=5)
    numerics = "exact"

    class In(Ports):
        """A picture."""

        video: Rgb

    class Out(Ports):
        """The sum so far."""

        video: Rgb

    class Params(Params):
        """Calls."""

        calls: str = Field("", description="file that gets a line per call", semantic=False)

    def initial(self, params: Params, ctx: Context) -> Artifact:
        """Zero."""
        return Artifact({"sum": np.zeros((1, 1, 1), np.float32)}, {})

    def step(self, frames: In, state: Artifact, params: Params, ctx: Context) -> tuple[Out, Artifact]:
        """Add one frame."""
        if params.calls:
            with Path(params.calls).open("a", encoding="utf-8") as stream:
                stream.write(f"{ctx.node} {ctx.frames[0]}\n")
        total = np.asarray(state.arrays["sum"] + frames.video, np.float32)
        return self.Out(video=total), Artifact({"sum": total}, {})


class Threshold(Node):
    """A mask, for links of another kind."""

    id = "test.mask"
    version = "1"
    numerics = "exact"

    class In(Ports):
        """A picture."""

        video: Rgb

    class Out(Ports):
        """1 where the frame is above its mean."""

        mask: Mask

    def process(self, frames: In, params: Params, ctx: Context) -> Out:
        """See the class."""
        luma = frames.video[..., 0]
        return self.Out(mask=(luma > luma.mean()).astype(np.float32))


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
        return ExpectedOutput(path=params.file or "null.#", frames=str(frames), bytes=0)

    def open(self, expected: ExpectedOutput, params: Params, ctx: Context) -> Writer:
        """A writer."""
        return NpyWriter(expected, force=ctx.force) if params.file else NullWriter()


SYNTHETIC: tuple[type[Node], ...] = (
    RampSource,
    Null,
    Gain,
    HeavyGain,
    Batch,
    Smooth,
    Warble,
    Whole,
    GroupMean,
    AddMean,
    Accumulate,
    Threshold,
    NpyTarget,
)


class GivenClasses:
    """A registry of given classes, so that nothing installed on the machine can leak into a test."""

    def __init__(self, classes: Sequence[type[Node]] = SYNTHETIC, *, distribution: str = "synthetic 1") -> None:
        self._classes = {cls.id: cls for cls in classes}
        self._distribution = distribution

    def __iter__(self) -> Iterator[str]:
        """Node ids."""
        return iter(self._classes)

    def node_class(self, node_id: str) -> type[Node]:
        """The class; `PluginError` when it was not given."""
        if node_id not in self._classes:
            raise PluginError(f"node: must be one of {', '.join(self._classes)}, got {node_id!r}")
        return self._classes[node_id]

    def distribution(self, node_id: str) -> str:
        """The same for all."""
        return self._distribution


def graph_spec(
    nodes: Mapping[str, Mapping[str, Any]], *, targets: Sequence[str] = ("out",), preset: str = "test"
) -> GraphSpec:
    """A `GraphSpec` out of plain mappings, as a preset would give it: ``{"out": {"node": "test.target", "video": "a.video"}}``."""
    specs: list[NodeSpec] = []
    for name, block in nodes.items():
        settings = {k: v for k, v in block.items() if k not in ("node", "materialize", "on_error", "contract")}
        specs.append(
            NodeSpec(
                name=name,
                node=block["node"],
                settings=settings,
                materialize=block.get("materialize", False),
                on_error=block.get("on_error", "fail"),
                contract=block.get("contract", {}),
            )
        )
    return GraphSpec(preset=preset, nodes=tuple(specs), targets=tuple(targets))
