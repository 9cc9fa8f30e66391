"""Synthetic nodes, one of every contract, whose right answer is known: for tests of the engine and for its benchmarks."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from shotgraph.api import (
    Artifact,
    Chunk,
    Clip,
    Clips,
    Context,
    Field,
    Frame,
    Mask,
    Node,
    Params,
    Port,
    Ports,
    Rgb,
    Sequential,
    SequentialNode,
    Window,
)
from shotgraph.errors import NodeError
from shotgraph.testing.ends import NpyTarget, RampSource

MeanArtifact = Annotated[Artifact, Port("artifact", "mean")]


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
        mean: MeanArtifact | None = None

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
